//! Choosing a block, and writing it into the ledger.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use document::{
    Ports,
    ports::{Held, Reservation},
};

use crate::{
    ADOPTED, Error, Machine, PLAIN,
    block::{Block, Holders, Missing},
};

/// Who wants a block of ports, and which.
#[derive(Clone, Debug)]
pub struct Request {
    /// The project's hash, or `plain:NAME`.
    pub key: String,
    /// The container's name, or the plain name.
    pub name: String,
    /// The worktree's root.
    pub path: Option<PathBuf>,
    /// The machine that the ports are on.
    pub machine: Machine,
    /// How many offsets there are.
    pub blocks: u16,
    /// The services.
    pub wanted: Vec<Wanted>,
}

/// A service that needs a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// Its name.
    pub service: String,
    /// The host port at offset 0.
    pub start: Option<u16>,
    /// The host port that the document has already.
    pub host: Option<u16>,
    /// The address at which nothing else may listen.
    pub address: IpAddr,
}

/// Says whether something listens in the way of an address and a port.
pub type Listens<'a> = dyn Fn(IpAddr, u16) -> Result<bool, Error> + 'a;

/// Returns the ports where all of them are reserved already.
#[must_use]
pub fn settled(ledger: &Ports, request: &Request) -> Option<Vec<u16>> {
    let own = &ledger.reservations[position(ledger, request)?];
    let agrees = |wanted: &Wanted| {
        held(own, &wanted.service).filter(|port| wanted.host.is_none_or(|host| host == *port))
    };
    let ports: Option<Vec<_>> = request.wanted.iter().map(agrees).collect();
    ports.filter(|_| own.name == request.name && own.key == request.key)
}

/// Reserves the ports that `request` lacks and returns all of its ports, in
/// the order of its services.
///
/// What is reserved for the same key on the same machine stays as it is.
/// Everything else goes to one offset, at which no port is reserved by
/// anybody, whatever the service, and at which nothing listens.
pub fn reserve(
    ledger: &mut Ports,
    request: &Request,
    listens: &Listens<'_>,
) -> Result<Vec<u16>, Error> {
    let own = position(ledger, request);
    let mut holders = Holders::of(ledger, &request.machine);
    let known = known(own.map(|index| &ledger.reservations[index]), request, &holders)?;
    check_distinct(request, &known)?;
    holders.add(&request.name, known.iter().flatten().copied());
    let block = Block { missing: missing(request, &known)?, holders, listens };
    let fixed = own
        .and_then(|index| ledger.reservations[index].offset)
        .or_else(|| common_offset(request, &known));
    let offset = match fixed {
        _ if block.missing.is_empty() => fixed,
        Some(offset) => Some(block.check(offset)?),
        None => Some(block.search(request.blocks)?),
    };
    let port = |(wanted, known): (&Wanted, &Option<u16>)| {
        known.unwrap_or_else(|| wanted.start.unwrap_or_default() + offset.unwrap_or_default())
    };
    let ports: Vec<_> = request.wanted.iter().zip(&known).map(port).collect();
    record(ledger, own, request, &ports);
    Ok(ports)
}

/// Returns where the reservation of the request is.
///
/// A project takes that over under which its container was adopted.
fn position(ledger: &Ports, request: &Request) -> Option<usize> {
    let adopted = format!("{ADOPTED}{}", request.name);
    let is_project = !request.key.starts_with(PLAIN);
    let with = |key: &str| {
        ledger.reservations.iter().position(|reservation| {
            reservation.key == key && request.machine.is(reservation.host.as_deref())
        })
    };
    with(&request.key).or_else(|| with(&adopted).filter(|_| is_project))
}

fn held(reservation: &Reservation, service: &str) -> Option<u16> {
    reservation.ports.iter().find(|held| held.service == service).map(|held| held.port)
}

/// Returns the port of each service that has one, in the ledger or in the
/// document.
fn known(
    own: Option<&Reservation>,
    request: &Request,
    holders: &Holders,
) -> Result<Vec<Option<u16>>, Error> {
    let known = |wanted: &Wanted| {
        let reserved = own.and_then(|own| held(own, &wanted.service));
        let service = wanted.service.clone();
        match (reserved, wanted.host) {
            (Some(reserved), Some(host)) if reserved != host => {
                Err(Error::PortDiffers { service, host, reserved, key: request.key.clone() })
            }
            (None, Some(port)) => match holders.get(port) {
                Some(holder) => Err(Error::PortHeld { service, port, holder: holder.to_owned() }),
                None => Ok(Some(port)),
            },
            (reserved, _) => Ok(reserved),
        }
    };
    request.wanted.iter().map(known).collect()
}

/// Checks that no two services have, or would have, the same port.
fn check_distinct(request: &Request, known: &[Option<u16>]) -> Result<(), Error> {
    let (mut ports, mut starts) = (BTreeMap::new(), BTreeMap::new());
    for (wanted, known) in request.wanted.iter().zip(known) {
        let before = match (known, wanted.start) {
            (Some(port), _) => ports.insert(*port, &wanted.service).map(|first| (*port, first)),
            (None, Some(start)) => {
                starts.insert(start, &wanted.service).map(|first| (start, first))
            }
            (None, None) => None,
        };
        if let Some((port, first)) = before {
            let (first, second) = (first.clone(), wanted.service.clone());
            return Err(Error::DuplicatePort { port, first, second });
        }
    }
    Ok(())
}

/// Returns the offset that the known ports have in common.
fn common_offset(request: &Request, known: &[Option<u16>]) -> Option<u16> {
    let pairs =
        request.wanted.iter().zip(known).filter_map(|(wanted, known)| Some((wanted, (*known)?)));
    let offsets: Option<Vec<_>> =
        pairs.map(|(wanted, port)| port.checked_sub(wanted.start?)).collect();
    let offsets = offsets?;
    let first = *offsets.first()?;
    offsets.iter().all(|offset| *offset == first).then_some(first)
}

/// Returns the services that have no port yet.
fn missing(request: &Request, known: &[Option<u16>]) -> Result<Vec<Missing>, Error> {
    let missing = request.wanted.iter().zip(known).filter(|(_, known)| known.is_none());
    let with_start = missing.map(|(wanted, _)| {
        let service = wanted.service.clone();
        match wanted.start {
            Some(start) => Ok(Missing { service, start, address: wanted.address }),
            None => Err(Error::NoStart { service }),
        }
    });
    with_start.collect()
}

/// Writes the ports of the request into the ledger, where `own` says.
pub(crate) fn record(ledger: &mut Ports, own: Option<usize>, request: &Request, ports: &[u16]) {
    let all: Vec<_> = ports.iter().copied().map(Some).collect();
    let index = own.unwrap_or_else(|| {
        ledger.reservations.push(Reservation {
            key: request.key.clone(),
            path: request.path.clone(),
            host: request.machine.url().map(str::to_owned),
            ..Reservation::default()
        });
        ledger.reservations.len() - 1
    });
    let reservation = &mut ledger.reservations[index];
    if reservation.key != request.key {
        reservation.key.clone_from(&request.key);
        reservation.path.clone_from(&request.path);
    }
    reservation.name.clone_from(&request.name);
    reservation.offset = reservation.offset.or_else(|| common_offset(request, &all));
    for (wanted, port) in request.wanted.iter().zip(ports) {
        if held(reservation, &wanted.service).is_none() {
            let service = wanted.service.clone();
            reservation.ports.push(Held { service, port: *port, ..Held::default() });
        }
    }
}
