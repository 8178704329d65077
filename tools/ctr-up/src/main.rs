//! ctr-up(1): make the container be as the document says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use clap::{Parser, value_parser};
use ctr_up::{Client, Error, Files, Plan, keys};
use document::{Container, Received};
use engine::EngineArgs;
use nix::unistd::{Uid, User};
use toolkit::{
    Common, Events, Exit, Interrupt, Places, Tool,
    files::{self, Lock},
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

    /// Let ssh read FILE instead of ~/.ssh/config, where a proxy leads to the
    /// container
    #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG")]
    user_config: Option<PathBuf>,

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
        let client = Client { program: &ssh, config: self.user_config.as_deref() };
        let plan = Plan::new(&document, client, &directory, patience)?;
        let mut engine = self.engine.for_document(document.engine.as_ref())?;
        engine.learn_version()?;
        let files = || {
            let keys = keys::find(self.key.as_deref(), document.ssh.as_ref(), &World);
            Files::new(&document, keys.map_err(Error::NoKey)?)
        };
        let state = if self.dry_run {
            ctr_up::look(&plan, &engine, events, files)?
        } else {
            // Only then: who waits for another run may be ended at once.
            let _lock = Lock::take(&directory.join("lock"), patience + Duration::from_secs(60))?;
            let interrupt = Interrupt::watch().map_err(Error::Watch)?;
            ctr_up::up(&plan, &engine, &interrupt, events, files)?
        };
        document.engine = Some(engine.section());
        document.state = Some(state);
        if !self.dry_run {
            keep(&document, &directory)?;
        }
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }
}

/// Keeps the document for whoever wants to know what was applied.
fn keep(document: &Received<Container>, directory: &Path) -> Result<(), Error> {
    let line = document.to_line().unwrap_or_default() + "\n";
    files::replace(&directory.join("document.json"), line.as_bytes(), 0o600)?;
    Ok(())
}

/// The person's keys.
struct World;

impl keys::Sources for World {
    fn file(&self, path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    fn agent(&self) -> Option<String> {
        let listed = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).output().ok()?;
        String::from_utf8(listed.stdout).ok().filter(|_| listed.status.success())
    }

    fn directory(&self) -> Option<PathBuf> {
        // ssh takes the home from the password database, not from HOME.
        let user = User::from_uid(Uid::current()).ok().flatten()?;
        Some(user.dir.join(".ssh"))
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrUp>()
}
