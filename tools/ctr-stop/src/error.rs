//! The ways in which ctr-stop fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part};

/// An error of ctr-stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

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

toolkit::parts!(Error: ConfigError, EngineError, DocumentError, Interrupted);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Stop { source: error, .. } => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Stop { source: error, .. } => error.exit(),
            Self::Signals(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Stop { source: error, .. } => error.hint(),
            Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Stop { source: error, .. } => error.command(),
            Self::Signals(_) => None,
        }
    }
}
