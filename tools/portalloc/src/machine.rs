//! The machine whose ports are reserved, and asking it for its listeners.

use std::net::IpAddr;

use engine::{Link, Server};
use toolkit::Failure;

use crate::{Error, listeners::Listener};

/// The machine that an engine runs on, and publishes ports on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Machine {
    /// This one.
    Here,
    /// One that is reached by ssh.
    There(Server),
}

impl Machine {
    /// Returns the machine of an engine: absent and `unix://…` mean this one,
    /// `ssh://[user@]host[:port][/socket]` another.
    pub fn of(url: Option<&str>) -> Result<Self, Error> {
        match url {
            None => Ok(Self::Here),
            Some(url) if url.starts_with("unix://") => Ok(Self::Here),
            Some(url) => Server::parse(url).map(Self::There).map_err(|_| Error::unreachable(url)),
        }
    }

    /// Returns what a reservation keeps of it.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Here => None,
            Self::There(server) => Some(server.url()),
        }
    }

    /// Says whether the machine of a reservation is this one.
    ///
    /// Two URLs with the same host name mean the same machine, whoever logs
    /// in there: its ports are the same ports.
    #[must_use]
    pub fn is(&self, url: Option<&str>) -> bool {
        match (self, Self::of(url)) {
            (Self::Here, Ok(Self::Here)) => true,
            (Self::There(a), Ok(Self::There(b))) => a.is(&b),
            _ => false,
        }
    }
}

/// Asks the machine at the other end of `link` once for everything that
/// listens on it.
pub fn listeners(link: &Link) -> Result<Vec<Listener>, Error> {
    /// The status with which ssh says that it failed itself (ssh(1)).
    const SSH_FAILED: i32 = 255;

    let answer = link.run("ss -Hltn").map_err(|error| match error.command() {
        Some(failed) if failed.status != Some(SSH_FAILED) => {
            Error::Remote { host: link.place().to_string(), failed: Box::new(failed) }
        }
        _ => error.into(),
    })?;
    answer.lines().filter(|line| !line.trim().is_empty()).map(parse_ss).collect()
}

/// Reads one line of `ss -Hltn` (ss(8)): state, two queues, local address,
/// peer, as in `LISTEN 0 128 127.0.0.1%lo:53 0.0.0.0:*`.
pub(crate) fn parse_ss(line: &str) -> Result<Listener, Error> {
    let local = line.split_whitespace().nth(3);
    let listener = local.and_then(|local| local.rsplit_once(':')).and_then(|(address, port)| {
        let (address, _interface) = address.split_once('%').unwrap_or((address, ""));
        let address = address.trim_start_matches('[').trim_end_matches(']');
        // An asterisk is a socket that takes both IPv4 and IPv6.
        let address = if address == "*" { "::" } else { address };
        Some(Listener { address: address.parse::<IpAddr>().ok()?, port: port.parse().ok()? })
    });
    listener.ok_or_else(|| Error::RemoteAnswer { line: line.to_owned() })
}
