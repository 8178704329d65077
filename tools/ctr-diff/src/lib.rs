//! Lists what a container wrote that something on the host would execute.
//!
//! Two views: the commits that a pull would bring, which ctr-git fetches into
//! a repository where nobody works, and the files and the repository as they
//! are in the container, which the engine reads. Nothing is asked of programs
//! in the container, and nothing that comes out of it is run or obeyed.

mod aside;
mod dot_git;
mod error;
mod patch;
mod text;
mod view;
mod workspace;

use std::path::{Path, PathBuf};

use clap::Args;
use document::{
    Diff, Document, Extra,
    diff::{Change, Class, Manner, State},
    labels,
};
use engine::{Engine, Summary};
use toolkit::{Events, Interrupt, Places, Siblings};

use crate::{
    aside::{Aside, Host as HostGit},
    view::View,
};
pub use crate::{error::Error, text::text};

/// What is wanted.
#[derive(Args, Clone, Copy, Debug)]
pub struct Wishes {
    /// Leave out what is not committed: a pull would not bring it
    #[arg(long)]
    pub committed: bool,

    /// Show the text of each change
    #[arg(short = 'p', long)]
    pub patch: bool,

    /// Read at most MIB of the container's files
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub limit: u32,
}

/// What is needed of the host.
#[derive(Debug)]
pub struct Host {
    /// Where ctrkit keeps its files.
    pub places: Places,
    /// The engine.
    pub engine: Engine,
    /// What ssh reads in the place of its own configuration.
    pub ssh_config: Option<PathBuf>,
    /// Where progress goes.
    pub events: Option<PathBuf>,
    /// Whether to end.
    pub interrupt: Interrupt,
}

/// Compares the container `name` with the worktree of `directory`.
pub fn diff(
    host: &Host,
    directory: &Path,
    name: &str,
    wishes: Wishes,
    events: &mut Events,
) -> Result<Diff, Error> {
    let container = host.engine.managed(name)?;
    events.about(name);
    if container.status != "running" {
        let status = container.status.clone();
        return Err(Error::NotRunning { name: name.to_owned(), status });
    }
    let scratch = tempfile::Builder::new().prefix("ctr-diff.").tempdir().map_err(Error::Scratch)?;
    let repository = scratch.path().join("repository");
    events.step("fetch", || set_aside(host, directory, name, &repository))?;
    let obeyed = HostGit::at(directory, &host.interrupt)?.obeyed()?;
    let aside = Aside::open(&repository, &host.interrupt)?;
    let view = View::of(&aside, &obeyed)?;
    let mut changes = events.step("compare", || view.committed())?;
    if !wishes.committed {
        let reading = workspace::Reading {
            host,
            container: &container,
            workspace: workspace_of(&container)?,
            limit: u64::from(wishes.limit) << 20,
            scratch: scratch.path(),
        };
        let seen = events.step("read", || reading.read(&view))?;
        changes.extend(events.step("compare", || view.uncommitted(&seen))?);
    }
    changes.sort_by(|one, other| key(&one.0).cmp(&key(&other.0)));
    let changes = match wishes.patch {
        true => patch::with_patches(&aside, changes)?,
        false => changes.into_iter().map(|(change, _)| change).collect(),
    };
    let (branch, base, commit) = (aside.branch.clone(), view.base, aside.commit.clone());
    let (schema, name) = (Diff::SCHEMA.to_owned(), name.to_owned());
    Ok(Diff { schema, name, branch, base, commit, changes, extra: Extra::new() })
}

/// Says whether a pull would stop at `change`.
#[must_use]
pub fn stops_a_pull(change: &Change) -> bool {
    let is_new = change.state == State::Committed && change.change != Manner::Removed;
    is_new && change.class == Class::ByItself
}

fn key(change: &Change) -> (Class, State, &str) {
    (change.class, change.state, &change.path)
}

/// Has ctr-git fetch the container's branch into `repository`.
fn set_aside(host: &Host, directory: &Path, name: &str, repository: &Path) -> Result<(), Error> {
    let mut siblings = Siblings::new()
        .heeding(&host.interrupt)
        .with("CTRKIT_CONFIG_DIR", host.places.config()?)
        .with("CTRKIT_STATE_DIR", host.places.state()?)
        .with("CTRKIT_ENGINE", host.engine.program());
    if let Some(url) = host.engine.host() {
        siblings = siblings.with("CTRKIT_HOST", url);
    }
    if let Some(ssh_config) = &host.ssh_config {
        siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
    }
    if let Some(events) = &host.events {
        siblings = siblings.with("CTRKIT_EVENTS", events);
    }
    let (directory, into) = (directory.to_string_lossy(), repository.to_string_lossy());
    let args = ["fetch", "-C", &directory, "--into", &into, "--", name];
    let fetched = siblings.run("ctr-git", &args, b"");
    host.interrupt.check()?;
    fetched.map(drop).map_err(Error::from)
}

fn workspace_of(container: &Summary) -> Result<&str, Error> {
    let label = labels::WORKSPACE;
    let found = container.label(label).filter(|path| path.starts_with('/') && *path != "/");
    found.ok_or_else(|| Error::NoLabel { name: container.name.clone(), label })
}

#[cfg(test)]
mod tests;
