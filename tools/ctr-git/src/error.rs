//! The ways in which ctr-git fails.

mod there;
mod worktree;

use std::io;

use config::ConfigError;
use document::{Extra, container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, files::FileError};

use crate::report::FILES;
pub use {there::ThereError, worktree::WorktreeError};

/// An error of ctr-git.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// Something is wrong with the worktree or its repository.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),

    /// Something is wrong with the container or the repository in it.
    #[error(transparent)]
    There(#[from] ThereError),

    /// An option belongs to another verb.
    #[error("the option '{option}' is not one of this verb")]
    NotOfVerb {
        /// The option.
        option: &'static str,
    },

    /// There is no git.
    #[error("cannot find 'git'")]
    GitAbsent,

    /// There is no ssh.
    #[error("cannot find 'ssh'")]
    SshAbsent,

    /// A program could not be run.
    #[error("cannot run '{program}'")]
    CannotRun {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
}

toolkit::parts!(
    Error: DocumentError, Missing, ConfigError, PlacesError, FileError, EngineError, Interrupted
);

/// The words of another program, as a cause.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Words(pub String);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Worktree(error) => error.kind(),
            Self::There(error) => error.kind(),
            Self::NotOfVerb { .. } => "option-of-another-verb",
            Self::Signals(_) => "cannot-handle-signals",
            Self::GitAbsent => "git-absent",
            Self::SshAbsent => "ssh-absent",
            Self::CannotRun { .. } => "cannot-run-program",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Worktree(error) => error.exit(),
            Self::There(error) => error.exit(),
            Self::NotOfVerb { .. } => Exit::Usage,
            Self::Signals(_) => Exit::Software,
            Self::GitAbsent | Self::SshAbsent | Self::CannotRun { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Worktree(error) => error.hint(),
            Self::There(error) => error.hint(),
            Self::GitAbsent => Some("install it: apt-get install git".into()),
            Self::SshAbsent => Some("install it: apt-get install openssh-client".into()),
            Self::NotOfVerb { option: "--trust" } => Some("it is of: ctr-git pull".into()),
            Self::NotOfVerb { .. } => Some("it is of: ctr-git fetch".into()),
            Self::Signals(_) | Self::CannotRun { .. } => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Worktree(error) => error.command(),
            Self::There(error) => error.command(),
            Self::Signals(_)
            | Self::NotOfVerb { .. }
            | Self::GitAbsent
            | Self::SshAbsent
            | Self::CannotRun { .. } => None,
        }
    }
}

/// Names the first files, each in quotes.
fn list(files: &[String]) -> String {
    let named: Vec<_> = files.iter().take(FILES).map(|file| format!("'{file}'")).collect();
    let more = if files.len() > FILES { " and more" } else { "" };
    format!("{}{more}", named.join(", "))
}

/// Describes a call that failed, for a report.
pub(crate) fn failed_command(line: String, status: Option<i32>, words: &str) -> Box<FailedCommand> {
    Box::new(FailedCommand { line, status, last_words: words.to_owned(), extra: Extra::new() })
}
