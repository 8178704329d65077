//! The ways in which ctr-verify fails.

use std::{io, path::PathBuf};

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError};

/// An error of ctr-verify.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// This machine cannot listen for what gets out.
    #[error("cannot listen for what gets out")]
    Ear(#[source] io::Error),

    /// A Compose project has no containers.
    #[error("the Compose project '{project}' has no container that runs")]
    EmptyProject {
        /// The project.
        project: String,
    },

    /// The proxy is not named by address and port.
    #[error("'{proxy}' is no address and port of a proxy")]
    BadProxy {
        /// What was given.
        proxy: String,
    },

    /// The document names a secret in a way that cannot be read.
    #[error("the document of '{name}' has a secret without a file")]
    BadSecret {
        /// The container's name.
        name: String,
    },

    /// A file that was named cannot be read.
    #[error("cannot read '{}'", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A secret is so short that it is found anywhere.
    #[error("the secret in '{}' is too short to be looked for", path.display())]
    SecretTooShort {
        /// The file.
        path: PathBuf,
    },

    /// There is no secret to look for.
    #[error("there is no secret to look for in '{name}'")]
    NoSecret {
        /// The container's name.
        name: String,
    },
}

toolkit::parts!(
    Error: ConfigError, EngineError, DocumentError, SiblingError, PlacesError, Interrupted
);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::Ear(_) => "cannot-listen",
            Self::EmptyProject { .. } => "empty-project",
            Self::BadProxy { .. } => "bad-proxy",
            Self::BadSecret { .. } => "bad-secret",
            Self::Unreadable { .. } => "cannot-read-file",
            Self::SecretTooShort { .. } => "secret-too-short",
            Self::NoSecret { .. } => "no-secret",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Signals(_) => Exit::Software,
            Self::Ear(_) | Self::EmptyProject { .. } => Exit::Unavailable,
            Self::BadProxy { .. } => Exit::Usage,
            Self::BadSecret { .. } | Self::SecretTooShort { .. } => Exit::DataErr,
            Self::NoSecret { .. } => Exit::NoInput,
            Self::Unreadable { source, .. } => Exit::of_reading(source),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::EmptyProject { .. } => {
                Some("see what runs: docker compose ls, or podman-compose ps".to_owned())
            }
            Self::BadProxy { .. } => {
                Some("say the address that the container uses: --proxy 10.0.0.2:3128".to_owned())
            }
            Self::NoSecret { .. } => Some(
                "name a file that holds one: --secret FILE; or put a [[secret]] into the policy"
                    .to_owned(),
            ),
            Self::SecretTooShort { .. } => {
                Some("it must have at least 8 bytes, or it is found by chance".to_owned())
            }
            _ => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
