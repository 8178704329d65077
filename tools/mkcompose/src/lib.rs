//! Writes the Compose model of a container that has no way out but a proxy.
//!
//! [`prepare`] puts into the document what every isolated container has, and
//! [`model`] makes the model from it: the container, the proxy through which
//! alone it gets out, the forwarder through which alone it is reached, and the
//! network between them, which leads nowhere.

mod environment;
mod error;
mod model;
mod network;

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use compose::{Base, Override};
use document::{
    Container,
    compose::{Compose, Names},
    container::{Limits, Missing, Mount},
    labels,
    policy::Isolation,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use toolkit::files::{self, Lock};

pub use crate::error::Error;
use crate::{model::Parts, network::Network};

/// The one mode of isolation that there is.
const MODE: &str = "proxy";

/// The model, in the state directory of the container.
const FILE: &str = "compose.json";

/// The limits of a container whose document has none.
const MEMORY: &str = "4g";
const CPUS: &str = "2";
const PIDS: u32 = 512;

/// The capabilities (capabilities(7)) that no isolated container has, root in
/// it included: with them it could make packets of its own, change the
/// network, or leave the container.
const DROPPED: [&str; 10] = [
    "MKNOD",
    "NET_ADMIN",
    "NET_RAW",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
];

/// Says whether `container` is to be isolated, and refuses a mode that is not
/// known: what it would mean must not be guessed.
pub fn is_isolated(container: &Container) -> Result<bool, Error> {
    match container.isolation.as_ref().map(|isolation| isolation.mode.as_str()) {
        None => Ok(false),
        Some(MODE) => Ok(true),
        Some(mode) => Err(Error::BadMode { mode: mode.to_owned() }),
    }
}

/// Puts into the document what every isolated container has: the limits, the
/// variables that lead to the proxy, and the label.
///
/// `own` is the one directory of this machine that it may write to: that of its
/// project's agent.
pub fn prepare(container: &mut Container, own: &Path) -> Result<(), Error> {
    check_mounts(container, own)?;
    let network = network(container)?;
    let limits = container.limits.get_or_insert_with(Limits::default);
    limits.memory.get_or_insert_with(|| MEMORY.to_owned());
    limits.cpus.get_or_insert_with(|| CPUS.to_owned());
    limits.pids.get_or_insert(PIDS);
    limits.cap_drop.extend(DROPPED.map(str::to_owned));
    limits.cap_drop.sort();
    limits.cap_drop.dedup();
    environment::fill(container, network.proxy());
    container.set_label(labels::ISOLATION, MODE);
    Ok(())
}

/// Returns the Compose model of `container`, which [`prepare`] has seen.
pub fn model(container: &Container) -> Result<Value, Error> {
    let isolation = container.isolation.as_ref().ok_or(Missing("isolation"))?;
    let engine = container.engine.as_ref().ok_or(Missing("engine"))?;
    if let Some(host) = &engine.host {
        return Err(Error::Elsewhere { host: host.clone() });
    }
    let network = network(container)?;
    Parts { container, isolation, network, podman: engine.kind == "podman" }.model()
}

/// Refuses directories of this machine that the container could write to.
///
/// Git, an editor or a shell here would execute what it leaves in a worktree,
/// and no pull stops it. Nothing here reads what is in `own`, and nobody but its
/// owner gets as far as that.
fn check_mounts(container: &Container, own: &Path) -> Result<(), Error> {
    let is_writable = |mount: &&Mount| mount.kind == "bind" && !mount.read_only;
    for mount in container.mounts.iter().filter(is_writable) {
        let path = mount.source.clone().unwrap_or_default();
        if !is_agents(container, mount, own) {
            return Err(Error::Writable { path });
        }
        if !is_shut(own) {
            return Err(Error::Open { path });
        }
    }
    Ok(())
}

/// Says whether `mount` is the agent's configuration: this project's and at its
/// place, whatever the document says of where that is.
fn is_agents(container: &Container, mount: &Mount, own: &Path) -> bool {
    let hash = &container.project.hash;
    let target = container.claude.as_ref().and_then(|claude| claude.target.as_deref());
    hash.len() == 12
        && hash.chars().all(|c| c.is_ascii_hexdigit())
        && mount.source.as_deref() == Some(own)
        && target == Some(&mount.target)
        && target.is_some_and(|target| target.ends_with("/.claude"))
}

/// Says whether `own` is a directory and no link, in one that only its owner may
/// enter: a set-uid program that the container leaves in it is then nobody's.
fn is_shut(own: &Path) -> bool {
    let is_directory = own.symlink_metadata().is_ok_and(|own| own.is_dir());
    let parent = own.parent().and_then(|parent| parent.symlink_metadata().ok());
    is_directory && parent.is_some_and(|parent| parent.is_dir() && parent.mode() & 0o077 == 0)
}

/// Returns the internal network: which one it is follows from the port of ssh.
fn network(container: &Container) -> Result<Network, Error> {
    let port = container.port("ssh").and_then(|port| port.host);
    Ok(Network::of(port.ok_or(Missing("ports: ssh: host"))?))
}

/// Writes the model `text` into `directory`, the state directory of the
/// container, and returns where.
pub fn install(
    directory: &Path,
    text: &str,
    patience: std::time::Duration,
) -> Result<PathBuf, Error> {
    files::create_private_dir(directory)?;
    let _lock = Lock::take(&directory.join("compose.lock"), patience)?;
    let path = directory.join(FILE);
    files::sweep(&path);
    files::replace(&path, text.as_bytes(), 0o600)?;
    Ok(path)
}

/// What is laid over a model.
#[derive(Clone, Copy, Debug)]
pub enum Over<'a> {
    /// A Compose file of a template: its name and its text.
    Text(&'a str, &'a str),
    /// A person's own Compose file.
    File(&'a Path),
}

/// Lays each of `overs` over `model`, in their order, if nothing in it leads out
/// of the isolation.
///
/// Services that they add are reached without the proxy.
pub fn lay_over(
    container: &mut Container,
    model: &mut Value,
    overs: &[Over<'_>],
) -> Result<(), Error> {
    let (mut laid, mut services): (Vec<Override>, Vec<String>) = (Vec::new(), Vec::new());
    for over in overs {
        let project = container.project.path.clone();
        let base = Base { model, app: "app", project: &project, engine_is_here: true };
        let over = match over {
            Over::Text(file, text) => Override::parse(file, text, &base)?,
            Over::File(path) => Override::read(path, &base)?,
        };
        if !over.services().is_empty() {
            services.extend_from_slice(over.services());
            environment::direct(container, &services);
            *model = self::model(container)?;
            laid.iter().for_each(|earlier| apply(container, model, earlier));
        }
        apply(container, model, &over);
        laid.push(over);
    }
    Ok(())
}

fn apply(container: &Container, model: &mut Value, over: &Override) {
    over.apply(model);
    model::claim(container, model, over);
}

/// Returns `model` as a Compose file: nothing in it is a variable.
pub fn text(model: &Value) -> Result<String, Error> {
    Ok(compose::to_text(model)?)
}

/// Notes in `container` the model `text`, which is at `path`.
pub fn record(container: &mut Container, path: Option<PathBuf>, text: &str) {
    let project = Names::of(&container.project.hash).project();
    let section = container.compose.get_or_insert_with(Compose::default);
    section.project = Some(project);
    section.digest = Some(format!("sha256:{:x}", Sha256::digest(text)));
    section.file = path;
}

/// Lays what the command line says over the document's `isolation`.
pub fn choose(isolation: &mut Isolation, dns: Vec<String>, upstream_ca: Option<PathBuf>) {
    if !dns.is_empty() {
        isolation.dns = dns;
    }
    if upstream_ca.is_some() {
        isolation.upstream_ca = upstream_ca;
    }
}
