//! The ways in which ctr-lifecycle fails.

use std::io;

use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, PlacesError, SiblingError};

/// An error of ctr-lifecycle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document could not be read or written, or lacks a key.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// A command failed, or the devcontainers CLI did.
    #[error(transparent)]
    Cli(#[from] devcontainer_cli::Error),

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// The container could not be removed again.
    #[error(transparent)]
    Sibling(#[from] SiblingError),

    /// A signal asked the tool to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

    /// Signals cannot be watched for.
    #[error("cannot watch for signals")]
    Signals(#[source] io::Error),

    /// The container does not run.
    #[error("the container '{name}' does not run")]
    NotRunning {
        /// Its name.
        name: String,
    },
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        Self::Document(missing.into())
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Cli(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::Sibling(error) => error.kind(),
            Self::Interrupted(error) => error.kind(),
            Self::Signals(_) => "cannot-watch-signals",
            Self::NotRunning { .. } => "not-running",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Document(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::Cli(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::Sibling(error) => error.exit(),
            Self::Interrupted(error) => error.exit(),
            Self::Signals(_) => Exit::IoErr,
            Self::NotRunning { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Document(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Cli(error) => error.hint(),
            Self::Places(error) => error.hint(),
            Self::Sibling(error) => error.hint(),
            Self::NotRunning { name } => Some(format!("start it: ctr-start {name}")),
            Self::Interrupted(_) | Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Engine(error) => error.command(),
            Self::Cli(error) => error.command(),
            Self::Sibling(error) => error.command(),
            _ => None,
        }
    }
}
