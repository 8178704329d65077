//! ctr-exec(1): run a command in a container as its user in its workspace.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::SystemTime,
};

use clap::Parser;
use ctr_exec::{Error, Options, Request};
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Places, Tool};

/// Run a command in a container as its user in its workspace
///
/// Standard input, output and error, the terminal, signals, arguments and the
/// exit status are passed on as they are.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrExec {
    #[command(flatten)]
    options: Options,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrExec {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?;
        let container = engine.managed(&self.options.name)?;
        let stdin = io::stdin().is_terminal();
        let terminal = self.options.tty.is_wanted(stdin, io::stdout().is_terminal())?;
        let token = ctr_exec::token(std::process::id(), SystemTime::now());
        let request = Request::new(&self.options, &container, terminal, token)?;
        match terminal {
            true => Err(ctr_exec::replace(&engine, &request)),
            false => ctr_exec::accompany(&engine, &request, stdin).map(Exit::Child),
        }
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrExec>()
}
