//! What was left out, for people.

use std::{fmt, path::PathBuf};

/// A path that was left out, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// The path, relative to the source.
    pub path: String,
    /// Why it was left out.
    pub reason: Reason,
}

/// Why a path was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// A symbolic link to something that is not in the source.
    Outside(PathBuf),
    /// A symbolic link to nothing.
    Dangling,
    /// A symbolic link to a directory that it is in, or to itself.
    Circle,
    /// A symbolic link to something that is left out, such as `.git`.
    LeftOut(PathBuf),
    /// A private key.
    PrivateKey,
    /// The keys that may log in somewhere; `ctr-up` writes those.
    AuthorizedKeys,
    /// Another tool has listed a file for the same place.
    Listed,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "left out '{}': ", self.path)?;
        match &self.reason {
            Reason::Outside(target) => {
                let target = target.display();
                write!(f, "it is a link to '{target}', which is outside the source")
            }
            Reason::Dangling => f.write_str("it is a link to nothing"),
            Reason::Circle => f.write_str("it is a link that leads in a circle"),
            Reason::LeftOut(target) => {
                write!(f, "it is a link to '{}', which is left out", target.display())
            }
            Reason::PrivateKey => {
                f.write_str("it is a private key; reach it by agent forwarding instead")
            }
            Reason::AuthorizedKeys => f.write_str("who may log in is decided by --key of ctr-up"),
            Reason::Listed => f.write_str("another tool puts a file there"),
        }
    }
}

/// Returns the lines for `warnings`, of which there may be very many.
#[must_use]
pub fn summary(warnings: &[Warning]) -> Vec<String> {
    const SHOWN: usize = 20;

    let mut lines: Vec<_> = warnings.iter().take(SHOWN).map(Warning::to_string).collect();
    if let Some(more @ 1..) = warnings.len().checked_sub(SHOWN) {
        lines.push(format!("left out {more} more"));
    }
    lines
}
