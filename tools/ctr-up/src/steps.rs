//! The steps that make a container.

use std::{
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use engine::{Engine, EngineError, Image, Kind, NamedImage, options};
use secrets::{Effort, delivery};
use toolkit::{Events, Interrupt, files::FileError};

use crate::{
    Error, Plan,
    archive::{self, Account, Entry},
    files::{self, Cargo, Files},
    found::has_run,
    journal::Pending,
    place,
    replace::Old,
    services::Project,
    sidecars::Around,
    volumes::{Parts, look_around},
};

/// How long an engine may take to start a container before it is taken to
/// have been torn apart.
const START: Duration = Duration::from_secs(60);

/// How long podman may have taken a name for a container that it does not
/// list yet.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

/// One run: the plan, the world, and what this run has made so far.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) engine: &'a Engine,
    /// The same, of which no signal gives up what is asked: for undoing.
    pub(crate) patient: &'a Engine,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) events: &'a mut Events,
    pub(crate) made: Made,
    /// What stood around the container before this run made anything.
    pub(crate) before: Around,
    /// What was built for the container before, once the devcontainers CLI was called.
    pub(crate) images: Option<Vec<NamedImage>>,
    /// What there was of the repository's own Compose project before, likewise.
    pub(crate) project: Option<Project>,
    /// The container that this run replaces, from the moment at which it is
    /// touched until the new one is good.
    pub(crate) old: Option<Old>,
    /// The dotfiles that have no place.
    pub(crate) unplaced: Vec<String>,
    /// What a person should know of the container's secrets.
    pub(crate) warnings: Vec<String>,
    /// The digest of what of its image is trusted, once that was looked at.
    pub(crate) trusted_image: Option<Option<String>>,
}

/// What this run has made, and would have to take back.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// The container's id, or its name where the engine did not tell the id.
    pub(crate) container: Option<String>,
    /// The volumes.
    pub(crate) volumes: Vec<String>,
    /// Whether the sidecars were made by this run, or are being made.
    pub(crate) sidecars: bool,
    /// Volumes that an unfinished run has left, which hold nothing.
    pub(crate) found: Vec<String>,
    /// Whether the container may have been started, and all its volumes used.
    pub(crate) started: bool,
}

impl Made {
    /// Returns the names of the container, called `name`, and of the volumes.
    pub(crate) fn names(self, name: &str) -> Vec<String> {
        let container = self.container.map(|_| name.to_owned());
        container.into_iter().chain(self.volumes).chain(self.found).collect()
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        plan: &'a Plan<'a>,
        engine: &'a Engine,
        interrupt: &'a Interrupt,
        events: &'a mut Events,
    ) -> Self {
        let (made, before) = (Made::default(), Around::default());
        let (unplaced, warnings) = (Vec::new(), Vec::new());
        Self {
            plan,
            engine,
            patient: engine,
            interrupt,
            events,
            made,
            before,
            images: None,
            project: None,
            old: None,
            unplaced,
            warnings,
            trusted_image: None,
        }
    }

    /// Notes what is left to be done, besides what is being replaced and what
    /// is known of the container itself.
    pub(crate) fn note(&self, volumes: Vec<String>, place: bool) -> Result<(), FileError> {
        let replacing = self.old.as_ref().map(|old| old.replacing);
        let change = |noted: &mut Pending| {
            *noted = Pending { volumes, place, replacing, ..std::mem::take(noted) };
        };
        self.plan.journal.amend(change)
    }

    /// Notes that what is made now is good for nothing until its files are in it.
    pub(crate) fn note_unfinished(&self) -> Result<(), FileError> {
        self.plan.journal.amend(|noted| noted.unfinished = true)
    }

    /// Makes the container and returns its id; on failure takes back what was
    /// made. `parts` is what was found already.
    pub(crate) fn make(
        &mut self,
        files: Files,
        parts: Option<Result<Parts, Error>>,
    ) -> Result<Option<String>, Error> {
        let result = self.try_to_make(files, parts);
        if result.is_err() {
            self.undo();
        }
        result
    }

