//! The ways in which sshcfg fails.

use std::path::PathBuf;

use document::error::FailedCommand;
use shell_words::quote;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, SocketsError, files::FileError};

/// An error of sshcfg.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The document lacks what a block must say.
    #[error("the document has no '{0}', which this tool needs")]
    Missing(&'static str),

    /// The ssh port is reserved and not published.
    #[error("the document does not say how the container's ssh port is reached")]
    Unpublished,

    /// A name cannot be a container's.
    #[error("'{name}' cannot be a container's name")]
    BadName {
        /// The name.
        name: String,
    },

    /// A value of the document cannot be written into a block.
    #[error("'{key}' of the document cannot be '{value}': {rule}")]
    BadValue {
        /// The value's key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is expected.
        rule: &'static str,
    },

    /// A path cannot be written into a configuration of ssh.
    #[error("the path '{}' of {key} cannot be given to ssh: {rule}", path.display())]
    BadPath {
        /// What it is the path of.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        rule: &'static str,
    },

    /// The file of blocks is somebody else's.
    #[error("'{}' was not written by sshcfg", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },

    /// There is no home directory to look for the user's file in.
    #[error("the password database has no user {id}")]
    NoUser {
        /// The user's number.
        id: u32,
    },
}

toolkit::parts!(Error: DocumentError, FileError, PlacesError, SocketsError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Missing(_) => "missing-key",
            Self::Unpublished => "port-not-published",
            Self::BadName { .. } => "bad-name",
            Self::BadValue { .. } => "bad-value",
            Self::BadPath { .. } => "bad-path",
            Self::NotOurs { .. } => "foreign-file",
            Self::NoUser { .. } => "no-user",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Missing(_)
            | Self::Unpublished
            | Self::BadName { .. }
            | Self::BadValue { .. }
            | Self::BadPath { .. }
            | Self::NotOurs { .. } => Exit::DataErr,
            Self::NoUser { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Part(part) => return part.hint(),
            Self::Missing(key) if key.starts_with("ports") => {
                "reserve ports first: … | portalloc | …".into()
            }
            Self::Missing(key) if key.starts_with("ssh") => {
                "certify the host first: … | sshca | …".into()
            }
            Self::Missing(_)
            | Self::BadValue { .. }
            | Self::BadPath { key: "ssh.identity_file", .. } => return None,
            Self::Unpublished => {
                "give the port an 'address', or set 'ssh.hostname' or 'ssh.proxy_command'".into()
            }
            Self::BadName { .. } => {
                "it must be 1 to 63 lower-case letters, digits and hyphens, without one at an end"
                    .into()
            }
            Self::BadPath { .. } => "choose another: --config-dir, --state-dir".into(),
            Self::NotOurs { path } => {
                let path = path.to_string_lossy();
                format!("move it away: mv {} {}", quote(&path), quote(&format!("{path}.old")))
            }
            Self::NoUser { .. } => "name the file: --ssh-config FILE".into(),
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
