//! The policy that is in force.

use document::{Policy, proxy::FILTER};
use engine::Engine;
use sha2::{Digest, Sha256};
use toolkit::Siblings;

use crate::{Error, apply::digest, find, managed};

/// What filtergen(1) calls what it is given.
const INPUT: &str = "/dev/stdin";

/// The policy of a container, and what is the case with it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The policy.
    pub policy: Policy,
    /// Its digest.
    pub digest: String,
    /// Whether the proxy runs; one that does not begins with the policy.
    pub runs: bool,
    /// What is wrong, where the file that the proxy has is not in force.
    pub differs: Option<String>,
}

impl Shown {
    /// Asks the proxy of the container called `name`.
    pub fn of(engine: &Engine, siblings: &Siblings, name: &str) -> Result<Self, Error> {
        let managed = managed(engine, name)?;
        let (_, proxy) = find(&managed, name)?;
        let runs = proxy.status == "running";
        let file = engine.read_file(&proxy.id, FILTER)?;
        let told = if runs { engine.in_force(&proxy.id)? } else { None };
        let Some(told) = told else { return Self::of_file(siblings, file.as_deref(), runs) };
        let there = file.as_deref().map(digest);
        let refused = told.refused.filter(|refused| refused.file == there);
        let differs = match (refused, &there) {
            (Some(refused), _) => {
                Some(format!("the proxy does not take it over: {}", refused.problem))
            }
            (None, there) if *there == told.file => None,
            (None, Some(_)) => Some("the proxy has not taken it over".to_owned()),
            (None, None) => Some("it is gone".to_owned()),
        };
        Ok(Self { policy: told.policy, digest: told.digest, runs, differs })
    }

    /// Has filtergen(1) read the file that a proxy has, which says no more itself.
    fn of_file(siblings: &Siblings, file: Option<&[u8]>, runs: bool) -> Result<Self, Error> {
        let line = siblings.run("filtergen", &["--read", INPUT], file.unwrap_or_default())?;
        let policy: Policy = toolkit::parse::<Policy>(&line, "that filtergen wrote")?.into_inner();
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let digest = format!("sha256:{:x}", Sha256::digest(line));
        let differs = runs.then(|| "the proxy does not say what is in force".to_owned());
        Ok(Self { policy, digest, runs, differs })
    }
}
