//! Stop containers.
//!
//! [`plan`] says what is to be done, from what the engine lists; [`stop`]
//! does it.

mod error;

use std::{path::Path, time::Duration};

use document::event::Status;
use engine::{Engine, Managed, Summary};
use toolkit::{Events, Interrupt, ssh_master};

pub use crate::error::Error;

/// How long an engine may take beyond the time that the container is given.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a container is stopped.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// The seconds after which what has not ended is killed.
    pub seconds: u32,
    /// The ssh configuration to use instead of ssh's own files.
    pub ssh_config: Option<&'a Path>,
}

/// Returns what is to be stopped, in order: the container called `name`, then
/// its sidecars, the last started first; and the engine's verbs for each.
#[must_use]
pub fn plan<'a>(managed: &'a Managed, name: &str) -> Vec<(&'a Summary, &'static [&'static str])> {
    let sidecars = managed.sidecars(name);
    let all = managed.get(name).into_iter().chain(sidecars.into_iter().rev());
    let verbs = |container: &Summary| -> &'static [&'static str] {
        match container.status.as_str() {
            "created" | "stopped" => &[],
            // podman 4.3 does not stop what is paused.
            "paused" => &["unpause", "stop"],
            _ => &["stop"],
        }
    };
    all.map(|container| (container, verbs(container))).collect()
}

/// Stops the container called `name`, after it its sidecars, and closes the
/// ssh connections to it.
pub fn stop(
    engine: &Engine,
    managed: &Managed,
    name: &str,
    manner: Manner<'_>,
    interrupt: &Interrupt,
    events: &mut Events,
) -> Result<(), Error> {
    for (container, verbs) in plan(managed, name) {
        interrupt.check()?;
        events.about(&container.name);
        if verbs.is_empty() {
            events.emit("stop", Status::Unchanged, None);
        } else {
            events.step("stop", || run(engine, container, verbs, manner))?;
        }
        // Also of one that had stopped: its connections may not know it yet.
        if container.name == name {
            ssh_master::close(name, manner.ssh_config);
        }
    }
    Ok(())
}

fn run(
    engine: &Engine,
    container: &Summary,
    verbs: &[&str],
    manner: Manner<'_>,
) -> Result<(), Error> {
    let seconds = manner.seconds.to_string();
    let limit = Duration::from_secs(manner.seconds.into()).saturating_add(PATIENCE);
    for verb in verbs {
        let options = if *verb == "stop" { vec!["-t", &seconds] } else { Vec::new() };
        let args = [*verb].into_iter().chain(options).chain([container.name.as_str()]);
        let name = || container.name.clone();
        engine.run_within(args, limit).map_err(|source| Error::Stop { name: name(), source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
