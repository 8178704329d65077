//! The ways in which ctr-doctor fails.
//!
//! What it finds wrong is no failure of its own, but an answer.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-doctor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The ledger could not be read or the document not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

toolkit::parts!(
    Error: ConfigError, PlacesError, EngineError, FileError, SiblingError, Interrupted
);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Document(error) => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Document(error) => error.exit(),
            Self::Signals(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Document(error) => error.hint(),
            Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Document(error) => error.command(),
            Self::Signals(_) => None,
        }
    }
}
