//! claudecfg(1): give a container its agent's configuration and its secrets.

use std::{process::ExitCode, time::Duration};

use clap::{Parser, value_parser};
use claudecfg::{Error, Plan};
use document::{Container, Received};
use toolkit::{Common, DataPlace, Events, Exit, Places, Tool};

/// Give a container its agent's configuration and its secrets
///
/// Reads a container/1 document on standard input and writes it to standard
/// output. Where it has a section `claude`, the container gets a directory of
/// this machine that outlives it as its user's .claude, and Claude Code's token;
/// each of its `secrets` it gets as a file below /run/secrets. One that has
/// neither passes.
#[derive(Debug, Parser)]
#[command(version)]
struct ClaudeCfg {
    /// Wait at most SECONDS for `claude setup-token`, which is run where there
    /// is no token [default: 300 at a terminal, else 30]
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=3600))]
    setup_timeout: Option<u64>,

    /// Write the document, but make nothing and ask for no token
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    data: DataPlace,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for ClaudeCfg {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let mut document: Received<Container> = toolkit::read()?;
        events.about(&document.name);
        if claudecfg::is_asked_for(&document)? {
            let warnings = self.configure(&mut document, events)?;
            toolkit::write(&document)?;
            for warning in warnings {
                toolkit::warn("claudecfg", self.common.error_format, &warning);
            }
        } else {
            toolkit::write(&document)?;
        }
        Ok(Exit::Success)
    }
}

impl ClaudeCfg {
    /// Puts into the document what the container gets, makes it, and returns
    /// what a person may want to know.
    fn configure(
        &self,
        document: &mut Container,
        events: &mut Events,
    ) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        if claudecfg::find_token(document) && !self.dry_run {
            let limit = self.setup_timeout.map(Duration::from_secs);
            warnings.extend(claudecfg::ask_for_token(document, &self.places, limit)?);
        }
        let plan = Plan::of(document, &self.places, &self.data)?;
        if !self.dry_run {
            let unplaced = events.step("configure", || plan.carry_out())?;
            warnings.extend(unplaced.into_iter().map(|path| {
                format!("could not place '{}' in the agent's configuration", path.display())
            }));
        }
        Ok(warnings)
    }
}

fn main() -> ExitCode {
    toolkit::main::<ClaudeCfg>()
}
