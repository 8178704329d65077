//! ctr-up(1): make the container be as the document says.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, value_parser};
use ctr_up::{Client, Error, Files, Plan};
use devcontainer::Refusal;
use document::{Container, Received};
use engine::EngineArgs;
use toolkit::{
    Common, ErrorFormat, Events, Exit, Interrupt, Places, Tool,
    files::Lock,
    keys::{self, Person},
};

/// Make the container be as the document says
///
/// Reads a container/1 document, creates the container and its volumes where
/// they are missing, puts the files of `inject` into it, starts it, waits
/// until its ssh server shows the right certificate, and writes the document
/// with `state`. With nothing changed it does nothing.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrUp {
    /// Authorise the public keys in FILE [default: the document's, the
    /// agent's, or those in ~/.ssh]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Wait at most SECONDS for the ssh server
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = value_parser!(u64).range(1..=3600))]
    timeout: u64,

    /// Use PROGRAM for Compose files [default: docker's plugin, or podman-compose]
    #[arg(long, value_name = "PROGRAM", env = "CTRKIT_COMPOSE")]
    compose: Option<PathBuf>,

    /// Use PROGRAM as the devcontainers CLI [default: devcontainer]
    #[arg(long, value_name = "PROGRAM", env = "CTRKIT_DEVCONTAINER")]
    devcontainer: Option<PathBuf>,

    /// Make the container anew although one is there; the old one is kept until
    /// the new one has shown its certificate
    #[arg(long)]
    replace: bool,

    /// Check, and write the document that is the case, but change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrUp {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let mut document: Received<Container> = toolkit::read()?;
        events.about(&document.name);
        let ssh = which::which("ssh").map_err(|_| Error::SshAbsent)?;
        let directory = self.places.container(&document.name)?;
        let patience = Duration::from_secs(self.timeout);
        let link = self.engine.link_of(document.engine.as_ref(), &self.places)?;
        let proxy = link.map(|link| link.proxy_command());
        let client =
            Client { program: &ssh, config: self.engine.ssh_config(), proxy: proxy.as_deref() };
        let compose = self.compose.as_deref();
        let plan = Plan::new(&document, client, &directory, patience, compose)?;
        let plan = plan.replacing(self.replace).by(self.devcontainer).among(&self.places)?;
        let mut engine = self.engine.for_document(document.engine.as_ref(), &self.places)?;
        engine.learn_version()?;
        let files = || {
            let keys = keys::find(self.key.as_deref(), document.ssh.as_ref(), &Person);
            Files::new(&document, keys.map_err(Error::NoKey)?)
        };
        let (outcome, heard) = if self.dry_run {
            let outcome = ctr_up::dry_run(&plan, &engine, events, files)?;
            ctr_up::record(&mut document, &engine, &outcome);
            (outcome, Ok(()))
        } else {
            // Only then: who waits for another run may be ended at once.
            let lock = Lock::take(&directory.join("lock"), patience + Duration::from_secs(60))?;
            let interrupt = Interrupt::watch().map_err(Error::Signals)?;
            let outcome = ctr_up::up(&plan, &engine, &interrupt, events, files)
                .map_err(|error| tell(error, self.common.error_format))?;
            ctr_up::record(&mut document, &engine, &outcome);
            ctr_up::keep(&document, &directory)?;
            drop(lock);
            (outcome, ctr_up::sound(&document, &self.places, events))
        };
        toolkit::write(&document)?;
        let name = &document.name;
        let unheard = heard.err().map(|error| format!("'{name}' is not heard: {error}"));
        for warning in outcome.warnings(name).chain(unheard) {
            toolkit::warn("ctr-up", self.common.error_format, &warning);
        }
        Ok(Exit::Success)
    }
}

/// Tells people in a line each what of the image reaches the machine.
fn tell(error: Error, format: ErrorFormat) -> Error {
    match error {
        Error::Refused(Refusal::Untrusted(mut untrusted)) if format == ErrorFormat::Text => {
            for danger in &untrusted.dangers {
                toolkit::note("ctr-up", format, &danger.to_string());
            }
            untrusted.told = true;
            Error::Refused(Refusal::Untrusted(untrusted))
        }
        error => error,
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrUp>()
}
