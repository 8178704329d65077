//! The ways in which mkcompose fails.

use std::path::PathBuf;

use compose::{OverrideError, Unwritable};
use document::container::Missing;
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, files::FileError};

/// An error of mkcompose.
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

    /// The document asks for an isolation that is not known.
    #[error("the document's isolation.mode cannot be '{mode}'")]
    BadMode {
        /// The mode.
        mode: String,
    },

    /// The container could write to the machine that it is kept away from.
    #[error("the isolated container may not write to '{}'", path.display())]
    Writable {
        /// The directory or file of this machine.
        path: PathBuf,
    },

    /// What the container leaves there could be used by others.
    #[error("'{}' is not a directory in one that only its owner may enter", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
    },

    /// The engine is on another machine, where the filter is not.
    #[error("cannot isolate a container at '{host}': the policy's files are on this machine")]
    Elsewhere {
        /// Where the engine is.
        host: String,
    },
}

toolkit::parts!(
    Error: DocumentError, Missing, FileError, TemplateError, PlacesError, OverrideError, Unwritable
);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::BadName { .. } => "bad-name",
            Self::BadMode { .. } => "bad-mode",
            Self::Writable { .. } => "writable-mount",
            Self::Open { .. } => "open-directory",
            Self::Elsewhere { .. } => "isolation-elsewhere",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::BadName { .. } | Self::BadMode { .. } | Self::Writable { .. } => Exit::DataErr,
            Self::Open { .. } => Exit::NoPerm,
            Self::Elsewhere { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::BadMode { .. } => Some("the only one is 'proxy'".to_owned()),
            Self::Writable { .. } => Some(
                "give the mount read_only: true; code goes in and out by git: ctr-git(1)"
                    .to_owned(),
            ),
            Self::Open { .. } => Some("pipe the document through claudecfg again".to_owned()),
            Self::Elsewhere { .. } => {
                Some("use an engine of this machine: --host local".to_owned())
            }
            _ => None,
        }
    }
}
