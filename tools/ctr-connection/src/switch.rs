//! Letting another connection be in force.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Address, Config, Draft, Host};
use document::{Container, Received};
use engine::{EngineError, Link, Server};
use toolkit::{
    DocumentError, ErrorFormat, Interrupt, Places, Siblings,
    files::{self, Lock},
    state,
};

use crate::{
    Error,
    sockets::Masters,
    way::{Change, Way},
};

/// How long one switch waits for another, and for a tool that is at work on a
/// container.
const PATIENCE: Duration = Duration::from_secs(90);

/// Switches.
#[derive(Debug)]
pub struct Switcher<'a> {
    places: &'a Places,
    ssh_config: Option<&'a Path>,
    config: PathBuf,
    state: PathBuf,
    siblings: Siblings,
}

/// One thing that a switch does.
#[derive(Clone, Debug)]
enum Step {
    Connection { old: Option<String>, new: String, address: String },
    Container { name: String, change: Change },
    Master { of: String },
}

/// A container on the server, and its document as it is to be.
struct Follower {
    document: Received<Container>,
    changes: Vec<Change>,
    /// The address that it had.
    old: Option<Address>,
}

impl<'a> Switcher<'a> {
    /// Makes one that works on `places` and on the user's ssh configuration,
    /// or on `ssh_config` instead.
    pub fn new(
        places: &'a Places,
        ssh_config: Option<&'a Path>,
        events: Option<&Path>,
    ) -> Result<Self, Error> {
        let (config, state) = (places.config()?, places.state()?);
        let mut siblings =
            Siblings::new().with("CTRKIT_CONFIG_DIR", &config).with("CTRKIT_STATE_DIR", &state);
        if let Some(ssh_config) = ssh_config {
            siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
        }
        if let Some(events) = events {
            siblings = siblings.with("CTRKIT_EVENTS", events);
        }
        Ok(Self { places, ssh_config, config, state, siblings })
    }

    /// Returns what [`Switcher::switch`] would do, one line for each thing,
    /// and does nothing.
    pub fn foresee(&self, name: &str) -> Result<String, Error> {
        let config = Draft::read(self.places)?.config()?;
        let way = way(&config, name)?;
        let mut steps: Vec<_> = connection(&config, name).into_iter().collect();
        let masters = Masters::look(&self.config, &self.state)?;
        let mut old = way.known.clone();
        for container in self.containers()? {
            if let Some(follower) = self.follower(&container, &way)? {
                steps.extend(follower.steps(&masters));
                old.extend(follower.old);
            }
        }
        let open = self.old_links(&way, old)?;
        steps.extend(open.iter().map(|link| Step::Master { of: link.place().to_string() }));
        Ok(steps.iter().map(|step| format!("{step}\n")).collect())
    }

    /// Lets the connection called `name` be in force, and tells each thing
    /// that it does.
    ///
    /// Nothing is connected to. All that is done is to write what is not as it
    /// should be, so that what a killed run has left is mended by the next. A
    /// container that fails is no reason to leave the others behind.
    pub fn switch(
        &self,
        name: &str,
        interrupt: &Interrupt,
        format: ErrorFormat,
        tell: impl Fn(&str),
    ) -> Result<(), Error> {
        let _lock = Lock::take(&self.state.join("connection.lock"), PATIENCE)?;
        let mut target = None;
        config::save(self.places, |draft| {
            let config = draft.config()?;
            target = Some((way(&config, name)?, connection(&config, name)));
            draft.set("", "connection", name);
            Ok::<_, Error>(())
        })?;
        let Some((way, step)) = target else { return Ok(()) };
        step.iter().for_each(|step| tell(&step.to_string()));
        let entries = self.entries()?;
        let masters = Masters::look(&self.config, &self.state)?;
        let follow = |container: String| {
            interrupt.check()?;
            let follower = self.follow(&container, &way, entries.contains(&container))?;
            let steps = follower.as_ref().map(|it| it.steps(&masters)).unwrap_or_default();
            steps.iter().for_each(|step| tell(&step.to_string()));
            Ok::<_, Error>(follower.and_then(|follower| follower.old))
        };
        let old = toolkit::each("ctr-connection", format, self.containers()?, follow);
        // The old way is given up also where a container could not follow.
        let gone = old.as_deref().unwrap_or_default().iter().flatten().cloned();
        for link in self.old_links(&way, way.known.iter().cloned().chain(gone).collect())? {
            link.close();
            tell(&Step::Master { of: link.place().to_string() }.to_string());
        }
        old.map(drop)
    }

