//! Being asked to end while something must be undone first.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use nix::libc::{SIGHUP, SIGINT, SIGTERM};

use crate::{Exit, Failure};

/// Remembers the signal that asked the process to end.
///
/// Tools that change the world in several steps make one, ask it between the
/// steps, and undo what they did before they die of the signal.
#[derive(Clone, Debug)]
pub struct Interrupt {
    received: Arc<AtomicUsize>,
}

/// A signal asked the process to end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted by signal {0}")]
pub struct Interrupted(pub i32);

impl Interrupt {
    /// Notes SIGINT, SIGTERM and SIGHUP from now on instead of dying of them.
    pub fn watch() -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&received), number)?;
        }
        Ok(Self { received })
    }

    /// Returns an error if a signal came.
    pub fn check(&self) -> Result<(), Interrupted> {
        match self.received.load(Ordering::Relaxed) {
            0 => Ok(()),
            number => Err(Interrupted(i32::try_from(number).unwrap_or(SIGTERM))),
        }
    }
}

impl Failure for Interrupted {
    fn kind(&self) -> &'static str {
        "interrupted"
    }

    fn exit(&self) -> Exit {
        Exit::Signal(self.0)
    }
}
