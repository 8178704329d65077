//! Making the container anew although there is one.
//!
//! The old one is stopped, renamed and kept until the new one has shown the
//! right certificate: as long as it is there, the new one is provisional.
//! Then the journal says that the new one is good, and the old one goes.

use std::time::Duration;

use document::Container;
use engine::{EngineError, Nameless, REPLACED, Summary};
use toolkit::ssh_master;

use crate::{
    Error, Files,
    found::{Found, Seen},
    journal::{Replacing, Was},
    steps::Run,
    volumes::{Parts, look_around},
};

/// How many seconds the old container is given to end by itself.
const GRACE: &str = "10";

/// How long an engine may take to stop, freeze or start it.
pub(crate) const LIMIT: Duration = Duration::from_secs(70);

/// The container that is being replaced.
#[derive(Clone, Debug)]
pub(crate) struct Old {
    /// Its id.
    id: String,
    /// Whether it has no way out but its proxy.
    isolated: bool,
    /// What the journal says of it.
    pub(crate) replacing: Replacing,
}

impl Old {
    fn of(found: &Summary, replacing: Replacing) -> Self {
        Self { id: found.id.clone(), isolated: found.is_isolated(), replacing }
    }
}

impl Was {
    fn of(found: Found) -> Self {
        match found {
            Found::Paused => Self::Paused,
            Found::Stopped => Self::Stopped,
            Found::Absent | Found::Unstarted | Found::Running => Self::Running,
        }
    }

    /// Returns the engine's verbs that make a container that is `status` now
    /// what it was.
    pub(crate) fn again(self, status: &str) -> &'static [&'static str] {
        match (self, status) {
            (Self::Running, "running") | (Self::Paused, "paused") => &[],
            (Self::Running, "paused") => &["unpause"],
            (Self::Running, _) => &["start"],
            (Self::Paused, "running") => &["pause"],
            (Self::Paused, _) => &["start", "pause"],
            (Self::Stopped, "running") => &["stop"],
            (Self::Stopped, "paused") => &["unpause", "stop"],
            (Self::Stopped, _) => &[],
        }
    }
}