    pub(crate) fn try_to_make(
        &mut self,
        files: Files,
        parts: Option<Result<Parts, Error>>,
    ) -> Result<Option<String>, Error> {
        let parts = parts.unwrap_or_else(|| look_around(self.engine, self.plan.container));
        let (image, there) = parts?;
        let fresh = self.make_volumes(&there)?;
        self.surround(self.plan.replace)?;
        delivery::prepare(self.plan.container, &self.plan.directory)?;
        let id = self.create()?;
        let account = self.account(&image)?;
        let mut cargo = files.cargo(self.plan.container, &fresh)?;
        cargo.entries.extend(self.start_file());
        self.inject(&cargo, account)?;
        self.interrupt.check()?;
        self.start_first(cargo.to_place)?;
        self.serve()?;
        self.wait(Duration::ZERO)?;
        self.try_to_escape()?;
        if cargo.to_place {
            self.place()?;
        }
        let known = id.clone().unwrap_or_else(|| self.plan.container.name.clone());
        self.deliver(&known, Effort::Always)?;
        Ok(id)
    }

    /// Brings the container, which runs, what is to be secret in it, and not
    /// before it has proved to be who it should be, and its isolation to hold.
    pub(crate) fn deliver(&mut self, id: &str, effort: Effort) -> Result<(), Error> {
        let (engine, container) = (self.engine, self.plan.container);
        let directory = &self.plan.directory;
        if !delivery::is_due(container, directory, id, effort)? {
            return Ok(());
        }
        self.interrupt.check()?;
        let deliver = || delivery::deliver(container, directory, id, engine);
        self.warnings = self.events.step("deliver", deliver)?;
        Ok(())
    }

    fn create(&mut self) -> Result<Option<String>, Error> {
        self.interrupt.check()?;
        let (engine, plan) = (self.engine, self.plan);
        if let Some(by) = &plan.devcontainer {
            return self.create_by_cli(by);
        }
        let (name, args) = (&plan.container.name, &plan.create);
        let create = || match &plan.isolated {
            None => engine.run(args).map(|answer| id(&answer)),
            Some(isolated) => {
                isolated.create(engine, &plan.spec.to_label())?;
                Ok(engine.container(name)?.map(|created| created.id))
            }
        };
        let id = self.events.step("create", || match create() {
            Err(error) if error.is("name-taken") && is_left_over(engine, plan)? => {
                engine.run(["rm", "--force", name])?;
                create()
            }
            result => result,
        })?;
        // Only now: a name that another had first is not this run's to remove.
        self.made.container = Some(id.clone().unwrap_or_else(|| name.clone()));
        Ok(id)
    }

    /// Returns the numbers of the user: the image's labels say them, else the
    /// container's passwd file.
    fn account(&mut self, image: &Image) -> Result<Account, Error> {
        let container = self.plan.container;
        let user = container.user()?;
        if user == "root" {
            return Ok(Account::ROOT);
        }
        // The CLI may have made it from another image.
        let told = labelled(image, user).filter(|_| self.plan.devcontainer.is_none());
        if let Some(account) = told {
            return Ok(account);
        }
        let from = format!("{}:/etc/passwd", container.name);
        let stream = self.engine.run(["cp", &from, "-"])?;
        let account = archive::account(stream.as_bytes(), user).ok().flatten();
        account.ok_or_else(|| Error::UserMissing {
            image: container.image.clone().unwrap_or_default(),
            user: user.to_owned(),
        })
    }

    fn inject(&mut self, cargo: &Cargo, user: Account) -> Result<(), Error> {
        self.interrupt.check()?;
        let (engine, container) = (self.engine, self.plan.container);
        self.events.step("inject", || send(engine, &container.name, &cargo.entries, user))?;
        Ok(())
    }

