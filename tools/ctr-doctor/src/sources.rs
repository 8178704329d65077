//! Gathering the facts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use config::Config;
use document::{Container, Ports, ports::Reservation};
use engine::{Engine, Link, Server};
use toolkit::{DocumentError, Places, Siblings, files, state};

use crate::{Elsewhere, Entry, Error, Facts, Kept, choose};

/// Where the facts come from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The engine that is asked.
    pub engine: &'a Engine,
    /// Where ctrkit's files are.
    pub places: &'a Places,
    /// The tools that keep the ssh entries and the ledger.
    pub siblings: &'a Siblings,
    /// What the configuration says of servers.
    pub config: &'a Config,
    /// What ssh reads in the place of its own files.
    pub ssh_config: Option<&'a Path>,
}

/// The number of characters that tell control sockets apart.
const DIGEST: usize = 12;

impl Sources<'_> {
    /// Gathers the facts: four calls of the engine, and one of the other
    /// engine where that must be asked.
    ///
    /// What is made later is looked at first. An entry that is seen so had its
    /// container when that was asked for, unless it was removed meanwhile.
    pub fn gather(&self) -> Result<Facts, Error> {
        let state = self.places.state()?;
        let sockets = sockets(&state.join("mux"))?;
        let entries = self.entries()?;
        let states = states(&state)?;
        let ledger = ledger(&self.places.ledger()?)?;
        let ours = format!("label={}=true", document::labels::MANAGED);
        let links = self.links(&states);
        let mut facts = Facts {
            kind: self.engine.kind(),
            host: self.engine.host().map(str::to_owned),
            authority: engine::authority::of(self.places),
            containers: self.engine.everything()?,
            volumes: self.engine.volumes(&[&ours])?,
            networks: self.engine.networks(&[&ours])?,
            images: self.engine.images()?.into_iter().map(|image| image.name).collect(),
            ledger,
            entries,
            sockets,
            links,
            states,
            elsewhere: Elsewhere::None,
        };
        if facts.is_doubtful() {
            facts.elsewhere = self.elsewhere();
        }
        Ok(facts)
    }

    /// Returns the sockets of all ways to servers that are known: by the
    /// configuration, and by what was applied last.
    fn links(&self, states: &[Kept]) -> Vec<PathBuf> {
        let configured = self.config.connections.iter().map(|one| Some(one.address.as_str()));
        let addresses: Vec<_> = configured.chain([None]).collect();
        let in_force = self.config.host.as_deref().into_iter().chain(self.engine.host());
        let mut ways: Vec<_> = in_force
            .flat_map(|host| addresses.iter().map(move |address| (host, *address)))
            .collect();
        ways.extend(states.iter().filter_map(|kept| {
            let (_, host) = kept.engine.as_ref()?;
            Some((host.as_deref()?, kept.address.as_deref()))
        }));
        let sockets = |(host, address): (&str, Option<&str>)| {
            let server = Server::parse(host).ok()?;
            // Whoever names no file for ssh has a way of his own.
            let link = |file| Link::new(server.clone(), address, file, self.places).ok();
            let links = [link(None), link(self.ssh_config)];
            Some(links.into_iter().flatten().flat_map(|link| link.sockets()).collect::<Vec<_>>())
        };
        let mut all: Vec<_> = ways.into_iter().filter_map(sockets).flatten().collect();
        all.extend(self.engine.link().into_iter().flat_map(Link::sockets));
        all
    }

    fn elsewhere(&self) -> Elsewhere {
        match choose::other(self.engine.kind()).map(|other| other.everything()) {
            None => Elsewhere::None,
            Some(Ok(containers)) => Elsewhere::Has(containers),
            Some(Err(_)) => Elsewhere::Silent,
        }
    }

    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let list = self.siblings.run("sshcfg", &["list", "--long"], b"")?;
        Ok(String::from_utf8_lossy(&list).lines().filter_map(entry).collect())
    }
}

/// Reads a line of `sshcfg list --long`.
pub(crate) fn entry(line: &str) -> Option<Entry> {
    let mut fields = line.split('\t');
    let (name, _leads, jump) = (fields.next()?, fields.next()?, fields.next()?);
    let socket = fields.next().filter(|socket| *socket != "-").map(PathBuf::from);
    Some(Entry { name: name.to_owned(), jumps: jump != "-", socket })
}

/// Reads the ledger, and looks which worktrees are gone.
fn ledger(path: &Path) -> Result<Vec<(Reservation, bool)>, Error> {
    let ledger = match toolkit::read_file::<Ports>(path) {
        Ok(ledger) => ledger.into_inner().reservations,
        Err(DocumentError::ReadFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    let with_fate = |held: Reservation| {
        let is_gone = held.path.as_deref().is_none_or(files::is_gone);
        (held, is_gone)
    };
    Ok(ledger.into_iter().map(with_fate).collect())
}

/// Returns what is in a directory, by name; one that is absent is empty.
fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = files::FileError::reading(directory);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error).into()),
    };
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Returns the sockets of connections that are shared: those whose names are
/// digests.
fn sockets(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.len() == DIGEST && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    Ok(list(directory)?.into_iter().filter(is_one).collect())
}

fn states(state: &Path) -> Result<Vec<Kept>, Error> {
    let kept = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let is_one = document::container::is_name(name) && state::is_of_container(&path);
        is_one.then(|| kept(name, &path))
    };
    Ok(list(state)?.into_iter().filter_map(kept).collect())
}

fn kept(name: &str, directory: &Path) -> Kept {
    let document = toolkit::read_file::<Container>(&directory.join(state::DOCUMENT)).ok();
    let document = document.map(document::Received::into_inner);
    let engine = document.as_ref().and_then(|document| document.engine.clone());
    let known = document.as_ref().and_then(|document| document.ssh.as_ref()?.known_hosts.clone());
    let built = document.as_ref().filter(|document| document.devcontainer.is_some());
    Kept {
        name: name.to_owned(),
        built_from: built.map(|document| document.project.path.clone()),
        address: engine.as_ref().and_then(|engine| engine.address.clone()),
        engine: engine.map(|engine| (engine.kind, engine.host)),
        id: document.and_then(|document| document.state?.id),
        is_pending: directory.join(state::PENDING).exists(),
        // An adopted container's host key is pinned in a file of its own.
        is_adopted: known.is_some_and(|path| path.parent() == Some(directory)),
    }
}
