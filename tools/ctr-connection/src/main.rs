//! ctr-connection(1): choose the address at which the server is reached.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use config::{Address, Connection};
use ctr_connection::{Error, Switcher, name};
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Choose the address at which the server is reached
///
/// Connections are several addresses of the one server that the configuration
/// names as its host. Which of them is in force has no bearing on trust: the
/// containers' certificates are made out to their names.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct CtrConnection {
    #[command(subcommand)]
    verb: Verb,

    /// Keep the containers' entries in FILE [default: ~/.ssh/config]
    #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG", global = true)]
    ssh_config: Option<PathBuf>,

    #[command(flatten)]
    shared: Shared,
}

/// The options that every tool has, here in front of the verb and behind it.
#[derive(Args, Debug)]
#[command(mut_args(|argument| argument.global(true)))]
struct Shared {
    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write the connections: name, address, and which is in force
    List {
        /// Write one connections/1 document
        #[arg(long)]
        json: bool,
    },
    /// Tell about one connection, by default the one in force
    Show {
        /// The connection
        #[arg(value_name = "NAME", value_parser = name)]
        name: Option<String>,

        /// Write one connections/1 document with this connection alone
        #[arg(long)]
        json: bool,
    },
    /// Put a connection into the configuration
    Add {
        /// The connection
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,

        /// What ssh connects to: [user@]host[:port]
        #[arg(value_name = "ADDRESS")]
        address: Address,
    },
    /// Take a connection out of the configuration
    Remove {
        /// The connection
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,
    },
    /// Let a connection be in force, and all ssh entries lead over it
    Switch {
        /// The connection
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,

        /// Change nothing, and write what would be done, one line for each thing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

impl Tool for CtrConnection {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.shared.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let Shared { places, common } = &self.shared;
        let tell = |line: &str| toolkit::note("ctr-connection", common.error_format, line);
        match self.verb {
            Verb::List { json } => {
                let list = ctr_connection::list(places)?;
                match json {
                    true => toolkit::write(&list.into())?,
                    false => toolkit::write_text(&ctr_connection::table(&list))?,
                }
            }
            Verb::Show { name, json } => {
                let one = ctr_connection::show(places, name.as_deref())?;
                match json {
                    true => toolkit::write(&one.into())?,
                    false => toolkit::write_text(&ctr_connection::text(&one))?,
                }
            }
            Verb::Add { name, address } => {
                let connection = Connection { name, address: address.to_string() };
                tell(&ctr_connection::add(places, &connection)?);
            }
            Verb::Remove { name } => tell(&ctr_connection::remove(places, &name)?),
            Verb::Switch { name, dry_run } => {
                let interrupt = Interrupt::watch().map_err(Error::Signals)?;
                let events_file = common.events.as_deref();
                let switcher = Switcher::new(places, self.ssh_config.as_deref(), events_file)?;
                if dry_run {
                    toolkit::write_text(&switcher.foresee(&name)?)?;
                } else {
                    let format = common.error_format;
                    events.step("switch", || switcher.switch(&name, &interrupt, format, tell))?;
                }
            }
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrConnection>()
}
