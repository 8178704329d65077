//! Turns policies into the filter of the egress proxy, and back.
//!
//! [`render`] writes a filter, [`read`] reads one, [`check()`] explains a
//! decision, [`Lesson`] proposes what to add to a policy, and [`fill`] notes in
//! the document what is in force.

mod check;
mod error;
mod filter;
mod foreign;
mod guard;
mod learn;
mod python;
mod rest;

use std::path::{Path, PathBuf};

use document::{
    Container,
    policy::{Isolation, IsolationSecret},
};
use policy::{Library, Policy, Secret};
use toolkit::files::{self, Lock};

pub use crate::{
    check::{Answer, Target, check},
    error::Error,
    filter::render,
    foreign::Foreign,
    learn::{Lesson, Proposal, open_log},
};

/// The directory below the container's state that the proxy gets to see. It
/// is a directory and not a file because a file that is mounted alone stays
/// the old one when another takes its place.
const DIRECTORY: &str = "proxy";

/// The filter in that directory.
const FILTER: &str = "filter.py";

/// The file in a project that narrows its policies.
pub const PROJECT_POLICY: &str = ".ctrkit/policy.toml";

/// What is in force for one container.
#[derive(Debug)]
pub struct Force {
    /// What was asked for: names, and absolute files.
    pub names: Vec<String>,
    /// The file of the project that narrows it.
    pub narrowed_by: Option<PathBuf>,
    /// What that comes to.
    pub policy: Policy,
    /// The person's home, where files of secrets may be.
    pub home: Option<PathBuf>,
}

/// Notes in `document` what is in force, and where the filter is.
pub fn fill(document: &mut Container, force: &Force, filter: PathBuf) -> Result<(), Error> {
    let section = document.isolation.get_or_insert_with(Isolation::default);
    "proxy".clone_into(&mut section.mode);
    section.policies.clone_from(&force.names);
    section.narrowed_by.clone_from(&force.narrowed_by);
    section.allow = force.policy.allowed_names();
    section.passthrough = force.policy.passthrough_names();
    section.secrets = secrets(force)?;
    section.filter = Some(filter);
    section.digest = Some(force.policy.digest()?);
    section.program = Some(filter::program());
    Ok(())
}

/// Returns the secrets with the files that they are in.
fn secrets(force: &Force) -> Result<Vec<IsolationSecret>, Error> {
    let home = force.home.as_deref();
    let note = |secret: &Secret| {
        secret.noted(home).ok_or_else(|| Error::NoHome { file: secret.file.clone() })
    };
    force.policy.secrets.iter().map(note).collect()
}

/// Returns where the filter of the container with the state directory `state`
/// is.
#[must_use]
pub fn place(state: &Path) -> PathBuf {
    state.join(DIRECTORY).join(FILTER)
}

/// Writes `filter` below `state`, the state directory of the container, and
/// returns where.
///
/// The proxy runs under another account, so that the file can be read by all;
/// the directory above is the person's alone.
pub fn install(
    state: &Path,
    filter: &str,
    patience: std::time::Duration,
) -> Result<PathBuf, Error> {
    files::create_private_dir(state)?;
    let _lock = Lock::take(&state.join("proxy.lock"), patience)?;
    let directory = state.join(DIRECTORY);
    std::fs::create_dir_all(&directory).map_err(files::FileError::writing(&directory))?;
    let path = place(state);
    files::sweep(&path);
    files::replace(&path, filter.as_bytes(), 0o644)?;
    Ok(path)
}

/// Returns the policy that `name` is: a policy's name, several joined by `+`, a
/// file of one, or a filter.
pub fn load(library: &Library, name: &str) -> Result<Policy, Error> {
    let is_filter = Path::new(name).extension().is_some_and(|end| end == "py");
    if !is_filter {
        return Ok(library.compose(&[name.to_owned()])?);
    }
    let document = read(Path::new(name))?.policy;
    Ok(policy::parse(name, &serde_json::to_string(&document)?)?)
}

/// Reads a filter, of ours or of another program, as a policy.
pub fn read(path: &Path) -> Result<Foreign, Error> {
    let absent = || Error::FilterAbsent { path: path.to_owned() };
    let contents = files::read(path)?.ok_or_else(absent)?;
    let problem = || "it is not UTF-8".to_owned();
    let text = String::from_utf8(contents)
        .map_err(|_| Error::NoFilter { path: path.to_owned(), problem: problem() })?;
    match filter::parse(path, &text)? {
        Some(policy) => Ok(Foreign { policy: policy.document(), warnings: Vec::new() }),
        None => foreign::parse(path, &text),
    }
}

#[cfg(test)]
mod tests;
