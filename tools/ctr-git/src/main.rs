//! ctr-git(1): carry the code between a worktree and its container.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use ctr_git::{Bounds, Error, Host, LIMIT, Ssh, Trust};
use document::Container;
use engine::EngineArgs;
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Carry the code between a worktree and its container
///
/// Without a verb: reads a container/1 document on standard input, adds the
/// remote, prepares the repository in the container, pushes the branch, checks
/// it out, and writes the document with its git section to standard output.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrGit {
    /// What to do with the branch that is checked out
    #[arg(value_name = "VERB")]
    verb: Option<Verb>,

    /// The container [default: the one that the worktree holds ports for]
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Act in the worktree of DIR
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".", requires = "verb")]
    directory: PathBuf,

    /// Pull also what something on this machine executes by itself; with the
    /// whole id of a COMMIT, only if that is what is there
    #[arg(
        long,
        value_name = "COMMIT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = commit,
        requires = "verb"
    )]
    trust: Option<String>,

    /// Fetch into the bare repository DIR, which is made
    #[arg(long, value_name = "DIR", required_if_eq("verb", "fetch"), requires = "verb")]
    into: Option<PathBuf>,

    /// Let the container send at most MIB
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = LIMIT,
        value_parser = clap::value_parser!(u32).range(1..),
        requires = "verb"
    )]
    limit: u32,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

/// Accepts the whole id of a commit; nothing is any commit. Of two commits whose
/// ids begin alike one can be shown and the other one be sent.
fn commit(text: &str) -> Result<String, &'static str> {
    let is_id = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match text.len() {
        0 | 40 | 64 if is_id => Ok(text.to_owned()),
        _ => Err("expected the whole id of a commit, in lower-case hex"),
    }
}

/// The ways of carrying that need no document.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verb {
    /// Push it to the container and check it out there
    Push,
    /// Fetch it from the container and move forward to it
    Pull,
    /// Fetch it into a repository of its own, and change nothing here
    Fetch,
}

impl Tool for CtrGit {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        self.check()?;
        let Self { verb, name, directory, engine, places, trust, into, limit, .. } = self;
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let mut document = match verb {
            None => Some(toolkit::read::<Container>()?),
            Some(_) => None,
        };
        let link = match &document {
            Some(document) => engine.link_of(document.engine.as_ref(), &places)?,
            None => engine.link_by(&config::read(&places)?, &places)?,
        };
        let proxy = link.map(|link| link.proxy_command());
        let ssh = Ssh::new(engine.ssh_config()).through(proxy);
        let host = Host { places, engine, ssh, interrupt };
        let name = name.as_deref();
        match (verb, &mut document) {
            (Some(Verb::Push), _) => ctr_git::push(&host, &directory, name, events)?,
            (Some(Verb::Pull), _) => {
                let trust = match trust.as_deref() {
                    None => Trust::None,
                    Some("") => Trust::All,
                    Some(commit) => Trust::Commit(commit),
                };
                ctr_git::pull(&host, &directory, name, Bounds { trust, limit }, events)?;
            }
            (Some(Verb::Fetch), _) => {
                let into = into.unwrap_or_default();
                ctr_git::set_aside(&host, &directory, name, &into, limit, events)?;
            }
            (None, None) => {}
            (None, Some(document)) => {
                ctr_git::pipe(&host, document, events)?;
                toolkit::write(document)?;
            }
        }
        Ok(Exit::Success)
    }
}

impl CtrGit {
    /// Refuses an option of another verb.
    fn check(&self) -> Result<(), Error> {
        let option = match self.verb {
            Some(Verb::Push | Verb::Fetch) if self.trust.is_some() => "--trust",
            Some(Verb::Push | Verb::Pull) if self.into.is_some() => "--into",
            _ => return Ok(()),
        };
        Err(Error::NotOfVerb { option })
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrGit>()
}
