//! ctr-ls(1): list the containers.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use ctr_ls::{Error, Form};
use document::Containers;
use engine::{EngineArgs, Summary};
use toolkit::{Common, Events, Exit, Places, Tool};

/// List the containers
///
/// Writes a table of ctrkit's containers, in any state, to standard output:
/// name, status, host ports, branch and age.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrLs {
    #[command(flatten)]
    form: Form,

    /// List the containers of l8s and devagent instead, which ctr-adopt(1)
    /// takes
    #[arg(long)]
    foreign: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrLs {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?;
        let listed = if self.foreign {
            engine.foreign()?.iter().map(Summary::listed).collect()
        } else {
            let managed = engine.all_managed()?;
            let apps = managed.apps();
            let mut listed: Vec<_> =
                apps.iter().filter_map(|app| managed.listed(&app.name)).collect();
            if self.form.is_full() {
                ctr_ls::count(&engine, &managed, &self.places, &mut listed);
            }
            listed
        };
        let list = Containers::new(listed);
        let terminal = io::stdout().is_terminal();
        match self.form.text(&list.containers, terminal, jiff::Timestamp::now()) {
            Some(text) => toolkit::write_text(&text)?,
            None => toolkit::write(&list.into())?,
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrLs>()
}
