//! The ways in which claudecfg fails.

use std::{io, path::PathBuf};

use document::container::Missing;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, files::FileError};

/// An error of claudecfg. None of them has anything of a secret in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The document's name is not one of a container.
    #[error("the document's name '{name}' cannot be a container's")]
    BadName {
        /// The name.
        name: String,
    },

    /// The document's project has no hash that is one.
    #[error("the document's project.hash '{hash}' is not 12 hexadecimal digits")]
    BadHash {
        /// What is there.
        hash: String,
    },

    /// The directory of the configuration is something else.
    #[error("cannot use '{}': it is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

toolkit::parts!(Error: DocumentError, Missing, FileError, PlacesError, secrets::Error, Interrupted);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::BadName { .. } => "bad-name",
            Self::BadHash { .. } => "bad-hash",
            Self::NotADirectory { .. } => "not-a-directory",
            Self::Signals(_) => "cannot-handle-signals",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::BadName { .. } | Self::BadHash { .. } => Exit::DataErr,
            Self::NotADirectory { .. } => Exit::NoInput,
            Self::Signals(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::BadHash { .. } => Some("begin with a document of ctr-spec".to_owned()),
            Self::NotADirectory { .. } => {
                Some("put it away; a link is not followed, but a file system may be mounted".into())
            }
            Self::BadName { .. } | Self::Signals(_) => None,
        }
    }
}
