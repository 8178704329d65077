//! What the containers know of a ledger that is gone, and which reservations
//! nobody needs any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use document::{
    Ports, labels,
    ports::{Held, Reservation},
};
use engine::Summary;

use crate::{Error, Machine, is_hash};

/// A container, and the machine whose engine has it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The engine's URL, if it is not here.
    pub host: Option<String>,
    /// What the engine says.
    pub summary: Summary,
}

/// Returns the ledger that the labels of `containers` tell of, and what
/// people should know of it.
///
/// The offset is not in the labels; it is found again when it is needed. A
/// port that two containers claim goes to the older one.
#[must_use]
pub fn rebuild(mut containers: Vec<Found>) -> (Ports, Vec<String>) {
    containers.sort_by(|a, b| a.summary.created.cmp(&b.summary.created));
    let mut ledger = Ports::empty();
    let mut taken = BTreeMap::new();
    let mut warnings = Vec::new();
    for Found { host, summary } in &containers {
        let Some(mut reservation) = of_labels(host.as_deref(), summary) else { continue };
        let (key, name) = (reservation.key.clone(), reservation.name.clone());
        reservation.ports.retain(|held| {
            let place = (host.clone(), held.port);
            let (holder, of) = taken.entry(place).or_insert_with(|| (key.clone(), name.clone()));
            if *holder != key {
                let port = held.port;
                warnings.push(format!("port {port} of '{name}' is reserved for '{of}' already"));
            }
            *holder == key
        });
        merge(&mut ledger, reservation);
    }
    (ledger, warnings)
}

/// Adds a reservation, or its ports to one with the same key.
fn merge(ledger: &mut Ports, new: Reservation) {
    let same = |old: &&mut Reservation| old.key == new.key && old.host == new.host;
    match ledger.reservations.iter_mut().find(same) {
        None => ledger.reservations.push(new),
        Some(old) => {
            for held in new.ports {
                if old.ports.iter().all(|known| known.port != held.port) {
                    old.ports.push(held);
                }
            }
        }
    }
}

/// Returns the reservation that a container's labels tell of, if any.
fn of_labels(host: Option<&str>, summary: &Summary) -> Option<Reservation> {
    let key = summary.label(labels::PROJECT_HASH).filter(|hash| is_hash(hash))?.to_owned();
    let all = summary.label(labels::PORTS).map(parse_ports).unwrap_or_default();
    let ports = if all.is_empty() { single_ports(summary) } else { all };
    Some(Reservation {
        key,
        name: summary.label(labels::NAME).unwrap_or(&summary.name).to_owned(),
        path: summary.label(labels::PROJECT_PATH).map(PathBuf::from),
        ports,
        host: host.map(str::to_owned),
        ..Reservation::default()
    })
    .filter(|reservation| !reservation.ports.is_empty())
}

/// Reads the label of all ports: `service:container:host` joined by spaces.
fn parse_ports(label: &str) -> Vec<Held> {
    let held = |text: &str| {
        let (rest, port) = text.rsplit_once(':')?;
        let (service, _container) = rest.rsplit_once(':')?;
        Some(Held { service: service.to_owned(), port: port.parse().ok()?, ..Held::default() })
    };
    label.split_whitespace().filter_map(held).collect()
}

/// Reads the labels of single ports, where that of all is missing.
fn single_ports(summary: &Summary) -> Vec<Held> {
    let held = |(service, label): (&str, &str)| {
        let port = summary.label(label)?.parse().ok()?;
        Some(Held { service: service.to_owned(), port, ..Held::default() })
    };
    let labels =
        [("ssh", labels::PORT_SSH), ("web", labels::PORT_WEB), ("audio", labels::PORT_AUDIO)];
    labels.into_iter().filter_map(held).collect()
}

/// Takes the reservations on `machine` out of the ledger whose worktree and
/// container are both gone, and returns them.
///
/// Plain names have neither, and adopted containers no label: both stay.
pub fn collect(
    ledger: &mut Ports,
    machine: &Machine,
    containers: &[Found],
    is_gone: impl Fn(&Path) -> bool,
) -> Vec<Reservation> {
    let label = |found: &Found| found.summary.label(labels::PROJECT_HASH).map(str::to_owned);
    let present: BTreeSet<_> = containers.iter().filter_map(label).collect();
    let is_needed = |one: &Reservation| {
        one.key.starts_with(PLAIN)
            || one.key.starts_with(ADOPTED)
            || !machine.is(one.host.as_deref())
            || present.contains(&one.key)
            || one.path.as_deref().is_some_and(|path| !is_gone(path))
    };
    let (kept, dropped) = std::mem::take(&mut ledger.reservations).into_iter().partition(is_needed);
    ledger.reservations = kept;
    dropped
}

/// What the key of a plain name begins with.
pub const PLAIN: &str = "plain:";

/// What the key of an adopted container begins with.
pub const ADOPTED: &str = "adopted:";

/// Takes the reservations of `what`, a key or a name, out of the ledger.
pub fn release(ledger: &mut Ports, machine: &Machine, what: &str) -> Result<bool, Error> {
    let here = || ledger.reservations.iter().filter(|one| machine.is(one.host.as_deref()));
    let mut keys: BTreeSet<_> = here().map(|one| &one.key).filter(|key| *key == what).collect();
    if keys.is_empty() {
        keys.extend(here().filter(|one| one.name == what).map(|one| &one.key));
    }
    let Some(key) = keys.pop_first().cloned() else { return Ok(false) };
    if !keys.is_empty() {
        let keys = std::iter::once(key).chain(keys.into_iter().cloned()).collect();
        return Err(Error::AmbiguousName { name: what.to_owned(), keys });
    }
    ledger.reservations.retain(|one| one.key != key || !machine.is(one.host.as_deref()));
    Ok(true)
}
