//! The ways in which a secret does not get to where it is needed.

use std::path::{Path, PathBuf};

use document::error::FailedCommand;
use engine::{EngineError, FailedCall};
use toolkit::{Exit, Failure, files::FileError};

/// An error about a secret. None of them has anything of its value in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is named, and is not there.
    #[error("cannot find the secret '{id}': there is no '{}'", path.display())]
    Absent {
        /// The secret.
        id: String,
        /// The file.
        path: PathBuf,
    },

    /// It is a directory, a FIFO or a device.
    #[error("cannot read the secret '{id}': '{}' is not a file", path.display())]
    NotAFile {
        /// The secret.
        id: String,
        /// The path.
        path: PathBuf,
    },

    /// It is somebody else's file.
    #[error("the secret '{id}' in '{}' belongs to another account: {uid}", path.display())]
    NotOwn {
        /// The secret.
        id: String,
        /// The file.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },

    /// Others than its owner may use the file.
    #[error("the secret '{id}' in '{}' is not its owner's alone: the mode is {mode:04o}", path.display())]
    Exposed {
        /// The secret.
        id: String,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// What is in the file cannot be a secret.
    #[error("there is no secret '{id}' in '{}': {what}", path.display())]
    NotAValue {
        /// The secret.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },

    /// A secret or its variable has a name that it cannot have.
    #[error("a secret cannot have '{name}' for a name: {rule}")]
    BadName {
        /// The name.
        name: String,
        /// What it must be.
        rule: &'static str,
    },

    /// What is remembered of it could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// The container did not take its own.
    #[error("cannot bring the secrets into the container")]
    Deliver {
        /// Why.
        source: Box<EngineError>,
    },

    /// The container does not say who its user is.
    #[error("the container does not tell the numbers of its account '{user}'")]
    NoAccount {
        /// The account.
        user: String,
    },

    /// The proxy did not take them.
    #[error("cannot bring the secrets into the proxy")]
    Bring {
        /// Why.
        source: Box<EngineError>,
    },
}

impl Error {
    /// Returns the error of a call that failed. The scripts are left out of the
    /// command line: they are fixed, and would be most of what is shown.
    pub(crate) fn deliver(source: EngineError) -> Self {
        let source = match source {
            EngineError::Failed(call) => {
                let line = call.line.split(" -c ").next().unwrap_or_default();
                EngineError::Failed(FailedCall { line: format!("{line} -c …"), ..call })
            }
            other => other,
        };
        Self::Deliver { source: Box::new(source) }
    }

    pub(crate) fn bad_name(name: &str, rule: &'static str) -> Self {
        Self::BadName { name: name.to_owned(), rule }
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "secret-absent",
            Self::NotAFile { .. } => "secret-not-a-file",
            Self::NotOwn { .. } => "secret-not-own",
            Self::Exposed { .. } => "secret-exposed",
            Self::NotAValue { .. } => "bad-secret",
            Self::BadName { .. } => "bad-secret-name",
            Self::File(error) => error.kind(),
            Self::NoAccount { .. } => "user-missing",
            Self::Bring { source } | Self::Deliver { source } => source.kind(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Absent { .. } | Self::NotAFile { .. } => Exit::NoInput,
            Self::NotOwn { .. } | Self::Exposed { .. } => Exit::NoPerm,
            Self::NotAValue { .. } | Self::BadName { .. } => Exit::DataErr,
            Self::File(error) => error.exit(),
            Self::NoAccount { .. } => Exit::Unavailable,
            Self::Bring { source } | Self::Deliver { source } => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Absent { .. } => {
                Some("write it there, or name another file where this one is named".to_owned())
            }
            Self::NotAFile { .. } | Self::BadName { .. } | Self::NoAccount { .. } => None,
            Self::NotOwn { path, .. } => Some(format!("chown \"$(id -u)\" {}", quoted(path))),
            Self::Exposed { path, .. } => Some(format!("chmod 600 {}", quoted(path))),
            Self::NotAValue { .. } => {
                Some("one that is in a variable must be on one line, with nothing else".to_owned())
            }
            Self::File(error) => error.hint(),
            Self::Bring { source } | Self::Deliver { source } => source.hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Bring { source } | Self::Deliver { source } => source.command(),
            _ => None,
        }
    }
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}
