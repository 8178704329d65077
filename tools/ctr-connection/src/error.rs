//! The ways in which ctr-connection fails.

use std::io;

use config::{BadAddress, Config, ConfigError};
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// An address is none.
    #[error(transparent)]
    Address(#[from] BadAddress),

    /// The engine is on this machine.
    #[error("the configuration names no host, which connections would lead to")]
    NoHost,

    /// There is no connection by that name.
    #[error("there is no connection '{name}'{}", others(known))]
    Absent {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },

    /// No connection is in force.
    #[error("no connection is in force: the server is reached at '{server}'")]
    NoneInForce {
        /// The server's own address.
        server: String,
    },

    /// The name stands for another address.
    #[error("the connection '{name}' leads to '{old}', not to '{new}'")]
    Exists {
        /// The name.
        name: String,
        /// The address that it has.
        old: String,
        /// The address that was given.
        new: String,
    },

    /// The connection is the one in force.
    #[error("the connection '{name}' is in force")]
    InForce {
        /// The name.
        name: String,
    },

    /// It is not known which containers have an ssh entry.
    #[error("cannot look for the containers' ssh entries")]
    Entries(#[source] SiblingError),

    /// A container's ssh entry could not be written.
    #[error("cannot change the ssh entry of '{name}'")]
    Entry {
        /// The container.
        name: String,
        /// What sshcfg says.
        source: SiblingError,
    },
}

toolkit::parts!(
    Error: ConfigError, PlacesError, DocumentError, FileError, Interrupted, EngineError
);

impl Error {
    pub(crate) fn absent(config: &Config, name: &str) -> Self {
        let known = config.connections.iter().map(|connection| connection.name.clone()).collect();
        Self::Absent { name: name.to_owned(), known }
    }
}

fn others(known: &[String]) -> String {
    match known {
        [] => String::new(),
        known => format!(", there is {}", known.join(", ")),
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::Address(_) => "bad-address",
            Self::NoHost => "no-host",
            Self::Absent { .. } | Self::NoneInForce { .. } => "no-such-connection",
            Self::Exists { .. } => "connection-exists",
            Self::InForce { .. } => "connection-in-force",
            Self::Entries(SiblingError::Absent { .. })
            | Self::Entry { source: SiblingError::Absent { .. }, .. } => "tool-absent",
            Self::Entries(_) => "cannot-list-ssh-entries",
            Self::Entry { .. } => "cannot-write-ssh-entry",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Signals(_) => Exit::Software,
            Self::Address(_) | Self::NoHost | Self::Exists { .. } | Self::InForce { .. } => {
                Exit::DataErr
            }
            Self::Absent { .. } | Self::NoneInForce { .. } => Exit::Unavailable,
            Self::Entries(error) | Self::Entry { source: error, .. } => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Signals(_) | Self::Address(_) => None,
            Self::NoHost => {
                Some("say where the engine is: ctr-init --host ssh://USER@SERVER".into())
            }
            Self::Absent { .. } => {
                Some("ctr-connection list; ctr-connection add NAME ADDRESS".into())
            }
            Self::NoneInForce { .. } => {
                Some("choose one: ctr-connection list; ctr-connection switch NAME".into())
            }
            Self::Exists { name, .. } => Some(format!(
                "choose another name, or take that one out first: ctr-connection remove {name}"
            )),
            Self::InForce { .. } => {
                Some("switch to another one first: ctr-connection switch NAME".into())
            }
            Self::Entries(error) | Self::Entry { source: error, .. } => error.hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Entries(error) | Self::Entry { source: error, .. } => error.command(),
            _ => None,
        }
    }
}
