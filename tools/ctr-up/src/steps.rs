//! The steps, and their undoing.

use std::{
    io, thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use document::{Container, event::Status};
use engine::{Engine, EngineError, Image, Kind, NamedVolume};
use toolkit::{Events, Failure, Interrupt};

use crate::{
    Error, Plan,
    archive::{self, Account, Entry},
    create,
    files::{self, Cargo, Files},
    place,
};

/// How long an engine may take to start a container before it is taken to
/// have been torn apart.
const START: Duration = Duration::from_secs(60);

/// One run: the plan, the world, and what this run has made so far.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) engine: &'a Engine,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) events: &'a mut Events,
    made: Made,
}

/// What this run has made, and would have to take back.
#[derive(Debug, Default)]
struct Made {
    container: bool,
    id: Option<String>,
    volumes: Vec<String>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        plan: &'a Plan<'a>,
        engine: &'a Engine,
        interrupt: &'a Interrupt,
        events: &'a mut Events,
    ) -> Self {
        Self { plan, engine, interrupt, events, made: Made::default() }
    }

    /// Returns the id of the container that this run has made.
    pub(crate) fn id(&self) -> Option<String> {
        self.made.id.clone()
    }

    pub(crate) fn container(&self) -> &'a Container {
        self.plan.container
    }

    /// Removes a container that was created and never started.
    pub(crate) fn discard(&mut self) -> Result<(), Error> {
        let (engine, name) = (self.engine, &self.plan.container.name);
        self.events.step("discard", || engine.run(["rm", "--force", name]))?;
        Ok(())
    }

    /// Makes the container; on failure takes back what was made.
    pub(crate) fn make(&mut self, files: Files) -> Result<(), Error> {
        let result = self.try_to_make(files);
        if result.is_err() {
            self.undo();
        }
        result
    }

    fn try_to_make(&mut self, files: Files) -> Result<(), Error> {
        let (image, there) = self.look_around()?;
        let fresh = self.make_volumes(&there)?;
        self.create()?;
        let account = self.account(&image)?;
        let cargo = files.cargo(self.container(), &fresh)?;
        self.inject(&cargo, account)?;
        self.interrupt.check()?;
        self.start()?;
        self.wait(Duration::ZERO)?;
        if cargo.to_place {
            self.place()?;
        }
        Ok(())
    }

    /// Asks for the image and the volumes, both at once.
    fn look_around(&mut self) -> Result<(Image, Vec<NamedVolume>), Error> {
        let (engine, container) = (self.engine, self.plan.container);
        let name = container.image()?;
        let filters: Vec<_> =
            container.volumes.iter().map(|volume| format!("name=^{}$", volume.name)).collect();
        let filters: Vec<_> = filters.iter().map(String::as_str).collect();
        let (image, volumes) = thread::scope(|scope| {
            let image = scope.spawn(|| engine.image(name));
            let none = filters.is_empty();
            let volumes = if none { Ok(Vec::new()) } else { engine.volumes(&filters) };
            (image.join(), volumes)
        });
        let image = image.map_err(|_| Error::Ssh(io::ErrorKind::Other.into()))??;
        let image = image.ok_or_else(|| Error::ImageMissing { image: name.to_owned() })?;
        Ok((image, volumes?))
    }

    /// Makes the volumes that are not there. Returns those that are new: made
    /// now, or by a run that was killed before the container ever ran.
    fn make_volumes(&mut self, there: &[NamedVolume]) -> Result<Vec<String>, Error> {
        let container = self.container();
        let mut absent = Vec::new();
        for volume in &container.volumes {
            match there.iter().find(|found| found.name == volume.name) {
                None => absent.push(volume.name.clone()),
                Some(NamedVolume { container: Some(owner), .. }) if *owner != container.name => {
                    let (name, owner) = (volume.name.clone(), owner.clone());
                    return Err(Error::VolumeTaken { name, owner });
                }
                Some(_) => {}
            }
        }
        let mut fresh = self.plan.journal.unfinished();
        fresh.extend(
            absent.iter().filter(|name| !fresh.contains(name)).cloned().collect::<Vec<_>>(),
        );
        self.plan.journal.begin(&fresh)?;
        for name in absent {
            self.interrupt.check()?;
            let args = create::volume(container, &name);
            self.events.step("volume", || self.engine.run(args))?;
            self.made.volumes.push(name);
        }
        Ok(fresh)
    }

    fn create(&mut self) -> Result<(), Error> {
        self.interrupt.check()?;
        let (engine, name) = (self.engine, &self.plan.container.name);
        let args = &self.plan.create;
        let id = self.events.step("create", || match engine.run(args) {
            Err(error) if error.is("name-taken") && is_left_over(engine, name)? => {
                engine.run(["rm", "--force", name])?;
                engine.run(args)
            }
            result => result,
        })?;
        // Only now: a name that another had first is not this run's to remove.
        self.made.container = true;
        self.made.id = id.lines().last().map(|line| line.trim().to_owned());
        Ok(())
    }

    /// Returns the numbers of the user: the image's labels say them, else the
    /// container's passwd file.
    fn account(&mut self, image: &Image) -> Result<Account, Error> {
        let container = self.container();
        let user = container.user()?;
        if user == "root" {
            return Ok(Account::ROOT);
        }
        let label = |name: &str| image.labels.get(name).map(String::as_str);
        let number = |name: &str| label(name).and_then(|text| text.parse().ok());
        if let (Some(found), Some(uid), Some(gid)) =
            (label("ctrkit.user"), number("ctrkit.uid"), number("ctrkit.gid"))
        {
            if found == user {
                return Ok(Account { uid, gid });
            }
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

    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let (engine, name) = (self.engine, &self.plan.container.name);
        let started = self.events.step("start", || engine.run_within(["start", name], START));
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

    fn ports(&self) -> String {
        let ports: Vec<_> = self.container().ports.iter().filter_map(create::published).collect();
        ports.join(", ")
    }

    /// Places the dotfiles in a home that was there before.
    fn place(&mut self) -> Result<(), Error> {
        let (engine, container) = (self.engine, self.plan.container);
        let user = container.user()?;
        let home = files::home(user);
        let args = place::command(&container.name, user, &home);
        self.events.step("place", || engine.run(args))?;
        Ok(())
    }

    /// Takes back what this run has made. What cannot be taken back is told
    /// as an event: the error that led here is the one to be reported.
    fn undo(&mut self) {
        let name = &self.plan.container.name;
        if self.made.container {
            let removed = self.engine.run(["rm", "--force", name]).map(drop);
            let gone = |error: &EngineError| error.kind() == "no-such-container";
            self.tell_undo(name, removed.or_else(|e| if gone(&e) { Ok(()) } else { Err(e) }));
        }
        for volume in std::mem::take(&mut self.made.volumes) {
            let removed = self.engine.run(["volume", "rm", &volume]).map(drop);
            self.tell_undo(&volume, removed);
        }
        self.made = Made::default();
        let _ = self.plan.journal.end();
    }

    fn tell_undo(&mut self, what: &str, result: Result<(), EngineError>) {
        match result {
            Ok(()) => self.events.emit("undo", Status::Undone, Some(what.to_owned())),
            Err(error) => self.events.emit("undo", Status::Failed, Some(error.to_string())),
        }
    }
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

/// Says whether `name` is taken by nothing but a remnant in podman's storage,
/// which a podman leaves that is killed while it creates a container.
fn is_left_over(engine: &Engine, name: &str) -> Result<bool, EngineError> {
    Ok(engine.kind() == Kind::Podman && engine.container(name)?.is_none())
}
