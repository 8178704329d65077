//! The secrets of a container: those that only its proxy has, and those that
//! it has itself ([`delivery`]).
//!
//! A policy names files; the values travel from them to the proxy on standard
//! input, and are in no argument, variable, document or error. [`Secrets`] reads
//! them, [`bring`] makes the proxy have these and no others.

pub mod claude;
pub mod delivery;
mod error;
mod record;
mod value;

use std::path::Path;

use document::{
    policy::{Isolation, IsolationSecret},
    proxy::{FILTER, PLACEHOLDER, PYTHON, SECRETS},
};
use engine::Engine;

pub use crate::{
    error::Error,
    record::{Memory, Record},
    value::Secrets,
};

/// The record, in the container's state directory.
const RECORD: &str = "secrets.json";

/// When a container is told what it is told already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effort {
    /// Never: where nothing has changed since, no engine is called.
    IfChanged,
    /// Always: somebody may have changed it there.
    Always,
}

/// Says whether it has to be asked what a proxy has: there are secrets, or may be.
pub fn are_due(secrets: &Secrets, directory: &Path) -> Result<bool, Error> {
    Ok(!secrets.is_empty() || Memory::at(directory.join(RECORD)).recall()?.is_some())
}

/// Makes the proxy with the id `proxy`, which runs, have `secrets` and no others,
/// and returns whether it had to be told. `directory` is the state directory of
/// the container, whose lock the caller holds.
///
/// That it may have them is noted before, so that a run that is killed does not
/// leave any behind that nobody would take away.
pub fn bring(
    engine: &Engine,
    proxy: &str,
    secrets: &Secrets,
    directory: &Path,
    effort: Effort,
) -> Result<bool, Error> {
    let memory = Memory::at(directory.join(RECORD));
    let (record, parts) = (memory.recall()?, secrets.parts());
    let is_there = match &record {
        Some(record) => record.holds(proxy, &parts),
        None => secrets.is_empty(),
    };
    if is_there && effort == Effort::IfChanged {
        return Ok(false);
    }
    memory.note(&Record::begun(proxy))?;
    let text = secrets.to_json();
    let args = ["exec", "--interactive", proxy, PYTHON, "-I", FILTER, "--keep-secrets", SECRETS];
    engine
        .run_with_input(args, |pipe| pipe.write_all(text.as_bytes()))
        .map_err(|source| Error::Bring { source: Box::new(source) })?;
    match secrets.is_empty() {
        true => memory.forget()?,
        false => memory.note(&Record::of(proxy, &parts)?)?,
    }
    Ok(true)
}

/// Returns what stands in the container for the token of GitHub, where the proxy
/// has the real one: programs must have one to ask at all.
#[must_use]
pub fn placeholder_for_github(isolation: Option<&Isolation>) -> Option<&'static str> {
    let is_for_github = |secret: &IsolationSecret| {
        let is_variable =
            secret.env.as_deref().is_some_and(|name| ["GH_TOKEN", "GITHUB_TOKEN"].contains(&name));
        is_variable || ["github.com", "api.github.com"].contains(&secret.host.as_str())
    };
    isolation?.secrets.iter().any(is_for_github).then_some(PLACEHOLDER)
}
