//! Carries the code between a worktree and its container.
//!
//! What is to be done is decided by [`decide`], which is pure, from what both
//! sides say of themselves; git and ssh do it. The container is not trusted:
//! what comes from it is text, or objects that git has checked.

mod aside;
mod carry;
mod error;
mod origin;
mod plan;
mod porcelain;
mod pull;
mod remote;
pub mod report;
mod run;
mod runs;
mod ssh;
mod there;
mod worktree;

use std::{path::Path, time::Duration};

use document::{
    Container, Ports, Received,
    container::{Git, Missing},
    labels,
};
use engine::{Engine, EngineArgs};
use toolkit::{
    Events, Interrupt, Places,
    files::{self, Lock},
};

use crate::error::Words;
pub use crate::{
    carry::{Carriage, Landed},
    error::{Error, ThereError, WorktreeError},
    origin::without_credentials,
    plan::{Cargo, Plan, decide},
    porcelain::{Pushed, pushed},
    remote::Config,
    report::Report,
    ssh::Ssh,
    there::{Settings, Target, There},
    worktree::{LIMIT, Worktree},
};

/// How long another that carries to the same container is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What all ways of carrying need of the host.
#[derive(Debug)]
pub struct Host {
    /// Where ctrkit keeps its files.
    pub places: Places,
    /// Which engine was asked for.
    pub engine: EngineArgs,
    /// How ssh is called.
    pub ssh: Ssh,
    /// Whether to end.
    pub interrupt: Interrupt,
}

/// Brings the branch of `document` into its container, adding the remote, and
/// fills in the document's `git` section.
///
/// A remote that this run has added is taken away again if it fails, unless
/// it is by the remote that the person gets at what is in the way.
pub fn pipe(
    host: &Host,
    document: &mut Received<Container>,
    events: &mut Events,
) -> Result<(), Error> {
    let target = Target::new(&document.name, document.workspace()?)?;
    let branch = document.project.branch.clone().ok_or(Missing("project.branch"))?;
    let user = document.user()?.to_owned();
    events.about(target.name());
    let worktree = Worktree::at(&document.project.path, &host.ssh, &host.interrupt)?;
    worktree.check_branch(&branch)?;
    let _lock = lock(host, &target)?;
    // Only now: another run may have added the remote, which is then not ours.
    let config = worktree.config()?;
    let is_there = worktree.has_remote(&config, &target)?;
    let engine = host.engine.for_document(document.engine.as_ref(), &host.places)?;
    let there = There { engine: &engine, target: &target, user: &user, interrupt: &host.interrupt };
    let mut added = false;
    let landed = carry(&worktree, there, &branch, &config, events, |events| {
        if !is_there {
            events.step("remote", || worktree.add_remote(&host.places, &target))?;
            added = true;
        }
        Ok(())
    });
    if let (Err(error), true) = (&landed, added) {
        if !matches!(error, Error::There(error) if error.wants_remote()) {
            worktree.remove_remote(&host.places, &target)?;
        }
    }
    let Landed { commit, origin } = landed?;
    let git = document.git.get_or_insert_with(Git::default);
    git.remote = Some(target.name().to_owned());
    git.url = Some(target.url());
    git.branch = Some(branch);
    git.commit = Some(commit);
    git.origin = origin;
    Ok(())
}

/// Brings the branch that is checked out in `directory` into the container
/// `name`, or into the worktree's own.
pub fn push(
    host: &Host,
    directory: &Path,
    name: Option<&str>,
    events: &mut Events,
) -> Result<(), Error> {
    let worktree = Worktree::find(directory, &host.ssh, &host.interrupt)?;
    let branch = worktree.branch()?;
    worktree.check_branch(&branch)?;
    let config = worktree.config()?;
    let target = target(host, &worktree, &config, name)?;
    worktree.commits(&branch, target.name())?;
    events.about(target.name());
    let _lock = lock(host, &target)?;
    let (engine, user) = running(host, &target)?;
    let there = There { engine: &engine, target: &target, user: &user, interrupt: &host.interrupt };
    carry(&worktree, there, &branch, &config, events, |_| Ok(())).map(drop)
}

/// What somebody has looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust<'a> {
    /// Nothing.
    None,
    /// The commit with this id. What comes after it was written by who saw that
    /// somebody looked.
    Commit(&'a str),
    /// Whatever is there.
    All,
}

/// What a pull may bring.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Whether it may bring what something here executes by itself.
    pub trust: Trust<'a>,
    /// How many MiB the container may send.
    pub limit: u32,
}

