//! sshca(1): keep a file-only SSH certificate authority and certify this container's host key.

use std::process::ExitCode;

use clap::{Arg, Parser, Subcommand};
use document::Container;
use sshca::{Days, Error, Store, Wanted};
use toolkit::{Common, Events, Exit, Places, Tool};

/// Keep a file-only SSH certificate authority and certify this container's host key
///
/// Without a command, reads a container/1 document on standard input, sees to
/// it that its container has a host key and a good certificate, and writes the
/// document with ssh and inject filled in. The authority is only ever made by
/// sshca init.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
#[command(mut_args(everywhere))]
struct Sshca {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// Certify for DAYS, from 1 to 3650 [default: what the document says, or 730]
    #[arg(long, value_name = "DAYS")]
    validity: Option<Days>,

    /// Make a new host key and certificate although the old ones are good
    #[arg(long)]
    new_key: bool,

    /// Make and change nothing, and write the document that would result
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

/// Lets the options that all tools share stand behind the command as well.
fn everywhere(option: Arg) -> Arg {
    let is_shared = !["validity", "new_key", "dry_run"].contains(&option.get_id().as_str());
    option.global(is_shared)
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the authority, unless there is one
    Init {
        /// Trust it from now on for the names that begin with PREFIX and a hyphen
        #[arg(long, value_name = "PREFIX")]
        prefix: Option<String>,
    },
    /// Refuse the host keys of these containers or certificates from now on
    Revoke {
        /// The name of a container, or the serial number of a certificate
        #[arg(required = true, value_name = "NAME|SERIAL")]
        subjects: Vec<String>,
    },
    /// Write the certificates: serial, name, state and end, tab-separated
    List,
}

impl Tool for Sshca {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let store = Store::new(&self.places)?;
        let now = jiff::Timestamp::now();
        match self.verb {
            None => {
                let mut container = toolkit::read::<Container>()?;
                events.about(&container.name);
                let wanted = Wanted::new(&container, self.validity, now)?.anew(self.new_key);
                match self.dry_run {
                    true => sshca::foresee(&mut container, &wanted, &store)?,
                    false => {
                        let certify = || sshca::certify(&mut container, &wanted, &store);
                        events.step("certify", certify)?;
                    }
                }
                toolkit::write(&container)?;
            }
            Some(Verb::Init { prefix }) => {
                events.step("init", || sshca::init(&store, now, prefix.as_deref()))?;
            }
            Some(Verb::Revoke { subjects }) => {
                events.step("revoke", || sshca::revoke(&subjects, &store, now))?;
            }
            Some(Verb::List) => toolkit::write_text(&sshca::list(&store, now)?)?,
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<Sshca>()
}
