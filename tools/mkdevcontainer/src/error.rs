//! The ways in which mkdevcontainer fails.

use std::path::PathBuf;

use document::container::Missing;
use toolkit::{DocumentError, Exit, Failure, PlacesError, files::FileError};

/// An error of mkdevcontainer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document could not be read or written, or lacks a key.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// The document's name is not one of a container.
    #[error("the document's name '{name}' cannot be a container's")]
    BadName {
        /// The name.
        name: String,
    },

    /// A value of the document would be another one in the file.
    #[error("'{key}' cannot be written to a devcontainer.json: {why}")]
    Literal {
        /// The key of the file, such as `containerEnv.PS1`.
        key: String,
        /// Why not.
        why: &'static str,
    },

    /// The file is there, and a person wrote or changed it.
    #[error("'{}' is there, and is not as mkdevcontainer wrote it", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        Self::Document(missing.into())
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::BadName { .. } => "bad-name",
            Self::Literal { .. } => "unwritable-value",
            Self::Foreign { .. } => "foreign-file",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Document(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::BadName { .. } | Self::Literal { .. } | Self::Foreign { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Document(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Places(error) => error.hint(),
            Self::Literal { .. } => Some("change it, or leave it out".to_owned()),
            Self::Foreign { .. } => {
                Some("move it away, or choose another place: --output DIR".to_owned())
            }
            Self::BadName { .. } => None,
        }
    }
}