/// Brings what the container `name`, or the worktree's own, has on the branch
/// that is checked out in `directory` into that worktree.
pub fn pull(
    host: &Host,
    directory: &Path,
    name: Option<&str>,
    bounds: Bounds<'_>,
    events: &mut Events,
) -> Result<(), Error> {
    let worktree = Worktree::find(directory, &host.ssh, &host.interrupt)?.limited(bounds.limit);
    let branch = worktree.branch()?;
    worktree.check_branch(&branch)?;
    let config = worktree.config()?;
    let target = target(host, &worktree, &config, name)?;
    let (commit, _) = worktree.commits(&branch, target.name())?;
    events.about(target.name());
    running(host, &target)?;
    let cargo = Cargo { name: target.name(), branch: &branch, commit: &commit };
    worktree.pull(cargo, &config, bounds.trust, events)
}

/// Brings what a pull would bring into the bare repository `into`, which is
/// made, and leaves the worktree and its repository as they are.
pub fn set_aside(
    host: &Host,
    directory: &Path,
    name: Option<&str>,
    into: &Path,
    limit: u32,
    events: &mut Events,
) -> Result<(), Error> {
    let worktree = Worktree::find(directory, &host.ssh, &host.interrupt)?.limited(limit);
    let branch = worktree.branch()?;
    worktree.check_branch(&branch)?;
    let target = target(host, &worktree, &worktree.config()?, name)?;
    let (commit, _) = worktree.commits(&branch, target.name())?;
    events.about(target.name());
    running(host, &target)?;
    let cargo = Cargo { name: target.name(), branch: &branch, commit: &commit };
    worktree.set_aside(cargo, &target, into, events)
}

fn carry(
    worktree: &Worktree<'_>,
    there: There<'_>,
    branch: &str,
    config: &Config,
    events: &mut Events,
    remote: impl FnOnce(&mut Events) -> Result<(), Error>,
) -> Result<Landed, Error> {
    let name = there.target.name();
    let (commit, seen) = worktree.commits(branch, name)?;
    let settings = worktree.settings(config)?;
    let cargo = Cargo { name, branch, commit: &commit };
    let carriage = Carriage { worktree, there, cargo, seen: seen.as_deref() };
    carriage.carry(&settings, events, remote)
}

/// Finds the remote of the container `name`, or of the worktree's own.
fn target(
    host: &Host,
    worktree: &Worktree<'_>,
    config: &Config,
    name: Option<&str>,
) -> Result<Target, Error> {
    let path = worktree.path.clone();
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            let ledger = ledger(&host.places)?;
            let found = container_of(&ledger, &path).map(str::to_owned);
            found.ok_or_else(|| WorktreeError::NoContainer { path: path.clone() })?
        }
    };
    let Some(url) = config.get(&format!("remote.{name}.url")) else {
        return Err(WorktreeError::NoRemote { path, name }.into());
    };
    let Some(target) = Target::of_remote(&name, url) else {
        let (found, url) = (url.to_owned(), format!("{name}:/…"));
        return Err(WorktreeError::RemoteTaken { path, name, found, url }.into());
    };
    worktree.has_remote(config, &target)?;
    Ok(target)
}

/// Returns the name of the container that the worktree at `path` holds ports for.
#[must_use]
pub fn container_of<'a>(ledger: &'a Ports, path: &Path) -> Option<&'a str> {
    let mut held = ledger.reservations.iter();
    held.find(|held| held.path.as_deref() == Some(path)).map(|held| held.name.as_str())
}

/// Waits for others that carry to the same container: of two that push at once
/// one finds the other's work half done, and refuses it.
fn lock(host: &Host, target: &Target) -> Result<Lock, Error> {
    Ok(Lock::take(&host.places.container(target.name())?.join("lock"), PATIENCE)?)
}

fn ledger(places: &Places) -> Result<Ports, Error> {
    let path = places.ledger()?;
    match files::read(&path)? {
        Some(text) => {
            let from = format!("in '{}'", path.display());
            Ok(toolkit::parse::<Ports>(&text, &from)?.into_inner())
        }
        None => Ok(Ports::empty()),
    }
}

/// Makes sure that the container is ctrkit's and runs: one call. Returns its
/// engine and the account in it.
fn running(host: &Host, target: &Target) -> Result<(Engine, String), Error> {
    let config = config::read(&host.places)?;
    let engine = host.engine.find(&config, &host.places)?;
    let container = engine.managed(target.name())?;
    let name = || target.name().to_owned();
    if container.status != "running" {
        let source = Words(format!("it is {}", container.status));
        return Err(ThereError::Unreachable { name: name(), source }.into());
    }
    let label = labels::REMOTE_USER;
    let user = container.label(label).ok_or_else(|| ThereError::NoLabel { name: name(), label })?;
    Ok((engine, user.to_owned()))
}

#[cfg(test)]
mod tests;
