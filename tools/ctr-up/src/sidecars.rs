//! The sidecars of an isolated container: there and well before it is, and
//! gone with it if this run made them.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use document::{
    Verify,
    event::Status,
    labels,
    verify::{Probe, Verdict},
};
use engine::{EngineError, HERE, NamedVolume, Nameless, PROXY, Summary};
use secrets::Effort;
use toolkit::SiblingError;

use crate::{
    Error, Plan,
    isolated::Isolated,
    one_line,
    steps::{Run, SETTLE},
};

/// How long they may take until they are well.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long is waited before they are asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// How many seconds one is given to end by itself.
const GRACE: &str = "10";

/// Why ctr-verify(1) cannot try what only the engine's machine would hear.
const ELSEWHERE: &str = "engine-elsewhere";

/// The networks and the volumes of sidecars, by their names.
#[derive(Debug, Default)]
pub(crate) struct Around {
    networks: Vec<String>,
    volumes: Vec<String>,
    /// The volumes that are not the sidecars', but the container's, or those of the other
    /// services of the repository's own Compose file.
    own: Vec<String>,
}

impl Run<'_> {
    /// Makes the sidecars be there and well; those that are are left alone,
    /// unless they are to be made `anew`. Without isolation there are none.
    pub(crate) fn surround(&mut self, anew: bool) -> Result<(), Error> {
        let Some(isolated) = &self.plan.isolated else { return Ok(()) };
        let found = self.sidecars()?;
        found.iter().try_for_each(|found| self.engine.check_authority(found))?;
        if !anew && all_run(isolated, &found) {
            self.events.emit("surround", Status::Unchanged, None);
            return self.equip(isolated, found);
        }
        self.interrupt.check()?;
        self.before = self.around()?;
        self.made.sidecars = found.is_empty();
        let (engine, plan) = (self.engine, self.plan);
        let result = self.events.step("surround", || {
            isolated.up(engine, anew).or_else(|error| {
                // What a call of a run that was killed has left half-way holds
                // nothing of anybody's.
                if !error.is("name-taken") && !error.is("torn") {
                    return Err(error);
                }
                sleep(SETTLE);
                for service in isolated.services() {
                    engine.remove(isolated.container(service), Nameless::Kept)?;
                }
                isolated.up(engine, anew)
            })
        });
        result.map_err(|error| match error.is("port-taken") {
            true => Error::PortTaken {
                name: plan.container.name.clone(),
                ports: self.ports(),
                source: Box::new(error),
            },
            false => error.into(),
        })?;
        self.equip(isolated, Vec::new())
    }

    /// Waits until the sidecars are well, and makes the proxy, which is among `found`
    /// if it was there before, have the secrets of the document.
    fn equip(&mut self, isolated: &Isolated, found: Vec<Summary>) -> Result<(), Error> {
        self.await_health(isolated)?;
        let (engine, Plan { secrets, directory, .. }) = (self.engine, self.plan);
        if !secrets::are_due(secrets, directory)? {
            return Ok(());
        }
        let found = if found.is_empty() { self.sidecars()? } else { found };
        let proxy = found.iter().find(|found| found.sidecar_type() == Some(PROXY));
        let Some(proxy) = proxy else { return Ok(()) };
        self.events.step("secrets", || {
            secrets::bring(engine, &proxy.id, secrets, directory, Effort::IfChanged)
        })?;
        Ok(())
    }

    /// Lists what stands around the container: one call.
    pub(crate) fn sidecars(&self) -> Result<Vec<Summary>, EngineError> {
        let filter = format!("label={}={}", labels::SIDECAR_OF, self.plan.container.project.hash);
        self.engine.containers(&[&filter])
    }

    /// Waits until each sidecar says that it is well. podman does not ask by
    /// itself, so both engines are asked in the same way.
    fn await_health(&mut self, isolated: &Isolated) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        for service in isolated.services() {
            let Some(check) = isolated.check(service) else { continue };
            let name = isolated.container(service);
            let args: Vec<_> = ["exec", name].into_iter().map(str::to_owned).chain(check).collect();
            self.events.emit("health", Status::Started, Some(service.to_owned()));
            while let Err(error) = self.engine.ask(&args) {
                self.interrupt.check()?;
                if Instant::now() > deadline {
                    self.events.emit("health", Status::Failed, Some(service.to_owned()));
                    let words = self.last_words(name);
                    let words = if words.is_empty() { one_line(&error.to_string()) } else { words };
                    let (name, seconds) = (name.to_owned(), PATIENCE.as_secs());
                    return Err(Error::Unhealthy { name, seconds, words });
                }
                sleep(PAUSE);
            }
            self.events.emit("health", Status::Done, Some(service.to_owned()));
        }
        Ok(())
    }

    /// Carries out `steps`, after which the container runs, and has it tried whether
    /// its isolation holds. One of which that cannot be said does not run on; where
    /// this run does not come so far as to stop it, the next one knows.
    pub(crate) fn prove(
        &mut self,
        steps: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.plan.isolated.is_none() {
            return steps(self);
        }
        self.plan.journal.amend(|noted| noted.unproven = true)?;
        let result = steps(self).and_then(|()| self.try_to_escape());
        if result.is_err() {
            self.take_down();
        }
        result
    }

    /// Has ctr-verify(1) try to get out of the container by every way but the
    /// proxy. One that leads out is an error, and so is one of which nobody knows.
    /// That none does is noted.
    pub(crate) fn try_to_escape(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        if plan.isolated.is_none() {
            return Ok(());
        }
        self.interrupt.check()?;
        let name = &plan.container.name;
        let siblings = plan.siblings.clone().with("CTRKIT_ENGINE", self.engine.program());
        let siblings = siblings.with("CTRKIT_HOST", self.engine.host().unwrap_or(HERE));
        let siblings = siblings.heeding(self.interrupt);
        let args = ["--quick", "--json", name];
        let answer = self.events.step("probe", || siblings.ask("ctr-verify", &args, b""));
        self.interrupt.check()?;
        let unprobed = |why: String| Error::Unprobed { name: name.clone(), why };
        let answer = match answer {
            Ok(answer) => {
                serde_json::from_slice(&answer).map_err(|error| unprobed(error.to_string()))
            }
            Err(SiblingError::Failed(failed)) => Err(unprobed(failed.message)),
            Err(error) => Err(error.into()),
        };
        judge(name, &answer?)?;
        Ok(plan.journal.amend(|noted| noted.unproven = false)?)
    }

    /// Notes what stands around the container before the CLI makes anything: in a
    /// person's own Compose file there may be services beside it.
    pub(crate) fn before_cli(&mut self) -> Result<(), Error> {
        let section = self.plan.container.devcontainer.as_ref();
        let mode = section.and_then(|section| section.mode.as_deref());
        if self.plan.isolated.is_none() && mode == Some("compose") {
            self.before = self.around()?;
            self.made.sidecars = self.sidecars()?.is_empty();
        }
        Ok(())
    }

    /// Stops the sidecars, so that their ports are free.
    pub(crate) fn stop_sidecars(&mut self) -> Result<(), EngineError> {
        for found in self.sidecars()?.iter().filter(|found| found.status == "running") {
            self.events.step("stop", || self.engine.run(["stop", "-t", GRACE, &found.id]))?;
        }
        Ok(())
    }

    /// Starts them again, as far as they are there.
    pub(crate) fn start_sidecars(&mut self) -> Result<(), EngineError> {
        for found in self.sidecars()?.iter().filter(|found| found.status != "running") {
            self.events.step("start", || self.engine.run(["start", &found.id]))?;
        }
        Ok(())
    }

    /// Lists the networks and the volumes of the sidecars.
    fn around(&self) -> Result<Around, EngineError> {
        let hash = &self.plan.container.project.hash;
        let networks = self.engine.networks_of(hash)?.into_iter().map(|network| network.name);
        let name = &self.plan.container.name;
        let all = self.engine.volumes(&[&format!("label={}=true", labels::MANAGED)])?;
        let is_of = |volume: &NamedVolume| volume.sidecar_of.as_deref() == Some(hash);
        let (of, mut own): (Vec<_>, Vec<_>) = all.into_iter().partition(is_of);
        own.retain(|volume| volume.container.as_deref() == Some(name));
        let names = |all: Vec<NamedVolume>| all.into_iter().map(|volume| volume.name).collect();
        Ok(Around { networks: networks.collect(), volumes: names(of), own: names(own) })
    }

    /// Removes them, and of their networks and volumes those that are there and
    /// were not there before this run made any.
    pub(crate) fn remove_sidecars(&mut self) -> Result<(), EngineError> {
        for found in self.sidecars()? {
            self.engine.remove(&found.id, Nameless::Removed)?;
        }
        let Around { networks, volumes, .. } = self.around()?;
        for network in networks.iter().filter(|name| !self.before.networks.contains(name)) {
            self.engine.remove_network(network)?;
        }
        for volume in volumes.iter().filter(|name| !self.before.volumes.contains(name)) {
            self.engine.remove_volume(volume)?;
        }
        Ok(())
    }

    /// Removes them as they were made by this run, and with them the volumes that came
    /// along.
    pub(crate) fn undo_sidecars(&mut self) -> Result<(), EngineError> {
        self.remove_sidecars()?;
        let now = self.around()?;
        for volume in now.own.iter().filter(|name| !self.before.own.contains(name)) {
            self.engine.remove_volume(volume)?;
        }
        Ok(())
    }
}

