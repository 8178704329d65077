//! ctr-init(1): set ctrkit up: where the engine is, the keys, the token.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use config::{Config, Draft};
use ctr_init::{Dialogue, Error, Machine, Place, Plan, Source, Token, Wishes, apply};
use engine::Kind;
use toolkit::{
    Common, Events, Exit, Places, Tool,
    keys::{self, Person},
};

/// Set ctrkit up: where the engine is, the keys, the token
///
/// Asks on the terminal for what the options do not say, tests the connection
/// and the engine at its end, makes the certificate authority, and writes the
/// configuration. One that is there is changed where it must be and otherwise
/// left as it is; run again, it changes nothing.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrInit {
    #[command(flatten)]
    wishes: Wishes,

    /// Let ssh read FILE [default: ssh's own files]
    #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG")]
    ssh_config: Option<PathBuf>,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrInit {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let config = Draft::read(&self.places)?.config()?;
        let home = etcetera::home_dir().ok();
        let token_file = apply::token_file(&self.places, &config, home.as_deref())?;
        let (mut plan, token) = self.plan(&config, &token_file)?;
        self.tell_keys(&plan, &config, home.as_deref())?;
        if !self.wishes.no_test {
            let kind = events.step("test", || self.test(&plan, &config))?;
            plan.settle(kind, &config);
        }
        let log = self.common.events.as_deref();
        self.tell(&events.step("authority", || apply::authority(&self.places, &config, log))?);
        if let Some(token) = token {
            self.tell(&apply::token(&token, &token_file)?);
        }
        if plan.leaves_connection(&config) {
            self.tell("the connection in force led to another server: none is in force now");
        }
        self.tell(&events.step("configure", || apply::configuration(&self.places, &plan))?);
        Ok(Exit::Success)
    }
}

impl CtrInit {
    fn tell(&self, line: &str) {
        toolkit::note("ctr-init", self.common.error_format, line);
    }

    /// Returns what is wanted, and the token to be stored.
    fn plan(&self, config: &Config, token_file: &Path) -> Result<(Plan, Option<Token>), Error> {
        let mut dialogue = Dialogue::new();
        let asks = !self.wishes.batch && io::stdin().is_terminal();
        let plan = if asks {
            Plan::asking(&self.wishes, config, &mut dialogue)?
        } else {
            let is_there = config::path(&self.places)?.exists();
            Plan::of(&self.wishes, is_there.then_some(config))?
        };
        let token = match self.wishes.token() {
            Some(Source::File(path)) => Some(Token::read(&path)?),
            Some(Source::Stdin) if io::stdin().is_terminal() => self.ask_token(&mut dialogue)?,
            Some(Source::Stdin) => Some(Token::from_stdin(&mut dialogue)?),
            None if asks && !token_file.exists() => self.ask_token(&mut dialogue)?,
            Some(Source::None) | None => None,
        };
        if token.as_ref().is_some_and(|token| !token.is_fine_grained()) {
            let message = "the token is not a fine-grained one (github_pat_…): it may do more \
                           than it needs to";
            toolkit::warn("ctr-init", self.common.error_format, message);
        }
        Ok((plan, token))
    }

    fn ask_token(&self, dialogue: &mut Dialogue) -> Result<Option<Token>, Error> {
        ctr_init::RECIPE.lines().for_each(|line| self.tell(line));
        let line = dialogue.ask_secret("The token (not shown; nothing for none)")?;
        let token = line.map(|line| Token::parse(&line)).transpose();
        token.map_err(|what| Error::BadToken { from: "that was typed".to_owned(), what })
    }

    /// Finds the public keys, without which no container can be reached.
    fn tell_keys(&self, plan: &Plan, config: &Config, home: Option<&Path>) -> Result<(), Error> {
        let found = keys::find(None, Some(&plan.ssh(config, home)), &Person);
        for key in found.map_err(Error::NoKey)?.lines() {
            let mut words = key.splitn(3, ' ');
            let (kind, comment) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or("-"));
            self.tell(&format!("the containers will let in the key {kind} ({comment})"));
        }
        Ok(())
    }

    /// Returns the engine that lacks nothing.
    fn test(&self, plan: &Plan, config: &Config) -> Result<Kind, Error> {
        let program = plan.engine.as_deref().or(config.engine.as_deref());
        let kind = program.and_then(ctr_init::kind).or(plan.named_by_socket(config));
        let way = plan.way(config);
        let machine = match &way {
            Some((address, socket)) => {
                let (socket, config) = (socket.as_deref(), self.ssh_config.as_deref());
                Machine::There { address, socket, config }
            }
            None => Machine::Here(program),
        };
        let facts = machine.facts()?;
        let place = if way.is_some() { Place::There } else { Place::Here };
        let (kind, complaints) = ctr_init::judge(&facts, kind, place);
        let version = facts.engine(kind).answer.clone().and_then(Result::ok).unwrap_or_default();
        let machine = machine.name();
        if !complaints.is_empty() {
            return Err(Error::Lacking { machine, complaints });
        }
        if way.is_some() {
            let client = program.unwrap_or(kind.name());
            which::which(client)
                .map_err(|source| Error::NoClient { program: client.to_owned(), source })?;
        }
        self.tell(&format!("{} {version} on {machine} answers", kind.name()));
        Ok(kind)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrInit>()
}
