//! The ways in which ctr-git fails.

mod there;
mod worktree;

use std::io;

use config::ConfigError;
use document::{Extra, container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, PlacesError, files::FileError};

use crate::report::FILES;
pub use {there::ThereError, worktree::WorktreeError};

/// An error of ctr-git.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A document or the ledger could not be read or written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// One of ctrkit's files cannot be used.
    #[error(transparent)]
    File(#[from] FileError),

    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// A signal asked the tool to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

    /// Signals cannot be watched for.
    #[error("cannot watch for signals")]
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

/// The words of another program, as a cause.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Words(pub String);

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        DocumentError::from(missing).into()
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Interrupted(error) => error.kind(),
            Self::Worktree(error) => error.kind(),
            Self::There(error) => error.kind(),
            Self::NotOfVerb { .. } => "option-of-another-verb",
            Self::Signals(_) => "cannot-watch-signals",
            Self::GitAbsent => "git-absent",
            Self::SshAbsent => "ssh-absent",
            Self::CannotRun { .. } => "cannot-run-program",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Document(error) => error.exit(),
            Self::Config(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::Interrupted(error) => error.exit(),
            Self::Worktree(error) => error.exit(),
            Self::There(error) => error.exit(),
            Self::NotOfVerb { .. } => Exit::Usage,
            Self::Signals(_) => Exit::IoErr,
            Self::GitAbsent | Self::SshAbsent | Self::CannotRun { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Document(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Places(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Interrupted(error) => error.hint(),
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
            Self::Document(error) => error.command(),
            Self::Config(error) => error.command(),
            Self::Places(error) => error.command(),
            Self::File(error) => error.command(),
            Self::Engine(error) => error.command(),
            Self::Interrupted(error) => error.command(),
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
