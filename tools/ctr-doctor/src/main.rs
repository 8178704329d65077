//! ctr-doctor(1): say what is well and what is not, and remove what belongs
//! to nothing.

use std::process::ExitCode;

use clap::Parser;
use config::Config;
use ctr_doctor::{Chosen, Error, Fixer, Machine, Sources, judge};
use document::{
    Doctor,
    doctor::{Check, Verdict},
};
use engine::{EngineArgs, EngineError};
use toolkit::{Common, Events, Exit, Failure, Interrupt, Places, Siblings, Tool};

/// Say what is well and what is not, and remove what belongs to nothing
///
/// Looks at the engine, at the machine and at all that ctrkit has made, and
/// writes a table. The status is 1 if something is wrong.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrDoctor {
    /// Remove what belongs to nothing, each named before it goes; of the
    /// volumes those of sidecars alone, and nothing that could hold work
    #[arg(long)]
    fix: bool,

    /// Write one doctor/1 document
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrDoctor {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let config = config::read(&self.places)?;
        let chosen = ctr_doctor::choose(&self.engine, &config, &self.places, &interrupt);
        interrupt.check()?;
        let mut checks = ctr_doctor::engine(&chosen);
        checks.extend(self.machine(&chosen)?);
        if let Ok(chosen) = &chosen {
            checks.extend(self.things(chosen, &config, &interrupt, events)?);
        }
        let section = chosen.ok().map(|chosen| chosen.engine.section());
        let document = Doctor::new(section, checks);
        let is_well = document.is_well();
        match self.json {
            true => toolkit::write(&document.into())?,
            false => toolkit::write_text(&ctr_doctor::render(&document.checks))?,
        }
        Ok(if is_well { Exit::Success } else { Exit::No })
    }
}

impl CtrDoctor {
    fn machine(&self, chosen: &Result<Chosen, EngineError>) -> Result<Vec<Check>, Error> {
        let chosen = chosen.as_ref().ok();
        Ok(ctr_doctor::machine(&Machine {
            kind: chosen.map(|chosen| chosen.engine.kind()),
            info: chosen.map(|chosen| &chosen.info),
            host: chosen.and_then(|chosen| chosen.engine.host()),
            state: self.places.state()?,
        }))
    }

    /// Looks at what ctrkit has made; what cannot be looked at is a row too.
    fn things(
        &self,
        chosen: &Chosen,
        config: &Config,
        interrupt: &Interrupt,
        events: &mut Events,
    ) -> Result<Vec<Check>, Error> {
        let engine = &chosen.engine;
        let siblings = self.siblings(chosen)?;
        let ssh_config = self.engine.ssh_config();
        let places = &self.places;
        let sources = Sources { engine, places, siblings: &siblings, config, ssh_config };
        let facts = sources.gather();
        interrupt.check()?;
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) => return Ok(vec![unseen(&error)]),
        };
        let mut checks = ctr_doctor::things(&facts);
        let orphans = judge::orphans(&facts);
        let mut rows = ctr_doctor::orphans(&orphans, engine.kind());
        if self.fix {
            let format = self.common.error_format;
            Fixer { sources, interrupt, format }.fix(&orphans, &mut rows, events)?;
        }
        checks.extend(rows);
        Ok(checks)
    }

    fn siblings(&self, chosen: &Chosen) -> Result<Siblings, Error> {
        let mut siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", self.places.config()?)
            .with("CTRKIT_STATE_DIR", self.places.state()?)
            .with("CTRKIT_ENGINE", chosen.engine.program());
        if let Some(events) = &self.common.events {
            siblings = siblings.with("CTRKIT_EVENTS", events);
        }
        if let Some(ssh_config) = self.engine.ssh_config() {
            siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
        }
        Ok(siblings)
    }
}

/// Returns the row that says why ctrkit's things could not be looked at.
fn unseen(error: &Error) -> Check {
    let check = Check::new("containers", Verdict::Failed, error.to_string());
    match (error, error.hint()) {
        (_, Some(hint)) => check.cure(hint),
        // The one document that is read here is the ledger.
        (Error::Document(_), None) => check.cure("let it be mended: portalloc --list"),
        (_, None) => check,
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrDoctor>()
}
