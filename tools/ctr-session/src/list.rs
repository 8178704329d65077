//! What sessions there are.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use document::{
    Extra, Sessions,
    sessions::{Session, Without},
};
use engine::{Engine, Managed, Summary};
use jiff::Timestamp;
use toolkit::Failure;

use crate::{
    Error, Place, Tmux,
    tmux::{Command, command},
};

/// How many containers are asked at the same time.
const AT_ONCE: usize = 8;

/// Numbers first: the name, which may have blanks in it, is the rest.
const SESSION: &str = "#{session_id} #{session_windows} #{session_created} \
                       #{session_activity} #{session_name}";

/// A client in control mode is a program that follows, and no terminal.
const CLIENT: &str = "client #{session_id} #{client_control_mode}";

/// Returns the sessions in one container: one call of the engine.
pub fn one(tmux: Tmux<'_>) -> Result<Sessions, Error> {
    let text = tmux.call(&[], &commands(), None)?;
    Ok(Sessions::new(parse(&tmux.place.name, &text), Vec::new()))
}

/// Returns the sessions in all containers of ctrkit, and why there are none in
/// a container: one call of the engine for each that runs.
#[must_use]
pub fn all(engine: &Engine, managed: &Managed) -> Sessions {
    let apps = managed.apps();
    let results = Mutex::new(Vec::with_capacity(apps.len()));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(app) = apps.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = ask(engine, app);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((app.name.clone(), found));
        }
    };
    thread::scope(|scope| {
        for _ in 0..apps.len().min(AT_ONCE) {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut list = Sessions::new(Vec::new(), Vec::new());
    for (container, found) in results {
        match found {
            Ok(sessions) => list.sessions.extend(sessions),
            Err(error) => list.without.push(without(container, &error)),
        }
    }
    list
}

fn ask(engine: &Engine, app: &Summary) -> Result<Vec<Session>, Error> {
    let place = Place::listed(app)?;
    one(Tmux::new(engine, &place)).map(|list| list.sessions)
}

fn without(container: String, error: &Error) -> Without {
    let (kind, reason) = (error.kind().to_owned(), error.to_string());
    Without { container, kind, reason, extra: Extra::new() }
}

fn commands() -> [Command; 2] {
    [command(["list-sessions", "-F", SESSION]), command(["list-clients", "-F", CLIENT])]
}

/// Reads the lines that [`commands`] ask for.
pub(crate) fn parse(container: &str, text: &str) -> Vec<Session> {
    let terminals: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("client ")?.strip_suffix(" 0")).collect();
    text.lines().filter_map(|line| session(container, line, &terminals)).collect()
}

fn session(container: &str, line: &str, terminals: &[&str]) -> Option<Session> {
    let mut fields = line.splitn(5, ' ');
    let id = fields.next().filter(|id| id.starts_with('$'))?;
    let windows = fields.next()?.parse().ok()?;
    let (created, activity) = (time(fields.next()?), time(fields.next()?));
    let attached = terminals.iter().filter(|of| **of == id).count();
    Some(Session {
        container: container.to_owned(),
        name: fields.next()?.to_owned(),
        windows,
        attached: u32::try_from(attached).unwrap_or(u32::MAX),
        created,
        activity,
        extra: Extra::new(),
    })
}

/// Reads seconds since 1970.
fn time(text: &str) -> Option<String> {
    let time = Timestamp::from_second(text.parse().ok()?).ok()?;
    Some(time.to_string())
}
