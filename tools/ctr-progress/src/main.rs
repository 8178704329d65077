//! ctr-progress(1): draw progress events for a person.

use std::{io, process::ExitCode};

use clap::{Parser, builder::Resettable};
use ctr_progress::{Drawing, Error, Look};
use toolkit::{Common, Events, Exit, Tool};

/// Draw progress events for a person
///
/// Reads event/1 documents, one per line, from standard input until it ends
/// and draws them on standard error: on a terminal one line per step that is
/// kept up to date, elsewhere one line per step that has ended. Lines that are
/// no events are ignored.
// The stream of CTRKIT_EVENTS is most often the one that is read here. Opened
// for writing too, it would never end.
#[derive(Debug, Parser)]
#[command(version, mut_arg("events", |events| events.env(Resettable::Reset)))]
struct CtrProgress {
    #[command(flatten)]
    look: Look,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrProgress {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        ctr_progress::outlive_interrupts()?;
        let drawing = Drawing::new(&self.look, &io::stderr());
        ctr_progress::follow(io::stdin().lock(), drawing)?;
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrProgress>()
}
