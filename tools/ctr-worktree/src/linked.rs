//! What git says of the worktrees of a repository.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use document::{Extra, Ports, ports::Reservation, worktrees::Worktree};

/// A worktree of the repository.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Linked {
    /// Its root; of a bare repository, the repository.
    pub path: PathBuf,
    /// The branch that is checked out, without `refs/heads/`.
    pub branch: Option<String>,
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// Why it is locked against removal.
    pub locked: Option<String>,
    /// Why git would forget it.
    pub prunable: Option<String>,
}

/// Reads the output of `git worktree list --porcelain -z`: lines that end with
/// a NUL, an empty one after each worktree (git-worktree(1)).
#[must_use]
pub fn parse(output: &[u8]) -> Vec<Linked> {
    let mut all: Vec<Linked> = Vec::new();
    for line in output.split(|&byte| byte == 0) {
        let space = line.iter().position(|&byte| byte == b' ');
        let (word, rest) = space.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        if word == b"worktree" {
            let path = PathBuf::from(OsStr::from_bytes(rest));
            all.push(Linked { path, ..Linked::default() });
        }
        let Some(last) = all.last_mut() else { continue };
        let text = String::from_utf8_lossy(rest).into_owned();
        match word {
            b"HEAD" => last.commit = Some(text).filter(|id| id.bytes().any(|byte| byte != b'0')),
            b"branch" => last.branch = text.strip_prefix("refs/heads/").map(str::to_owned),
            b"locked" => last.locked = Some(text),
            b"prunable" => last.prunable = Some(text),
            _ => {}
        }
    }
    all
}

impl Linked {
    /// Returns what a document says of it.
    #[must_use]
    pub fn described(&self, main: bool, ledger: &Ports) -> Worktree {
        Worktree {
            path: self.path.to_string_lossy().into_owned(),
            main,
            branch: self.branch.clone(),
            commit: self.commit.clone(),
            container: container_of(ledger, &self.path).map(|held| held.name.clone()),
            locked: self.locked.clone(),
            prunable: self.prunable.clone(),
            extra: Extra::new(),
        }
    }
}

/// Returns what the worktree at `path` holds ports for: its container.
#[must_use]
pub fn container_of<'a>(ledger: &'a Ports, path: &Path) -> Option<&'a Reservation> {
    containers_of(ledger, path).next()
}

/// Returns all that the worktree at `path` holds ports for, each on a machine of
/// its own.
pub(crate) fn containers_of<'a>(
    ledger: &'a Ports,
    path: &Path,
) -> impl Iterator<Item = &'a Reservation> {
    ledger.reservations.iter().filter(move |held| held.path.as_deref() == Some(path))
}
