//! A program that runs as long as it is wanted.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use toolkit::children;

use crate::Error;

/// The pauses before what ended is started again, from the first to the last.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long it is given to end by itself: clients of the guard may keep it busy.
const GRACE: Duration = Duration::from_secs(2);

/// A program that is started again when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    child: Option<Child>,
    begun: Option<Instant>,
    pause: Duration,
}

impl Kept {
    /// Starts it if it does not run, but not too often.
    pub(crate) fn see_to(
        &mut self,
        start: impl FnOnce() -> Result<Child, Error>,
    ) -> Result<(), Error> {
        if let Some(child) = &mut self.child {
            if matches!(child.try_wait(), Ok(None)) {
                return Ok(());
            }
            self.child = None;
        }
        if self.begun.is_some_and(|begun| begun.elapsed() < self.pause) {
            return Ok(());
        }
        let lasted = self.begun.is_some_and(|begun| begun.elapsed() > LONGEST_PAUSE);
        self.pause = if lasted { PAUSE } else { (self.pause * 2).clamp(PAUSE, LONGEST_PAUSE) };
        self.begun = Some(Instant::now());
        self.child = Some(start()?);
        Ok(())
    }

    /// Asks it to end, and sees that it does.
    pub(crate) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It is not waited for yet, so that the id is still its own.
            let id = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
            let _ = kill(id, Signal::SIGTERM);
            children::wait_within(&mut child, GRACE);
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn a_program_that_heeds_no_signal_is_ended() {
        let mut kept = Kept::default();
        let script = "trap '' TERM; echo; exec sleep 600";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        kept.see_to(|| Ok(command.spawn().unwrap())).unwrap();
        let child = kept.child.as_mut().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let id = Pid::from_raw(child.id().try_into().unwrap());
        kept.end();
        assert!(kill(id, None).is_err());
    }
}
