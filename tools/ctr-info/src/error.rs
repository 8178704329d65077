//! The ways in which ctr-info fails.

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Part, SiblingError};

/// An error of ctr-info.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),
}

toolkit::parts!(Error: ConfigError, EngineError, DocumentError, SiblingError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
        }
    }
}
