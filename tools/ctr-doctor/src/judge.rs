//! What belongs to nothing: a pure function of the facts.

use std::path::{Path, PathBuf};

use document::labels;
use engine::{NamedVolume, Summary};

use crate::{Facts, Kept};

/// What the key of a plain name begins with, and that of an adopted container
/// (ctrkit-ports(5)).
const PLAIN: &str = "plain:";
const ADOPTED: &str = "adopted:";

/// What the name of a container ends with that a replacement has put aside.
const REPLACED: &str = "-replaced";

/// Something that belongs to nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Orphan {
    /// What it is.
    pub thing: Thing,
    /// Its name.
    pub name: String,
    /// The container whose lock guards it.
    pub owner: Option<String>,
    /// Why it belongs to nothing.
    pub why: String,
    /// Whether it may be removed: it cannot hold anybody's work.
    pub is_fixable: bool,
}

/// What an orphan is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Thing {
    /// A container, by its id.
    Container(String),
    /// A name in podman's storage, without a container.
    Remnant,
    /// A network.
    Network,
    /// A volume of a sidecar's.
    Volume,
    /// An image that was built for one container.
    Image,
    /// A reservation of ports, by its key and its machine.
    Reservation(String, Option<String>),
    /// An ssh entry.
    Entry,
    /// A control socket.
    Master(PathBuf),
    /// A state directory.
    State,
}

impl Thing {
    /// Returns the name of its check.
    #[must_use]
    pub fn check(&self) -> &'static str {
        match self {
            Self::Container(_) | Self::Remnant => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Image => "image",
            Self::Reservation(..) => "reservation",
            Self::Entry => "ssh-entry",
            Self::Master(_) => "master",
            Self::State => "state",
        }
    }
}

impl Orphan {
    fn new(thing: Thing, name: &str, why: impl Into<String>) -> Self {
        let (name, why) = (name.to_owned(), why.into());
        Self { thing, owner: Some(name.clone()), name, why, is_fixable: true }
    }

    /// Says whether `other` is the same thing.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (&self.thing, &self.name) == (&other.thing, &other.name)
    }
}

/// Returns what belongs to nothing, in the order in which it may go: what a
/// later one is known by goes after it.
#[must_use]
pub fn orphans(facts: &Facts) -> Vec<Orphan> {
    let mut all: Vec<_> =
        facts.containers.iter().filter_map(|each| container(facts, each)).collect();
    all.extend(networks(facts));
    all.extend(volumes(facts));
    all.extend(images(facts));
    all.extend(entries(facts));
    all.extend(masters(facts));
    all.extend(reservations(facts));
    all.extend(states(facts));
    all
}

/// Says whether `label`, of something that is ctrkit's, is another's: the
/// fingerprint of an authority that is not the person's own.
#[must_use]
pub fn is_others(facts: &Facts, label: Option<&str>) -> bool {
    label.is_some_and(|found| facts.authority.as_deref() != Some(found))
}

/// Says whether ctrkit has this container, and it is the person's own.
fn is_own(facts: &Facts, each: &Summary) -> bool {
    each.is_managed() && !is_others(facts, each.label(labels::AUTHORITY))
}

fn container(facts: &Facts, each: &Summary) -> Option<Orphan> {
    if each.is_external {
        return remnant(facts, each);
    }
    if !is_own(facts, each) {
        return None;
    }
    let thing = || Thing::Container(each.id.clone());
    if let Some(of) = each.label(labels::SIDECAR_OF) {
        let name = each.label(labels::NAME);
        let is_served = |other: &&Summary| {
            other.is_managed()
                && !other.is_sidecar()
                && (other.label(labels::PROJECT_HASH) == Some(of)
                    || name == Some(other.name.as_str()))
        };
        let why = "it serves a container that is not there";
        let owner = name.map(str::to_owned);
        let orphan = Orphan { owner, ..Orphan::new(thing(), &each.name, why) };
        return facts.containers.iter().find(is_served).is_none().then_some(orphan);
    }
    let of = each.name.strip_suffix(REPLACED)?;
    (each.label(labels::NAME) == Some(of)).then(|| replaced(facts, thing(), each, of))
}

