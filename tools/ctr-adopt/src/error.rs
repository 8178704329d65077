//! The ways in which ctr-adopt fails.

use std::{io, path::PathBuf};

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-adopt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The engine failed, or there is no such container.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The worktree cannot be found.
    #[error("cannot find the worktree '{}'", path.display())]
    Worktree {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The name is none that ctrkit could use.
    #[error("'{name}' cannot be the name of an ssh entry")]
    BadName {
        /// The name.
        name: String,
    },

    /// The container is ctrkit's own.
    #[error("the container '{name}' is ctrkit's already")]
    Ours {
        /// The container.
        name: String,
    },

    /// The container is of no predecessor.
    #[error("the container '{name}' is neither of l8s nor of devagent")]
    NotForeign {
        /// The container.
        name: String,
    },

    /// ctrkit has a container of that name.
    #[error("the name '{name}' is that of ctrkit's container for '{}'", path.display())]
    NameTaken {
        /// The name.
        name: String,
        /// The worktree.
        path: PathBuf,
    },

    /// It cannot be reached by ssh.
    #[error("the container '{name}' publishes no port of ssh")]
    NoSshPort {
        /// The container.
        name: String,
    },

    /// Nothing says which account to log in to.
    #[error("nothing says who logs in to the container '{name}'")]
    NoUser {
        /// The container.
        name: String,
    },

    /// There is no host key.
    #[error("the container '{name}' has no public host key in /etc/ssh")]
    NoHostKey {
        /// The container.
        name: String,
    },

    /// The host key is none.
    #[error("cannot read the host key '{file}' of the container '{name}'")]
    BadHostKey {
        /// The container.
        name: String,
        /// The file in it.
        file: &'static str,
    },
}

toolkit::parts!(
    Error: ConfigError, PlacesError, DocumentError, FileError, Interrupted, SiblingError
);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Engine(error) => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::Worktree { .. } => "no-worktree",
            Self::BadName { .. } => "bad-name",
            Self::Ours { .. } => "already-managed",
            Self::NotForeign { .. } => "not-foreign",
            Self::NameTaken { .. } => "name-taken",
            Self::NoSshPort { .. } => "no-ssh-port",
            Self::NoUser { .. } => "no-user",
            Self::NoHostKey { .. } => "no-host-key",
            Self::BadHostKey { .. } => "bad-host-key",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Engine(error) => error.exit(),
            Self::Signals(_) => Exit::Software,
            Self::Worktree { .. } => Exit::NoInput,
            Self::NoHostKey { .. } | Self::NoSshPort { .. } => Exit::Unavailable,
            Self::BadName { .. }
            | Self::Ours { .. }
            | Self::NotForeign { .. }
            | Self::NameTaken { .. }
            | Self::NoUser { .. }
            | Self::BadHostKey { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Part(part) => return part.hint(),
            Self::Engine(EngineError::NoSuchContainer { .. }) | Self::NotForeign { .. } => {
                "see what there is to adopt: ctr-ls --foreign".into()
            }
            Self::Engine(error) => return error.hint(),
            Self::Signals(_) | Self::BadHostKey { .. } => return None,
            Self::Worktree { .. } => "say where it is: --worktree PATH".into(),
            Self::BadName { .. } => {
                "rename the container: 1 to 63 lower-case letters, digits and hyphens".into()
            }
            Self::Ours { name } => format!("reach it: ssh {name}; see it: ctr-info {name}"),
            Self::NameTaken { name, .. } => {
                format!("rename one of the two, or remove ctrkit's: ctr-rm {name}")
            }
            Self::NoSshPort { .. } => "publish port 22 of it; that takes a new container".into(),
            Self::NoUser { .. } => "say who: --user USER".into(),
            Self::NoHostKey { .. } => "make one in it: ssh-keygen -A".into(),
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Engine(error) => error.command(),
            _ => None,
        }
    }
}
