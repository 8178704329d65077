//! Start containers.
//!
//! [`plan`] says what is to be done, from what the engine lists;
//! [`Starter::start`] does it, and takes back what it did of it if it cannot do
//! all.

mod again;
mod error;

use std::{sync::mpsc, thread, time::Duration};

use document::{Container, audio::Audio, event::Status, labels};
use engine::{Engine, EngineError, FailedCall, Health, Managed, PROXY, Summary};
use secrets::{Effort, Secrets};
use toolkit::{
    Events, Interrupt, Places, Siblings,
    files::{self, Lock},
    sshd::SERVE,
    state,
};

pub use crate::error::{Error, UnwellProxy};

/// How long an engine may take to start a container. It takes less than a
/// second; a podman that was killed in the middle of a start waits for ever
/// at the next one.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether somebody wants it to end, while a lock is waited for.
const GLANCE: Duration = Duration::from_millis(50);

/// How many of its last lines are told of a proxy that is not well.
const LAST_LINES: usize = 8;

/// What makes a container run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Nothing: it runs.
    Nothing,
    /// It is started.
    Start,
    /// It is paused, and goes on.
    Unpause,
}

/// Returns what is to be done to the container called `name` and before that
/// to its sidecars, in order.
#[must_use]
pub fn plan<'a>(managed: &'a Managed, name: &str) -> Vec<(&'a Summary, Action)> {
    let sidecars = managed.sidecars(name);
    let all = sidecars.into_iter().chain(managed.get(name));
    let action = |container: &Summary| match container.status.as_str() {
        "running" => Action::Nothing,
        "paused" => Action::Unpause,
        _ => Action::Start,
    };
    all.map(|container| (container, action(container))).collect()
}

/// What starts containers.
#[derive(Debug)]
pub struct Starter<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// What there is on it.
    pub managed: &'a Managed,
    /// Where the document is that was applied last.
    pub places: &'a Places,
    /// How long a proxy may take until it is healthy.
    pub limit: Duration,
    /// Asked between the steps.
    pub interrupt: Interrupt,
    /// How the life-cycle commands of a devcontainer.json are run.
    pub siblings: Siblings,
}

