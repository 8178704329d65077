//! ctr-diff(1): list what a container wrote that something here would execute.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use ctr_diff::{Error, Host, Wishes};
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// List what a container wrote that something here would execute
///
/// Compares the container's branch, its files and its repository's own
/// directory with what the worktree has, and names what git, an editor, a
/// shell, an agent or a build would execute or obey. The status is 1 if there
/// is anything of the kind.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrDiff {
    /// The container's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Compare with the worktree of DIR
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    #[command(flatten)]
    wishes: Wishes,

    /// Write one diff/1 document
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrDiff {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let Self { name, directory, wishes, json, engine, places, common } = self;
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let found = engine.find(&config::read(&places)?, &places)?;
        let ssh_config = engine.ssh_config().map(PathBuf::from);
        let host =
            Host { places, engine: found, ssh_config, events: common.events.clone(), interrupt };
        let diff = ctr_diff::diff(&host, &directory, &name, wishes, events)?;
        let exit = if diff.changes.is_empty() { Exit::Success } else { Exit::No };
        if diff.changes.iter().any(ctr_diff::stops_a_pull) {
            let (name, commit) = (&diff.name, &diff.commit);
            let take = format!("to take what is committed: ctrkit pull --trust={commit} {name}");
            toolkit::note("ctr-diff", common.error_format, &take);
        }
        match json {
            true => toolkit::write(&diff.into())?,
            false => toolkit::write_text(&ctr_diff::text(&diff.changes))?,
        }
        Ok(exit)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrDiff>()
}
