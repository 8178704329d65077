//! Removing orphans, each under the lock of the container that it was for.

use std::{path::Path, time::Duration};

use document::{
    doctor::{Check, Verdict},
    event::Status,
};
use engine::{EngineError, HERE};
use toolkit::{ErrorFormat, Events, Failure, Interrupt, files, files::Lock, ssh_master, state};

use crate::{
    Error, Sources,
    judge::{self, Orphan, Thing},
};

/// How long another tool at work on the same container is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Removes what belongs to nothing.
#[derive(Debug)]
pub struct Fixer<'a> {
    /// Asked again before anything goes.
    pub sources: Sources<'a>,
    /// Asked between the steps.
    pub interrupt: &'a Interrupt,
    /// Whether notes are for people.
    pub format: ErrorFormat,
}

impl Fixer<'_> {
    /// Removes those of `orphans` that may go and are orphans still, and
    /// writes into `rows`, one for each, what came of it.
    ///
    /// One that cannot be removed is no reason to leave the others.
    pub fn fix(
        &self,
        orphans: &[Orphan],
        rows: &mut [Check],
        events: &mut Events,
    ) -> Result<(), Error> {
        let mut done = vec![false; orphans.len()];
        for index in 0..orphans.len() {
            let owner = &orphans[index].owner;
            let is_with = |n: &usize| {
                let (one, it) = (&orphans[*n], &orphans[index]);
                one.is_fixable
                    && !done[*n]
                    && (*n == index || (owner.is_some() && one.owner == it.owner))
            };
            let group: Vec<_> = (index..orphans.len()).filter(is_with).collect();
            if !orphans[index].is_fixable || group.is_empty() || done[index] {
                continue;
            }
            self.interrupt.check()?;
            self.group(orphans, &group, rows, events)?;
            group.iter().for_each(|n| done[*n] = true);
        }
        Ok(())
    }

    /// Removes what was for one container, under its lock.
    fn group(
        &self,
        orphans: &[Orphan],
        group: &[usize],
        rows: &mut [Check],
        events: &mut Events,
    ) -> Result<(), Error> {
        let owner = group.first().and_then(|first| orphans[*first].owner.as_deref());
        let held = owner.map(|owner| self.lock(owner)).transpose();
        let still = held.and_then(|lock| Ok((lock, judge::orphans(&self.sources.gather()?))));
        let (_lock, still) = match still {
            Ok(found) => found,
            Err(error) => {
                group.iter().for_each(|n| fail(&mut rows[*n], &error));
                return Ok(());
            }
        };
        for n in group {
            self.interrupt.check()?;
            let (orphan, row) = (&orphans[*n], &mut rows[*n]);
            let now = still.iter().find(|other| other.is(orphan) && other.is_fixable);
            events.about(&orphan.name);
            match now.map(|_| self.remove(orphan, events)) {
                None => settle(row, Verdict::Ok, "it is somebody's now"),
                Some(Ok(())) => settle(row, Verdict::Fixed, &orphan.why),
                Some(Err(error)) if error.kind() == "image-in-use" => {
                    settle(row, Verdict::Ok, "another container uses it");
                }
                Some(Err(error)) => fail(row, &error),
            }
        }
        Ok(())
    }

    /// Takes the lock of the container `name`, if it has a state directory:
    /// without one no tool is at work on it.
    fn lock(&self, name: &str) -> Result<Option<Lock>, Error> {
        let directory = self.sources.places.container(name)?;
        let is_there = document::container::is_name(name) && state::is_of_container(&directory);
        let lock = is_there.then(|| Lock::take(&directory.join("lock"), PATIENCE));
        Ok(lock.transpose()?)
    }

    fn remove(&self, orphan: &Orphan, events: &mut Events) -> Result<(), Error> {
        let Orphan { thing, name, why, .. } = orphan;
        let check = thing.check();
        let text = format!("removing the {} '{name}': {why}", check.replace('-', " "));
        toolkit::note("ctr-doctor", self.format, &text);
        events.emit(check, Status::Started, Some(text));
        let removed = self.remove_quietly(thing, name);
        match &removed {
            Ok(()) => events.emit(check, Status::Done, None),
            Err(error) => events.emit(check, Status::Failed, Some(error.to_string())),
        }
        removed
    }

    fn remove_quietly(&self, thing: &Thing, name: &str) -> Result<(), Error> {
        let Sources { engine, places, siblings, .. } = &self.sources;
        match thing {
            Thing::Container(id) => {
                gone(engine.run(["rm", "--force", id]), "no-such-container")?;
            }
            Thing::Remnant => gone(engine.run(["rm", "--force", name]), "no-such-container")?,
            Thing::Network => engine.remove_network(name)?,
            Thing::Volume => engine.remove_volume(name)?,
            Thing::Image => engine.remove_image(name)?,
            Thing::Reservation(key, host) => {
                // Always said: the environment may name another.
                let host = host.as_deref().unwrap_or(HERE);
                siblings.run("portalloc", &["--release", key, "--host", host], b"")?;
            }
            Thing::Entry => drop(siblings.run("sshcfg", &["remove", name], b"")?),
            Thing::Master(path) => close(path)?,
            Thing::State => state::remove(&places.container(name)?)?,
        }
        Ok(())
    }
}

/// Ends the master of a socket, and removes a socket that nobody listens on.
fn close(path: &Path) -> Result<(), Error> {
    let text = toolkit::ssh_config::path(path, toolkit::ssh_config::Expansion::Tokens);
    if let Ok(text) = text {
        ssh_master::close_at(&text, "x");
    }
    files::remove(path)?;
    Ok(())
}

/// Takes the error that there is no such thing for success.
fn gone(answer: Result<String, EngineError>, kind: &str) -> Result<(), EngineError> {
    match answer {
        Err(error) if !error.is(kind) => Err(error),
        _ => Ok(()),
    }
}

fn settle(row: &mut Check, status: Verdict, found: &str) {
    row.status = status;
    row.found = found.to_owned();
    row.cure = None;
}

/// What cannot be removed is there still, and the row says why.
fn fail(row: &mut Check, error: &Error) {
    row.status = Verdict::Failed;
    row.found = format!("cannot be removed: {error}");
    if let Some(hint) = error.hint() {
        row.cure = Some(hint);
    }
}