impl Starter<'_> {
    /// Starts the container called `name` and before it its sidecars. One that
    /// is isolated is not started before its proxy is healthy and has its secrets,
    /// whose files may be others than at the last time, and not at all without one or
    /// with something else of the worktree than it had.
    ///
    /// If one cannot be started, those that this call has started are stopped.
    pub fn start(&self, name: &str, events: &mut Events) -> Result<(), Error> {
        self.interrupt.check()?;
        let plan = plan(self.managed, name);
        check_proxy(&plan)?;
        if plan.last().is_some_and(|(app, _)| app.status == "created") {
            self.let_it_be_made(name)?;
        }
        self.check_proven(&plan)?;
        again::check(self.engine, self.places, &plan)?;
        let secrets = self.secrets(name, &plan)?;
        let mut started = Vec::new();
        for (container, action) in &plan {
            let done = self.one(container, *action, &plan, &secrets, events);
            if let Err(error) = done {
                take_back(self.engine, &started, events);
                return Err(error);
            }
            if *action != Action::Nothing {
                started.push(*container);
            }
        }
        match plan.last() {
            Some((app, action)) if *action != Action::Unpause => self.revive(app, *action, events),
            _ => Ok(()),
        }
    }

    /// Refuses to start what is isolated where ctr-up(1) was kept from trying whether it is,
    /// or has found that it is not.
    fn check_proven(&self, plan: &[(&Summary, Action)]) -> Result<(), Error> {
        match plan.last() {
            Some((app, Action::Start)) if app.is_isolated() => {
                match state::is_unproven(&self.places.container(&app.name)?)? {
                    true => Err(Error::Unproven { name: app.name.clone() }),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Has the guard started that the container called `name` sees by a bind mount, where
    /// it has one (audiotun(1)).
    pub fn sound(&self, name: &str, events: &mut Events) -> Result<(), Error> {
        let path = self.places.container(name)?.join(state::DOCUMENT);
        let is_heard = self.managed.get(name).is_some_and(|app| app.label(labels::AUDIO).is_some());
        if !is_heard || !path.exists() {
            return Ok(());
        }
        let document = toolkit::read_file::<Container>(&path)?;
        if document.audio.as_ref().is_some_and(Audio::is_bound) {
            events.step("audio", || self.siblings.run("audiotun", &["guard", name], b""))?;
        }
        Ok(())
    }

    fn one(
        &self,
        container: &Summary,
        action: Action,
        plan: &[(&Summary, Action)],
        secrets: &Secrets,
        events: &mut Events,
    ) -> Result<(), Error> {
        if let Some(proxy) = proxy(plan).filter(|_| !container.is_sidecar() && starts(plan)) {
            events.about(&proxy.name);
            events.step("wait-for-proxy", || self.wait(&container.name, &proxy.name))?;
            self.bring(secrets, &container.name, proxy, events)?;
        }
        events.about(&container.name);
        if action == Action::Nothing {
            events.emit("start", Status::Unchanged, None);
            return Ok(());
        }
        events.step("start", || run(self.engine, container, action))
    }

    /// Does what each start of a container wants that the devcontainers CLI made:
    /// its ssh server runs beside its first process, and there may be commands. One
    /// that runs may have been started by the engine, and have no ssh server yet.
    fn revive(
        &self,
        container: &Summary,
        action: Action,
        events: &mut Events,
    ) -> Result<(), Error> {
        if container.label(labels::VIA) != Some(labels::DEVCONTAINER) {
            return Ok(());
        }
        let mut is_new = action == Action::Start;
        if !container.is_isolated() {
            let args = ["exec", "--user", "0:0", &container.name, "/bin/sh", "-c", SERVE];
            let served = events.step("serve", || self.engine.ask(args));
            is_new |= !served.map_err(|source| explain(container, source))?.trim().is_empty();
        }
        if !is_new {
            return Ok(());
        }
        let path = self.places.container(&container.name)?.join(state::DOCUMENT);
        let Some(document) = files::read(&path)? else { return Ok(()) };
        let args = ["--keep"];
        let ran =
            events.step("life-cycle", || self.siblings.run("ctr-lifecycle", &args, &document));
        // A tool that a signal ended has failed for no reason of its own.
        self.interrupt.check()?;
        ran?;
        Ok(())
    }

    /// Waits for the run of ctr-up(1) that makes the container called `name`, which
    /// lacks its files yet. Where none does, nothing is waited for.
    fn let_it_be_made(&self, name: &str) -> Result<(), Error> {
        let directory = self.places.container(name)?;
        if !directory.is_dir() {
            return Ok(());
        }
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(Lock::take(&directory.join("lock"), PATIENCE).map(drop)));
        loop {
            match receiver.recv_timeout(GLANCE) {
                Ok(result) => return Ok(result?),
                Err(_) => self.interrupt.check()?,
            }
        }
    }

    /// Reads the secrets of the container called `name`, if it is to be started and
    /// they are known.
    fn secrets(&self, name: &str, plan: &[(&Summary, Action)]) -> Result<Secrets, Error> {
        if !starts(plan) || proxy(plan).is_none() {
            return Ok(Secrets::default());
        }
        let path = self.places.container(name)?.join(state::DOCUMENT);
        if !path.exists() {
            return Ok(Secrets::default());
        }
        let document = toolkit::read_file::<Container>(&path)?;
        Ok(Secrets::read(document.isolation.as_ref())?)
    }

    /// Makes `proxy` have the secrets of the container called `name`.
    fn bring(
        &self,
        secrets: &Secrets,
        name: &str,
        proxy: &Summary,
        events: &mut Events,
    ) -> Result<(), Error> {
        let directory = self.places.container(name)?;
        if !secrets::are_due(secrets, &directory)? {
            return Ok(());
        }
        let _lock = Lock::take(&directory.join("lock"), PATIENCE)?;
        events.step("secrets", || {
            secrets::bring(self.engine, &proxy.id, secrets, &directory, Effort::IfChanged)
        })?;
        Ok(())
    }

    /// Waits until `proxy` is healthy, for the container called `name`; one that
    /// has no health check cannot be asked.
    fn wait(&self, name: &str, proxy: &str) -> Result<(), Error> {
        let go_on = || self.interrupt.check().map_err(Error::from);
        let why = match self.engine.wait_for_health(proxy, self.limit, go_on) {
            Ok(Health::Healthy | Health::None) => return Ok(()),
            Ok(Health::Unhealthy(words)) if !words.is_empty() => words,
            Ok(health) => format!("it is {} after {} s", health.word(), self.limit.as_secs()),
            Err(Error::Engine(error)) if error.is("not-running") => "it has ended".to_owned(),
            Err(error) => return Err(error),
        };
        // What it wrote says more, where it can be had.
        let log = self.engine.log(proxy, LAST_LINES).unwrap_or_default();
        let (name, proxy, engine) = (name.to_owned(), proxy.to_owned(), self.engine.kind());
        Err(Error::Proxy(Box::new(UnwellProxy { name, proxy, why, log, engine })))
    }
}

/// Says whether anything is to be done.
fn starts(plan: &[(&Summary, Action)]) -> bool {
    plan.iter().any(|(_, action)| *action != Action::Nothing)
}

/// Returns the proxy among what is to be started.
fn proxy<'a>(plan: &[(&'a Summary, Action)]) -> Option<&'a Summary> {
    plan.iter().map(|(each, _)| *each).find(|each| each.sidecar_type() == Some(PROXY))
}