    /// Starts the container for the first time: from now on its volumes are
    /// somebody's, and whether its isolation holds is to be tried.
    fn start_first(&mut self, to_place: bool) -> Result<(), Error> {
        let replacing = self.old.as_ref().map(|old| old.replacing);
        let unproven = self.plan.isolated.is_some();
        let noted = Pending { place: to_place, replacing, unproven, ..Pending::default() };
        self.plan.journal.note(&noted)?;
        self.made.started = true;
        self.start("start")
    }

    /// Starts the container by the engine's command `verb`.
    pub(crate) fn start(&mut self, verb: &str) -> Result<(), Error> {
        let (engine, name) = (self.engine, &self.plan.container.name);
        let started = self.events.step("start", || engine.run_within([verb, name], START));
        match started {
            Ok(_) => Ok(()),
            Err(error) if error.is("port-taken") => Err(Error::PortTaken {
                name: name.clone(),
                ports: self.ports(),
                source: Box::new(error),
            }),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn ports(&self) -> String {
        let ports = &self.plan.container.ports;
        ports.iter().filter_map(options::published).collect::<Vec<_>>().join(", ")
    }

    /// Places the dotfiles in a home that was there before.
    ///
    /// One that has no place, such as in a directory that nobody may write,
    /// is told, and no reason to have no container.
    pub(crate) fn place(&mut self) -> Result<(), Error> {
        self.interrupt.check()?;
        let (engine, container) = (self.engine, self.plan.container);
        let user = container.user()?;
        let home = files::home(user);
        let args = place::command(&container.name, user, &home);
        let answer = self.events.step("place", || engine.ask(args))?;
        self.unplaced = place::unplaced(&answer);
        Ok(())
    }
}

/// Returns the numbers that the image's labels give to `user`.
fn labelled(image: &Image, user: &str) -> Option<Account> {
    let label = |name: &str| image.labels.get(name).filter(|value| !value.is_empty());
    let number = |name: &str| label(name)?.parse().ok();
    let account = Account { uid: number("ctrkit.uid")?, gid: number("ctrkit.gid")? };
    (label("ctrkit.user")? == user).then_some(account)
}

/// Returns the id that the engine answers a creation with: the last line, 64
/// hex digits, behind what it may have to warn of.
fn id(answer: &str) -> Option<String> {
    let line = answer.lines().last()?.trim();
    let is_id = line.len() == 64 && line.chars().all(|c| c.is_ascii_hexdigit());
    is_id.then(|| line.to_owned())
}

/// Sends `entries` into the container as one tar stream; `user` has the
/// numbers of its user.
pub(crate) fn send(
    engine: &Engine,
    name: &str,
    entries: &[Entry],
    user: Account,
) -> Result<String, EngineError> {
    let to = format!("{name}:/");
    let args: &[&str] = match engine.kind() {
        // Without it podman gives every file to root.
        Kind::Podman => &["cp", "-a=false", "-", &to],
        Kind::Docker => &["cp", "-", &to],
    };
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    engine.run_with_input(args, |pipe| archive::write(entries, user, time, pipe))
}

/// Says whether the container's name is taken by nothing but what a run has
/// left that was killed: its container, which a call made that it did not live
/// to see the end of, or a remnant in podman's storage, which a podman leaves
/// that is killed while it creates a container.
///
/// A podman that is at work right now looks the same as the latter for a
/// moment: it is given the time to finish.
fn is_left_over(engine: &Engine, plan: &Plan<'_>) -> Result<bool, EngineError> {
    let name = &plan.container.name;
    let mut found = engine.container(name)?;
    if found.is_none() && engine.kind() == Kind::Podman {
        sleep(SETTLE);
        found = engine.container(name)?;
    }
    match found {
        // The lock is ours: no run of ours is at work on it.
        Some(found) => {
            Ok(plan.is_ours(&found) && found.status == "created" && !has_run(engine, &found)?)
        }
        None => Ok(engine.kind() == Kind::Podman),
    }
}
