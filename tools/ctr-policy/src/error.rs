//! The ways in which ctr-policy fails.

use std::io;

use config::ConfigError;
use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// filtergen could not be run.
    #[error("cannot run filtergen")]
    Run(#[source] io::Error),

    /// A temporary file could not be written.
    #[error("cannot write a temporary file")]
    Temporary(#[source] io::Error),

    /// The container may reach whatever it likes.
    #[error("the container '{name}' is not isolated, and has no policy")]
    NotIsolated {
        /// The container.
        name: String,
    },

    /// The container is isolated, and its proxy is not there.
    #[error("the proxy of the container '{name}' is gone")]
    NoProxy {
        /// The container.
        name: String,
    },

    /// No document was ever applied to the container.
    #[error("nothing is known of how '{name}' was made")]
    NotApplied {
        /// The container.
        name: String,
    },

    /// The proxy was made with another program, and takes over none.
    #[error("the proxy of '{name}' runs the program of another version of ctrkit")]
    OtherProgram {
        /// The container.
        name: String,
    },

    /// The proxy did not take the policy over.
    #[error(
        "the proxy of '{name}' does not take over the policy, and keeps the last good one: {problem}"
    )]
    Refused {
        /// The container.
        name: String,
        /// What the proxy says.
        problem: String,
    },

    /// The proxy did not say that the policy is in force.
    #[error("the proxy of '{name}' does not say within {seconds} s that the policy is in force")]
    NotInForce {
        /// The container.
        name: String,
        /// How long was waited.
        seconds: u64,
    },
}

toolkit::parts!(
    Error: ConfigError, PlacesError, EngineError, DocumentError, Missing, FileError, secrets::Error,
    Interrupted, SiblingError
);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::Run(_) => "tool-failed",
            Self::Temporary(_) => "cannot-write-file",
            Self::NotIsolated { .. } => "not-isolated",
            Self::NoProxy { .. } => "proxy-absent",
            Self::NotApplied { .. } => "not-applied",
            Self::OtherProgram { .. } => "other-program",
            Self::Refused { .. } => "policy-refused",
            Self::NotInForce { .. } => "policy-not-in-force",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Signals(_) | Self::Run(_) => Exit::Software,
            Self::Temporary(_) => Exit::IoErr,
            Self::NotApplied { .. } => Exit::NoInput,
            Self::NotIsolated { .. } | Self::Refused { .. } => Exit::DataErr,
            Self::NoProxy { .. } | Self::OtherProgram { .. } => Exit::Unavailable,
            Self::NotInForce { .. } => Exit::TempFail,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Part(part) => return part.hint(),
            Self::Signals(_) | Self::Run(_) | Self::Temporary(_) => return None,
            Self::NotIsolated { .. } => {
                "isolate it, which makes it anew: ctrkit create --replace --isolate POLICY".into()
            }
            Self::NoProxy { name } | Self::OtherProgram { name } => {
                format!("make it anew, its volumes are kept: ctrkit rebuild {name}")
            }
            Self::NotApplied { .. } => "make it by ctrkit create in its worktree".into(),
            Self::Refused { name, .. } => {
                format!("see what is in force: ctr-policy show {name}")
            }
            Self::NotInForce { name, .. } => {
                format!(
                    "see how it is: ctr-info {name}; if it hangs: ctr-stop {name}; ctr-start {name}"
                )
            }
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