/// Says whether all of them run.
fn all_run(isolated: &Isolated, found: &[Summary]) -> bool {
    isolated.services().into_iter().all(|service| {
        let name = isolated.container(service);
        found.iter().any(|found| found.name == name && found.status == "running")
    })
}

/// Takes a way out, and what could not be tried, for an error. What arrives at
/// another machine nobody hears, and no container there would ever do.
fn judge(name: &str, verified: &Verify) -> Result<(), Error> {
    let probes = || verified.containers.iter().flat_map(|container| &container.probes);
    let of = |verdict| probes().filter(move |probe| probe.verdict == verdict);
    let name = name.to_owned();
    if let Some(probe) = of(Verdict::GotOut).next() {
        let (id, cure) = (probe.id.clone(), probe.cure.clone());
        let detail = probe.detail.clone().unwrap_or_default();
        return Err(Error::Escaped { name, probe: id, detail, cure });
    }
    let is_needed = |probe: &&Probe| probe.cause.as_deref() != Some(ELSEWHERE);
    let untested = probes().filter(|probe| probe.verdict != Verdict::Held).find(is_needed);
    match untested {
        Some(probe) => {
            let why = probe.detail.as_deref().unwrap_or_default();
            Err(Error::Unprobed { name, why: format!("{}: {why}", probe.id) })
        }
        None if probes().next().is_none() => {
            Err(Error::Unprobed { name, why: "nothing was tried".to_owned() })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use toolkit::Failure;

    use super::*;

    #[track_caller]
    fn check(probes: &str, expected: Option<&str>) {
        let text = format!(
            r#"{{"schema":"verify/1","verdict":"held","containers":[{{"name":"a","id":"1","verdict":"held","probes":[{probes}]}}]}}"#
        );
        let found = judge("a", &serde_json::from_str(&text).unwrap());
        assert_eq!(found.err().map(|error| error.kind()), expected, "{probes}");
    }

    #[test]
    fn what_got_out_or_was_not_tried_is_an_error() {
        let probe = |verdict: &str, more: &str| {
            format!(r#"{{"id":"ipv6","verdict":"{verdict}","proves":"x"{more}}}"#)
        };
        let held = probe("held", "");
        check(&held, None);
        check(&format!("{held},{}", probe("got-out", "")), Some("not-isolated"));
        let untested = probe("untested", r#","cause":"proxy-silent""#);
        check(&format!("{untested},{}", probe("got-out", "")), Some("not-isolated"));
        check(&format!("{held},{untested}"), Some("isolation-unknown"));
        check(&format!("{held},{}", probe("of-tomorrow", "")), Some("isolation-unknown"));
        check(&format!("{held},{}", probe("untested", r#","cause":"engine-elsewhere""#)), None);
        check("", Some("isolation-unknown"));
    }
}
