//! ctr-rm(1): remove containers and what was made for them.

use std::process::ExitCode;

use clap::Parser;
use ctr_rm::{Error, Remover, Tools, Wishes};
use document::Containers;
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Remove containers and what was made for them
///
/// That is the container with its sidecars, its ssh entry, the git remote in
/// its worktree, its ports and its state. The volumes, and the work in them,
/// are kept unless --volumes says otherwise.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrRm {
    /// The name of a container
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    #[command(flatten)]
    wishes: Wishes,

    /// Write one containers/1 document with the containers that are gone
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrRm {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?;
        let tools = Tools::new(&self.places, &engine)?
            .telling(self.common.events.as_deref())
            .editing(self.engine.ssh_config());
        let format = self.common.error_format;
        let remover = Remover { engine: &engine, tools, wishes: self.wishes, interrupt, format };
        let (_locks, found) = ctr_rm::hold(&engine, &self.places, &remover.tools, &self.names)?;
        found.iter().try_for_each(|found| remover.check(found))?;
        let gone = toolkit::each("ctr-rm", format, &found, |found| remover.remove(found, events))?;
        if self.json {
            let gone = gone.into_iter().flatten().collect();
            toolkit::write(&Containers::new(gone).into())?;
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrRm>()
}
