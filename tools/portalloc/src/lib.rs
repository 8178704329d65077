//! Reserves one block of host ports at one offset.
//!
//! [`reserve`] is a pure function of the ledger, of the request, and of an
//! argument that says what listens. [`Store`] is the ledger as a file.

mod block;
mod engines;
mod error;
mod listeners;
mod machine;
mod options;
mod output;
mod rebuild;
mod rescue;
mod reserve;
mod service;
pub mod shell;
mod store;
mod work;

use std::net::IpAddr;

use document::{Container, Ports, container::Missing};
use engine::Link;

pub use crate::{
    engines::Engines,
    error::{Error, Obstacle, Range},
    listeners::{Listener, listens_here},
    machine::{Machine, listeners},
    options::Options,
    output::table,
    rebuild::{ADOPTED, Found, PLAIN, collect, rebuild, release},
    rescue::Rescue,
    reserve::{Listens, Request, Wanted, reserve, settled},
    service::{Service, fill_in, plain, usual, wanted, with_services},
    store::{Snapshot, Store},
    work::Work,
};

/// How many offsets there are unless somebody says otherwise.
pub const BLOCKS: u16 = 100;

/// Returns the request of a document for `wanted` on `machine`.
pub fn request_of(
    container: &Container,
    machine: Machine,
    blocks: Option<u16>,
    wanted: Vec<Wanted>,
) -> Result<Request, Error> {
    let hash = &container.project.hash;
    if !is_hash(hash) {
        return Err(Error::BadHash { hash: hash.clone() });
    }
    let blocks = blocks.or(container.port_blocks).unwrap_or(BLOCKS);
    if blocks == 0 {
        return Err(Error::NoBlocks);
    }
    Ok(Request {
        key: hash.clone(),
        name: container.name.clone(),
        path: Some(container.project.path.clone()),
        machine,
        blocks,
        wanted,
    })
}

/// Returns the request for the very ports that the document has, by the name
/// of a container that is not ctrkit's.
pub fn adoption_of(container: &Container, machine: Machine) -> Result<Request, Error> {
    if container.ports.is_empty() {
        return Err(Error::Unadoptable(Missing("ports")));
    }
    if container.ports.iter().any(|port| port.host.is_none()) {
        return Err(Error::Unadoptable(Missing("ports[].host")));
    }
    Ok(Request {
        key: format!("{ADOPTED}{}", container.name),
        name: container.name.clone(),
        path: Some(container.project.path.clone()),
        machine,
        blocks: BLOCKS,
        wanted: wanted(&container.ports)?,
    })
}

/// Says whether `text` is a project's hash: 12 lower-case hex digits.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A block of ports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block {
    /// The host port of each service of the request.
    pub ports: Vec<u16>,
    /// Whether all of it was reserved before.
    pub unchanged: bool,
}

/// Returns the block of `request`, which is reserved if it is not yet.
///
/// `link` is the way to the machine where that is another one, which must be
/// asked what listens there.
pub fn hold(
    store: &Store,
    rescue: &impl Rescue,
    request: &Request,
    link: Option<&Link>,
) -> Result<Block, Error> {
    let read = store.read()?;
    if let Some(ports) = read.as_ref().and_then(|read| settled(read.ledger(), request)) {
        return Ok(Block { ports, unchanged: true });
    }
    // The other machine is asked before the lock is taken: it may be slow.
    // Ports that are given are nobody's to look for.
    let chooses = request.wanted.iter().any(|wanted| wanted.host.is_none());
    let there = link.filter(|_| chooses).map(listeners).transpose()?;
    let listens = |address: IpAddr, port| match &there {
        None => listens_here(address, port),
        Some(all) => Ok(all.iter().any(|one| one.is_in_the_way_of(address, port))),
    };
    let ports = store.update(read, rescue, |ledger| reserve(ledger, request, &listens))?;
    Ok(Block { ports, unchanged: false })
}

/// Returns the block that `request` would get, and touches nothing.
///
/// No engine is asked for a ledger that is lost, and no other machine for
/// what listens there: the block that is reserved may then be another one.
pub fn rehearse(store: &Store, rescue: &impl Rescue, request: &Request) -> Result<Block, Error> {
    let mut ledger = store.guess(rescue)?;
    if let Some(ports) = settled(&ledger, request) {
        return Ok(Block { ports, unchanged: true });
    }
    let ports = match request.machine {
        Machine::Here => reserve(&mut ledger, request, &listens_here)?,
        Machine::There(_) => reserve(&mut ledger, request, &|_, _| Ok(false))?,
    };
    Ok(Block { ports, unchanged: false })
}

/// Returns the ledger for reading, which may have to be rebuilt for it.
pub fn look(store: &Store, rescue: &impl Rescue) -> Result<Ports, Error> {
    match store.read()? {
        Some(read) => Ok(read.ledger().clone()),
        None => store.update(None, rescue, |ledger| Ok(ledger.clone())),
    }
}

#[cfg(test)]
mod tests;
