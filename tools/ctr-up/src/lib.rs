//! Makes the container be as the document says.
//!
//! [`Plan`] holds what is decided before anything is touched; [`up`] carries
//! it out. What fails half-way is taken back, and nothing else.

mod answer;
mod archive;
mod check;
mod connect;
mod create;
mod devcontainer;
mod error;
mod files;
mod found;
mod images;
mod isolated;
mod journal;
mod metadata;
mod place;
mod probe;
mod replace;
mod services;
mod sidecars;
mod spec;
mod sshd;
mod steps;
mod undo;
mod volumes;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use document::{Container, Received, audio::Audio, container::State, event::Status, labels};
use engine::{Engine, Summary};
use secrets::{Effort, Secrets};
use toolkit::{Events, Interrupt, Places, Siblings, files::replace, state};

use crate::{
    devcontainer::Devcontainer,
    found::{Found, Seen, has_run},
    isolated::Isolated,
    journal::{Journal, Pending},
    probe::Probe,
    spec::Spec,
    steps::Run,
};
pub use crate::{error::Error, files::Files, probe::Client};

/// What is decided before anything is touched.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The document.
    container: &'a Container,
    /// Its digest.
    spec: Spec,
    /// The engine's arguments that make it.
    create: Vec<String>,
    /// What stands around it, if it is isolated.
    isolated: Option<Isolated>,
    /// What the devcontainers CLI makes it from, if that does.
    devcontainer: Option<Devcontainer>,
    /// What its proxy has and it has not.
    secrets: Secrets,
    /// The container's state directory.
    directory: PathBuf,
    /// How sshd is asked who it is.
    probe: Probe,
    /// The file that outlives a SIGKILL.
    journal: Journal,
    /// The document that was applied last.
    kept: PathBuf,
    /// How long sshd may take to answer.
    patience: Duration,
    /// Whether a container that is there is replaced.
    replace: bool,
    /// The configuration in which ssh finds the connections to close.
    ssh_config: Option<PathBuf>,
    /// How ctr-verify(1) is run.
    siblings: Siblings,
}

impl<'a> Plan<'a> {
    /// Makes the plan of a document that could be carried out; `directory` is
    /// the container's state directory, `compose` the program for Compose files
    /// that is asked for.
    pub fn new(
        container: &'a Container,
        client: Client<'_>,
        directory: &Path,
        patience: Duration,
        compose: Option<&Path>,
    ) -> Result<Self, Error> {
        check::check(container)?;
        check::check_secrets(container, directory)?;
        let isolated = Isolated::of(container, directory, compose)?;
        let devcontainer = Devcontainer::of(container, compose)?;
        let spec = Spec::of(container, isolated.as_ref(), devcontainer.as_ref());
        let create = create::container(container, &spec.to_label())?;
        check::check_arguments(&create)?;
        Ok(Self {
            container,
            spec,
            create,
            isolated,
            devcontainer,
            secrets: Secrets::read(container.isolation.as_ref())?,
            directory: directory.to_owned(),
            probe: Probe::new(client, container)?,
            journal: Journal::of(directory),
            kept: directory.join(state::DOCUMENT),
            patience,
            replace: false,
            ssh_config: client.config.map(Path::to_owned),
            siblings: Siblings::new(),
        })
    }

    /// Lets the tools that are run use the same places and the same ssh
    /// configuration. What they do is this tool's to tell.
    pub fn among(self, places: &Places) -> Result<Self, Error> {
        let siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", places.config()?)
            .with("CTRKIT_STATE_DIR", places.state()?)
            .with("CTRKIT_SSH_CONFIG", self.ssh_config.clone().unwrap_or_default())
            .with("CTRKIT_EVENTS", "");
        Ok(Self { siblings, ..self })
    }

    /// Lets `program` be the devcontainers CLI, where that makes the container.
    #[must_use]
    pub fn by(self, program: Option<PathBuf>) -> Self {
        Self { devcontainer: self.devcontainer.map(|cli| cli.by(program)), ..self }
    }

