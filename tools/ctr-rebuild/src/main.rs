//! ctr-rebuild(1): make containers anew, and keep what is in their volumes.

use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use ctr_rebuild::{Error, Rebuilder, Tools, Wishes};
use document::Containers;
use engine::{EngineArgs, Summary};
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Make containers anew, and keep what is in their volumes
///
/// Name, ports, volumes, branch and git remote stay, and so does whether it
/// runs. The image is the current one, the host key and its certificate are
/// new. The old container is kept until the new one has answered; if anything
/// fails it is put back as it was.
#[derive(Debug, Parser)]
#[command(version, group(ArgGroup::new("which").required(true).args(["names", "all"])))]
struct CtrRebuild {
    /// The name of a container
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Rebuild all containers of which there is a state here; one that fails is
    /// no reason to leave the others
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    wishes: Wishes,

    /// Write one containers/1 document with these containers, rebuilt
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrRebuild {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let config = config::read(&self.places)?;
        let engine = || self.engine.find(&config, &self.places);
        let names = match self.all {
            true => ctr_rebuild::all(&engine()?, &self.places)?,
            false => self.names.clone(),
        };
        let tools = Tools::new(&self.places, &interrupt)?
            .on(&self.engine)
            .telling(self.common.events.as_deref());
        let (args, wishes, places) = (&self.engine, self.wishes, &self.places);
        let rebuilder = Rebuilder { tools, wishes, args, config: &config, places };
        toolkit::each("ctr-rebuild", self.common.error_format, &names, |name| {
            events.about(name);
            rebuilder.rebuild(name, &interrupt)
        })?;
        if self.json {
            let managed = engine()?.all_managed_with(&names)?;
            let rebuilt = names.iter().filter_map(|name| managed.get(name));
            toolkit::write(&Containers::new(rebuilt.map(Summary::listed).collect()).into())?;
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrRebuild>()
}
