//! ctr-verify(1): attack the isolation of a container, and say what held.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use ctr_verify::{Attack, Error, Extent, Given, Secret};
use document::{Verify, verify::Attacked};
use engine::{Engine, EngineArgs, Summary};
use toolkit::{Common, Events, Exit, Interrupt, Places, Siblings, Tool};

/// Attack the isolation of a container, and say what held
///
/// Puts a helper into the container, has it try all that could lead out, looks
/// here at what arrives, and takes it out again. The image needs to have nothing
/// for that, and the container need not be ctrkit's. Writes what came of it to
/// standard output; exits with 1 if something got out, and with 69 if something
/// could not be tried.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrVerify {
    /// The container's name [default: that of the worktree's container]
    #[arg(value_name = "NAME", conflicts_with_all = ["container", "project"])]
    name: Option<String>,

    /// Attack the container CONTAINER, a name or an id, whoever's it is
    #[arg(long, value_name = "CONTAINER", conflicts_with = "project")]
    container: Option<String>,

    /// Attack all containers of the Compose project PROJECT that run
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,

    /// Its proxy listens at ADDRESS, such as 10.0.0.2:3128 [default: where the
    /// container's environment says]
    #[arg(long, value_name = "ADDRESS")]
    proxy: Option<String>,

    /// Its proxy follows the policy in FILE [default: that of the document]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Try only what can be decided within two seconds
    #[arg(long)]
    quick: bool,

    /// Put nothing into the container: try its network alone, from a container
    /// that shares it
    #[arg(long)]
    beside: bool,

    /// Look for the secrets of the policy in the container, and for nothing else
    #[arg(long, conflicts_with_all = ["quick", "beside"])]
    secret_check: bool,

    /// Look for the secret in FILE, too; may be given several times
    #[arg(long, value_name = "FILE", requires = "secret_check")]
    secret: Vec<PathBuf>,

    /// Write one verify/1 document, not TAP
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrVerify {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let config = config::read(&self.places)?;
        let proxy = self.proxy.as_deref().map(parse_proxy).transpose()?;
        let engine = self.engine.find(&config, &self.places)?;
        let targets = self.targets(&engine)?;
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let attack = Attack {
            engine: &engine,
            places: &self.places,
            extent: Extent { quick: self.quick, beside: self.beside },
            given: Given { proxy, policy: self.policy.clone() },
            interrupt: &interrupt,
        };
        let one = |target| self.one(&attack, target, events);
        let attacked = targets.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        let document = Verify::new(engine.section(), self.quick, attacked);
        let verdict = document.verdict;
        match self.json {
            true => toolkit::write(&document.into())?,
            false => toolkit::write_text(&ctr_verify::tap(&document))?,
        }
        Ok(ctr_verify::exit(verdict))
    }
}

impl CtrVerify {
    /// Returns the containers that are meant.
    fn targets(&self, engine: &Engine) -> Result<Vec<Summary>, Error> {
        if let Some(project) = &self.project {
            return ctr_verify::project(engine, project);
        }
        if let Some(container) = &self.container {
            return Ok(vec![ctr_verify::container(engine, container)?]);
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let answer = Siblings::new().run("ctr-spec", &["--name-only"], b"")?;
                String::from_utf8_lossy(&answer).trim().to_owned()
            }
        };
        Ok(vec![engine.managed(&name)?])
    }

    fn one(
        &self,
        attack: &Attack<'_>,
        target: Summary,
        events: &mut Events,
    ) -> Result<Attacked, Error> {
        events.about(&target.name);
        if !self.secret_check {
            return ctr_verify::attack(attack, target, events);
        }
        let mut secrets = ctr_verify::secrets(attack, &target.name)?;
        let named =
            |file: &PathBuf| Secret { name: file.display().to_string(), file: file.clone() };
        secrets.extend(self.secret.iter().map(named));
        ctr_verify::search(attack, target, &secrets, events)
    }
}

fn parse_proxy(text: &str) -> Result<SocketAddr, Error> {
    let text = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    text.parse().map_err(|_| Error::BadProxy { proxy: text.to_owned() })
}

fn main() -> ExitCode {
    toolkit::main::<CtrVerify>()
}