    /// Returns the connections to the server that are open and lead to other
    /// addresses. To find that out nothing is connected to.
    fn old_links(&self, way: &Way, known: Vec<Address>) -> Result<Vec<Link>, EngineError> {
        let mut old: Vec<_> = known.iter().map(Address::to_string).collect();
        old.retain(|address| *address != way.address.to_string());
        old.sort();
        old.dedup();
        let server = Server::parse(&way.url)?;
        let link = |address: &String| {
            Link::new(server.clone(), Some(address), self.ssh_config, self.places)
        };
        let links = old.iter().map(link).collect::<Result<Vec<_>, _>>()?;
        Ok(links.into_iter().filter(Link::is_open).collect())
    }

    /// Makes the ssh entry of one container and its document follow. The entry
    /// comes first: while the document is the old one, it is done again.
    fn follow(&self, name: &str, way: &Way, has_entry: bool) -> Result<Option<Follower>, Error> {
        if self.follower(name, way)?.is_none() {
            return Ok(None);
        }
        let directory = self.state.join(name);
        let _lock = Lock::take(&directory.join("lock"), PATIENCE)?;
        // It may have been removed while another tool was waited for.
        let Some(follower) = self.follower(name, way)? else { return Ok(None) };
        let line = toolkit::line(&follower.document)?;
        if has_entry {
            let added = self.siblings.run("sshcfg", &["add"], line.as_bytes());
            added.map_err(|source| Error::Entry { name: name.to_owned(), source })?;
        }
        files::replace(&directory.join(state::DOCUMENT), line.as_bytes(), 0o600)?;
        Ok(Some(follower))
    }

    /// Returns the names of the state directories, among which there may be
    /// others than containers'.
    fn containers(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.state) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(files::FileError::reading(&self.state))?,
        };
        let is_kept = |name: &String| self.state.join(name).join(state::DOCUMENT).exists();
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(is_kept).collect();
        names.sort();
        Ok(names)
    }

    /// Reads the container's last document and lets it go the new `way`; one
    /// that is on another server is not concerned.
    fn follower(&self, name: &str, way: &Way) -> Result<Option<Follower>, Error> {
        let path = self.state.join(name).join(state::DOCUMENT);
        let mut document: Received<Container> = match toolkit::read_file(&path) {
            Err(DocumentError::ReadFile { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(None);
            }
            document => document?,
        };
        if document.name != name || !way.leads_to(&document) {
            return Ok(None);
        }
        let old = document.engine.as_ref().and_then(|engine| engine.address.as_deref());
        let old = old.and_then(|address| address.parse().ok());
        let changes = way.take(&mut document);
        Ok(Some(Follower { document, changes, old }))
    }

    /// Returns the containers that have an ssh entry.
    fn entries(&self) -> Result<BTreeSet<String>, Error> {
        let listed = self.siblings.run("sshcfg", &["list"], b"").map_err(Error::Entries)?;
        Ok(String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect())
    }
}

impl Follower {
    /// Returns what it takes to follow; `masters` are those from before.
    fn steps(&self, masters: &Masters) -> Vec<Step> {
        let changes = self.changes.iter().filter(|change| change.is_for_ssh()).cloned();
        let name = &self.document.name;
        let mut steps: Vec<_> =
            changes.map(|change| Step::Container { name: name.clone(), change }).collect();
        if !steps.is_empty() && masters.is_open(name) {
            steps.push(Step::Master { of: name.clone() });
        }
        steps
    }
}

impl Change {
    /// Says whether ssh is told of it, and not only the next tool.
    fn is_for_ssh(&self) -> bool {
        !self.what.contains('.')
    }
}

/// Returns the way of the connection called `name`.
fn way(config: &Config, name: &str) -> Result<Way, Error> {
    let url = config.host.as_deref().filter(|url| url.starts_with("ssh://"));
    let url = url.ok_or(Error::NoHost)?.to_owned();
    let found = config.find(name).ok_or_else(|| Error::absent(config, name))?;
    // Both were checked when the configuration was read.
    let host: Host = url.parse()?;
    let (address, text) = (found.address.parse()?, found.address.clone());
    let known = config.connections.iter().filter_map(|each| each.address.parse().ok());
    let known = known.chain([host.server.clone()]).collect();
    Ok(Way { url, host, address, text, known })
}

/// Returns what is to be done about the configuration itself.
fn connection(config: &Config, name: &str) -> Option<Step> {
    let old = config.connection.clone();
    let address = config.find(name)?.address.clone();
    let is_other = old.as_deref() != Some(name);
    is_other.then(|| Step::Connection { old, new: name.to_owned(), address })
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::Connection { old, new, address } => {
                write!(f, "connection: {} -> {new} ({address})", or_none(old))
            }
            Self::Container { name, change: Change { what, old, new } } => {
                write!(f, "{name}: {what} {} -> {}", or_none(old), or_none(new))
            }
            Self::Master { of } => write!(f, "{of}: the open connection is closed"),
        }
    }
}
