//! Reserving, pinning, configuring and keeping, in this order.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use document::{Container, Received, container, event::Status};
use engine::{Engine, EngineError, HERE, Inspection, Place, Summary};
use toolkit::{
    Events, Interrupt, Siblings,
    files::{self, FileError, Lock},
    state,
};

use crate::{Error, Wishes, describe, describe::KNOWN_HOSTS, hostkey};

/// How long another tool at work on the same name is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a container is adopted with.
#[derive(Debug)]
pub struct Adoption<'a> {
    /// The engine, which is only asked.
    pub engine: &'a Engine,
    /// The tools that keep the ports and the ssh entries.
    pub siblings: &'a Siblings,
    /// What the container does not say.
    pub wishes: &'a Wishes,
    /// The container's state directory.
    pub directory: PathBuf,
    /// The person's list of keys that are trusted no more, if there is one.
    pub revoked: Option<PathBuf>,
    /// Asked between the steps.
    pub interrupt: &'a Interrupt,
}

impl Adoption<'_> {
    /// Adopts the container called `name` and returns its document.
    ///
    /// What is done already stays as it is. Where a first adoption fails, all
    /// that it did is taken back.
    pub fn adopt(&self, name: &str, events: &mut Events) -> Result<Received<Container>, Error> {
        if !container::is_name(name) {
            return Err(Error::BadName { name: name.to_owned() });
        }
        let (found, inspection) = events.step("check", || self.look(name))?;
        let mut document = describe(&found, &inspection, self.wishes, &self.directory)?;
        document.engine = Some(self.engine.section());
        if let Some(link) = self.engine.link() {
            reach(&mut document, link.place());
        }
        if let Some(ssh) = &mut document.ssh {
            ssh.revoked_host_keys.clone_from(&self.revoked);
        }
        let pin = events.step("read-host-key", || hostkey::pin(self.engine, name))?;
        self.interrupt.check()?;
        let is_first = !self.directory.exists();
        let _lock = Lock::take(&self.directory.join("lock"), PATIENCE)?;
        let is_new = self.is_new(name)?;
        let done = self.write(document.into(), &pin, events);
        if done.is_err() && is_new {
            self.undo(name, is_first, events);
        }
        done
    }

    /// Asks for the container, which must be a predecessor's: two calls.
    fn look(&self, name: &str) -> Result<(Summary, Inspection), Error> {
        let found = self.engine.container(name)?;
        let found = found.ok_or_else(|| EngineError::NoSuchContainer { name: name.to_owned() })?;
        if found.is_managed() {
            return Err(Error::Ours { name: name.to_owned() });
        }
        if found.manager().is_none() || found.is_foreign_sidecar() {
            return Err(Error::NotForeign { name: name.to_owned() });
        }
        let inspection = self.engine.inspect(name)?;
        Ok((found, inspection))
    }

    /// Says whether nothing of this name is kept yet, and refuses what is of a
    /// container of ctrkit's own, which may be on another engine.
    fn is_new(&self, name: &str) -> Result<bool, Error> {
        let path = self.directory.join(state::DOCUMENT);
        if !path.exists() {
            return Ok(true);
        }
        let kept = toolkit::read_file::<Container>(&path)?.into_inner();
        let pinned = kept.ssh.and_then(|ssh| ssh.known_hosts);
        match pinned.is_some_and(|path| path == self.directory.join(KNOWN_HOSTS)) {
            true => Ok(false),
            false => Err(Error::NameTaken { name: name.to_owned(), path: kept.project.path }),
        }
    }

    fn write(
        &self,
        document: Received<Container>,
        pin: &str,
        events: &mut Events,
    ) -> Result<Received<Container>, Error> {
        let document = self.pass("portalloc", &["--adopt"], &document)?;
        self.interrupt.check()?;
        files::replace(&self.directory.join(KNOWN_HOSTS), pin.as_bytes(), 0o600)?;
        let document = self.pass("sshcfg", &["add"], &document)?;
        self.interrupt.check()?;
        let line = toolkit::line(&document)?;
        let kept = self.directory.join(state::DOCUMENT);
        let is_changed = files::replace(&kept, line.as_bytes(), 0o600)?;
        let status = if is_changed { Status::Done } else { Status::Unchanged };
        events.emit("adopt", status, None);
        Ok(document)
    }

    /// Lets another tool do its step to the document.
    fn pass(
        &self,
        tool: &str,
        args: &[&str],
        document: &Received<Container>,
    ) -> Result<Received<Container>, Error> {
        let input = toolkit::line(document)?;
        let answer = self.siblings.run(tool, args, input.as_bytes())?;
        Ok(toolkit::parse(&answer, &format!("of {tool}"))?)
    }

    /// Takes a first adoption back, as far as that can be done.
    fn undo(&self, name: &str, is_first: bool, events: &mut Events) {
        let key = format!("adopted:{name}");
        // Always said: the environment or the configuration may name another.
        let release = ["--release", &key, "--host", self.engine.host().unwrap_or(HERE)];
        let _ = self.siblings.run("sshcfg", &["remove", name], b"");
        let _ = self.siblings.run("portalloc", &release, b"");
        let _ = files::remove(&self.directory.join(KNOWN_HOSTS));
        if is_first {
            let _ = state::remove(&self.directory);
        }
        events.emit("adopt", Status::Undone, None);
    }
}

/// Fills in how ssh gets to a container on another machine, as ctr-spec(1)
/// does: past the server where its port is published there alone.
pub(crate) fn reach(document: &mut Container, place: &Place) {
    let published = document.port("ssh").and_then(|port| port.address.clone());
    let published = published.and_then(|address| address.parse::<IpAddr>().ok());
    let ssh = document.ssh.get_or_insert_default();
    match published {
        Some(address) if address.is_unspecified() => ssh.hostname = Some(place.host.clone()),
        Some(address) if !address.is_loopback() => {}
        _ => ssh.proxy_jump = Some(place.to_string()),
    }
}

/// Returns the person's list of revoked keys, if there is one: ssh would
/// refuse every host with a list that is not there.
pub fn revoked(config: &Path) -> Result<Option<PathBuf>, FileError> {
    let path = config.join("revoked_keys");
    Ok(files::read(&path)?.map(|_| path))
}
