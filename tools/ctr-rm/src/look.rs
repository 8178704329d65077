//! Finding what there is by a name.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use document::{Container, Ports, container, labels, ports::Reservation};
use engine::{Engine, EngineError, Managed, NamedNetwork, NamedVolume, Summary};
use toolkit::{DocumentError, Places, files::Lock, state};

use crate::{Error, Tools};

/// How long a run of ctr-up(1) on the same container is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What there is by one name.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The name.
    pub name: String,
    /// The container.
    pub container: Option<Summary>,
    /// The container that it is to replace, or was, by a run that was killed.
    pub replaced: Option<Summary>,
    /// Its sidecars, in the order in which they start, and the other services of the
    /// repository's own Compose file.
    pub sidecars: Vec<Summary>,
    /// The networks that it and its sidecars are on.
    pub networks: Vec<String>,
    /// Its sidecars' volumes, which hold nothing of anybody's work.
    pub sidecar_volumes: Vec<String>,
    /// Its own volumes: the others whose label `ctrkit.name` says so, and those that
    /// the repository's own Compose file names.
    pub volumes: Vec<String>,
    /// What it holds in the ledger of ports, on the machine of the engine; where
    /// the container is gone, on that of the last document too.
    pub reservations: Vec<Reservation>,
    /// Whether the ledger of ports cannot be read, and may hold something.
    pub ledger_is_broken: bool,
    /// Whether it has an ssh entry; asked only where the container is gone.
    pub has_ssh_entry: bool,
    /// Its state directory.
    pub directory: Option<PathBuf>,
    /// Its worktree, which may be gone.
    pub worktree: Option<PathBuf>,
    /// The engine that the last document names.
    pub engine: Option<container::Engine>,
    /// Whether the devcontainers CLI made it, and images were built for it.
    pub is_built: bool,
    /// The hash of its project, as far as that is known.
    pub hash: Option<String>,
    /// The agent's configuration, which is not ctrkit's to remove.
    pub configuration: Option<PathBuf>,
}

impl Found {
    /// Returns the container, or the one that it was to replace.
    pub(crate) fn any_container(&self) -> Option<&Summary> {
        self.container.as_ref().or(self.replaced.as_ref())
    }

    /// Says whether there is nothing at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.any_container().is_none()
            && self.sidecars.is_empty()
            && self.networks.is_empty()
            && self.sidecar_volumes.is_empty()
            && self.volumes.is_empty()
            && self.reservations.is_empty()
            && !self.has_ssh_entry
            && self.directory.is_none()
    }
}

/// What all names are looked up in.
struct Sources<'a> {
    managed: Managed,
    networks: Vec<NamedNetwork>,
    volumes: Vec<NamedVolume>,
    ledger: Option<Ports>,
    places: &'a Places,
}

/// Keeps others away from the containers `names`, then finds what there is by
/// each: what was seen without the lock may have changed since.
///
/// The locks are to be held until all of it is gone. A container that is not
/// ctrkit's is an error, and a name that stands for nothing.
pub fn hold(
    engine: &Engine,
    places: &Places,
    tools: &Tools<'_>,
    names: &[String],
) -> Result<(Vec<Lock>, Vec<Found>), Error> {
    loop {
        // In one order, so that no two runs wait for each other.
        let directories: Result<BTreeSet<_>, _> =
            names.iter().map(|name| directory(places, name)).collect();
        let directories: BTreeSet<_> = directories?.into_iter().flatten().collect();
        let take = |path: &PathBuf| Lock::take(&path.join("lock"), PATIENCE);
        let locks: Vec<_> = directories.iter().map(take).collect::<Result<_, _>>()?;
        let found = look(engine, places, tools, names)?;
        let is_held = |path: &PathBuf| directories.contains(path);
        if found.iter().all(|found| found.directory.as_ref().is_none_or(is_held)) {
            return Ok((locks, found));
        }
    }
}

/// Finds what there is by each of `names`: three calls of the engine, and one
/// for each container that is gone.
///
/// A container that is not ctrkit's is an error, and a name that stands for
/// nothing.
fn look(
    engine: &Engine,
    places: &Places,
    tools: &Tools<'_>,
    names: &[String],
) -> Result<Vec<Found>, Error> {
    let filter = format!("label={}", labels::NAME);
    let (mut networks, mut volumes) = (engine.networks(&[&filter])?, engine.volumes(&[&filter])?);
    // Those of another machine or account with the same path stay.
    networks.retain(|network| !engine.is_others(network.label(labels::AUTHORITY)));
    volumes.retain(|volume| !engine.is_others(volume.authority.as_deref()));
    let sources = Sources {
        managed: engine.all_managed()?,
        networks,
        volumes,
        ledger: ledger(&places.ledger()?)?,
        places,
    };
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for name in names.iter().filter(|name| seen.insert(*name)) {
        let mut found = sources.find(name)?;
        keep_ours(&mut found, engine);
        let containers = found.container.iter().chain(&found.replaced);
        containers.into_iter().try_for_each(|container| engine.check_authority(container))?;
        add_project(&mut found, engine)?;
        if found.container.is_none() {
            if engine.container(name)?.is_some() {
                return Err(EngineError::NotManaged { name: name.clone() }.into());
            }
            found.has_ssh_entry = container::is_name(name) && tools.has_ssh_entry(name)?;
        }
        if found.is_nothing() {
            return Err(EngineError::NoSuchContainer { name: name.clone() }.into());
        }
        all.push(found);
    }
    Ok(all)
}

