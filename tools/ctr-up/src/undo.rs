//! Taking back what a run has made, and nothing else.

use document::event::Status;
use engine::{EngineError, Nameless};
use toolkit::Failure;

use crate::{
    replace::LIMIT,
    steps::{Made, Run},
};

impl Run<'_> {
    /// Removes a container that holds nothing of anybody's.
    pub(crate) fn discard(&mut self, id: &str) -> Result<(), EngineError> {
        self.events.step("discard", || self.engine.remove(id, Nameless::Kept))
    }

    /// Takes back what this run has made. What cannot be taken back is told
    /// as an event: the error that led here is the one to be reported.
    pub(crate) fn undo(&mut self) {
        self.engine = self.patient;
        let Made { container, volumes, sidecars, mut found, started } =
            std::mem::take(&mut self.made);
        if let Some(id) = container {
            let removed = self.engine.remove(&id, Nameless::Kept);
            let name = self.plan.container.name.clone();
            if self.tell(&name, removed) {
                // Of one that is still there the next run has to know what it is.
                let _ = self.plan.journal.amend(|noted| {
                    noted.unfinished = false;
                    noted.unproven = false;
                });
            }
        }
        self.restore_project();
        self.restore_images();
        if sidecars {
            let removed = self.undo_sidecars();
            self.tell("the sidecars", removed);
        }
        for volume in volumes {
            let removed = self.engine.run(["volume", "rm", &volume]).map(drop);
            let removed = removed.or_else(|error| match error.kind() {
                "no-such-volume" => Ok(()),
                _ => Err(error),
            });
            if !self.tell(&volume, removed) {
                found.push(volume);
            }
        }
        let volumes = if started { Vec::new() } else { found };
        // A note that is lost makes volumes old, in which nothing is overwritten.
        let _ = self.note(volumes, false);
    }

    /// Stops a container that must not run. That it could not be is told.
    pub(crate) fn take_down(&mut self) {
        let name = self.plan.container.name.clone();
        let stopped = self.engine.run_within(["stop", "-t", "1", &name], LIMIT).map(drop);
        self.tell(&name, stopped);
    }

    /// Tells what became of `what`, and returns whether it is gone.
    pub(crate) fn tell(&mut self, what: &str, removed: Result<(), EngineError>) -> bool {
        let is_gone = removed.is_ok();
        let (status, message) = match removed {
            Ok(()) => (Status::Undone, what.to_owned()),
            Err(error) => (Status::Failed, error.to_string()),
        };
        self.events.emit("undo", status, Some(message));
        is_gone
    }
}
