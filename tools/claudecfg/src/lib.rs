//! Gives a container its agent's configuration and its secrets.
//!
//! [`find_token`] sees that there is a token, [`Plan`] says what the document
//! gets, and [`Plan::carry_out`] makes what it names. No secret is in the
//! document or in anything that is called from here.

mod directory;
mod error;
mod setup;
mod shells;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use document::{
    Container,
    container::{Inject, Mount, home, is_name},
};
use secrets::{
    claude::{usual_file, usual_files},
    delivery::{self, Copies},
};
use toolkit::{
    DataPlace, Places,
    files::{self, Lock},
};

use crate::setup::{NoToken, Terminal};
pub use crate::{directory::Seed, error::Error};

/// The variable that tells Claude Code where its configuration is.
const CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";

/// How long `claude setup-token` may take where a person is asked, and where
/// nobody is.
const PERSON: Duration = Duration::from_secs(300);
const NOBODY: Duration = Duration::from_secs(30);

/// What another run that asks for a token may take longer than this one would.
const MARGIN: Duration = Duration::from_secs(10);

/// Says whether there is anything to do for `container`, and refuses one whose
/// names could lead anywhere.
pub fn is_asked_for(container: &Container) -> Result<bool, Error> {
    if !delivery::are_wanted(container) {
        return Ok(false);
    }
    if !is_name(&container.name) {
        return Err(Error::BadName { name: container.name.clone() });
    }
    let hash = &container.project.hash;
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match hash.len() == 12 && hash.chars().all(is_digit) {
        true => Ok(true),
        false => Err(Error::BadHash { hash: hash.clone() }),
    }
}

/// Notes in `container` which file has Claude Code's token, and returns whether
/// there is none: the person's, or one of the usual ones.
///
/// One of the usual ones that is gone since the document was written is looked
/// for anew; one that a person has named must be there.
pub fn find_token(container: &mut Container) -> bool {
    let Some(claude) = &mut container.claude else { return false };
    let usual = usual_files();
    let is_gone = |path: &PathBuf| usual.contains(path) && path.symlink_metadata().is_err();
    claude.token_file = claude.token_file.take().filter(|path| !is_gone(path)).or_else(usual_file);
    claude.token_file.is_none()
}

/// Asks Claude Code for a token, notes in `container` which file has it, or
/// returns what to tell the person: that there is none is no reason to have no
/// container.
pub fn ask_for_token(
    container: &mut Container,
    places: &Places,
    limit: Option<Duration>,
) -> Result<Option<String>, Error> {
    let Some(path) = usual_files().into_iter().next() else { return Ok(None) };
    let person = Terminal::find();
    let limit = limit.unwrap_or(if person.is_some() { PERSON } else { NOBODY });
    let interrupt = setup::watch().map_err(Error::Signals)?;
    // Who waited for another run finds what that was told.
    let _lock = Lock::take(&places.state()?.join("claude.lock"), limit + MARGIN)?;
    if !find_token(container) {
        return Ok(None);
    }
    match setup::ask(person.as_ref(), limit, &interrupt) {
        Ok(token) => {
            files::create_private_dir(path.parent().unwrap_or(&path))?;
            files::replace(&path, format!("{token}\n").as_bytes(), 0o600)?;
            find_token(container);
            Ok(None)
        }
        Err(NoToken::Interrupted(interrupted)) => Err(interrupted.into()),
        Err(why) => Ok(Some(format!(
            "there is no token for Claude Code: {why}; log in inside the container, or write one \
             to '{}'",
            path.display()
        ))),
    }
}

/// What a container gets.
#[derive(Debug)]
pub struct Plan {
    /// Its state directory.
    directory: PathBuf,
    /// The directory of all containers' state.
    state: PathBuf,
    /// Where the engine is on this machine, the configuration on the host.
    configuration: Option<PathBuf>,
    /// Where the configuration is in the container.
    target: Option<String>,
    /// What is to be in it.
    seeds: Vec<Seed>,
}

impl Plan {
    /// Puts into `container` what it gets, and returns what has to be there for
    /// it.
    ///
    /// Files that other tools have listed below the configuration's directory
    /// are taken over: they are put into it where nothing is there, and stay.
    /// Where the engine is elsewhere nothing of this machine can be mounted, and
    /// the configuration is in the home's volume like everything else.
    pub fn of(container: &mut Container, places: &Places, data: &DataPlace) -> Result<Self, Error> {
        // Before anything is made: they can all be used.
        Copies::read(container)?;
        let state = places.state()?;
        let directory = places.container(&container.name)?;
        let is_here = !container.is_elsewhere();
        let mut plan =
            Self { directory, state, configuration: None, target: None, seeds: Vec::new() };
        if container.claude.is_some() {
            let target = format!("{}/.claude", home(container.user()?));
            container.set_variable(CONFIG_DIR, &target);
            if is_here {
                let path = data.agent(&container.project.hash)?;
                plan.seeds = take_seeds(container, &target);
                container.set_mount(Mount::bind(path.clone(), &target));
                plan.configuration = Some(path);
            }
            plan.target = Some(target);
        }
        if let Some(claude) = &mut container.claude {
            claude.directory.clone_from(&plan.configuration);
            claude.target.clone_from(&plan.target);
        }
        if is_here {
            delivery::mount(container, &plan.directory);
        }
        shells::list(container, &plan.state);
        Ok(plan)
    }

    /// Makes what the document names, and returns the paths of the files that
    /// have no place in the configuration.
    pub fn carry_out(&self) -> Result<Vec<PathBuf>, Error> {
        shells::write(&self.state)?;
        match &self.configuration {
            Some(path) => directory::make(path, &self.seeds),
            None => Ok(Vec::new()),
        }
    }
}

/// Takes the entries of `inject` out that lie at `target` or below.
fn take_seeds(container: &mut Container, target: &str) -> Vec<Seed> {
    let below = |entry: &Inject| Path::new(&entry.target).strip_prefix(target).is_ok();
    let (taken, others) = std::mem::take(&mut container.inject).into_iter().partition(below);
    container.inject = others;
    let taken: Vec<Inject> = taken;
    let seed = |entry: Inject| Seed {
        path: Path::new(&entry.target).strip_prefix(target).map(Path::to_owned).unwrap_or_default(),
        source: entry.source,
        // A mode that is none is refused by ctr-up; here it is the owner's own.
        mode: u32::from_str_radix(&entry.mode, 8).unwrap_or(0o600),
    };
    taken.into_iter().map(seed).collect()
}

#[cfg(test)]
mod tests;
