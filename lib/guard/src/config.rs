//! Settings of git that run programs, or obey files.

use std::{
    collections::HashSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use crate::{Name, Rule, names, rule_of};

/// Settings whose value is run, or decides what is: section, subsection
/// (`*`: any, also none) and variable, as git-config(1) has them.
const KEYS: &[(&str, &str)] = &[
    ("core", "hookspath"),
    ("core", "fsmonitor"),
    ("core", "sshcommand"),
    ("core", "gitproxy"),
    ("core", "pager"),
    ("core", "editor"),
    ("core", "askpass"),
    ("core", "attributesfile"),
    ("core", "alternaterefscommand"),
    ("core", "worktree"),
    ("include", "path"),
    ("includeif", "path"),
    ("credential", "helper"),
    ("filter", "clean"),
    ("filter", "smudge"),
    ("filter", "process"),
    ("diff", "external"),
    ("diff", "command"),
    ("diff", "textconv"),
    ("merge", "driver"),
    ("difftool", "cmd"),
    ("difftool", "path"),
    ("mergetool", "cmd"),
    ("mergetool", "path"),
    ("gpg", "program"),
    ("gpg", "defaultkeycommand"),
    ("interactive", "difffilter"),
    ("sequence", "editor"),
    ("init", "templatedir"),
    ("uploadpack", "packobjectshook"),
    ("remote", "uploadpack"),
    ("remote", "receivepack"),
    ("remote", "vcs"),
    ("remote", "proxy"),
    ("http", "proxy"),
    ("http", "sslverify"),
    ("http", "sslcainfo"),
    ("url", "insteadof"),
    ("url", "pushinsteadof"),
    ("protocol", "allow"),
    ("trailer", "command"),
    ("trailer", "cmd"),
    ("tar", "command"),
    ("man", "cmd"),
    ("man", "path"),
    ("browser", "cmd"),
    ("browser", "path"),
    ("web", "browser"),
    ("guitool", "cmd"),
    ("imap", "tunnel"),
    ("sendemail", "smtpserver"),
    ("sendemail", "sendmailcmd"),
    ("sendemail", "tocmd"),
    ("sendemail", "cccmd"),
    ("instaweb", "httpd"),
];

/// Settings whose value is a path and not a command.
const IS_PATH: [&str; 3] = ["hookspath", ".path", "attributesfile"];

/// Says whether the setting `key`, as `git config --list` writes it, runs a
/// program when it has this value, or makes git obey another file.
#[must_use]
pub fn is_obeyed(key: &str, value: &str) -> bool {
    let section = key.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let variable = key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match (&*section, &*variable) {
        ("pager", _) => !is_boolean(value),
        ("alias", _) => value.trim_start().starts_with('!'),
        ("submodule", "update") => value.trim_start().starts_with('!'),
        ("remote", "url" | "pushurl") | ("submodule", "url") => value.contains("::"),
        ("core", "fsmonitor") => !is_boolean(value),
        pair => KEYS.contains(&pair),
    }
}

fn is_boolean(value: &str) -> bool {
    let words = ["", "true", "false", "yes", "no", "on", "off", "0", "1"];
    words.contains(&&*value.to_ascii_lowercase())
}

/// The files of a worktree that the host's own configuration makes git run or
/// obey.
#[derive(Clone, Debug, Default)]
pub struct Obeyed {
    named: Vec<(Vec<Name>, String)>,
    linked: Vec<(Vec<Name>, &'static Rule)>,
    bare: HashSet<Vec<Name>>,
}

impl Obeyed {
    /// Reads the settings, key and value, of the worktree at `root`.
    #[must_use]
    pub fn of<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>, root: &Path) -> Self {
        let obeyed = settings.into_iter().filter(|(key, value)| is_obeyed(key, value));
        let named = obeyed.flat_map(|(key, value)| {
            // A line that is no shell's has one word: a path with blanks.
            let words = shell_words::split(value).unwrap_or_default();
            let words = words.into_iter().chain([value.to_owned()]);
            words.filter_map(|word| beneath(&word, key, root)).map(|path| (path, key.to_owned()))
        });
        Self { named: named.collect(), ..Self::default() }
    }

    /// Adds what the symbolic link at `path` leads to, if it lies where
    /// something is executed.
    pub(crate) fn follow(&mut self, path: &[u8], target: &[u8]) {
        let (path, target) = (names(path), Path::new(OsStr::from_bytes(target)));
        let Some(rule) = rule_of(&path, true) else { return };
        let above: PathBuf =
            path[..path.len().saturating_sub(1)].iter().map(Name::as_str).collect();
        let leads = names(plain(&above.join(target)).as_os_str().as_encoded_bytes());
        if !leads.is_empty() && target.is_relative() {
            self.linked.push((leads, rule));
        }
    }

    /// Adds the directories of a tree that have a `HEAD`: git takes them for
    /// repositories, or will as soon as they have the rest.
    pub(crate) fn bare<'a>(&mut self, paths: impl Iterator<Item = &'a [u8]>) {
        for path in paths.map(names) {
            if let [above @ .., last] = &*path {
                if last.as_str() == "head" {
                    self.bare.insert(above.to_vec());
                }
            }
        }
    }

    /// Returns the row of the file that a link leads to `path` from.
    pub(crate) fn rule_of(&self, path: &[Name]) -> Option<&'static Rule> {
        let hit = self.linked.iter().find(|(leads, _)| path.starts_with(leads));
        hit.map(|(_, rule)| *rule)
    }

    /// Says whether `path` is the configuration of a repository in the tree.
    pub(crate) fn is_config(&self, path: &[Name]) -> bool {
        matches!(path, [above @ .., last] if last.as_str() == "config" && self.bare.contains(above))
    }

    /// Returns the setting by which git runs or obeys `path`; of a link, also
    /// what is below it.
    pub(crate) fn key_of(&self, path: &[Name], link: bool) -> Option<&str> {
        let hit = |named: &[Name]| path.starts_with(named) || link && named.starts_with(path);
        self.named.iter().find(|(named, _)| hit(named)).map(|(_, key)| key.as_str())
    }
}

/// Returns the path that `word` names in the worktree, if it names one.
fn beneath(word: &str, key: &str, root: &Path) -> Option<Vec<Name>> {
    let word = word.trim_start_matches('!');
    // `less` and `store` are programs of the machine's, `clean.py` is a file.
    let is_file = IS_PATH.iter().any(|path| key.ends_with(path)) || word.contains(['/', '.']);
    if word.starts_with('-') || !is_file {
        return None;
    }
    // A file that is included is sought from the one that includes it.
    let from = match key.to_ascii_lowercase().starts_with("include") {
        true => root.join(".git"),
        false => root.to_owned(),
    };
    let path = plain(&from.join(word));
    let rest = path.strip_prefix(plain(root)).ok()?;
    let rest = names(rest.as_os_str().as_encoded_bytes());
    (!rest.is_empty()).then_some(rest)
}

/// Takes `.` and `..` out of a path by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}
