//! Attack the isolation of a container, and say what held.
//!
//! [`attack`] puts a helper into the container, has it try what leads out, looks
//! at what arrives here, and takes it out again; [`search`] looks for secrets
//! with the same helper; [`tap()`] writes what came of it for people.

mod attack;
mod ear;
mod error;
mod helper;
mod jobs;
mod lines;
mod own;
mod probes;
mod secrets;
mod tap;
mod target;
mod words;

use document::{
    labels,
    verify::{Attacked, Verdict},
};
use engine::{Engine, EngineError, Summary};
use toolkit::Exit;

pub use crate::{
    attack::{Attack, attack},
    error::Error,
    jobs::Extent,
    secrets::{Secret, search, secrets},
    tap::tap,
    target::Given,
};

/// Returns the container called `name`, whoever's it is, or with that id.
pub fn container(engine: &Engine, name: &str) -> Result<Summary, EngineError> {
    if let Some(found) = engine.container(name)? {
        return Ok(found);
    }
    let is_id = name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = match is_id {
        true => engine.containers(&[&format!("id={name}")])?,
        false => Vec::new(),
    };
    let found = found.into_iter().find(|each| each.id.starts_with(name));
    found.ok_or_else(|| EngineError::NoSuchContainer { name: name.to_owned() })
}

/// Returns the containers of a Compose project that run. The sidecars of
/// ctrkit's are not among them: they are made to reach more.
pub fn project(engine: &Engine, project: &str) -> Result<Vec<Summary>, Error> {
    let mut found =
        engine.containers(&[&format!("label={}={project}", labels::COMPOSE_PROJECT)])?;
    if let Some(hash) = project.strip_prefix("ctrkit-") {
        let filter = format!("label={}={hash}", document::labels::PROJECT_HASH);
        found.extend(engine.containers(&[&filter])?);
    }
    found.retain(|each| each.status == "running" && !each.is_sidecar());
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.dedup_by(|one, other| one.id == other.id);
    match found.is_empty() {
        true => Err(Error::EmptyProject { project: project.to_owned() }),
        false => Ok(found),
    }
}

/// Returns the status that says what came of all of it: that something could not
/// be tried is not that it held.
#[must_use]
pub fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Held => Exit::Success,
        Verdict::GotOut => Exit::No,
        _ => Exit::Unavailable,
    }
}

/// Returns what came of the probes of one container.
pub(crate) fn attacked(
    summary: &Summary,
    proxy: Option<String>,
    probes: Vec<document::verify::Probe>,
) -> Attacked {
    Attacked {
        name: summary.name.clone(),
        id: summary.id.clone(),
        verdict: Verdict::of(probes.iter().map(|probe| probe.verdict)),
        proxy,
        probes,
        extra: document::Extra::new(),
    }
}

#[cfg(test)]
#[path = "../helper/main.rs"]
#[expect(dead_code, reason = "its main is that of another program")]
mod helper_program;
