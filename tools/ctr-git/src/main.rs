//! ctr-git(1): carry the code between a worktree and its container.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use ctr_git::{Error, Host, Ssh};
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Carry the code between a worktree and its container
///
/// Without a verb: reads a container/1 document on standard input, adds the
/// remote, prepares the repository in the container, pushes the branch, checks
/// it out, and writes the document with its git section to standard output.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrGit {
    /// What to do with the branch that is checked out
    #[arg(value_name = "VERB")]
    verb: Option<Verb>,

    /// The container [default: the one that the worktree holds ports for]
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Act in the worktree of DIR
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".", requires = "verb")]
    directory: PathBuf,

    /// Let ssh read FILE [default: ssh's own files]
    #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG")]
    ssh_config: Option<PathBuf>,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

/// The ways of carrying that need no document.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verb {
    /// Push it to the container and check it out there
    Push,
    /// Fetch it from the container and move forward to it
    Pull,
}

impl Tool for CtrGit {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let Self { verb, name, directory, .. } = self;
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let ssh = Ssh::new(self.ssh_config.as_deref());
        let host = Host { places: self.places, engine: self.engine, ssh, interrupt };
        match verb {
            Some(Verb::Push) => ctr_git::push(&host, &directory, name.as_deref(), events)?,
            Some(Verb::Pull) => ctr_git::pull(&host, &directory, name.as_deref(), events)?,
            None => {
                let mut document = toolkit::read()?;
                ctr_git::pipe(&host, &mut document, events)?;
                toolkit::write(&document)?;
            }
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrGit>()
}
