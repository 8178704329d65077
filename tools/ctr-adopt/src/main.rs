//! ctr-adopt(1): reach a container of l8s by its name, without touching it.

use std::{path::Path, process::ExitCode};

use clap::Parser;
use ctr_adopt::{Adoption, Error, Wishes};
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Siblings, Tool};

/// Reach a container of l8s by its name, without touching it
///
/// Writes its ssh entry and reserves its ports. The engine is only asked: the
/// container stays as it is, and whose it is. Its document is written to
/// standard output.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrAdopt {
    /// The name of the container
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    wishes: Wishes,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrAdopt {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(mut self, events: &mut Events) -> Result<Exit, Error> {
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        events.about(&self.name);
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?;
        self.wishes.settle(config.ssh.identity_file)?;
        let siblings = self.siblings(engine.program())?;
        let adoption = Adoption {
            engine: &engine,
            siblings: &siblings,
            wishes: &self.wishes,
            directory: self.places.container(&self.name)?,
            revoked: ctr_adopt::revoked(&self.places.config()?)?,
            interrupt: &interrupt,
        };
        let document = adoption.adopt(&self.name, events)?;
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }
}

impl CtrAdopt {
    fn siblings(&self, engine: &Path) -> Result<Siblings, Error> {
        let mut siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", self.places.config()?)
            .with("CTRKIT_STATE_DIR", self.places.state()?)
            .with("CTRKIT_ENGINE", engine);
        if let Some(events) = &self.common.events {
            siblings = siblings.with("CTRKIT_EVENTS", events);
        }
        if let Some(ssh_config) = self.engine.ssh_config() {
            siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
        }
        Ok(siblings)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrAdopt>()
}
