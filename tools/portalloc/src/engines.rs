//! Asking the engines which containers there are.

use document::labels;
use engine::{Choice, Engine, EngineArgs, EngineError, HERE, Kind};
use toolkit::{ErrorFormat, Places};

use crate::{Error, Found, Machine, Rescue};

/// The engines that a ledger is about.
#[derive(Clone, Copy, Debug)]
pub struct Engines<'a> {
    /// What the command line says.
    pub args: &'a EngineArgs,
    /// Where the configuration is.
    pub places: &'a Places,
    /// What the document says, where there is one.
    pub document: Option<&'a document::container::Engine>,
    /// The machine that is meant.
    pub machine: &'a Machine,
    /// How warnings are written.
    pub format: ErrorFormat,
}

impl Engines<'_> {
    /// Asks each engine of the machine for the containers of ctrkit: the one
    /// that was asked for, or else all that are installed, whichever of them the
    /// configuration prefers.
    ///
    /// One that does not answer is an error, and so is that there is none.
    pub fn present(&self) -> Result<Vec<Found>, Error> {
        let asks_all = self.args.asked().is_none() && *self.machine == Machine::Here;
        let engines = if asks_all { installed()? } else { self.find()? };
        if engines.is_empty() {
            return Err(EngineError::NoneInstalled.into());
        }
        let answers: Result<Vec<_>, _> = engines.into_iter().map(containers).collect();
        Ok(answers?.into_iter().flatten().collect())
    }

    fn find(&self) -> Result<Vec<Engine>, Error> {
        if let Some(section) = self.document {
            return Ok(vec![self.args.for_document(Some(section), self.places)?]);
        }
        let config = config::read(self.places)?;
        let is_named = self.args.asked().or(config.engine.as_deref()).is_some();
        if !is_named && *self.machine == Machine::Here {
            return installed();
        }
        // The machine is the one that is meant, whatever the configuration has.
        let host = Some(self.machine.url().unwrap_or(HERE).to_owned());
        let args = EngineArgs { host, ..self.args.clone() };
        Ok(vec![args.find(&config, self.places)?])
    }
}

impl Rescue for Engines<'_> {
    /// Asks the engine that is named, or else all that are installed, one
    /// call each: the ledger is about the ports of a machine, whichever
    /// engine uses them. Those of this machine count even where another is
    /// meant.
    fn containers(&self) -> Vec<Result<Vec<Found>, Error>> {
        let found = match (self.find(), self.machine) {
            (Ok(there), Machine::There(_)) => {
                installed().map(|here| there.into_iter().chain(here).collect())
            }
            (found, _) => found,
        };
        match found {
            Ok(engines) => engines.into_iter().map(containers).collect(),
            Err(error) => vec![Err(error)],
        }
    }

    fn warn(&self, message: &str) {
        toolkit::warn("portalloc", self.format, message);
    }
}

fn installed() -> Result<Vec<Engine>, Error> {
    let mut engines = Vec::new();
    for kind in Kind::ALL {
        let asked = Some(kind.name());
        match Engine::find(Choice { asked, ..Choice::default() }) {
            Ok(engine) => engines.push(engine),
            Err(EngineError::Absent { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(engines)
}

fn containers(engine: Engine) -> Result<Vec<Found>, Error> {
    let filter = format!("label={}=true", labels::MANAGED);
    let summaries = engine.containers(&[&filter])?;
    let host = Machine::of(engine.host())?.url().map(str::to_owned);
    Ok(summaries.into_iter().map(|summary| Found { host: host.clone(), summary }).collect())
}
