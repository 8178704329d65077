//! sshcfg(1): keep the container's block in the user's ssh configuration.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use document::Container;
use sshcfg::{Error, Files};
use toolkit::{Common, Events, Exit, Places, Tool};

/// Keep the container's block in the user's ssh configuration
///
/// The blocks are in a file of ctrkit's own. The user's file gets one line
/// that includes it, and loses that line again with the last block.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, mut_args(|arg| arg.global(true)))]
struct Sshcfg {
    #[command(subcommand)]
    verb: Verb,

    /// Include the blocks in FILE [default: ~/.ssh/config]
    #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG")]
    ssh_config: Option<PathBuf>,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the block of the document on standard input be in place
    Add,
    /// Remove the blocks of these containers, and close their connections
    Remove {
        /// The name of a container
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Write the names that have a block, one a line
    List {
        /// Write also where each leads, its ProxyJump and its control socket,
        /// separated by tabs
        #[arg(long)]
        long: bool,
    },
    /// Write the block of the document on standard input as text
    Print,
}

impl Tool for Sshcfg {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let files = Files::new(&self.places)?;
        match self.verb {
            Verb::Add => {
                let user_config = sshcfg::user_config(self.ssh_config)?;
                let mut container = toolkit::read::<Container>()?;
                events.about(&container.name);
                let add = || sshcfg::add(&mut container, &files, &user_config);
                events.step("configure-ssh", add)?;
                toolkit::write(&container)?;
            }
            Verb::Remove { names } => {
                let user_config = sshcfg::user_config(self.ssh_config)?;
                let remove = || sshcfg::remove(&names, &files, &user_config);
                events.step("forget-ssh", remove)?;
            }
            Verb::List { long: false } => toolkit::write_text(&sshcfg::list(&files)?)?,
            Verb::List { long: true } => toolkit::write_text(&sshcfg::list_long(&files)?)?,
            Verb::Print => {
                let container = toolkit::read::<Container>()?;
                toolkit::write_text(&sshcfg::print(&container, &files)?)?;
            }
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<Sshcfg>()
}
