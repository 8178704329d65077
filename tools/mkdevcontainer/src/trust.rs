//! What of the repository's own file is used only if a person trusts it.

use std::path::Path;

use devcontainer::{Danger, Refusal};

use crate::Error;

/// Makes sure that all of `dangers`, which the file at `path` has, are trusted
/// and leave the isolation whole; returns the digest of what is trusted.
pub(crate) fn check(
    path: &Path,
    dangers: Vec<Danger>,
    trust: Option<&str>,
    isolated: bool,
) -> Result<Option<String>, Error> {
    let what = path.display().to_string();
    devcontainer::trust(&what, dangers, trust, isolated).map_err(|refusal| match refusal {
        Refusal::CannotIsolate { key, reason, .. } => {
            Error::CannotIsolate { path: path.to_owned(), key, reason }
        }
        refusal => Error::Untrusted(refusal),
    })
}
