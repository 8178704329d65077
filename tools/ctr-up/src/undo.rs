//! Taking back what a run has made, and nothing else.

use document::event::Status;
use engine::EngineError;
use toolkit::Failure;

use crate::{
    journal::Pending,
    steps::{Made, Run},
};

impl Run<'_> {
    /// Removes a container that was created and never started.
    pub(crate) fn discard(&mut self, id: &str) -> Result<(), EngineError> {
        self.events.step("discard", || self.engine.run(["rm", "--force", id]))?;
        Ok(())
    }

    /// Takes back what this run has made. What cannot be taken back is told
    /// as an event: the error that led here is the one to be reported.
    pub(crate) fn undo(&mut self) {
        let Made { container, volumes, mut found, started } = std::mem::take(&mut self.made);
        if let Some(id) = container {
            let removed = self.engine.run(["rm", "--force", &id]).map(drop);
            let name = self.plan.container.name.clone();
            self.tell(&name, gone_is_gone(removed, "no-such-container"));
        }
        for volume in volumes {
            let removed = self.engine.run(["volume", "rm", &volume]).map(drop);
            if !self.tell(&volume, gone_is_gone(removed, "no-such-volume")) {
                found.push(volume);
            }
        }
        let volumes = if started { Vec::new() } else { found };
        // A note that is lost makes volumes old, in which nothing is overwritten.
        let _ = self.plan.journal.note(&Pending { volumes, place: false });
    }

    /// Tells what became of `what`, and returns whether it is gone.
    fn tell(&mut self, what: &str, removed: Result<(), EngineError>) -> bool {
        let is_gone = removed.is_ok();
        let (status, message) = match removed {
            Ok(()) => (Status::Undone, what.to_owned()),
            Err(error) => (Status::Failed, error.to_string()),
        };
        self.events.emit("undo", status, Some(message));
        is_gone
    }
}

/// Takes the error that there is no such thing for success.
fn gone_is_gone(removed: Result<(), EngineError>, kind: &str) -> Result<(), EngineError> {
    removed.or_else(|error| if error.kind() == kind { Ok(()) } else { Err(error) })
}
