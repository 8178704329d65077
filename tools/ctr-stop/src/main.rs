//! ctr-stop(1): stop containers.

use std::process::ExitCode;

use clap::Parser;
use ctr_stop::{Error, Manner};
use document::Containers;
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Stop containers
///
/// The sidecars of each are stopped after it, and the ssh connections to it
/// are closed. One that does not run is left alone.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrStop {
    /// The name of a container
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Kill what has not ended after SECONDS
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    timeout: u32,

    /// Write one containers/1 document with these containers, stopped
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrStop {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?.heeding(&interrupt);
        let mut managed = engine.all_managed_with(&self.names)?;
        engine.add_services(&mut managed, &self.names)?;
        let manner = Manner { seconds: self.timeout, ssh_config: self.engine.ssh_config() };
        toolkit::each("ctr-stop", self.common.error_format, &self.names, |name| {
            ctr_stop::stop(&engine, &managed, name, manner, &interrupt, events)
        })?;
        if self.json {
            let managed = engine.all_managed_with(&self.names)?;
            let stopped = self.names.iter().filter_map(|name| managed.listed(name)).collect();
            toolkit::write(&Containers::new(stopped).into())?;
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrStop>()
}
