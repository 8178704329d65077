//! Start containers.
//!
//! [`plan`] says what is to be done, from what the engine lists; [`start`]
//! does it, and takes back what it did of it if it cannot do all.

mod error;

use std::time::Duration;

use document::event::Status;
use engine::{Engine, EngineError, FailedCall, Managed, Summary};
use toolkit::Events;

pub use crate::error::Error;

/// How long an engine may take to start a container. It takes less than a
/// second; a podman that was killed in the middle of a start waits for ever
/// at the next one.
const PATIENCE: Duration = Duration::from_secs(60);

/// What makes a container run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Nothing: it runs.
    Nothing,
    /// It is started.
    Start,
    /// It is paused, and goes on.
    Unpause,
}

/// Returns what is to be done to the container called `name` and before that
/// to its sidecars, in order.
#[must_use]
pub fn plan<'a>(managed: &'a Managed, name: &str) -> Vec<(&'a Summary, Action)> {
    let sidecars = managed.sidecars(name);
    let all = sidecars.into_iter().chain(managed.get(name));
    let action = |container: &Summary| match container.status.as_str() {
        "running" => Action::Nothing,
        "paused" => Action::Unpause,
        _ => Action::Start,
    };
    all.map(|container| (container, action(container))).collect()
}

/// Starts the container called `name` and before it its sidecars.
///
/// If one cannot be started, those that this call has started are stopped.
pub fn start(
    engine: &Engine,
    managed: &Managed,
    name: &str,
    events: &mut Events,
) -> Result<(), Error> {
    let mut started = Vec::new();
    for (container, action) in plan(managed, name) {
        events.about(&container.name);
        if action == Action::Nothing {
            events.emit("start", Status::Unchanged, None);
            continue;
        }
        if let Err(error) = events.step("start", || run(engine, container, action)) {
            take_back(engine, &started, events);
            return Err(error);
        }
        started.push(container);
    }
    Ok(())
}

fn run(engine: &Engine, container: &Summary, action: Action) -> Result<(), Error> {
    let verb = if action == Action::Unpause { "unpause" } else { "start" };
    let result = engine.run_within([verb, &container.name], PATIENCE);
    result.map(drop).map_err(|source| explain(container, source))
}

/// Stops what was started; it was not running before, so nothing is lost.
fn take_back(engine: &Engine, started: &[&Summary], events: &mut Events) {
    for container in started.iter().rev() {
        events.about(&container.name);
        let stopped = engine.run(["stop", "-t", "10", &container.name]);
        let status = if stopped.is_ok() { Status::Undone } else { Status::Failed };
        events.emit("start", status, None);
    }
}

/// Says what is wrong with a container that does not start.
fn explain(container: &Summary, source: EngineError) -> Error {
    let (name, source) = (container.name.clone(), Box::new(source));
    match &*source {
        EngineError::Failed(call) if source.is("port-taken") => {
            let port = taken(container, call);
            Error::PortTaken { name, port, source }
        }
        EngineError::Failed(FailedCall { status: None, .. }) => Error::Stuck { name, source },
        _ if source.is("torn") => Error::Stuck { name, source },
        _ => Error::Start { name, source },
    }
}

/// Returns the service and the host port that the engine's words name.
fn taken(container: &Summary, call: &FailedCall) -> Option<(String, u16)> {
    let listed = container.listed();
    let named = |port: u16| {
        let text = format!(":{port}");
        call.last_words.match_indices(&text).any(|(at, _)| {
            !call.last_words[at + text.len()..].starts_with(|next: char| next.is_ascii_digit())
        })
    };
    let ports = listed.ports.into_iter().filter_map(|port| Some((port.service, port.host?)));
    ports.into_iter().find(|(_, host)| named(*host))
}

#[cfg(test)]
mod tests;
