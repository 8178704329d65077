//! What the container's commits would make something here execute.

use document::diff::{Class, Manner as Change};
use guard::{Git, Obeyed};

use crate::{
    Cargo, Config, Error, ThereError, Worktree, WorktreeError,
    run::{self, Terms},
    worktree::Manner,
};

/// How many bytes git may answer when it is asked what has changed: half a
/// million paths. A few trees can stand for more than there is memory.
const MOST: usize = 64 << 20;

/// A worktree's git, to be asked about a container's commits.
struct Asked<'a> {
    worktree: &'a Worktree<'a>,
    name: &'a str,
}

impl Worktree<'_> {
    /// Refuses the commit `new` if it brings what something here executes by
    /// itself. What it takes away does not count.
    pub(crate) fn check_runs(
        &self,
        cargo: Cargo<'_>,
        new: &str,
        config: &Config,
    ) -> Result<(), Error> {
        let asked = Asked { worktree: self, name: cargo.name };
        let obeyed = Obeyed::of(config.entries(), &self.path);
        let found = guard::compare(&asked, cargo.commit, new, &obeyed)?;
        let counts = |found: &guard::Found| {
            found.finding.class == Class::ByItself && found.touched.manner() != Change::Removed
        };
        let path = |found: guard::Found| String::from_utf8_lossy(&found.touched.path).into_owned();
        let files: Vec<_> = found.into_iter().filter(counts).map(path).collect();
        match files.is_empty() {
            true => Ok(()),
            false => {
                let (name, commit) = (cargo.name.to_owned(), new.to_owned());
                Err(ThereError::WouldRun { name, commit, files }.into())
            }
        }
    }
}

impl Git for Asked<'_> {
    type Error = Error;

    fn ask(&self, args: &[&str], input: Vec<u8>) -> Result<Vec<u8>, Error> {
        let interrupt = Some(self.worktree.interrupt);
        let terms = Terms {
            input: Some(input),
            interrupt,
            kept: Some(MOST),
            closing: true,
            ..Terms::default()
        };
        let output = run::capture(self.worktree.git(Manner::Ask).args(args), terms)?;
        match (output.stdout.len(), output.status.success()) {
            (MOST.., _) => Err(ThereError::TooMany { name: self.name.to_owned() }.into()),
            (_, true) => Ok(output.stdout),
            (_, false) => Err(self.worktree.failed(args, &output)),
        }
    }

    fn unreadable(&self) -> Error {
        let path = self.worktree.path.clone();
        WorktreeError::Unreadable { path }.into()
    }
}
