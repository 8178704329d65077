//! ctr-info(1): tell all about one container.

use std::process::ExitCode;

use clap::Parser;
use ctr_info::{Error, Looker};
use document::Containers;
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Places, Siblings, Tool};

/// Tell all about one container
///
/// Writes what the engine and the labels say of it to standard output: status,
/// image, project, how to reach it, ports, volumes, mounts and limits; of one
/// that is isolated also what isolates it, as it is and not as it was meant.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrInfo {
    /// The container's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Write one containers/1 document with this container alone
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrInfo {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?;
        let summary = engine.managed(&self.name)?;
        let inspection = engine.inspect(&self.name)?;
        let looker = Looker { engine: &engine, places: &self.places, siblings: Siblings::new() };
        let (isolation, published) = looker.look(&summary, &inspection)?;
        let mut listed = ctr_info::combine(&summary, inspection, &published);
        listed.isolation = Some(isolation);
        match self.json {
            true => toolkit::write(&Containers::new(vec![listed]).into())?,
            false => toolkit::write_text(&ctr_info::text(&listed))?,
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrInfo>()
}