    /// Makes the container anew although one is there, if `replace` says so.
    #[must_use]
    pub fn replacing(self, replace: bool) -> Self {
        Self { replace, ..self }
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What there is now.
    pub state: State,
    /// The paths of the dotfiles, below the home, that have no place in it.
    pub unplaced: Vec<String>,
    /// What a person should know of the container's secrets.
    pub warnings: Vec<String>,
    /// The digest of what of the image is trusted, where the devcontainers CLI
    /// made the container.
    pub trusted_image: Option<String>,
}

impl Outcome {
    /// Returns what a person should know of the container called `name`, in lines.
    pub fn warnings(self, name: &str) -> impl Iterator<Item = String> {
        let unplaced = self.unplaced.into_iter();
        let told = move |path| format!("could not place '{path}' in the home of '{name}'");
        unplaced.map(told).chain(self.warnings)
    }
}

/// Makes the container be as the plan says, and returns what came of it. It is
/// done when the document is kept ([`keep`]).
///
/// `files` is called only if a container is to be made.
pub fn up(
    plan: &Plan<'_>,
    engine: &Engine,
    interrupt: &Interrupt,
    events: &mut Events,
    files: impl FnOnce() -> Result<Files, Error>,
) -> Result<Outcome, Error> {
    let heeding = engine.clone().heeding(interrupt);
    let seen = plan.look(&heeding, interrupt, events)?;
    let mut run = Run::new(plan, &heeding, interrupt, events);
    run.patient = engine;
    let (id, status) = match plan.replace {
        true => run.replace(seen, files)?,
        false => {
            let seen = run.recover(seen)?;
            (run.keep_or_make(seen, files)?, "running")
        }
    };
    run.forget_images();
    let trusted_image = run.trusted_image.take().unwrap_or_else(|| plan.remembered());
    let Run { unplaced, made, warnings, .. } = run;
    // Only there does a later step take it back, if a life-cycle command fails.
    let made = plan.devcontainer.as_ref().map(|_| made.names(&plan.container.name));
    let made = made.unwrap_or_default();
    let (status, spec) = (status.to_owned(), Some(plan.spec.to_label()));
    let state = State { id, status, spec, made, ..State::default() };
    Ok(Outcome { state, unplaced, warnings, trusted_image })
}

impl Run<'_> {
    /// Makes the container where there is none, else sees that it runs, and
    /// returns its id.
    fn keep_or_make(
        &mut self,
        seen: Seen,
        files: impl FnOnce() -> Result<Files, Error>,
    ) -> Result<Option<String>, Error> {
        let Seen { summary, answer, parts, .. } = seen;
        let found = self.judge(summary.as_ref())?;
        let Pending { place: to_place, unproven, .. } = self.plan.journal.pending();
        let old = summary.map(|summary| summary.id).unwrap_or_default();
        match found {
            Found::Absent => return self.make(files()?, parts),
            Found::Unstarted => {
                let files = files()?;
                self.discard(&old)?;
                return self.make(files, parts);
            }
            Found::Running => {
                let check = |run: &mut Self| {
                    run.surround(false)?;
                    run.check_running(answer)
                };
                if unproven { self.prove(check)? } else { check(self)? }
            }
            Found::Paused => self.start_again("unpause")?,
            Found::Stopped => self.start_again("start")?,
        }
        if to_place {
            self.place()?;
        }
        self.deliver(&old, Effort::IfChanged)?;
        Ok(Some(old))
    }

    /// Says what there is. What the devcontainers CLI was about to make when it was
    /// killed counts as never started: it lacks its files.
    fn judge(&self, summary: Option<&Summary>) -> Result<Found, Error> {
        let (plan, engine) = (self.plan, self.engine);
        let pending = plan.journal.pending();
        let is_unfinished = pending.unfinished && pending.replacing.is_none();
        match summary {
            Some(summary) if is_unfinished && plan.is_ours(summary) => Ok(Found::Unstarted),
            _ => plan.judge(summary, |summary| has_run(engine, summary)),
        }
    }
}

/// Writes into the document which engine it is and what came of it; keys that
/// this version does not know stay.
pub fn record(document: &mut Container, engine: &Engine, outcome: &Outcome) {
    if let Some(section) = &mut document.devcontainer {
        section.trusted_image.clone_from(&outcome.trusted_image);
    }
    let extra = document.engine.take().map(|old| old.extra).unwrap_or_default();
    document.engine = Some(document::container::Engine { extra, ..engine.section() });
    let extra = document.state.take().map(|old| old.extra).unwrap_or_default();
    document.state = Some(State { extra, ..outcome.state.clone() });
}

/// Keeps the document, for whoever wants to know what was applied. Nothing is left
/// to be done then; the lock is the caller's until here.
pub fn keep(document: &Received<Container>, directory: &Path) -> Result<(), Error> {
    let line = toolkit::line(document)?;
    replace(&directory.join(state::DOCUMENT), line.as_bytes(), 0o600)?;
    Ok(Journal::of(directory).end()?)
}

/// Has the guard started that the container sees by a bind mount, where it has one
/// (audiotun(1)); the document is kept already.
pub fn sound(container: &Container, places: &Places, events: &mut Events) -> Result<(), Error> {
    if !container.audio.as_ref().is_some_and(Audio::is_bound) {
        return Ok(());
    }
    let siblings = Siblings::new()
        .with("CTRKIT_CONFIG_DIR", places.config()?)
        .with("CTRKIT_STATE_DIR", places.state()?)
        .with("CTRKIT_EVENTS", "");
    events.step("audio", || siblings.run("audiotun", &["guard", &container.name], b""))?;
    Ok(())
}

/// Says what [`up`] would do, without doing it: the state that there is.
pub fn dry_run(
    plan: &Plan<'_>,
    engine: &Engine,
    events: &mut Events,
    files: impl FnOnce() -> Result<Files, Error>,
) -> Result<Outcome, Error> {
    let summary = events.step("check", || engine.container(&plan.container.name))?;
    let found = plan.judge(summary.as_ref(), |summary| has_run(engine, summary))?;
    if plan.replace || matches!(found, Found::Absent | Found::Unstarted) {
        files()?;
    }
    events.emit("dry-run", Status::Done, None);
    let state = match summary {
        Some(summary) => State {
            id: Some(summary.id.clone()),
            status: summary.status.clone(),
            spec: summary.label(labels::SPEC).map(str::to_owned),
            ..State::default()
        },
        None => State { status: "absent".to_owned(), ..State::default() },
    };
    let trusted_image = plan.remembered();
    Ok(Outcome { state, unplaced: Vec::new(), warnings: Vec::new(), trusted_image })
}

/// Returns what another program said on one line, without the frames of at
/// signs that ssh draws.
fn one_line(words: &str) -> String {
    let says_something = |line: &&str| !line.trim_matches(['@', ' ']).is_empty();
    words.lines().map(str::trim).filter(says_something).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
