//! The ways in which ctr-stop fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted};

/// An error of ctr-stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The engine failed, or a container is not there or not ctrkit's.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The document could not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// A signal asked the tool to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The engine cannot stop the container.
    #[error("cannot stop '{name}'")]
    Stop {
        /// The container.
        name: String,
        /// What the engine says.
        source: EngineError,
    },
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Config(error) => error.kind(),
            Self::Engine(error) | Self::Stop { source: error, .. } => error.kind(),
            Self::Document(error) => error.kind(),
            Self::Interrupted(error) => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Config(error) => error.exit(),
            Self::Engine(error) | Self::Stop { source: error, .. } => error.exit(),
            Self::Document(error) => error.exit(),
            Self::Interrupted(error) => error.exit(),
            Self::Signals(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Engine(error) | Self::Stop { source: error, .. } => error.hint(),
            Self::Document(error) => error.hint(),
            Self::Interrupted(error) => error.hint(),
            Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Engine(error) | Self::Stop { source: error, .. } => error.command(),
            Self::Config(_) | Self::Document(_) | Self::Interrupted(_) | Self::Signals(_) => None,
        }
    }
}
