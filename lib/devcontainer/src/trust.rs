//! What reaches the machine is used only if a person trusts it.

use std::fmt;

use document::devcontainer::ANY;

use crate::{Danger, digest};

/// What reaches the machine, and that nobody trusts.
#[derive(Clone, Debug, PartialEq)]
pub struct Untrusted {
    /// Whose it is: a file's path, or an image's name.
    pub what: String,
    /// What of it reaches the machine.
    pub dangers: Vec<Danger>,
    /// The digest of that.
    pub digest: String,
    /// Whether each has been told in a line of its own.
    pub told: bool,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not trusted: ", self.what)?;
        if self.told {
            return write!(f, "it reaches this machine, or more of it than a container does");
        }
        let all: Vec<_> = self.dangers.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

/// One line about what reaches the machine.
impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.key, self.value, self.reason)
    }
}

/// Why something is not used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody trusts it.
    #[error("{0}")]
    Untrusted(Box<Untrusted>),

    /// No isolation holds against it.
    #[error("'{what}' cannot be isolated: {key}: {reason}")]
    CannotIsolate {
        /// Whose it is.
        what: String,
        /// The key's path.
        key: String,
        /// What it does.
        reason: String,
    },
}

impl Refusal {
    /// Returns the kind of this error.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Untrusted(_) => "untrusted",
            Self::CannotIsolate { .. } => "cannot-isolate",
        }
    }

    /// Returns what helps.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Untrusted(untrusted) => format!(
                "look at it; if it may do that: --trust={}, or --trust for whatever is there",
                untrusted.digest
            ),
            Self::CannotIsolate { .. } => {
                "take it out, or make the container without isolation".to_owned()
            }
        }
    }
}

/// Makes sure that all of `dangers`, which `what` has, are trusted and leave the
/// isolation whole; returns the digest of what is trusted.
///
/// Their digest has to be among those of `trust`, between commas, or that has to
/// be [`ANY`].
pub fn trust(
    what: &str,
    dangers: Vec<Danger>,
    trust: Option<&str>,
    isolated: bool,
) -> Result<Option<String>, Refusal> {
    let what = what.to_owned();
    if let Some(danger) = dangers.iter().find(|danger| isolated && danger.breaks_isolation) {
        let (key, reason) = (danger.key.clone(), danger.reason.clone());
        return Err(Refusal::CannotIsolate { what, key, reason });
    }
    if dangers.is_empty() {
        return Ok(None);
    }
    let digest = digest(&dangers);
    let mut trusted = trust.into_iter().flat_map(|trust| trust.split(','));
    match trusted.any(|trusted| trusted == ANY || trusted == digest) {
        true => Ok(Some(digest)),
        false => {
            let untrusted = Untrusted { what, dangers, digest, told: false };
            Err(Refusal::Untrusted(Box::new(untrusted)))
        }
    }
}
