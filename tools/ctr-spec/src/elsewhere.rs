//! An engine on another machine, and the way of ssh to what it runs.

use std::net::IpAddr;

use config::Config;
use document::{
    Container,
    container::{Engine, Ssh},
};
use engine::{HERE, Place, Server};

use crate::Error;

/// Where an engine runs, if not here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    /// The server, by the URL that it is known by.
    pub host: String,
    /// What ssh connects to at the moment, if that is another address.
    pub address: Option<String>,
}

impl Elsewhere {
    /// Returns what `asked`, or else the configuration, says; the connection
    /// in force is the one to the configuration's own server.
    pub(crate) fn of(asked: Option<String>, config: &Config) -> Option<Self> {
        let host = asked.or_else(|| config.host.clone()).filter(|host| host != HERE)?;
        let is_configured = config.host.as_ref() == Some(&host);
        let address = config.address().filter(|_| is_configured).map(str::to_owned);
        Some(Self { host, address })
    }

    /// Fills in the engine's place, and how ssh gets to the container: past
    /// the server where its ports are published there alone, else to the
    /// address that they are published on.
    pub(crate) fn fill(&self, container: &mut Container) -> Result<(), Error> {
        let rule = "it must be ssh://[user@]server[:port][/socket] or local";
        let server = Server::parse(&self.host);
        let server = server.map_err(|_| Error::setting("host", &self.host, rule))?;
        let place = match &self.address {
            Some(address) => Place::parse(address).ok_or_else(|| {
                Error::setting("connections.address", address, "it must be [user@]host[:port]")
            })?,
            None => server.place().clone(),
        };
        let kind = server.likely_engine().name().to_owned();
        let engine = container.engine.get_or_insert_with(|| Engine { kind, ..Engine::default() });
        engine.host = Some(self.host.clone());
        engine.address.clone_from(&self.address);
        let published = container.port("ssh").and_then(|port| port.address.clone());
        let published = published.and_then(|address| address.parse::<IpAddr>().ok());
        let ssh = container.ssh.get_or_insert_with(Ssh::default);
        match published {
            Some(address) if address.is_unspecified() => ssh.hostname = Some(place.host),
            Some(address) if !address.is_loopback() => {}
            _ => ssh.proxy_jump = Some(place.to_string()),
        }
        Ok(())
    }
}