impl Run<'_> {
    /// Makes the container anew. Returns its id, and what it is then: what the
    /// old one was, except that one that was frozen is not made to run.
    pub(crate) fn replace(
        &mut self,
        seen: Seen,
        files: impl FnOnce() -> Result<Files, Error>,
    ) -> Result<(Option<String>, &'static str), Error> {
        let found = self.judge(seen.summary.as_ref())?;
        seen.replaced.iter().try_for_each(|replaced| self.plan.refuse_others(replaced))?;
        // All that can be wanting is looked for before anything is touched.
        let files = files()?;
        let parts = seen.parts.unwrap_or_else(|| look_around(self.engine, self.plan.container))?;
        self.see_that_nothing_is_missing(&parts)?;
        let (was, useless) = self.begin(found, seen.summary, seen.replaced)?;
        match self.carry_out(&useless, was, files, parts) {
            Ok(id) => {
                self.finish()?;
                Ok((id, if was == Was::Running { "running" } else { "stopped" }))
            }
            Err(error) => {
                self.undo();
                self.put_back();
                Err(error)
            }
        }
    }

    /// Refuses to go on without a volume that the container had.
    ///
    /// One that the document did not name before is made like any other.
    fn see_that_nothing_is_missing(&self, (_, volumes): &Parts) -> Result<(), Error> {
        let kept = toolkit::read_file::<Container>(&self.plan.kept);
        let kept = kept.map(|kept| kept.into_inner().volumes).unwrap_or_default();
        let wanted = &self.plan.container.volumes;
        let had = |name: &str| kept.iter().any(|volume| volume.name == name);
        let is_there = |name: &str| volumes.iter().any(|volume| volume.name == name);
        match wanted.iter().find(|volume| had(&volume.name) && !is_there(&volume.name)) {
            Some(volume) => Err(Error::VolumeMissing {
                volume: volume.name.clone(),
                name: self.plan.container.name.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Settles which container is the old one and what it was, and notes it.
    /// Returns what it was, and the containers that are good for nothing.
    fn begin(
        &mut self,
        found: Found,
        summary: Option<Summary>,
        replaced: Option<Summary>,
    ) -> Result<(Was, Vec<Summary>), Error> {
        let pending = self.plan.journal.pending();
        let is_good = pending.replacing.is_some_and(|noted| noted.good);
        let noted = pending.replacing.filter(|_| !is_good);
        let (old, useless): (_, Vec<_>) = match &replaced {
            // What another run has made of it is not known to be good.
            Some(_) if !is_good => (replaced, summary.into_iter().collect()),
            _ if found == Found::Unstarted => (None, summary.into_iter().chain(replaced).collect()),
            _ => (summary, replaced.into_iter().collect()),
        };
        let was = match noted {
            Some(noted) => noted.was,
            None if old.as_ref().is_some_and(Summary::is_replaced) => Was::default(),
            None => Was::of(found),
        };
        let place = noted.map_or(pending.place, |noted| noted.place);
        let replacing = Replacing { was, place, good: false };
        self.old = old.map(|old| Old::of(&old, replacing));
        self.note(pending.volumes, false)?;
        Ok((was, useless))
    }

    fn carry_out(
        &mut self,
        useless: &[Summary],
        was: Was,
        files: Files,
        parts: Parts,
    ) -> Result<Option<String>, Error> {
        for useless in useless {
            self.discard(&useless.id)?;
        }
        self.set_aside()?;
        self.make_successor(files, parts, was)
    }

    /// Stops the old container, so that its ports are free, and renames it.
    fn set_aside(&mut self) -> Result<(), Error> {
        let Some(Old { id, .. }) = self.old.clone() else { return Ok(()) };
        let name = self.plan.container.name.clone();
        let Some(found) = self.find(&id)? else {
            // It went by itself, which is what is wanted of it at last.
            self.old = None;
            return Ok(());
        };
        self.interrupt.check()?;
        for verb in Was::Stopped.again(&found.status) {
            self.engine_step(verb, &id)?;
        }
        if self.plan.isolated.is_none() && found.is_isolated() {
            // They hold the ports.
            self.stop_sidecars()?;
        }
        // Whoever shares a connection to it would hang on it.
        ssh_master::close(&name, self.plan.ssh_config.as_deref());
        self.interrupt.check()?;
        if found.name == name {
            let aside = format!("{name}{REPLACED}");
            let renamed = self.events.step("rename", || self.engine.run(["rename", &id, &aside]));
            // A call of a run that was killed may have done it meanwhile.
            if let Err(error) = renamed {
                let found = self.find(&id)?;
                if found.is_none_or(|found| found.name != aside) {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn make_successor(
        &mut self,
        files: Files,
        parts: Parts,
        was: Was,
    ) -> Result<Option<String>, Error> {
        let id = self.try_to_make(files, Some(Ok(parts)))?;
        if was != Was::Running {
            let name = self.plan.container.name.clone();
            self.engine_step("stop", &name)?;
        }
        self.interrupt.check()?;
        Ok(id)
    }

    /// Notes that the new container is good, and removes the old one, but no
    /// volume.
    fn finish(&mut self) -> Result<(), Error> {
        let Some(old) = &mut self.old else { return Ok(()) };
        let Old { id, isolated, replacing } = old;
        replacing.good = true;
        let (id, isolated) = (id.clone(), *isolated);
        self.note(Vec::new(), false)?;
        self.events.step("remove", || self.engine.remove(&id, Nameless::Kept))?;
        self.old = None;
        // It is not one that was not there before.
        self.made.container = None;
        self.forget_sidecars(isolated)?;
        Ok(())
    }

    /// Removes the sidecars of a container whose successor has none.
    fn forget_sidecars(&mut self, was_isolated: bool) -> Result<(), EngineError> {
        match was_isolated && self.plan.isolated.is_none() {
            true => self.remove_sidecars(),
            false => Ok(()),
        }
    }

    /// Makes the old container what it was, under its own name. What fails is
    /// told as an event, and stays noted for the next run.
    fn put_back(&mut self) {
        let Some(old) = self.old.clone() else { return };
        self.engine = self.patient;
        let name = self.plan.container.name.clone();
        ssh_master::close(&name, self.plan.ssh_config.as_deref());
        let result = self.restore(&old);
        self.tell(&name, result);
    }

    fn restore(&mut self, old: &Old) -> Result<(), EngineError> {
        let Old { id, isolated, replacing } = old;
        let name = self.plan.container.name.clone();
        let found = self.find(id)?;
        if let Some(found) = &found {
            if found.name != name {
                self.events.step("rename", || self.engine.run(["rename", id, &name]))?;
            }
            match isolated {
                true => self.start_sidecars()?,
                // What was to stand around its successor has its ports.
                false if self.plan.isolated.is_some() => self.remove_sidecars()?,
                false => {}
            }
            for verb in replacing.was.again(&found.status) {
                self.engine_step(verb, id)?;
            }
        }
        self.old = None;
        // A note that is lost makes the next run put it back once more.
        let _ = self.plan.journal.amend(|noted| {
            (noted.replacing, noted.place) = (None, replacing.place);
            if found.is_some() {
                // It is whole, and what holds it was stopped meanwhile.
                (noted.unfinished, noted.unproven) = (false, *isolated);
            }
        });
        Ok(())
    }

    /// Returns the container with that id, under either of its names.
    fn find(&self, id: &str) -> Result<Option<Summary>, EngineError> {
        let (found, replaced) = self.engine.container_and_replaced(&self.plan.container.name)?;
        Ok([found, replaced].into_iter().flatten().find(|found| found.id == id))
    }

    fn engine_step(&mut self, verb: &str, id: &str) -> Result<(), EngineError> {
        let options = if verb == "stop" { vec!["-t", GRACE] } else { Vec::new() };
        let args = [verb].into_iter().chain(options).chain([id]);
        self.events.step(verb, || self.engine.run_within(args, LIMIT)).map(drop)
    }

    /// Takes a replacement back that a run has left unfinished, and looks
    /// again. Where there is none, nothing is asked.
    pub(crate) fn recover(&mut self, seen: Seen) -> Result<Seen, Error> {
        let pending = self.plan.journal.pending();
        let replaced = seen.replaced.as_ref().filter(|found| self.plan.is_ours(found));
        if replaced.is_none() && pending.replacing.is_none() {
            return Ok(seen);
        }
        seen.summary.iter().try_for_each(|found| self.plan.refuse_others(found))?;
        let replacing = pending.replacing.unwrap_or_default();
        match (replaced, &seen.summary) {
            (Some(old), _) if replacing.good => {
                self.events.step("remove", || self.engine.remove(&old.id, Nameless::Kept))?;
                self.forget_sidecars(old.is_isolated())?;
            }
            (Some(old), new) => {
                if let Some(new) = new {
                    self.discard(&new.id)?;
                }
                self.restore(&Old::of(old, replacing))?;
            }
            // It was stopped, and not renamed yet.
            (None, Some(old)) if !replacing.good => {
                self.restore(&Old::of(old, replacing))?;
            }
            (None, _) => {}
        }
        self.plan.journal.amend(|noted| noted.replacing = None)?;
        Ok(self.plan.look(self.engine, self.interrupt, self.events)?)
    }
}
