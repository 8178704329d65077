//! ctr-policy(1): change and show what a running container may reach.

use std::{process::ExitCode, time::Duration};

use clap::{Arg, Parser, Subcommand, value_parser};
use ctr_policy::{Applied, Applier, Error, Outcome, Shown};
use document::Received;
use engine::{Engine, EngineArgs};
use toolkit::{Common, Events, Exit, Interrupt, Places, Siblings, Tool};

/// Change and show what a running container may reach
///
/// The policy of an isolated container is what its proxy enforces. Another one is
/// taken over while everything runs, and what it does not allow any more is cut
/// off.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
#[command(mut_args(|option: Arg| option.global(true)))]
struct CtrPolicy {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make policies be those of a container, while it runs
    ///
    /// Ends when the proxy says that they are in force. A policy that it does not
    /// take over leaves the last good one in force.
    Apply {
        /// The container's name
        #[arg(value_name = "NAME")]
        name: String,

        /// A policy: a name, names joined by '+', or a file
        #[arg(value_name = "POLICY", required = true)]
        policies: Vec<String>,

        /// Give the proxy SECONDS to take it over
        #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = value_parser!(u64).range(1..=3600))]
        timeout: u64,

        /// Write the container/1 document that is the case now
        #[arg(long)]
        json: bool,
    },

    /// Show the policy that is in force
    Show {
        /// The container's name
        #[arg(value_name = "NAME")]
        name: String,

        /// Write it as policy/1
        #[arg(long)]
        json: bool,
    },

    /// Say what is wrong with policies, and nothing where nothing is
    Check {
        /// A policy: a name, names joined by '+', or a file
        #[arg(value_name = "POLICY", required = true)]
        policies: Vec<String>,
    },

    /// Compare two policies by what they let through
    Diff {
        /// A policy, or the name of a container and a colon
        #[arg(value_name = "A")]
        before: String,

        /// Likewise
        #[arg(value_name = "B")]
        after: String,
    },
}

impl Tool for CtrPolicy {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        match &self.verb {
            Verb::Apply { name, policies, timeout, json } => {
                let limit = Duration::from_secs(*timeout);
                let applied = self.apply(name, policies, limit, events)?;
                self.tell(&applied, *json)
            }
            Verb::Show { name, json } => self.show(name, *json),
            Verb::Check { policies } => {
                let format = self.siblings()?.with("CTRKIT_ERROR_FORMAT", self.format());
                ctr_policy::check(&format, policies)
            }
            Verb::Diff { before, after } => {
                let siblings = self.siblings()?.with("CTRKIT_ERROR_FORMAT", self.format());
                ctr_policy::diff(&siblings, [before, after], || self.engine())
            }
        }
    }
}

impl CtrPolicy {
    fn engine(&self) -> Result<Engine, Error> {
        let config = config::read(&self.places)?;
        Ok(self.engine.find(&config, &self.places)?)
    }

    fn apply(
        &self,
        name: &str,
        policies: &[String],
        limit: Duration,
        events: &mut Events,
    ) -> Result<Applied, Error> {
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let (engine, places) = (self.engine()?, &self.places);
        let siblings = self.siblings()?.with("CTRKIT_ENGINE", engine.program());
        Applier { engine: &engine, places, siblings, interrupt, limit }
            .apply(name, policies, events)
    }

    fn tell(&self, applied: &Applied, json: bool) -> Result<Exit, Error> {
        let Applied { document, outcome, warnings } = applied;
        if json {
            toolkit::write(document)?;
        }
        let digest = document.isolation.as_ref().and_then(|isolation| isolation.digest.as_deref());
        let words = match outcome {
            Outcome::Unchanged => "was in force already",
            Outcome::InForce => "is in force",
            Outcome::AtStart => "is in force when it starts",
        };
        let message = format!("{}: {} {words}", document.name, digest.unwrap_or_default());
        toolkit::note("ctr-policy", self.common.error_format, &message);
        for warning in warnings {
            toolkit::warn("ctr-policy", self.common.error_format, warning);
        }
        Ok(Exit::Success)
    }

    fn show(&self, name: &str, json: bool) -> Result<Exit, Error> {
        let shown = Shown::of(&self.engine()?, &self.siblings()?, name)?;
        if !json {
            toolkit::write_text(&shown.text())?;
            return Ok(Exit::Success);
        }
        if let Some(differs) = &shown.differs {
            let message = format!("this is not what the proxy's file has: {differs}");
            toolkit::warn("ctr-policy", self.common.error_format, &message);
        }
        toolkit::write(&Received::from(shown.policy))?;
        Ok(Exit::Success)
    }

    fn format(&self) -> &'static str {
        match self.common.error_format {
            toolkit::ErrorFormat::Text => "text",
            toolkit::ErrorFormat::Json => "json",
        }
    }

    fn siblings(&self) -> Result<Siblings, Error> {
        let mut siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", self.places.config()?)
            .with("CTRKIT_STATE_DIR", self.places.state()?);
        if let Some(events) = &self.common.events {
            siblings = siblings.with("CTRKIT_EVENTS", events);
        }
        if let Some(ssh_config) = self.engine.ssh_config() {
            siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
        }
        Ok(siblings)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrPolicy>()
}
