//! The ways in which ctr-diff fails.

use std::io;

use config::ConfigError;
use document::{Extra, error::FailedCommand};
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError};

/// An error of ctr-diff.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The container does not run.
    #[error("the container '{name}' is not running but {status}")]
    NotRunning {
        /// The container.
        name: String,
        /// Its status.
        status: String,
    },

    /// The container does not say where the code is.
    #[error("the container '{name}' has no label '{label}' that can be one")]
    NoLabel {
        /// The container.
        name: String,
        /// The label.
        label: &'static str,
    },

    /// A file could not be written where temporary files are.
    #[error("cannot keep what is compared")]
    Scratch(#[source] io::Error),

    /// Git could not be run.
    #[error("cannot run 'git'")]
    CannotRun {
        /// Why.
        source: io::Error,
    },

    /// Git failed.
    #[error("git failed")]
    Git {
        /// How it went.
        command: Box<FailedCommand>,
    },

    /// Git answered something that it does not say of itself.
    #[error("cannot read what git says")]
    GitUnreadable,

    /// There are more changes, or more files, than can be looked at.
    #[error("the container has more files than can be looked at")]
    TooMany,

    /// The container's files are larger than what may be read.
    #[error("the workspace of the container '{name}' has more than {limit} MiB")]
    WorkspaceTooLarge {
        /// The container.
        name: String,
        /// The limit.
        limit: u64,
    },
}

toolkit::parts!(Error: ConfigError, PlacesError, EngineError, SiblingError, DocumentError, Interrupted);

impl Error {
    pub(crate) fn git(args: &[&str], status: Option<i32>, words: &[u8]) -> Self {
        let line = shell_words::join(std::iter::once("git").chain(args.iter().copied()));
        let last_words = String::from_utf8_lossy(words).trim_end().to_owned();
        let command = FailedCommand { line, status, last_words, extra: Extra::new() };
        Self::Git { command: Box::new(command) }
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::NotRunning { .. } => "not-running",
            Self::NoLabel { .. } => "missing-label",
            Self::Scratch(_) => "cannot-write-file",
            Self::CannotRun { .. } => "git-absent",
            Self::Git { .. } => "git-failed",
            Self::GitUnreadable => "git-answer-unreadable",
            Self::TooMany => "too-many-changes",
            Self::WorkspaceTooLarge { .. } => "workspace-too-large",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Signals(_) => Exit::Software,
            Self::GitUnreadable => Exit::IoErr,
            Self::Scratch(error) => Exit::of_writing(error),
            Self::NotRunning { .. } | Self::CannotRun { .. } | Self::Git { .. } => {
                Exit::Unavailable
            }
            Self::NoLabel { .. } | Self::TooMany | Self::WorkspaceTooLarge { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::NotRunning { name, .. } => Some(format!("start it: ctr-start {name}")),
            Self::NoLabel { .. } => Some("make it anew: ctrkit rm, then ctrkit create".into()),
            Self::CannotRun { .. } => Some("install it: apt-get install git".into()),
            Self::TooMany => Some("look at the commits alone: --committed".into()),
            Self::WorkspaceTooLarge { limit, .. } => Some(format!(
                "read more: --limit {}; or look at the commits alone: --committed",
                limit * 4
            )),
            _ => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Git { command } => Some(FailedCommand::clone(command)),
            _ => None,
        }
    }
}
