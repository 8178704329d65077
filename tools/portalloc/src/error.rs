//! The ways in which portalloc fails.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, PlacesError, files::FileError};

/// An error of portalloc.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document could not be read or written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// The ledger or its lock could not be used.
    #[error(transparent)]
    File(#[from] FileError),

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The engine could not be asked.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The document's project hash is not one.
    #[error("the project's hash '{hash}' is not 12 hexadecimal digits in lower case")]
    BadHash {
        /// What is there.
        hash: String,
    },

    /// A service's name cannot be one.
    #[error("the name of the service '{service}' {rule}")]
    BadService {
        /// The name.
        service: String,
        /// What is expected.
        rule: &'static str,
    },

    /// A service is there twice.
    #[error("the service '{service}' is in the document twice")]
    DuplicateService {
        /// The service.
        service: String,
    },

    /// The command line says something else of a service than the document.
    #[error("the service '{service}' is in the document with other ports or another address")]
    ServiceDiffers {
        /// The service.
        service: String,
    },

    /// A port is zero.
    #[error("the service '{service}' has 0 as '{key}', which is no port")]
    PortZero {
        /// The service.
        service: String,
        /// The key.
        key: &'static str,
    },

    /// An address is none.
    #[error("the address '{address}' of the service '{service}' is not an IP address")]
    BadAddress {
        /// The service.
        service: String,
        /// What is there.
        address: String,
    },

    /// The number of offsets is zero.
    #[error("'port_blocks' is 0, so that there is no offset to choose")]
    NoBlocks,

    /// A service has neither a port nor the start of a range.
    #[error("the service '{service}' has no 'start'")]
    NoStart {
        /// The service.
        service: String,
    },

    /// Two services have the same port.
    #[error("the services '{first}' and '{second}' have the same port {port}")]
    DuplicatePort {
        /// The port.
        port: u16,
        /// One service.
        first: String,
        /// The other.
        second: String,
    },

    /// A service's range ends before the project's offset.
    #[error("the service '{service}' would be at {start} + {offset}, which is beyond 65535")]
    BeyondLastPort {
        /// The service.
        service: String,
        /// Its port at offset 0.
        start: u16,
        /// The project's offset.
        offset: u16,
    },

    /// The document has another port than the ledger.
    #[error(
        "the service '{service}' has host port {host} in the document, but {reserved} is reserved for it"
    )]
    PortDiffers {
        /// The service.
        service: String,
        /// The port in the document.
        host: u16,
        /// The port in the ledger.
        reserved: u16,
        /// The reservation's key.
        key: String,
    },

    /// Somebody else holds a port.
    #[error("port {port} for the service '{service}' is reserved for '{holder}'")]
    PortHeld {
        /// The service that wants it.
        service: String,
        /// The port.
        port: u16,
        /// The name of who holds it.
        holder: String,
    },

    /// Something listens on the one port that a service can have.
    #[error(
        "another program listens on port {port} of {address}, which is the port of the service '{service}' at offset {offset}"
    )]
    PortTaken {
        /// The service that wants it.
        service: String,
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// The project's offset.
        offset: u16,
    },

    /// There is no free offset.
    #[error("no free block of ports in {}: {}", Ranges(.ranges), Obstacles(.obstacles))]
    Exhausted {
        /// The ranges that were searched.
        ranges: Vec<Range>,
        /// What is in the way at each offset.
        obstacles: Vec<(u16, Obstacle)>,
    },

    /// Services whose names differ would have the same variable.
    #[error("the services '{first}' and '{second}' would both be the variable '{variable}'")]
    SameVariable {
        /// One service.
        first: String,
        /// The other.
        second: String,
        /// The variable.
        variable: String,
    },

    /// A name means more than one reservation.
    #[error("the name '{name}' means more than one reservation: {}", .keys.join(", "))]
    AmbiguousName {
        /// The name.
        name: String,
        /// The keys of the reservations.
        keys: Vec<String>,
    },

    /// The ledger is of a version to come.
    #[error("the ledger '{}' is '{schema}', which a newer ctrkit wrote", path.display())]
    LedgerNewer {
        /// The ledger.
        path: PathBuf,
        /// Its schema.
        schema: String,
    },

    /// The ledger is broken, and what it was cannot be found out.
    #[error("the ledger '{}' is broken, and the engine cannot be asked what it held", path.display())]
    LedgerBroken {
        /// The ledger.
        path: PathBuf,
        /// Why not.
        source: Box<Error>,
    },

    /// The address is not one of this machine's.
    #[error("cannot look for listeners on '{address}', which is not an address of this machine")]
    AddressNotHere {
        /// The address.
        address: IpAddr,
    },

    /// It could not be found out whether something listens.
    #[error("cannot look for listeners on '{address}'")]
    Probe {
        /// The address and port.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },

    /// The machine is none that can be asked for its listeners.
    #[error("cannot look for listeners on the machine of the engine '{url}'")]
    UnknownMachine {
        /// The engine's URL.
        url: String,
    },

    /// There is no ssh, or it cannot be run.
    #[error("cannot run 'ssh'")]
    Ssh {
        /// Why.
        source: io::Error,
    },

    /// The other machine could not be asked.
    #[error("cannot ask '{host}' what listens there")]
    Remote {
        /// The machine.
        host: String,
        /// The command.
        failed: Box<FailedCommand>,
    },

    /// The other machine's answer is none.
    #[error("cannot read the answer of 'ss -Hltn': '{line}'")]
    RemoteAnswer {
        /// The line.
        line: String,
    },
}

