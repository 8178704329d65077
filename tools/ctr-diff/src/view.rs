//! The two views: what a pull would bring, and what is only in the container.

use std::collections::{HashMap, HashSet};

use document::{
    Extra,
    diff::{Change, Manner, State},
};
use guard::{Entry, Finding, Git, Kind, Obeyed, Touched, names, rule_of};

use crate::{
    Error,
    aside::Aside,
    dot_git,
    workspace::{Content, Seen},
};

/// A change, with the objects before and after.
pub(crate) type Found = (Change, [Option<Entry>; 2]);

/// What is known of a path in the worktree's commit, the container's, and the
/// last that both have.
type Known = HashMap<Vec<u8>, Vec<Entry>>;

/// What is compared with what.
pub(crate) struct View<'a> {
    aside: &'a Aside<'a>,
    obeyed: Obeyed,
    /// The last commit that both sides have.
    pub(crate) base: Option<String>,
    known: Known,
}

impl<'a> View<'a> {
    pub(crate) fn of(aside: &'a Aside<'a>, obeyed: &Obeyed) -> Result<Self, Error> {
        let base = aside.base();
        let (mut known, mut obeyed) = (Known::new(), obeyed.clone());
        let commits = [Some(&aside.here), Some(&aside.commit), base.as_ref()];
        let commits: HashSet<_> = commits.into_iter().flatten().collect();
        for commit in commits {
            let list = aside.ask(&["ls-tree", "-r", "-z", "--full-tree", commit], Vec::new())?;
            let tree = guard::entries(&list).ok_or_else(|| aside.unreadable())?;
            obeyed = guard::follow(aside, &obeyed, &tree)?;
            for (path, entry) in tree {
                let entries = known.entry(path.to_owned()).or_default();
                if !entries.contains(&entry) {
                    entries.push(entry);
                }
            }
        }
        Ok(Self { aside, obeyed, base, known })
    }

    /// Says whether the worktree, or a commit of the container's, has `path`.
    pub(crate) fn knows(&self, path: &[u8]) -> bool {
        self.known.contains_key(path)
    }

    /// Says whether the contents of a file at `path` matter.
    pub(crate) fn wants(&self, path: &[u8], kind: Kind) -> bool {
        let entry = Entry { kind, id: String::new() };
        let touched = Touched { path: path.to_owned(), before: None, after: Some(entry) };
        kind == Kind::Link || touched.judge(&self.obeyed, None).is_some()
    }

    /// Returns what a pull would bring.
    pub(crate) fn committed(&self) -> Result<Vec<Found>, Error> {
        let base = match &self.base {
            Some(base) => base.clone(),
            None => self.aside.keep("tree")?,
        };
        let found = guard::compare(self.aside, &base, &self.aside.commit, &self.obeyed)?;
        Ok(found
            .into_iter()
            .map(|found| change(found.touched, found.finding, State::Committed))
            .collect())
    }

    /// Returns what is in the container's files and in its repository's own
    /// directory, and in no commit that is known.
    pub(crate) fn uncommitted(&self, seen: &[Seen]) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        let (own, files): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| seen.is_git());
        let kept = files.iter().filter_map(|seen| seen.file().cloned()).collect::<Vec<_>>();
        let mut ids = self.aside.keep_files(&kept)?.into_iter();
        for seen in &files {
            let id = seen.file().and_then(|_| ids.next());
            found.extend(self.judge_file(seen, id)?);
        }
        let names: HashSet<_> = files.iter().map(|seen| seen.path.as_slice()).collect();
        found.extend(self.gone(&names));
        let own: Vec<_> = own.into_iter().collect();
        found.extend(dot_git::judge(self.aside, &own)?);
        Ok(found)
    }

    fn judge_file(&self, seen: &Seen, id: Option<String>) -> Result<Option<Found>, Error> {
        let known = self.known.get(&seen.path).map(Vec::as_slice).unwrap_or_default();
        let after = Entry { kind: seen.kind, id: id.unwrap_or_default() };
        if known.contains(&after) || known.iter().any(|known| known.kind == Kind::Submodule) {
            return Ok(None);
        }
        if !seen.wanted && known.iter().any(|known| known.kind == Kind::Executable) {
            return Ok(None);
        }
        let content = seen.bytes()?;
        let mut touched =
            Touched { path: seen.path.clone(), before: known.first().cloned(), after: Some(after) };
        if !seen.wanted {
            // Nobody asked what is in it: only that it can be executed now counts.
            touched.after = known.first().map(|known| Entry { kind: seen.kind, ..known.clone() });
        }
        let Some(finding) = touched.judge(&self.obeyed, content.as_deref()) else {
            return Ok(None);
        };
        let finding = match &seen.content {
            Content::Not(why) if seen.wanted => finding.with(*why),
            _ => finding,
        };
        Ok(Some(change(touched, finding, State::Uncommitted)))
    }

    /// Returns what the container's commit has and its files have not.
    fn gone(&self, seen: &HashSet<&[u8]>) -> Vec<Found> {
        let is_gone = |path: &&Vec<u8>| {
            !seen.contains(path.as_slice()) && rule_of(&names(path), false).is_some()
        };
        let gone = self.known.keys().filter(is_gone).filter_map(|path| {
            let before = self.known[path].last().cloned();
            let before = before.filter(|before| before.kind != Kind::Submodule)?;
            let touched = Touched { path: path.clone(), before: Some(before), after: None };
            let finding = touched.judge(&self.obeyed, None)?;
            Some(change(touched, finding, State::Uncommitted))
        });
        gone.collect()
    }
}

fn change(touched: Touched, finding: Finding, state: State) -> Found {
    let manner = touched.manner();
    let path = String::from_utf8_lossy(&touched.path).into_owned();
    (entry(path, manner, finding, state), [touched.before, touched.after])
}

/// Makes a change of what was found.
pub(crate) fn entry(path: String, change: Manner, finding: Finding, state: State) -> Change {
    let Finding { class, runs, detail, source } = finding;
    let source = source.map(str::to_owned);
    Change { class, state, change, path, runs, detail, source, patch: None, extra: Extra::new() }
}
