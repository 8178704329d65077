//! ctr-lifecycle(1): run the life-cycle commands of a devcontainer.json.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use ctr_lifecycle::{Error, Programs, Runner};
use document::{Container, Received};
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Run the life-cycle commands of a devcontainer.json
///
/// Reads a container/1 document on standard input, runs those commands of its
/// devcontainer.json in the container that are due, shows what they write on
/// standard error, and writes the document to standard output. A document that
/// has no devcontainer.json goes through as it is.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrLifecycle {
    /// Keep the container where a command fails, to look at it, although the
    /// last ctr-up has made it
    #[arg(long)]
    keep: bool,

    /// Use PROGRAM as the devcontainers CLI [default: devcontainer]
    #[arg(long, value_name = "PROGRAM", env = "CTRKIT_DEVCONTAINER")]
    devcontainer: Option<PathBuf>,

    /// Use PROGRAM for Compose files [default: docker's plugin, or podman-compose]
    #[arg(long, value_name = "PROGRAM", env = "CTRKIT_COMPOSE")]
    compose: Option<PathBuf>,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrLifecycle {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let document: Received<Container> = toolkit::read()?;
        events.about(&document.name);
        if document.devcontainer.is_none() {
            toolkit::write(&document)?;
            return Ok(Exit::Success);
        }
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let engine = self.engine.for_document(document.engine.as_ref(), &self.places)?;
        let programs = Programs { cli: self.devcontainer, compose: self.compose };
        let runner = Runner {
            container: &document,
            engine: &engine,
            programs,
            places: &self.places,
            interrupt: &interrupt,
        };
        if let Err(error) = runner.run(events, toolkit::say) {
            if !self.keep && ctr_lifecycle::is_final(&error) {
                let undone = runner.take_back(self.engine.ssh_config(), events);
                if let Err(undone) = undone {
                    let message = format!("cannot remove '{}' again: {undone}", document.name);
                    toolkit::warn("ctr-lifecycle", self.common.error_format, &message);
                }
            }
            return Err(error);
        }
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrLifecycle>()
}
