//! The search for a free offset.

use std::{collections::BTreeMap, net::IpAddr};

use document::Ports;

use crate::{Error, Listens, Machine, Obstacle, Range};

/// Who has which port of one machine.
pub(crate) struct Holders(BTreeMap<u16, String>);

impl Holders {
    pub(crate) fn of(ledger: &Ports, machine: &Machine) -> Self {
        let there = ledger.reservations.iter().filter(|one| machine.is(one.host.as_deref()));
        let ports =
            there.flat_map(|one| one.ports.iter().map(|held| (held.port, one.name.clone())));
        Self(ports.collect())
    }

    /// Adds the ports that `name` is about to have.
    pub(crate) fn add(&mut self, name: &str, ports: impl Iterator<Item = u16>) {
        self.0.extend(ports.map(|port| (port, name.to_owned())));
    }

    pub(crate) fn get(&self, port: u16) -> Option<&str> {
        self.0.get(&port).map(String::as_str)
    }
}

/// A service without a port.
pub(crate) struct Missing {
    pub(crate) service: String,
    pub(crate) start: u16,
    pub(crate) address: IpAddr,
}

/// What a block of ports is chosen by.
pub(crate) struct Block<'a> {
    pub(crate) missing: Vec<Missing>,
    pub(crate) holders: Holders,
    pub(crate) listens: &'a Listens<'a>,
}

impl Block<'_> {
    /// Returns the lowest offset at which all ports are free.
    pub(crate) fn search(&self, blocks: u16) -> Result<u16, Error> {
        let highest = self.missing.iter().map(|missing| missing.start).max().unwrap_or_default();
        // The last port that there is ends every range.
        let last = (blocks - 1).min(u16::MAX - highest);
        let mut obstacles = Vec::new();
        for offset in 0..=last {
            match self.obstacle(offset)? {
                None => return Ok(offset),
                Some((_, obstacle)) => obstacles.push((offset, obstacle)),
            }
        }
        let range = |missing: &Missing| Range {
            service: missing.service.clone(),
            first: missing.start,
            last: missing.start + last,
        };
        Err(Error::Exhausted { ranges: self.missing.iter().map(range).collect(), obstacles })
    }

    /// Returns `offset` if all ports are free at it.
    pub(crate) fn check(&self, offset: u16) -> Result<u16, Error> {
        let beyond = |missing: &&Missing| missing.start.checked_add(offset).is_none();
        if let Some(Missing { service, start, .. }) = self.missing.iter().find(beyond) {
            let (service, start) = (service.clone(), *start);
            return Err(Error::BeyondLastPort { service, start, offset });
        }
        match self.obstacle(offset)? {
            None => Ok(offset),
            Some((missing, Obstacle::Held { name, port })) => {
                Err(Error::PortHeld { service: missing.service.clone(), port, holder: name })
            }
            Some((missing, Obstacle::Listens { port })) => Err(Error::PortTaken {
                service: missing.service.clone(),
                address: missing.address,
                port,
                offset,
            }),
        }
    }

    /// Returns the first thing that is in the way at `offset`.
    ///
    /// The ledger is asked for all ports before the machine is.
    fn obstacle(&self, offset: u16) -> Result<Option<(&Missing, Obstacle)>, Error> {
        for missing in &self.missing {
            let port = missing.start + offset;
            if let Some(name) = self.holders.get(port) {
                return Ok(Some((missing, Obstacle::Held { name: name.to_owned(), port })));
            }
        }
        for missing in &self.missing {
            let port = missing.start + offset;
            if (self.listens)(missing.address, port)? {
                return Ok(Some((missing, Obstacle::Listens { port })));
            }
        }
        Ok(None)
    }
}
