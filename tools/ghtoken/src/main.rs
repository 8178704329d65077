//! ghtoken(1): bring the token for GitHub into a container.

use std::process::ExitCode;

use clap::{Arg, Parser, Subcommand};
use document::{Container, Received};
use engine::EngineArgs;
use ghtoken::{Effort, Error, Outcome, Place};
use toolkit::{Common, Events, Exit, Places, Tool};

/// Bring the token for GitHub into a container
///
/// Without a command, reads a container/1 document on standard input, sees
/// that the token file that it names can be used, and writes the document as
/// it came. The token itself is in no document, argument or variable.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
#[command(mut_args(|option: Arg| option.global(true)))]
struct GhToken {
    #[command(subcommand)]
    verb: Option<Verb>,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make running containers have the token, or have none
    ///
    /// Without a name, reads a container/1 document that ctr-up has written,
    /// does so where the token has changed since, and writes the document as
    /// it came. With names, does so in any case, and brings them their other
    /// secrets too, and those of isolated ones into their proxies.
    Push {
        /// The name of a container
        #[arg(value_name = "NAME")]
        names: Vec<String>,

        /// Take the token out, whatever the document says
        #[arg(long)]
        no_token: bool,

        #[command(flatten)]
        engine: EngineArgs,
    },
}

impl Tool for GhToken {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        match &self.verb {
            None => self.check(events)?,
            Some(Verb::Push { names, no_token, engine }) if names.is_empty() => {
                let document: Received<Container> = toolkit::read()?;
                self.push(&document, *no_token, engine, Effort::IfChanged, events)?;
                toolkit::write(&document)?;
            }
            Some(Verb::Push { names, no_token, engine }) => {
                toolkit::each("ghtoken", self.common.error_format, names, |name| {
                    let container = ghtoken::applied(&self.places, name)?;
                    self.push(&container, *no_token, engine, Effort::Always, events)?;
                    let engine = || engine.for_document(container.engine.as_ref(), &self.places);
                    ghtoken::push_secrets(&container, &self.places, engine, events)?;
                    let own = ghtoken::push_own_secrets(&container, &self.places, engine, events)?;
                    own.iter().for_each(|warning| self.warn(warning));
                    Ok::<(), Error>(())
                })?;
            }
        }
        Ok(Exit::Success)
    }
}

impl GhToken {
    fn check(&self, events: &mut Events) -> Result<(), Error> {
        let document: Received<Container> = toolkit::read()?;
        events.about(&document.name);
        let token = ghtoken::check(&document)?;
        toolkit::write(&document)?;
        if token.is_some_and(|token| !token.is_fine_grained()) {
            self.warn(
                "the token is not a fine-grained one (github_pat_…), which can be limited to \
                 single repositories",
            );
        }
        Ok(())
    }

    fn push(
        &self,
        container: &Container,
        no_token: bool,
        engine: &EngineArgs,
        effort: Effort,
        events: &mut Events,
    ) -> Result<(), Error> {
        events.about(&container.name);
        let token = if no_token { None } else { ghtoken::check(container)? };
        let engine = || engine.for_document(container.engine.as_ref(), &self.places);
        let place = Place::of(container)?;
        let outcome = ghtoken::push(place, token.as_ref(), effort, &self.places, engine, events)?;
        let name = &container.name;
        match outcome {
            Outcome::OwnHosts => self.warn(&format!(
                "gh in '{name}' keeps to the hosts.yml in its home, which is not ctrkit's"
            )),
            Outcome::Unplaced => {
                self.warn(&format!("could not tell gh of the token in the home of '{name}'"));
            }
            _ => {}
        }
        Ok(())
    }

    fn warn(&self, message: &str) {
        toolkit::warn("ghtoken", self.common.error_format, message);
    }
}

fn main() -> ExitCode {
    toolkit::main::<GhToken>()
}
