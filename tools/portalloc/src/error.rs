//! The ways in which portalloc fails.

mod failure;
mod obstacles;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use config::ConfigError;
use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{DocumentError, Part, PlacesError, files::FileError};

pub use obstacles::{Obstacle, Range};
use obstacles::{Obstacles, Ranges};

/// An error of portalloc.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The document's project hash is not one.
    #[error("the project's hash '{hash}' is not 12 hexadecimal digits in lower case")]
    BadHash {
        /// What is there.
        hash: String,
    },

    /// The document whose ports are to be adopted does not say which they are.
    #[error(transparent)]
    Unadoptable(Missing),

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

toolkit::parts!(Error: DocumentError, FileError, PlacesError, ConfigError, EngineError);

impl Error {
    pub(crate) fn unreachable(url: &str) -> Self {
        Self::UnknownMachine { url: url.to_owned() }
    }
}
