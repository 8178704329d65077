//! Makes containers anew.
//!
//! What a container is made from is the document that was applied last, or,
//! where that is lost, one that is written anew. The tools of the pipe do the
//! rest; what must hold when one of them fails or is killed is theirs.

mod describe;
mod error;
mod tools;

use clap::Args;
use config::Config;
use document::{Container, Received, container::is_name};
use engine::{Choice, Engine, EngineArgs, EngineError, HERE};
use toolkit::{Interrupt, Places};

pub use crate::{
    error::{Error, FailedStep},
    tools::Tools,
};

/// Brings the token for GitHub into the new container, which must run for it:
/// one that is stopped gets it when it is asked for again (`ctrkit token`).
const PUSH_TOKEN: [&str; 2] = ["ghtoken", "push"];

/// Runs what a devcontainer.json wants to have run in a new container, which is
/// done at the next start of one that is stopped. The container is not this
/// run's to remove: what is in it was there before.
const LIFE_CYCLE: [&str; 2] = ["ctr-lifecycle", "--keep"];

/// What is to be different afterwards.
#[derive(Args, Clone, Debug, Default)]
pub struct Wishes {
    /// Make them from IMAGE, now and from then on [default: the same as
    /// before]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Fetch the image, or the base that it is built upon, although it is there
    #[arg(long)]
    pub pull: bool,

    /// Build the image although it is there
    #[arg(long)]
    pub build: bool,
}

/// Returns the names of all containers on the engine that have a state here.
///
/// Others on the same engine may be another person's, or made from another
/// machine.
pub fn all(engine: &Engine, places: &Places) -> Result<Vec<String>, Error> {
    let state = places.state()?;
    let managed = engine.all_managed()?;
    let names = managed.names().into_iter().filter(|name| is_name(name));
    Ok(names.filter(|name| state.join(name).is_dir()).map(str::to_owned).collect())
}

/// Rebuilds containers.
#[derive(Debug)]
pub struct Rebuilder<'a> {
    /// The tools that do it.
    pub tools: Tools,
    /// What is to be different afterwards.
    pub wishes: Wishes,
    /// Which engine is asked for.
    pub args: &'a EngineArgs,
    /// What the configuration says of engines.
    pub config: &'a Config,
    /// Where the documents are.
    pub places: &'a Places,
}

impl Rebuilder<'_> {
    /// Makes the container called `name` anew.
    pub fn rebuild(&self, name: &str, interrupt: &Interrupt) -> Result<(), Error> {
        // What is no name of ctrkit's could lead anywhere.
        if !is_name(name) {
            return Err(EngineError::NoSuchContainer { name: name.to_owned() }.into());
        }
        let mut document = match self.kept(name)? {
            Some(document) => document,
            None => self.describe(name)?,
        };
        self.see_that_it_is_here(&document)?;
        self.see_that_it_stays_isolated(&document)?;
        if let Some(image) = &self.wishes.image {
            document.image = Some(image.clone());
        }
        let mut line = tools::to_line(&document)?;
        for step in self.steps() {
            if (step == PUSH_TOKEN || step == LIFE_CYCLE) && !runs(&line) {
                continue;
            }
            interrupt.check()?;
            let result = self.tools.run(step, name, &line);
            // A tool that a signal ended has failed for no reason of its own.
            interrupt.check()?;
            line = result?;
        }
        Ok(())
    }

    /// Returns the tools, in order, each with its arguments.
    fn steps(&self) -> [Vec<&'static str>; 13] {
        let mut image = vec!["ctr-image"];
        image.extend(self.wishes.pull.then_some("--pull"));
        image.extend(self.wishes.build.then_some("--build"));
        [
            vec!["sshca", "--new-key"],
            vec!["dotfiles"],
            vec!["ghtoken"],
            vec!["audiotun"],
            vec!["claudecfg"],
            vec!["filtergen"],
            image,
            vec!["mkcompose"],
            vec!["mkdevcontainer"],
            vec!["ctr-up", "--replace"],
            PUSH_TOKEN.to_vec(),
            vec!["sshcfg", "add"],
            LIFE_CYCLE.to_vec(),
        ]
    }

    /// Refuses a container of another engine than the one that is asked for:
    /// the old one would stay there.
    fn see_that_it_is_here(&self, document: &Received<Container>) -> Result<(), Error> {
        let Some(engine) = &document.engine else { return Ok(()) };
        let other = |option, engine: &str, asked: &str| {
            let (engine, asked) = (engine.to_owned(), asked.to_owned());
            Err(Error::OtherEngine { name: document.name.clone(), option, engine, asked })
        };
        let host = engine.host.as_deref();
        if let Some(asked) = self.args.asked_host().filter(|asked| *asked != host) {
            return other("--host", host.unwrap_or(HERE), asked.unwrap_or(HERE));
        }
        let choice = Choice { asked: self.args.asked(), document: Some(engine), configured: None };
        match Engine::find(choice)?.kind().name() {
            asked if asked == engine.kind => Ok(()),
            asked => other("--engine", &engine.kind, asked),
        }
    }
}

/// Says whether `document` is that of a container that runs.
fn runs(document: &[u8]) -> bool {
    let document = document::parse::<Container>(document).ok();
    let state = document.and_then(|document| document.into_inner().state);
    state.is_some_and(|state| state.status == "running")
}

#[cfg(test)]
mod tests;
