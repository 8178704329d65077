//! ctr-start(1): start containers.

use std::{path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use ctr_start::{Error, Starter};
use document::Containers;
use engine::{EngineArgs, HERE};
use toolkit::{Common, Events, Exit, Interrupt, Places, Siblings, Tool};

/// Start containers
///
/// The sidecars of each are started before it, and the proxy of one that is
/// isolated is waited for. One that runs is left alone.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrStart {
    /// The name of a container
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Give a proxy SECONDS to become healthy
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    timeout: u32,

    /// Write one containers/1 document with these containers, started
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrStart {
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
        let limit = Duration::from_secs(self.timeout.into());
        let places = &self.places;
        let siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", places.config()?)
            .with("CTRKIT_STATE_DIR", places.state()?)
            .with("CTRKIT_SSH_CONFIG", self.engine.ssh_config().unwrap_or(Path::new("")))
            .with("CTRKIT_ENGINE", engine.program())
            .with("CTRKIT_HOST", engine.host().unwrap_or(HERE))
            .with("CTRKIT_EVENTS", "")
            .heeding(&interrupt);
        let starter =
            Starter { engine: &engine, managed: &managed, places, limit, interrupt, siblings };
        let format = self.common.error_format;
        toolkit::each("ctr-start", format, &self.names, |name| {
            starter.start(name, events)?;
            if let Err(error) = starter.sound(name, events) {
                toolkit::warn("ctr-start", format, &format!("'{name}' is not heard: {error}"));
            }
            Ok::<_, Error>(())
        })?;
        if self.json {
            let managed = engine.all_managed_with(&self.names)?;
            let started = self.names.iter().filter_map(|name| managed.listed(name)).collect();
            toolkit::write(&Containers::new(started).into())?;
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrStart>()
}
