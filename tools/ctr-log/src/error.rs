//! The ways in which ctr-log fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError};

/// An error of ctr-log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

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

toolkit::parts!(Error: ConfigError, EngineError, DocumentError, PlacesError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::NotIsolated { .. } => "not-isolated",
            Self::NoProxy { .. } => "proxy-absent",
            Self::Read(_) => "cannot-read-log",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::NotIsolated { .. } => Exit::DataErr,
            Self::NoProxy { .. } => Exit::Unavailable,
            Self::Read(_) => Exit::IoErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::NotIsolated { .. } => {
                Some("isolate it: ctrkit create --replace --isolate POLICY".to_owned())
            }
            Self::NoProxy { name } => Some(format!("make it anew: ctrkit rebuild {name}")),
            Self::Read(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
