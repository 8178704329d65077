//! What there is by the container's name, and what may be made of it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use document::labels;
use engine::{Engine, EngineError, Summary};
use toolkit::{Events, Interrupt};

use crate::{
    Error, Plan,
    answer::ATTEMPT,
    probe::Answer,
    volumes::{Parts, look_around},
};

/// What the engine has by the container's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// Nothing.
    Absent,
    /// The container of an unfinished run, which never ran.
    Unstarted,
    /// The container, made from this document or to be replaced, and running.
    Running,
    /// Likewise, and frozen.
    Paused,
    /// Likewise, and not running now.
    Stopped,
}

/// What was learnt before anything is touched.
pub(crate) struct Seen {
    /// The container, if there is one.
    pub(crate) summary: Option<Summary>,
    /// The one that it was to replace, if a run that was killed has left it.
    pub(crate) replaced: Option<Summary>,
    /// What sshd said, if it was asked.
    pub(crate) answer: Option<Answer>,
    /// What the container is made of, if that was asked.
    pub(crate) parts: Option<Result<Parts, Error>>,
}

impl Plan<'_> {
    /// Asks the engine for the container, and at the same time what is asked
    /// next: sshd for its certificate where it has shown one before, else the
    /// engine for what a container is made of.
    pub(crate) fn look(
        &self,
        engine: &Engine,
        interrupt: &Interrupt,
        events: &mut Events,
    ) -> Result<Seen, EngineError> {
        let in_vain = AtomicBool::new(false);
        let stop = || in_vain.load(Ordering::Relaxed) || interrupt.check().is_err();
        thread::scope(|scope| {
            let was_up = self.kept.exists() && !self.replace;
            let asked = was_up.then(|| scope.spawn(|| self.probe.ask(ATTEMPT, stop)));
            let parts = (!was_up).then(|| scope.spawn(|| look_around(engine, self.container)));
            let found =
                events.step("check", || engine.container_and_replaced(&self.container.name));
            let runs = |(found, _): &(Option<Summary>, _)| {
                found.as_ref().is_some_and(|found| found.status == "running")
            };
            in_vain.store(!found.as_ref().is_ok_and(runs), Ordering::Relaxed);
            let answer = asked.and_then(|asked| asked.join().ok()?.ok());
            let parts = parts.and_then(|parts| parts.join().ok());
            let (summary, replaced) = found?;
            Ok(Seen { summary, replaced, answer, parts })
        })
    }

    /// Says whether `summary` is this project's, and vouched for by the same
    /// authority.
    pub(crate) fn is_ours(&self, summary: &Summary) -> bool {
        self.refuse_others(summary).is_ok()
    }

    /// Refuses what is not this project's, or not of this machine's authority.
    pub(crate) fn refuse_others(&self, summary: &Summary) -> Result<(), Error> {
        let name = summary.name.clone();
        let hash = summary.label(labels::PROJECT_HASH);
        if !summary.is_managed() || hash != Some(&self.container.project.hash) {
            let project = summary.label(labels::PROJECT_PATH).filter(|_| summary.is_managed());
            return Err(Error::NameTaken { name, project: project.map(str::to_owned) });
        }
        let authority = summary.label(labels::AUTHORITY);
        match (authority, self.container.label(labels::AUTHORITY)) {
            (Some(other), Some(own)) if other != own => {
                let authority = other.to_owned();
                Err(EngineError::OtherAuthority { name, authority }.into())
            }
            _ => Ok(()),
        }
    }

    /// Says what there is, and refuses what is not this project's or was made
    /// from another document, unless it is to be replaced; `has_run` says
    /// whether it ever ran.
    pub(crate) fn judge(
        &self,
        summary: Option<&Summary>,
        has_run: impl FnOnce(&Summary) -> Result<bool, EngineError>,
    ) -> Result<Found, Error> {
        let Some(summary) = summary else { return Ok(Found::Absent) };
        self.refuse_others(summary)?;
        // One that never ran holds nothing: any document may be made of it.
        if summary.status == "created" && !has_run(summary)? {
            return Ok(Found::Unstarted);
        }
        let sections = self.spec.changes(summary.label(labels::SPEC).unwrap_or_default());
        if !sections.is_empty() && !self.replace {
            return Err(Error::Changed { name: self.container.name.clone(), sections });
        }
        Ok(match summary.status.as_str() {
            "running" => Found::Running,
            "paused" => Found::Paused,
            _ => Found::Stopped,
        })
    }
}

/// Says whether a container that is listed as created ran at any time: some
/// engines list so what was running when the machine went down.
pub(crate) fn has_run(engine: &Engine, summary: &Summary) -> Result<bool, EngineError> {
    let started =
        engine.ask(["container", "inspect", "--format", "{{.State.StartedAt}}", &summary.id])?;
    // The zero of Go's time.Time, which both engines begin with.
    Ok(!started.trim().starts_with("0001-01-01"))
}
