//! The ways in which ctr-exec fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{Exit, Failure, Part};

/// An error of ctr-exec; a command that fails is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The container does not run.
    #[error("the container '{name}' is not running but {status}")]
    NotRunning {
        /// The container.
        name: String,
        /// Its status.
        status: String,
    },

    /// There is no such directory in the container.
    #[error("cannot enter the directory '{directory}' in the container '{name}'")]
    NoSuchDirectory {
        /// The container.
        name: String,
        /// The directory.
        directory: String,
    },

    /// A terminal is asked for and there is none.
    #[error("standard input is not a terminal")]
    NoTerminal,

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The engine's client cannot be waited for.
    #[error("cannot wait for the engine")]
    Wait(#[source] io::Error),
}

toolkit::parts!(Error: ConfigError, EngineError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::NotRunning { .. } => "not-running",
            Self::NoSuchDirectory { .. } => "no-such-directory",
            Self::NoTerminal => "not-a-terminal",
            Self::Signals(_) => "cannot-handle-signals",
            Self::Wait(_) => "cannot-wait",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::NotRunning { .. } | Self::NoSuchDirectory { .. } => Exit::Unavailable,
            Self::NoTerminal => Exit::Usage,
            Self::Signals(_) | Self::Wait(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::NotRunning { name, .. } => Some(format!("start it: ctr-start {name}")),
            Self::NoTerminal => Some("leave --tty away".into()),
            Self::NoSuchDirectory { .. } | Self::Signals(_) | Self::Wait(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::NotRunning { .. }
            | Self::NoSuchDirectory { .. }
            | Self::NoTerminal
            | Self::Signals(_)
            | Self::Wait(_) => None,
        }
    }
}