impl Sources<'_> {
    fn find(&self, name: &str) -> Result<Found, Error> {
        let container = self.managed.get(name).cloned();
        let replaced = self.managed.replaced(name).cloned();
        let reservations = self.reservations(name);
        let directory = directory(self.places, name)?;
        let last = directory.as_deref().and_then(last_document);
        let worktree = container
            .as_ref()
            .or(replaced.as_ref())
            .and_then(|container| container.label(labels::PROJECT_PATH))
            .map(PathBuf::from)
            .or_else(|| reservations.iter().find_map(|held| held.path.clone()))
            .or_else(|| last.as_ref().map(|last| last.project.path.clone()));
        let (sidecar_volumes, volumes) = self.volumes(name);
        let is_by_cli = |found: &Summary| found.label(labels::VIA) == Some(labels::DEVCONTAINER);
        let is_built = container.iter().chain(&replaced).any(is_by_cli)
            || last.as_ref().is_some_and(|last| last.devcontainer.is_some());
        let any = container.as_ref().or(replaced.as_ref());
        let hash = any.and_then(|container| container.label(labels::PROJECT_HASH));
        let hash = hash.or(last.as_ref().map(|last| last.project.hash.as_str())).map(str::to_owned);
        let networks =
            self.networks.iter().filter(|network| network.label(labels::NAME) == Some(name));
        Ok(Found {
            name: name.to_owned(),
            sidecars: self.managed.sidecars(name).into_iter().cloned().collect(),
            networks: networks.map(|network| network.name.clone()).collect(),
            sidecar_volumes,
            volumes,
            ledger_is_broken: self.ledger.is_none(),
            configuration: last.as_ref().and_then(configuration),
            engine: last.and_then(|last| last.engine),
            has_ssh_entry: false,
            is_built,
            hash,
            container,
            replaced,
            reservations,
            directory,
            worktree,
        })
    }

    /// Returns the volumes of the sidecars, and those of the container itself.
    fn volumes(&self, name: &str) -> (Vec<String>, Vec<String>) {
        let all = self.volumes.iter().filter(|volume| volume.container.as_deref() == Some(name));
        let (sidecars, own): (Vec<_>, Vec<_>) = all.partition(|each| each.sidecar_of.is_some());
        let names =
            |all: Vec<&NamedVolume>| all.into_iter().map(|each| each.name.clone()).collect();
        (names(sidecars), names(own))
    }

    /// Returns what a container of that name holds; what a plain name holds
    /// is another's.
    fn reservations(&self, name: &str) -> Vec<Reservation> {
        let all = self.ledger.iter().flat_map(|ledger| &ledger.reservations);
        let held = all.filter(|held| held.name == name && !held.key.starts_with("plain:"));
        held.cloned().collect()
    }
}

/// Adds what the repository's own Compose file has brought along: the services beside
/// the container, and the networks and the volumes of its project.
fn add_project(found: &mut Found, engine: &Engine) -> Result<(), Error> {
    let Some(hash) = found.hash.as_deref().filter(|_| found.is_built) else { return Ok(()) };
    let filter = engine.project_filter(hash);
    let own: Vec<_> = found.container.iter().chain(&found.replaced).map(|own| &own.id).collect();
    let services = engine.containers(&[&filter])?;
    found.sidecars.extend(services.into_iter().filter(|each| !own.contains(&&each.id)));
    found.networks.extend(engine.networks(&[&filter])?.into_iter().map(|network| network.name));
    let volumes = engine.volumes(&[&filter])?.into_iter().map(|volume| volume.name);
    let new: Vec<_> = volumes.filter(|name| !found.volumes.contains(name)).collect();
    found.volumes.extend(new);
    Ok(())
}

/// Leaves out what is another's: sidecars of another authority, and ports that are
/// held on another machine.
fn keep_ours(found: &mut Found, engine: &Engine) {
    found.sidecars.retain(|each| !engine.is_others(each.label(labels::AUTHORITY)));
    let is_gone = found.any_container().is_none();
    let made_at = found.engine.as_ref().and_then(|made| made.host.as_deref());
    found.reservations.retain(|held| {
        let held = held.host.as_deref();
        held == here(engine.host()) || is_gone && held == here(made_at)
    });
}

/// Returns what a reservation says of the machine of the engine at `host`: a socket
/// is on this one, which is nothing.
fn here(host: Option<&str>) -> Option<&str> {
    host.filter(|host| !host.starts_with("unix://"))
}

/// Returns the state directory of the container `name`, if it is there.
fn directory(places: &Places, name: &str) -> Result<Option<PathBuf>, Error> {
    // What is no name of ctrkit's could lead anywhere.
    if !container::is_name(name) {
        return Ok(None);
    }
    let directory = places.container(name)?;
    Ok(state::is_of_container(&directory).then_some(directory))
}

/// Returns the directory of the agent's configuration, if it is there.
fn configuration(last: &Container) -> Option<PathBuf> {
    let directory = last.claude.as_ref()?.directory.clone()?;
    directory.is_dir().then_some(directory)
}

/// Reads the ledger; one that is broken is `None`, and portalloc(1) mends it.
fn ledger(path: &Path) -> Result<Option<Ports>, Error> {
    match toolkit::read_file::<Ports>(path) {
        Ok(ledger) => Ok(Some(ledger.into_inner())),
        Err(DocumentError::ReadFile { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(Some(Ports::empty()))
        }
        Err(error @ DocumentError::ReadFile { .. }) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Reads the document that ctr-up(1) applied last, if there is one.
fn last_document(directory: &Path) -> Option<Container> {
    let document = toolkit::read_file::<Container>(&directory.join(state::DOCUMENT));
    document.ok().map(document::Received::into_inner)
}
