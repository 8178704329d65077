//! The ways in which dotfiles fails.

use std::path::PathBuf;

use document::{container::Missing, error::FailedCommand};
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, files::FileError};

/// An error of dotfiles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The source is named, and is not there.
    #[error("cannot find the dotfiles: there is no '{}'", path.display())]
    SourceAbsent {
        /// The source.
        path: PathBuf,
    },

    /// The source is not a directory.
    #[error("cannot use the dotfiles '{}': it is not a directory", path.display())]
    SourceNotADirectory {
        /// The source.
        path: PathBuf,
    },

    /// The source's own path cannot be written in a document.
    #[error("cannot use the dotfiles '{}': the path is not UTF-8", path.display())]
    SourceNotUtf8 {
        /// The source.
        path: PathBuf,
    },

    /// Names that a document or a terminal cannot carry.
    #[error("cannot use names that are not UTF-8 or have control characters: {names}")]
    Names {
        /// The paths below the source, quoted and escaped.
        names: String,
    },

    /// The source has more than can be meant.
    #[error(
        "'{}' has too many dotfiles, the largest directory being '{}'",
        source_dir.display(),
        largest.display()
    )]
    TooMany {
        /// The source.
        source_dir: PathBuf,
        /// The largest directory, which may be the source itself.
        largest: PathBuf,
        /// The bounds, in words.
        bounds: String,
    },

    /// The document's user cannot have a home directory.
    #[error("the document's user '{user}' cannot be an account's name")]
    User {
        /// The user.
        user: String,
    },
}

toolkit::parts!(Error: DocumentError, Missing, FileError, PlacesError, TemplateError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::SourceAbsent { .. } => "dotfiles-absent",
            Self::SourceNotADirectory { .. } => "not-a-directory",
            Self::SourceNotUtf8 { .. } => "not-utf-8",
            Self::Names { .. } => "bad-file-name",
            Self::TooMany { .. } => "too-many-dotfiles",
            Self::User { .. } => "bad-user",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::SourceAbsent { .. } | Self::SourceNotADirectory { .. } => Exit::NoInput,
            Self::SourceNotUtf8 { .. }
            | Self::Names { .. }
            | Self::TooMany { .. }
            | Self::User { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::SourceAbsent { .. } | Self::SourceNotADirectory { .. } => Some(
                "--source, CTRKIT_DOTFILES or the configuration's 'dotfiles' names it".to_owned(),
            ),
            Self::SourceNotUtf8 { .. } | Self::Names { .. } => Some("rename it".to_owned()),
            Self::TooMany { largest, bounds, .. } => Some(format!(
                "at most {bounds}: move '{}' elsewhere, or name a smaller directory with --source",
                largest.display()
            )),
            Self::User { .. } => Some("set 'user' in the configuration".to_owned()),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::SourceAbsent { .. }
            | Self::SourceNotADirectory { .. }
            | Self::SourceNotUtf8 { .. }
            | Self::Names { .. }
            | Self::TooMany { .. }
            | Self::User { .. } => None,
        }
    }
}