/// The ports that a service may have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Range {
    /// The service.
    pub service: String,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// What is in the way of a block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// A reservation.
    Held {
        /// Whose it is.
        name: String,
        /// The port.
        port: u16,
    },
    /// A listener that is no container of ctrkit's.
    Listens {
        /// The port.
        port: u16,
    },
}

struct Ranges<'a>(&'a [Range]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Range { service, first, last }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{first}-{last} ({service})")?;
        }
        Ok(())
    }
}

struct Obstacles<'a>(&'a [(u16, Obstacle)]);

impl fmt::Display for Obstacles<'_> {
    /// Names all holders, or the first of many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More than these fill the screen and help nobody.
        const SHOWN: usize = 8;

        for (index, (offset, obstacle)) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match obstacle {
                Obstacle::Held { name, .. } => write!(f, "{comma}'{name}' holds offset {offset}")?,
                Obstacle::Listens { port } => {
                    write!(f, "{comma}a program listens on {port} at offset {offset}")?;
                }
            }
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

impl Error {
    pub(crate) fn unreachable(url: &str) -> Self {
        Self::UnknownMachine { url: url.to_owned() }
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Document(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::BadHash { .. } => "bad-project-hash",
            Self::BadService { .. } => "bad-service",
            Self::DuplicateService { .. } => "duplicate-service",
            Self::ServiceDiffers { .. } => "service-differs",
            Self::PortZero { .. } => "bad-port",
            Self::BadAddress { .. } => "bad-address",
            Self::NoBlocks => "bad-port-blocks",
            Self::NoStart { .. } => "missing-start",
            Self::DuplicatePort { .. } => "duplicate-port",
            Self::BeyondLastPort { .. } => "port-out-of-range",
            Self::PortDiffers { .. } => "port-differs",
            Self::PortHeld { .. } => "port-held",
            Self::PortTaken { .. } => "port-taken",
            Self::Exhausted { .. } => "range-exhausted",
            Self::SameVariable { .. } => "same-variable",
            Self::AmbiguousName { .. } => "ambiguous-name",
            Self::LedgerNewer { .. } => "ledger-newer",
            Self::LedgerBroken { .. } => "ledger-broken",
            Self::AddressNotHere { .. } => "address-not-here",
            Self::Probe { .. } => "cannot-look-for-listeners",
            Self::UnknownMachine { .. } => "unknown-engine-host",
            Self::Ssh { .. } => "ssh-cannot-run",
            Self::Remote { .. } => "remote-unreachable",
            Self::RemoteAnswer { .. } => "remote-answer-unreadable",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Document(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::Config(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::BadHash { .. }
            | Self::BadService { .. }
            | Self::DuplicateService { .. }
            | Self::ServiceDiffers { .. }
            | Self::PortZero { .. }
            | Self::BadAddress { .. }
            | Self::NoBlocks
            | Self::NoStart { .. }
            | Self::DuplicatePort { .. }
            | Self::BeyondLastPort { .. }
            | Self::PortDiffers { .. }
            | Self::SameVariable { .. }
            | Self::AmbiguousName { .. }
            | Self::LedgerNewer { .. }
            | Self::UnknownMachine { .. } => Exit::DataErr,
            Self::PortHeld { .. }
            | Self::Exhausted { .. }
            | Self::LedgerBroken { .. }
            | Self::AddressNotHere { .. }
            | Self::Ssh { .. }
            | Self::Remote { .. } => Exit::Unavailable,
            Self::PortTaken { .. } => Exit::TempFail,
            Self::Probe { .. } | Self::RemoteAnswer { .. } => Exit::IoErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Document(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Places(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            other => other.own_hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Engine(error) => error.command(),
            Self::LedgerBroken { source, .. } => source.command(),
            Self::Remote { failed, .. } => Some(FailedCommand::clone(failed)),
            _ => None,
        }
    }
}

impl Error {
    fn own_hint(&self) -> Option<String> {
        let hint = match self {
            Self::ServiceDiffers { .. } => "leave --service out, or say the same",
            Self::BadAddress { .. } => "say one like 127.0.0.1",
            Self::NoBlocks => "leave it out, or say --blocks 100",
            Self::NoStart { .. } => "say where its range of host ports begins",
            Self::BeyondLastPort { .. } | Self::PortTaken { .. } => {
                "choose another start for it, or stop what listens there"
            }
            Self::PortDiffers { key, .. } => return Some(differs(key)),
            Self::PortHeld { .. } => "see all of them: portalloc --list",
            Self::Exhausted { .. } => {
                "give up what is not needed any more: portalloc --gc; or widen the ranges: \
                 --blocks 200"
            }
            Self::SameVariable { .. } => "rename one",
            Self::AmbiguousName { .. } => "say one of the keys",
            Self::LedgerNewer { .. } => "update this ctrkit",
            Self::LedgerBroken { path, .. } => return Some(broken(path)),
            Self::AddressNotHere { .. } => "see the addresses: ip address",
            Self::UnknownMachine { .. } => "only ssh://[user@]host[:port] can be asked",
            Self::Remote { .. } => "ssh must get there without a question, and find ss(8) there",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn differs(key: &str) -> String {
    format!("take 'host' out of the document, or give up the other: portalloc --release {key}")
}

fn broken(path: &std::path::Path) -> String {
    format!(
        "start the engine, or name the one that runs: --engine podman; to begin anew: rm {}",
        shell_words::quote(&path.display().to_string())
    )
}
