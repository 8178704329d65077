//! The ways in which ctr-doctor fails.
//!
//! What it finds wrong is no failure of its own, but an answer.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-doctor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The ledger could not be read or the document not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// A file could not be used, or another tool is at work on a container.
    #[error(transparent)]
    File(#[from] FileError),

    /// Another tool failed.
    #[error(transparent)]
    Sibling(#[from] SiblingError),

    /// A signal asked the tool to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

impl Error {
    /// Returns the failure that this is, unless it is the tool's own.
    fn inner(&self) -> Option<&dyn FailureFacts> {
        Some(match self {
            Self::Config(error) => error,
            Self::Places(error) => error,
            Self::Engine(error) => error,
            Self::Document(error) => error,
            Self::File(error) => error,
            Self::Sibling(error) => error,
            Self::Interrupted(error) => error,
            Self::Signals(_) => return None,
        })
    }
}

/// What is asked of an inner failure, whichever it is.
trait FailureFacts {
    fn facts(&self) -> (&'static str, Exit, Option<String>, Option<FailedCommand>);
}

impl<F: Failure> FailureFacts for F {
    fn facts(&self) -> (&'static str, Exit, Option<String>, Option<FailedCommand>) {
        (self.kind(), self.exit(), self.hint(), self.command())
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        self.inner().map_or("cannot-handle-signals", |inner| inner.facts().0)
    }

    fn exit(&self) -> Exit {
        self.inner().map_or(Exit::Software, |inner| inner.facts().1)
    }

    fn hint(&self) -> Option<String> {
        self.inner().and_then(|inner| inner.facts().2)
    }

    fn command(&self) -> Option<FailedCommand> {
        self.inner().and_then(|inner| inner.facts().3)
    }
}