/// Fails if a container is to run without the proxy that its label says it has.
fn check_proxy(plan: &[(&Summary, Action)]) -> Result<(), Error> {
    match plan.last() {
        Some((app, _)) if app.is_isolated() && proxy(plan).is_none() => {
            Err(Error::NoProxy { name: app.name.clone() })
        }
        _ => Ok(()),
    }
}

fn run(engine: &Engine, container: &Summary, action: Action) -> Result<(), Error> {
    let verb = if action == Action::Unpause { "unpause" } else { "start" };
    let result = engine.run_within([verb, &container.name], PATIENCE);
    result.map(drop).map_err(|source| explain(container, source))
}

/// Stops what was started; it was not running before, so nothing is lost.
fn take_back(engine: &Engine, started: &[&Summary], events: &mut Events) {
    for container in started.iter().rev() {
        events.about(&container.name);
        let stopped = engine.run(["stop", "-t", "10", &container.name]);
        let status = if stopped.is_ok() { Status::Undone } else { Status::Failed };
        events.emit("start", status, None);
    }
}

/// Says what is wrong with a container that does not start.
fn explain(container: &Summary, source: EngineError) -> Error {
    let (name, source) = (container.name.clone(), Box::new(source));
    match &*source {
        EngineError::Failed(call) if source.is("port-taken") => {
            let port = taken(container, call);
            Error::PortTaken { name, port, source }
        }
        EngineError::Failed(FailedCall { status: None, .. }) => Error::Stuck { name, source },
        _ if source.is("torn") => Error::Stuck { name, source },
        _ => Error::Start { name, source },
    }
}

/// Returns the service and the host port that the engine's words name.
fn taken(container: &Summary, call: &FailedCall) -> Option<(String, u16)> {
    let listed = container.listed();
    let named = |port: u16| {
        let text = format!(":{port}");
        call.last_words.match_indices(&text).any(|(at, _)| {
            !call.last_words[at + text.len()..].starts_with(|next: char| next.is_ascii_digit())
        })
    };
    let ports = listed.ports.into_iter().filter_map(|port| Some((port.service, port.host?)));
    ports.into_iter().find(|(_, host)| named(*host))
}

#[cfg(test)]
mod tests;
