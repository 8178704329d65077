//! The ways in which ctr-template fails.

use std::path::PathBuf;

use policy::PolicyError;
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, files::FileError};

/// An error of ctr-template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The template is there already.
    #[error("the template '{}' is there already", path.display())]
    Exists {
        /// Its directory.
        path: PathBuf,
    },

    /// The recipe does not make what it should.
    #[error("the recipe '{file}' is not built upon the container's image")]
    NotUpon {
        /// The recipe.
        file: String,
    },

    /// The document names no template.
    #[error("the document names no template")]
    NoTemplate,

    /// The template has nothing that is filled in.
    #[error("the template '{name}' has no file that is filled in")]
    NothingToRender {
        /// The template.
        name: String,
    },

    /// Another file is where one would be written.
    #[error("'{}' is there already, with something else in it", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// Whether it is a link, which is never written through.
        is_link: bool,
    },
}

toolkit::parts!(Error: DocumentError, FileError, PlacesError, TemplateError, PolicyError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Exists { .. } => "template-exists",
            Self::NotUpon { .. } => "not-upon-base",
            Self::NoTemplate => "no-template",
            Self::NothingToRender { .. } => "nothing-to-render",
            Self::Occupied { .. } => "file-exists",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Exists { .. } | Self::Occupied { .. } => Exit::DataErr,
            Self::NotUpon { .. } | Self::NoTemplate | Self::NothingToRender { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Part(part) => return part.hint(),
            Self::Exists { .. } => "change it, or choose another name",
            Self::NotUpon { .. } => "let it have the lines: ARG BASE, and then FROM ${BASE}",
            Self::NoTemplate => "pipe the document of ctr-spec --template NAME in, or name a file",
            Self::NothingToRender { .. } => "ctrkit-template(5) says which files these are",
            Self::Occupied { is_link: true, .. } => "it is a link: remove it",
            Self::Occupied { .. } => "--force replaces it",
        };
        Some(hint.to_owned())
    }
}
