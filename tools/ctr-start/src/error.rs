//! The ways in which ctr-start fails.

use std::io;

use compose::ModelError;
use config::ConfigError;
use document::error::FailedCommand;
use engine::{EngineError, Kind};
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The engine failed, or a container is not there or not ctrkit's.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// Something else listens on a port of the container.
    #[error("cannot start '{name}': {} is taken", port_of(port.as_ref()))]
    PortTaken {
        /// The container.
        name: String,
        /// The service and its port, where the engine says which it is.
        port: Option<(String, u16)>,
        /// What the engine says.
        source: Box<EngineError>,
    },

    /// The engine was killed once while it started the container, and cannot
    /// go on from there.
    #[error("cannot start '{name}': an earlier start was cut off")]
    Stuck {
        /// The container.
        name: String,
        /// What the engine says.
        source: Box<EngineError>,
    },

    /// The container is isolated, and its proxy is not there.
    #[error("cannot start '{name}': it is isolated, and its proxy is gone")]
    NoProxy {
        /// The container.
        name: String,
    },

    /// Whether the isolation holds was not tried since the container was started last.
    #[error("cannot start '{name}': nobody has tried whether its isolation holds")]
    Unproven {
        /// The container.
        name: String,
    },

    /// The proxy of an isolated container does not become healthy.
    #[error("cannot start '{}': its proxy '{}' is not healthy: {}", .0.name, .0.proxy, .0.why)]
    Proxy(Box<UnwellProxy>),

    /// The engine cannot start the container.
    #[error("cannot start '{name}'")]
    Start {
        /// The container.
        name: String,
        /// What the engine says.
        source: Box<EngineError>,
    },
}

toolkit::parts!(
    Error: ConfigError, DocumentError, PlacesError, FileError, secrets::Error, Interrupted,
    SiblingError, ModelError
);

/// A proxy that does not become healthy.
#[derive(Clone, Debug)]
pub struct UnwellProxy {
    /// The container that it is for.
    pub name: String,
    /// The proxy.
    pub proxy: String,
    /// What its health check says.
    pub why: String,
    /// The last lines that it wrote.
    pub log: String,
    /// The engine that has the others.
    pub engine: Kind,
}

fn port_of(port: Option<&(String, u16)>) -> String {
    match port {
        Some((service, port)) => format!("port {port} ({service})"),
        None => "one of its ports".to_owned(),
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Engine(error) => error.kind(),
            Self::Start { source, .. } => source.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::PortTaken { .. } => "port-taken",
            Self::Stuck { .. } => "container-stuck",
            Self::NoProxy { .. } => "proxy-absent",
            Self::Unproven { .. } => "isolation-not-tried",
            Self::Proxy(_) => "proxy-unhealthy",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Engine(error) => error.exit(),
            Self::Start { source, .. } => source.exit(),
            Self::Signals(_) => Exit::Software,
            Self::PortTaken { .. } => Exit::TempFail,
            Self::Stuck { .. } | Self::NoProxy { .. } | Self::Unproven { .. } | Self::Proxy(_) => {
                Exit::Unavailable
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Engine(error) => error.hint(),
            Self::Start { source, .. } => source.hint(),
            Self::Signals(_) => None,
            Self::PortTaken { port, .. } => Some(match port {
                Some((_, port)) => {
                    format!(
                        "end what listens there, then start again; see it: ss -Hltnp 'sport = :{port}'"
                    )
                }
                None => "end what listens there, then start again; see it: ss -ltnp".to_owned(),
            }),
            Self::Stuck { name, .. } => {
                Some(format!("make it anew, its volumes are kept: ctr-rm {name}; ctrkit create"))
            }
            Self::NoProxy { name } => Some(format!("make it anew: ctrkit rebuild {name}")),
            Self::Unproven { name } => Some(format!(
                "ctr-up tries it as it starts it: in its worktree, ctrkit create, or \
                 ctrkit rebuild {name}"
            )),
            Self::Proxy(unwell) => Some(format!(
                "if what it wrote does not say what to do, make it anew: ctrkit rebuild {}",
                unwell.name
            )),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Engine(error) => error.command(),
            Self::Start { source, .. }
            | Self::PortTaken { source, .. }
            | Self::Stuck { source, .. } => source.command(),
            Self::Proxy(unwell) => Some(FailedCommand {
                line: format!("{} logs {}", unwell.engine.name(), unwell.proxy),
                status: Some(0),
                last_words: unwell.log.trim_end().to_owned(),
                ..FailedCommand::default()
            }),
            Self::Signals(_) | Self::NoProxy { .. } | Self::Unproven { .. } => None,
        }
    }
}
