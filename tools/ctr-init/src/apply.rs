//! Doing what is planned, the configuration last.

use std::path::{Path, PathBuf};

use config::{Config, Draft};
use toolkit::{Places, Siblings, expand_tilde};

use crate::{Error, plan::Plan, token::Token};

/// Makes the authority and its trust line, unless they are there, and returns
/// what is so now.
pub fn authority(places: &Places, config: &Config, events: Option<&Path>) -> Result<String, Error> {
    let prefix = config.prefix.as_deref().unwrap_or("dev");
    let mut siblings = Siblings::new()
        .with("CTRKIT_CONFIG_DIR", places.config()?)
        .with("CTRKIT_STATE_DIR", places.state()?);
    if let Some(events) = events {
        siblings = siblings.with("CTRKIT_EVENTS", events);
    }
    siblings.run("sshca", &["init", "--prefix", prefix], b"").map_err(Error::Authority)?;
    let known_hosts = places.config()?.join("known_hosts");
    Ok(format!("the authority vouches for {prefix}-* in '{}'", known_hosts.display()))
}

/// Returns the file of the token.
pub fn token_file(places: &Places, config: &Config, home: Option<&Path>) -> Result<PathBuf, Error> {
    Ok(match &config.github.token_file {
        Some(path) => expand_tilde(path, home),
        None => places.config()?.join("github-token"),
    })
}

/// Stores the token, and returns what was done.
pub fn token(token: &Token, path: &Path) -> Result<String, Error> {
    let is_new = token.store(path)?;
    let done = if is_new { "is stored in" } else { "is already in" };
    Ok(format!("the token for GitHub {done} '{}'", path.display()))
}

/// Changes the configuration to what is planned, and returns what was done.
pub fn configuration(places: &Places, plan: &Plan) -> Result<String, Error> {
    let path = config::path(places)?;
    let is_new = config::save(places, |draft| {
        edit(draft, plan)?;
        Ok::<_, Error>(())
    })?;
    let done = if is_new { "is written" } else { "needs no change" };
    Ok(format!("'{}' {done}", path.display()))
}

fn edit(draft: &mut Draft, plan: &Plan) -> Result<(), Error> {
    if plan.leaves_connection(&draft.config()?) {
        draft.unset("connection");
    }
    match &plan.host {
        Some(Some(host)) => draft.set("", "host", host),
        Some(None) => draft.unset("host"),
        None => {}
    }
    if let Some(engine) = &plan.engine {
        draft.set("", "engine", engine);
    }
    if let Some(identity) = &plan.identity_file {
        draft.set("ssh", "identity_file", identity);
    }
    if let Some(key) = &plan.authorized_key {
        draft.set("ssh", "authorized_key", key);
    }
    Ok(())
}
