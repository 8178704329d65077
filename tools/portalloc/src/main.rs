//! portalloc(1): reserve one block of host ports at one offset.

use std::process::ExitCode;

use clap::Parser;
use engine::EngineArgs;
use portalloc::{Error, Options, Work};
use toolkit::{Common, Events, Exit, Places, Tool};

/// Reserve one block of host ports at one offset
///
/// Reads a container/1 document on standard input and writes it to standard
/// output with the host port of every service: the same block for the same
/// project, for ever.
#[derive(Debug, Parser)]
#[command(version)]
struct Portalloc {
    #[command(flatten)]
    options: Options,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    common: Common,
}

impl Tool for Portalloc {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let Self { options, places, engine, common } = self;
        let work = Work::new(&options, &places, &engine, common.error_format)?;
        match &options {
            Options { plain: Some(name), .. } => work.plain(name, events)?,
            Options { release: Some(what), .. } => work.release(what, events)?,
            Options { list: true, .. } => work.list()?,
            Options { gc: true, .. } => work.gc(events)?,
            _ => work.document(events)?,
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<Portalloc>()
}
