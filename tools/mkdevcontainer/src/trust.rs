//! What of the repository's own file is used only if a person trusts it.

use std::{fmt, path::PathBuf};

use devcontainer::{Danger, digest};
use document::devcontainer::ANY;

use crate::Error;

/// A file that reaches the machine, and that nobody trusts.
#[derive(Clone, Debug)]
pub struct Untrusted {
    /// The file.
    pub path: PathBuf,
    /// What of it reaches the machine.
    pub dangers: Vec<Danger>,
    /// The digest of that.
    pub digest: String,
    /// Whether each has been told in a line of its own.
    pub told: bool,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not trusted: ", self.path.display())?;
        if self.told {
            return write!(f, "it reaches this machine, or more of it than a container does");
        }
        let all: Vec<_> = self.dangers.iter().map(line).collect();
        f.write_str(&all.join("; "))
    }
}

/// Returns one line about what reaches the machine.
#[must_use]
pub fn line(danger: &Danger) -> String {
    format!("{}: {}: {}", danger.key, danger.value, danger.reason)
}

/// Makes sure that all of `dangers`, which the file at `path` has, are trusted
/// and leave the isolation whole; returns the digest of what is trusted.
///
/// `trust` has to be theirs, or [`ANY`].
pub(crate) fn check(
    path: PathBuf,
    dangers: Vec<Danger>,
    trust: Option<&str>,
    isolated: bool,
) -> Result<Option<String>, Error> {
    if let Some(danger) = dangers.iter().find(|danger| isolated && danger.breaks_isolation) {
        let (key, reason) = (danger.key.clone(), danger.reason.clone());
        return Err(Error::CannotIsolate { path, key, reason });
    }
    if dangers.is_empty() {
        return Ok(None);
    }
    let digest = digest(&dangers);
    match trust.is_some_and(|trusted| trusted == ANY || trusted == digest) {
        true => Ok(Some(digest)),
        false => Err(Error::Untrusted(Box::new(Untrusted { path, dangers, digest, told: false }))),
    }
}
