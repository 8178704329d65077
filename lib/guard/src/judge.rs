//! Judging a change.

use document::diff::{Class, Manner};

use crate::{Kind, Leads, Name, Obeyed, Rule, Touched, leads, names, rule_of};

/// Where git's own documentation of a thing is.
const GITATTRIBUTES: &str = "https://git-scm.com/docs/gitattributes";
const GITMODULES: &str = "https://git-scm.com/docs/gitmodules";
const LAYOUT: &str = "https://git-scm.com/docs/gitrepository-layout";
const CONFIG: &str = "https://git-scm.com/docs/git-config";
const SYMLINKS: &str = "https://man7.org/linux/man-pages/man7/symlink.7.html";

/// What would execute a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// In a word.
    pub class: Class,
    /// For people.
    pub runs: String,
    /// What was found, where the path does not say it.
    pub detail: Option<String>,
    /// Where it is documented.
    pub source: Option<&'static str>,
}

impl Finding {
    /// Returns a finding of what is executed by itself.
    #[must_use]
    pub fn by_itself(runs: impl Into<String>, source: &'static str) -> Self {
        let (runs, source) = (runs.into(), Some(source));
        Self { class: Class::ByItself, runs, detail: None, source }
    }

    /// Adds what was found.
    #[must_use]
    pub fn with(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn of(rule: &Rule) -> Self {
        let (class, runs, source) = (rule.class, rule.runs.to_owned(), Some(rule.source));
        Self { class, runs, detail: None, source }
    }
}

impl Touched {
    /// Says what became of the path.
    #[must_use]
    pub fn manner(&self) -> Manner {
        match (&self.before, &self.after) {
            (None, _) => Manner::Added,
            (_, None) => Manner::Removed,
            (Some(before), Some(after))
                if before.id == after.id && before.is_file() == after.is_file() =>
            {
                Manner::Mode
            }
            _ => Manner::Modified,
        }
    }

    /// Says whether [`judge`](Self::judge) needs what is in it: the target of
    /// a link, the text of a file of attributes.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        let kind = self.after.as_ref().map(|after| after.kind);
        let is_attributes = || names(&self.path).last().is_some_and(is_attributes);
        kind == Some(Kind::Link) || kind.is_some() && is_attributes()
    }

    /// Says what would execute the path as it is afterwards; of one that is
    /// gone, what would have. `content` is what is in it, where that is known.
    #[must_use]
    pub fn judge(&self, obeyed: &Obeyed, content: Option<&[u8]>) -> Option<Finding> {
        let path = names(&self.path);
        let kind = self.after.as_ref().or(self.before.as_ref())?.kind;
        if path.iter().any(Name::is_git) {
            let runs = "git, which takes it for a repository's own directory";
            return Some(Finding::by_itself(runs, LAYOUT));
        }
        if kind == Kind::Submodule {
            let runs =
                "git, which checks another repository out there; what is in that is not looked at";
            return Some(Finding::by_itself(runs, GITMODULES));
        }
        if self.after.is_some() && kind == Kind::Link {
            if let Some(found) = self.link(content) {
                return Some(found);
            }
        }
        if let Some(key) = obeyed.key_of(&path, kind == Kind::Link) {
            return Some(Finding::by_itself(
                format!("git, by {key} of its configuration here"),
                CONFIG,
            ));
        }
        if path.last().is_some_and(is_attributes) {
            return attributes(content, self.after.is_none());
        }
        if obeyed.is_config(&path) {
            let runs = "git, which takes its directory for a bare repository";
            return Some(Finding::by_itself(runs, LAYOUT));
        }
        if let Some(rule) = rule_of(&path, kind == Kind::Link) {
            return Some(Finding::of(rule));
        }
        if let Some(rule) = obeyed.rule_of(&path) {
            return Some(Finding::of(rule).with("a symbolic link leads here"));
        }
        self.became_executable()
    }

    /// Judges a symbolic link to `target`; one that is not known may lead
    /// anywhere.
    fn link(&self, target: Option<&[u8]>) -> Option<Finding> {
        let what = match target.map(|target| leads(&self.path, target)) {
            None => "leads too far to be looked at",
            Some(None) => return None,
            Some(Some(Leads::Outside)) => "leads out of the worktree",
            Some(Some(Leads::IntoGit)) => "leads into a repository's own directory",
        };
        let target = String::from_utf8_lossy(target.unwrap_or_default());
        let found = Finding::by_itself("whatever reads or writes through it", SYMLINKS);
        Some(found.with(format!("{what}: {target}")))
    }

    fn became_executable(&self) -> Option<Finding> {
        let was = self.before.as_ref().is_some_and(|before| before.kind == Kind::Executable);
        let is = self.after.as_ref().is_some_and(|after| after.kind == Kind::Executable);
        (is && !was).then(|| Finding {
            class: Class::OnBuild,
            runs: "whoever calls it: it can be executed now".to_owned(),
            detail: None,
            source: None,
        })
    }
}

impl crate::Entry {
    fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::Executable)
    }
}

fn is_attributes(name: &Name) -> bool {
    name.as_str() == ".gitattributes"
}

/// Judges a file of attributes: most say how lines end, and run nothing.
fn attributes(content: Option<&[u8]>, removed: bool) -> Option<Finding> {
    let names = content.is_none_or(names_drivers);
    let runs = "git, which calls the filter, diff and merge drivers that it names";
    (names || removed).then(|| Finding::by_itself(runs, GITATTRIBUTES))
}

/// Says whether a file of attributes names a driver, or another encoding.
#[must_use]
pub fn names_drivers(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content).to_lowercase();
    // `[attr]NAME filter=x` defines a macro; whatever names one is a word too.
    let words = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    words.flat_map(|line| line.split_whitespace().skip(1)).any(|word| {
        ["filter", "diff=", "merge=", "working-tree-encoding", "textconv"]
            .iter()
            .any(|driver| word.starts_with(driver))
    })
}
