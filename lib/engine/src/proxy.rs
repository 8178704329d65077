//! What the proxy of an isolated container says of itself.

use document::{Policy, proxy::STATUS};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Engine, EngineError, run};

/// The variable with the digest of the program that a proxy was made with.
const PROGRAM: &str = "CTRKIT_FILTER=";

/// The policy that a proxy enforces.
#[derive(Clone, Debug, Deserialize)]
pub struct InForce {
    /// The digest of the file that it was in.
    pub file: Option<String>,
    /// Its own digest.
    pub digest: String,
    /// The policy.
    pub policy: Policy,
    /// The file that the proxy did not take over, if that came later.
    #[serde(default)]
    pub refused: Option<NotInForce>,
}

/// A file that a proxy did not take over.
#[derive(Clone, Debug, Deserialize)]
pub struct NotInForce {
    /// The digest of the file.
    pub file: Option<String>,
    /// Why.
    pub problem: String,
}

/// How much a proxy has refused.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusals {
    /// Since when it counts: since its start.
    pub since: String,
    /// The number of records of refusals.
    pub refused: u64,
}

impl Engine {
    /// Returns what the proxy `name` enforces, or enforced last if it does not
    /// run, where it says so: one call.
    pub fn in_force(&self, name: &str) -> Result<Option<InForce>, EngineError> {
        self.told(name, "policy.json")
    }

    /// Returns what the proxy `name` has refused since its start, where it says
    /// so: one call.
    pub fn refusals(&self, name: &str) -> Result<Option<Refusals>, EngineError> {
        self.told(name, "count.json")
    }

    fn told<T: DeserializeOwned>(&self, name: &str, file: &str) -> Result<Option<T>, EngineError> {
        let path = format!("{STATUS}/{file}");
        let Some(text) = self.read_file(name, &path)? else { return Ok(None) };
        let told = serde_json::from_slice(&text).map_err(|source| EngineError::Unreadable {
            command: run::line(&self.command(["cp", &format!("{name}:{path}"), "-"])),
            source,
        });
        told.map(Some)
    }

    /// Returns the digest of the program that the proxy `name` was made with, if
    /// that is known: one call.
    pub fn program_of(&self, name: &str) -> Result<Option<String>, EngineError> {
        let format = "{{json .Config.Env}}";
        let mut command = self.command(["container", "inspect", "--format", format, name]);
        let text = self.succeed(&mut command)?;
        let variables: Option<Vec<String>> = serde_json::from_str(&text)
            .map_err(|source| EngineError::Unreadable { command: run::line(&command), source })?;
        let mut variables = variables.unwrap_or_default().into_iter();
        Ok(variables.find_map(|variable| variable.strip_prefix(PROGRAM).map(str::to_owned)))
    }
}
