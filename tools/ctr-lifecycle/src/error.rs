//! The ways in which ctr-lifecycle fails.

use std::io;

use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError};

/// An error of ctr-lifecycle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// A command failed, or the devcontainers CLI did.
    #[error(transparent)]
    Cli(#[from] devcontainer_cli::Error),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The container does not run.
    #[error("the container '{name}' does not run")]
    NotRunning {
        /// Its name.
        name: String,
    },
}

toolkit::parts!(Error: DocumentError, Missing, EngineError, PlacesError, SiblingError, Interrupted);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Cli(error) => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::NotRunning { .. } => "not-running",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Cli(error) => error.exit(),
            Self::Signals(_) => Exit::Software,
            Self::NotRunning { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Cli(error) => error.hint(),
            Self::NotRunning { name } => Some(format!("start it: ctr-start {name}")),
            Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Cli(error) => error.command(),
            _ => None,
        }
    }
}