/// Judges the container that was put aside for a new one called `of`.
///
/// It may go only where the run that made the new one has come to its end:
/// until then it is the one that holds what is outside of the volumes.
fn replaced(facts: &Facts, thing: Thing, each: &Summary, of: &str) -> Orphan {
    let is_done = |kept: &Kept| {
        let new = facts.container(of);
        !kept.is_pending && new.is_some_and(|new| kept.id.as_deref() == Some(new.id.as_str()))
    };
    let is_fixable = facts.kept(of).is_some_and(is_done);
    let why = match is_fixable {
        true => format!("it was put aside for '{of}', which is there"),
        false => format!("it was put aside for a new '{of}', which never came to its end"),
    };
    Orphan { owner: Some(of.to_owned()), is_fixable, ..Orphan::new(thing, &each.name, why) }
}

/// Says whether ctrkit knows of a container called `name`, which may be gone:
/// others keep things by such names too.
fn is_known(facts: &Facts, name: &str) -> bool {
    let is_its = |volume: &NamedVolume| {
        volume.container.as_deref() == Some(name) && !is_others(facts, volume.authority.as_deref())
    };
    facts.kept(name).is_some()
        || facts.entries.iter().any(|entry| entry.name == name)
        || facts.ledger.iter().any(|(held, _)| held.name == name && !held.key.starts_with(PLAIN))
        || facts.volumes.iter().any(is_its)
}

/// Judges a name in podman's storage: only one that ctrkit knows of is its own.
fn remnant(facts: &Facts, each: &Summary) -> Option<Orphan> {
    let name = each.name.as_str();
    let is_torn = is_known(facts, name) && facts.container(name).is_none();
    let why = "a podman that was killed has left its name in the storage";
    is_torn.then(|| Orphan::new(Thing::Remnant, name, why))
}

/// Says whether a container is there that people work in, is called `name` or is
/// of the project `hash`. Sidecars do not count: they go with what is theirs.
fn is_served(facts: &Facts, name: Option<&str>, hash: Option<&str>) -> bool {
    facts.containers.iter().any(|each| {
        let is_called = name == Some(each.name.as_str());
        let is_of = hash.is_some() && each.label(labels::PROJECT_HASH) == hash;
        !each.is_external && !each.is_sidecar() && (is_called || is_of)
    })
}

fn networks(facts: &Facts) -> Vec<Orphan> {
    let of_nobody = |network: &&engine::NamedNetwork| {
        let name = network.label(labels::NAME);
        let hash = network.label(labels::SIDECAR_OF).or(network.label(labels::PROJECT_HASH));
        // One that says nothing of whom it is for is left alone.
        (name.is_some() || hash.is_some())
            && !is_others(facts, network.label(labels::AUTHORITY))
            && !is_served(facts, name, hash)
    };
    let orphan = |network: &engine::NamedNetwork| {
        let owner = network.label(labels::NAME).map(str::to_owned);
        let why = "it is for a container that is not there";
        Orphan { owner, ..Orphan::new(Thing::Network, &network.name, why) }
    };
    facts.networks.iter().filter(of_nobody).map(orphan).collect()
}

/// Says whether a volume belongs to nothing. That can only be one of sidecars:
/// the authority and the log of a proxy are of use as long as what the
/// container was made from is there. Those of the containers themselves may
/// hold work.
#[must_use]
pub fn is_volume_orphan(facts: &Facts, volume: &NamedVolume) -> bool {
    let name = volume.container.as_deref();
    let is_kept = |name: &str| {
        facts.kept(name).is_some() && states(facts).iter().all(|orphan| orphan.name != name)
    };
    volume.sidecar_of.is_some()
        && !is_others(facts, volume.authority.as_deref())
        && !is_served(facts, name, volume.sidecar_of.as_deref())
        && !name.is_some_and(is_kept)
}

fn volumes(facts: &Facts) -> Vec<Orphan> {
    let orphan = |volume: &NamedVolume| {
        let owner = volume.container.clone();
        let why = "it is for the sidecars of a container that is not there";
        Orphan { owner, ..Orphan::new(Thing::Volume, &volume.name, why) }
    };
    let of_nobody = |volume: &&NamedVolume| is_volume_orphan(facts, volume);
    facts.volumes.iter().filter(of_nobody).map(orphan).collect()
}

