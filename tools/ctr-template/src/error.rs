//! The ways in which ctr-template fails.

use std::path::PathBuf;

use policy::PolicyError;
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, PlacesError, files::FileError};

/// An error of ctr-template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document could not be read or written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// A template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),

    /// A policy that a template names cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),

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

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::Template(error) => error.kind(),
            Self::Policy(error) => error.kind(),
            Self::Exists { .. } => "template-exists",
            Self::NotUpon { .. } => "not-upon-base",
            Self::NoTemplate => "no-template",
            Self::NothingToRender { .. } => "nothing-to-render",
            Self::Occupied { .. } => "file-exists",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Document(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::Template(error) => error.exit(),
            Self::Policy(error) => error.exit(),
            Self::Exists { .. } | Self::Occupied { .. } => Exit::DataErr,
            Self::NotUpon { .. } | Self::NoTemplate | Self::NothingToRender { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Document(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Places(error) => return error.hint(),
            Self::Template(error) => return error.hint(),
            Self::Policy(error) => return error.hint(),
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
