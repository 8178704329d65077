//! Brings the token for GitHub into a container.
//!
//! [`check`] sees before anything is made that there is a token that can be
//! used; [`push`] makes a running container have it, or have none. Nothing
//! here, and nothing that is called from here, has the token in an argument.

mod error;
mod token;

use std::{path::Path, time::Duration};

use document::{
    Container,
    container::{Missing, is_name},
    event::Status,
};
use engine::{Engine, EngineError};
pub use secrets::Effort;
use secrets::{Memory, Record, Secrets, delivery};
use toolkit::{Events, Places, files::Lock};

pub use crate::{error::Error, token::Token};

/// Where everything lies in the container: outside of all volumes, so that
/// the token goes when the container goes.
const DIRECTORY: &str = "/etc/ctrkit/github";

/// Puts the token there; what it does is told in it.
const PUT: &str = include_str!("put.sh");

/// Takes it away again.
const REMOVE: &str = include_str!("remove.sh");

/// What answers git.
const HELPER: &str = include_str!("credential.sh");

/// What tells git of the helper.
const GITCONFIG: &str = include_str!("gitconfig");

/// How long another run for the same container may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the token that `container` is to have: a placeholder, where its proxy
/// has the real one.
pub fn check(container: &Container) -> Result<Option<Token>, Error> {
    if secrets::placeholder_for_github(container.isolation.as_ref()).is_some() {
        return Ok(Some(Token::placeholder()));
    }
    let file = container.github.as_ref().and_then(|github| github.token_file.as_deref());
    file.map(Token::read).transpose()
}

/// What became of gh's file in the user's home.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// All is as it should be.
    Done,
    /// gh has a file of the user's own, which stays.
    OwnHosts,
    /// gh's file has no place in the home.
    Unplaced,
}

/// A running container.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    name: &'a str,
    id: &'a str,
    user: &'a str,
}

impl<'a> Place<'a> {
    /// Returns the container of a document that ctr-up has written.
    pub fn of(container: &'a Container) -> Result<Self, Error> {
        let name = &container.name;
        if !is_name(name) {
            return Err(Error::BadName { name: name.clone() });
        }
        let id = container.state.as_ref().and_then(|state| state.id.as_deref());
        Ok(Self { name, id: id.ok_or(Missing("state.id"))?, user: container.user()? })
    }
}

/// Makes the container have `token`, or have none.
///
/// `engine` is called only if there is something to do.
pub fn push(
    place: Place<'_>,
    token: Option<&Token>,
    effort: Effort,
    places: &Places,
    engine: impl FnOnce() -> Result<Engine, EngineError>,
    events: &mut Events,
) -> Result<Outcome, Error> {
    let directory = places.container(place.name)?;
    if !directory.exists() && token.is_none() && effort == Effort::IfChanged {
        return Ok(Outcome::Done);
    }
    let _lock = Lock::take(&directory.join("lock"), PATIENCE)?;
    let memory = Memory::at(directory.join("github.json"));
    let record = memory.recall()?;
    match token {
        Some(token) if is_there(record.as_ref(), place, token) && effort == Effort::IfChanged => {
            events.emit("push", Status::Unchanged, None);
            Ok(Outcome::Done)
        }
        Some(token) => {
            let engine = engine()?;
            events.step("push", || put(&engine, place, token, &memory))
        }
        None if record.is_none() && effort == Effort::IfChanged => Ok(Outcome::Done),
        None => {
            let engine = engine()?;
            events.step("remove", || remove(&engine, place, &memory))?;
            Ok(Outcome::Done)
        }
    }
}

/// Brings the values of the container's secrets into its proxy, which runs.
pub fn push_secrets(
    container: &Container,
    places: &Places,
    engine: impl FnOnce() -> Result<Engine, EngineError>,
    events: &mut Events,
) -> Result<(), Error> {
    let secrets = Secrets::read(container.isolation.as_ref())?;
    let directory = places.container(&container.name)?;
    if !secrets::are_due(&secrets, &directory)? {
        return Ok(());
    }
    let _lock = Lock::take(&directory.join("lock"), PATIENCE)?;
    let engine = engine()?;
    let managed = engine.all_managed_with(std::slice::from_ref(&container.name))?;
    let proxy = managed.proxy(&container.name);
    let proxy = proxy.ok_or_else(|| Error::NoProxy { name: container.name.clone() })?;
    events.step("secrets", || {
        secrets::bring(&engine, &proxy.id, &secrets, &directory, Effort::Always)
    })?;
    Ok(())
}

/// Makes the container, which runs, have the secrets of its own that it is to
/// have, and returns what a person should know of it.
pub fn push_own_secrets(
    container: &Container,
    places: &Places,
    engine: impl FnOnce() -> Result<Engine, EngineError>,
    events: &mut Events,
) -> Result<Vec<String>, Error> {
    let place = Place::of(container)?;
    let directory = places.container(place.name)?;
    if !delivery::is_due(container, &directory, place.id, Effort::Always)? {
        return Ok(Vec::new());
    }
    let _lock = Lock::take(&directory.join("lock"), PATIENCE)?;
    let engine = engine()?;
    Ok(events.step("deliver", || delivery::deliver(container, &directory, place.id, &engine))?)
}

/// What makes the container as it is: with another version of the scripts it
/// is told again.
fn means<'a>(user: &'a str, token: &'a Token) -> [&'a str; 6] {
    [user, DIRECTORY, PUT, HELPER, GITCONFIG, token.reveal()]
}

fn is_there(record: Option<&Record>, place: Place<'_>, token: &Token) -> bool {
    record.is_some_and(|record| record.holds(place.id, &means(place.user, token)))
}

/// Puts the token into the container.
///
/// That it may be there is noted before, so that a run that is killed does not
/// leave one behind that nobody would take away.
fn put(
    engine: &Engine,
    place: Place<'_>,
    token: &Token,
    memory: &Memory,
) -> Result<Outcome, Error> {
    memory.note(&Record::begun(place.id))?;
    let args = ["exec", "--interactive", "--user", "0:0", place.id, "sh", "-c", PUT, "sh"];
    let args = args.into_iter().chain([DIRECTORY, place.user, HELPER, GITCONFIG]);
    let line = format!("{}\n", token.reveal());
    let said = engine.run_with_input(args, |pipe| pipe.write_all(line.as_bytes()));
    let said = said.map_err(|source| Error::push(place.name, source))?;
    memory.note(&Record::of(place.id, &means(place.user, token))?)?;
    Ok(match said.lines().last() {
        Some("own") => Outcome::OwnHosts,
        Some("unplaced") => Outcome::Unplaced,
        _ => Outcome::Done,
    })
}

fn remove(engine: &Engine, place: Place<'_>, memory: &Memory) -> Result<(), Error> {
    let args = ["exec", "--user", "0:0", place.id, "sh", "-c", REMOVE, "sh", DIRECTORY, place.user];
    engine.run(args).map_err(|source| Error::push(place.name, source))?;
    memory.forget()?;
    Ok(())
}

/// Returns the document that was applied last to the container called `name`.
pub fn applied(places: &Places, name: &str) -> Result<Container, Error> {
    if !is_name(name) {
        return Err(Error::BadName { name: name.to_owned() });
    }
    let path = places.container(name)?.join(toolkit::state::DOCUMENT);
    if !Path::exists(&path) {
        return Err(Error::NotApplied { name: name.to_owned() });
    }
    Ok(toolkit::read_file::<Container>(&path)?.into_inner())
}

#[cfg(test)]
mod tests;
