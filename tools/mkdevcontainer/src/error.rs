//! The ways in which mkdevcontainer fails.

use std::path::PathBuf;

use compose::{ModelError, OverrideError, Unwritable};
use devcontainer::{OwnError, Refusal};
use document::{container::Missing, error::FailedCommand};
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, SiblingError, files::FileError};

/// An error of mkdevcontainer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The repository's own file cannot be used.
    #[error(transparent)]
    Own(#[from] OwnError),

    /// The person has a Compose file of their own to lay over the model, and so
    /// has the repository.
    #[error("two Compose files would be laid over the model: '{}' and '{}'", person.display(), own.display())]
    TwoOverrides {
        /// The person's.
        person: PathBuf,
        /// The repository's devcontainer.json.
        own: PathBuf,
    },

    /// The repository's own file reaches the machine, and nobody trusts it.
    #[error("{0}")]
    Untrusted(Refusal),

    /// No isolation holds against the repository's own file.
    #[error("'{}' cannot be isolated: {key}: {reason}", path.display())]
    CannotIsolate {
        /// The file.
        path: PathBuf,
        /// The key's path.
        key: String,
        /// What it does.
        reason: String,
    },

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

toolkit::parts!(
    Error: DocumentError, Missing, FileError, PlacesError, TemplateError, OverrideError, SiblingError,
    Unwritable, ModelError
);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Own(error) => error.kind(),
            Self::TwoOverrides { .. } => "two-overrides",
            Self::Untrusted(_) => "untrusted",
            Self::CannotIsolate { .. } => "cannot-isolate",
            Self::BadName { .. } => "bad-name",
            Self::Literal { .. } => "unwritable-value",
            Self::Foreign { .. } => "foreign-file",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Own(error) => error.exit(),
            Self::Untrusted(_) => Exit::NoPerm,
            Self::BadName { .. }
            | Self::Literal { .. }
            | Self::Foreign { .. }
            | Self::CannotIsolate { .. }
            | Self::TwoOverrides { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Own(error) => error.hint(),
            Self::TwoOverrides { .. } => Some("take one of them away".to_owned()),
            Self::Untrusted(refusal) => Some(refusal.hint()),
            Self::CannotIsolate { .. } => {
                Some("take it out, or make the container without isolation".to_owned())
            }
            Self::Literal { .. } => Some("change it, or leave it out".to_owned()),
            Self::Foreign { .. } => {
                Some("move it away, or choose another place: --output DIR".to_owned())
            }
            Self::BadName { .. } => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
