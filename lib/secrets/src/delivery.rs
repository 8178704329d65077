//! The secrets that a container itself has, as files below [`DIRECTORY`].
//!
//! They are copies in a directory of the container's state, which is mounted
//! there to be read only. A directory and not the files, because a file that is
//! mounted by itself stays what it was when another is renamed into its place.
//! Where the engine is on another machine the copies are in the container.

mod account;
mod copies;
mod inside;
mod place;

use std::path::Path;

use document::Container;
use engine::Engine;
use toolkit::files::FileError;

pub use self::{
    copies::{Copies, NAME_RULE, VARIABLE_RULE, is_name},
    place::{mount, mounted, place},
};
use crate::{
    Effort, Error,
    record::{Memory, Record},
};

/// Where the container has them.
pub const DIRECTORY: &str = "/run/secrets";

/// The file beside them that says which variable has which: `VARIABLE NAME`.
pub const VARIABLES: &str = ".variables";

/// The name of Claude Code's token, and the variable that it is read from.
pub const CLAUDE: (&str, &str) = ("claude-token", "CLAUDE_CODE_OAUTH_TOKEN");

/// The record of what was delivered, beside it.
const RECORD: &str = "delivered.json";

/// Says whether `container` has secrets, or may have some while it runs.
#[must_use]
pub fn are_wanted(container: &Container) -> bool {
    container.claude.is_some() || !container.secrets.is_empty()
}

/// Makes the directory that is mounted, and notes that the container may have
/// secrets from now on, so that a run that is killed is taken up by the next.
/// For a container that is to be made; `directory` is its state directory, whose
/// lock the caller holds.
pub fn prepare(container: &Container, directory: &Path) -> Result<(), FileError> {
    if !are_wanted(container) {
        return Ok(());
    }
    place::make_place(directory)?;
    Memory::at(directory.join(RECORD)).note(&Record::default())
}

/// Where a container has its secrets from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Keeper<'a> {
    /// The directory that is mounted.
    Place,
    /// Itself, by its id.
    Container(&'a str),
}

impl<'a> Keeper<'a> {
    /// Returns where `container` has them from; one that was made without them
    /// has no place for any.
    fn of(container: &Container, id: &'a str) -> Option<Self> {
        match mounted(container) {
            Some(_) => Some(Self::Place),
            None => {
                (container.is_elsewhere() && are_wanted(container)).then_some(Self::Container(id))
            }
        }
    }

    /// Returns what the record calls it.
    fn name(self) -> &'a str {
        match self {
            Self::Place => "",
            Self::Container(id) => id,
        }
    }
}

/// Says whether [`deliver`] has anything to do; no engine is asked.
pub fn is_due(
    container: &Container,
    directory: &Path,
    id: &str,
    effort: Effort,
) -> Result<bool, Error> {
    let Some(keeper) = Keeper::of(container, id) else { return Ok(false) };
    let copies = Copies::read(container)?;
    let record = Memory::at(directory.join(RECORD)).recall()?;
    if copies.is_empty() && record.is_none() {
        return Ok(false);
    }
    let is_there = copies.is_known_by(record.as_ref(), keeper.name())
        && (keeper != Keeper::Place || copies.are_in(&place(directory)));
    Ok(effort == Effort::Always || !is_there)
}

/// Makes the container with that id, which runs, have its secrets and no others,
/// and lets its user write to the agent's configuration. Returns what a person
/// should know of it. `directory` is its state directory, whose lock the caller
/// holds.
///
/// That it may have them is noted before, so that a run that is killed does not
/// leave any behind that nobody would take away.
pub fn deliver(
    container: &Container,
    directory: &Path,
    id: &str,
    engine: &Engine,
) -> Result<Vec<String>, Error> {
    let Some(keeper) = Keeper::of(container, id) else { return Ok(Vec::new()) };
    let copies = Copies::read(container)?;
    let user = container.user.as_deref().unwrap_or("root");
    let memory = Memory::at(directory.join(RECORD));
    memory.note(&Record::begun(keeper.name()))?;
    let mut warnings = Vec::new();
    match keeper {
        Keeper::Place => {
            let account = account::account(engine, id, user)?;
            let cure = copies.write(directory, account, engine)?;
            warnings.extend(cure.map(|cure| {
                format!("'{user}' in '{}' cannot read its secrets; {cure}", container.name)
            }));
        }
        Keeper::Container(id) => copies.put(engine, id, user)?,
    }
    warnings.extend(inside::give_configuration(container, id, engine, user));
    match copies.is_empty() {
        true => memory.forget()?,
        false => memory.note(&copies.record(keeper.name())?)?,
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests;