/// Judges what was built for one container, which is known by its name alone. The
/// next `ctrkit create` builds it again.
fn images(facts: &Facts) -> Vec<Orphan> {
    let owner = |image: &str| {
        let built = |kept: &&Kept| {
            let path = kept.built_from.as_deref();
            path.is_some_and(|path| devcontainer_cli::is_image_of(image, &kept.name, path))
        };
        let kept = facts.states.iter().find(built).map(|kept| kept.name.as_str());
        kept.or_else(|| devcontainer_cli::image_of(image).filter(|name| is_known(facts, name)))
            .map(str::to_owned)
    };
    let orphan = |image: &String| {
        let owner = owner(image)?;
        let is_used = facts.containers.iter().any(|each| each.image == *image);
        let is_orphan = !is_used && facts.is_there(&owner, None) == Some(false);
        let why = "it was built for a container that is not there";
        let orphan = || Orphan { owner: Some(owner), ..Orphan::new(Thing::Image, image, why) };
        is_orphan.then(orphan)
    };
    facts.images.iter().filter_map(orphan).collect()
}

/// A reservation stays as long as its worktree does: the same ports are for
/// the next container.
fn is_reservation_orphan(facts: &Facts, held: &document::ports::Reservation, gone: bool) -> bool {
    let is_gone = || facts.is_there(&held.name, Some(&held.key)) == Some(false);
    match &held.key {
        key if key.starts_with(PLAIN) || held.host != facts.host => false,
        key if key.starts_with(ADOPTED) => is_gone(),
        _ => gone && is_gone(),
    }
}

fn reservations(facts: &Facts) -> Vec<Orphan> {
    let all = facts.ledger.iter().filter(|(held, gone)| is_reservation_orphan(facts, held, *gone));
    let orphan = |(held, _): &(document::ports::Reservation, bool)| {
        let why = match held.key.starts_with(ADOPTED) {
            true => "the adopted container is gone",
            false => "its worktree and its container are gone",
        };
        Orphan::new(Thing::Reservation(held.key.clone(), held.host.clone()), &held.name, why)
    };
    all.map(orphan).collect()
}

fn entries(facts: &Facts) -> Vec<Orphan> {
    let of_nobody = |entry: &&crate::Entry| {
        // One through another machine leads to an engine there.
        let says_where = facts.kept(&entry.name).is_some_and(|kept| kept.engine.is_some());
        (says_where || !entry.jumps) && facts.is_there(&entry.name, None) == Some(false)
    };
    let orphan =
        |entry: &crate::Entry| Orphan::new(Thing::Entry, &entry.name, "there is no such container");
    facts.entries.iter().filter(of_nobody).map(orphan).collect()
}

fn masters(facts: &Facts) -> Vec<Orphan> {
    let entries = facts.entries.iter().filter_map(|entry| entry.socket.as_deref());
    let used: Vec<_> = entries.chain(facts.links.iter().map(PathBuf::as_path)).collect();
    // Where a directory is a link, the same socket has two paths.
    let is_used = |socket: &Path| used.iter().any(|path| path.file_name() == socket.file_name());
    let orphan = |socket: &PathBuf| {
        let name = socket.to_string_lossy();
        let why = "no ssh entry and no server that is known has this socket";
        Orphan { owner: None, ..Orphan::new(Thing::Master(socket.clone()), &name, why) }
    };
    facts.sockets.iter().filter(|socket| !is_used(socket)).map(orphan).collect()
}

fn states(facts: &Facts) -> Vec<Orphan> {
    let of_nobody = |kept: &&Kept| {
        let mut held = facts.ledger.iter().filter(|(held, _)| held.name == kept.name);
        if kept.is_adopted {
            let has_entry = facts.entries.iter().any(|entry| entry.name == kept.name);
            let is_held = facts.ledger.iter().any(|(held, _)| held.name == kept.name);
            let is_gone = facts.is_there(&kept.name, None) == Some(false);
            return is_gone || (!has_entry && !is_held);
        }
        let is_needed = held.any(|(held, gone)| !is_reservation_orphan(facts, held, *gone));
        !is_needed && facts.is_there(&kept.name, None) == Some(false)
    };
    let orphan = |kept: &Kept| {
        let why = "its container and its reservation are gone";
        Orphan::new(Thing::State, &kept.name, why)
    };
    facts.states.iter().filter(of_nobody).map(orphan).collect()
}
