//! The ways in which ctr-log fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure};

/// An error of ctr-log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The engine failed, or a container is not there or not ctrkit's.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The records could not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// The container asks nobody.
    #[error("the container '{name}' is not isolated, and has no proxy that records")]
    NotIsolated {
        /// The container.
        name: String,
    },

    /// The container is isolated, and its proxy is not there.
    #[error("the proxy of the container '{name}' is gone, and the log with it")]
    NoProxy {
        /// The container.
        name: String,
    },

    /// What the engine wrote could not be read.
    #[error("cannot read the log")]
    Read(#[source] io::Error),
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Config(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Document(error) => error.kind(),
            Self::NotIsolated { .. } => "not-isolated",
            Self::NoProxy { .. } => "proxy-absent",
            Self::Read(_) => "cannot-read-log",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Config(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::Document(error) => error.exit(),
            Self::NotIsolated { .. } => Exit::DataErr,
            Self::NoProxy { .. } => Exit::Unavailable,
            Self::Read(_) => Exit::IoErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::NotIsolated { .. } => {
                Some("isolate it: ctrkit create --replace --isolate POLICY".to_owned())
            }
            Self::NoProxy { name } => Some(format!("make it anew: ctrkit rebuild {name}")),
            Self::Read(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Engine(error) => error.command(),
            _ => None,
        }
    }
}
