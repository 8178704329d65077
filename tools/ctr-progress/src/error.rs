//! The ways in which ctr-progress fails.

use std::io;

use document::error::FailedCommand;
use toolkit::{DocumentError, Exit, Failure};

/// An error of ctr-progress.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Standard input is a terminal or cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// The signal handler could not be installed.
    #[error("cannot handle SIGINT")]
    Signal(#[source] io::Error),
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind(),
            Self::Signal(_) => "cannot-handle-signals",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Document(error) => error.exit(),
            Self::Signal(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Document(DocumentError::Terminal(_)) => {
                Some("pipe events in: tail -f FILE | ctr-progress".to_owned())
            }
            Self::Document(error) => error.hint(),
            Self::Signal(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Document(error) => error.command(),
            Self::Signal(_) => None,
        }
    }
}
