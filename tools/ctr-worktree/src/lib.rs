//! Keeps a git worktree for each branch that somebody works on at the same time,
//! and takes away with it the container that it has.
//!
//! Git is asked and told on the host, in a repository of the person's; what lies
//! in a worktree may have come out of a container, and nothing of it is run.

mod add;
mod error;
mod linked;
mod place;
mod remove;
mod repository;
mod table;

use document::{Ports, Worktrees};
use toolkit::{DocumentError, Places, files};

pub use crate::{
    add::Wanted,
    error::Error,
    linked::{Linked, container_of, parse},
    place::{directory_of, parent},
    remove::{Surroundings, Terms},
    repository::Repository,
    table::{plain, render},
};

/// Returns the document that lists `worktrees`, of which the first is the main
/// one.
#[must_use]
pub fn describe(worktrees: &[Linked], ledger: &Ports) -> Worktrees {
    let all = worktrees.iter().enumerate();
    Worktrees::new(all.map(|(index, each)| each.described(index == 0, ledger)).collect())
}

/// Reads the ledger of ports, which knows the containers of worktrees.
pub fn ledger(places: &Places) -> Result<Ports, Error> {
    let path = places.ledger()?;
    let Some(text) = files::read(&path)? else { return Ok(Ports::empty()) };
    let from = format!("in '{}'", path.display());
    let parsed: Result<_, DocumentError> = toolkit::parse::<Ports>(&text, &from);
    Ok(parsed?.into_inner())
}

#[cfg(test)]
mod tests;
