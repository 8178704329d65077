//! The ways in which ctr-info fails.

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, SiblingError};

/// An error of ctr-info.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The answer could not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// Another tool of ctrkit could not be run.
    #[error(transparent)]
    Sibling(#[from] SiblingError),
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Config(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Document(error) => error.kind(),
            Self::Sibling(error) => error.kind(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Config(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::Document(error) => error.exit(),
            Self::Sibling(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::Sibling(error) => error.hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Engine(error) => error.command(),
            Self::Sibling(error) => error.command(),
            Self::Config(_) | Self::Document(_) => None,
        }
    }
}
