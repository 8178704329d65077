//! The real world: an engine, the network, debootstrap(8).

mod base;

use std::{fs, path::PathBuf, process::Command, thread, time::Duration};

use document::event::Status;
use engine::{Engine, EngineError, FailedCall, Image, Kind};
use tempfile::TempDir;
use toolkit::{
    Events, Interrupt, Places,
    files::{self, FileError, Lock},
};

use crate::{
    Error, ImageArgs, PipArgs, Recipe, Role, World, bootstrap, certificates,
    recipe::{self, LABEL_STAGE},
    watch::{Ended, Ending, Stopped, watch},
};

/// How long another process may take to make its image.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// The real [`World`].
#[derive(Debug)]
pub struct Machine<'a> {
    engine: Engine,
    events: &'a mut Events,
    mirror: Option<String>,
    certificates: String,
    pip: PipArgs,
    state: PathBuf,
    alone: Option<(Lock, Interrupt)>,
}

impl<'a> Machine<'a> {
    /// Returns a machine with `engine`, after a look at the files that `args`
    /// name.
    pub fn new(
        engine: Engine,
        places: &Places,
        args: &ImageArgs,
        events: &'a mut Events,
    ) -> Result<Self, Error> {
        let certificates = match &args.ca_bundle {
            Some(path) => certificates::read(path)?,
            None => String::new(),
        };
        let (mirror, pip) = (args.mirror.clone(), args.pip.clone());
        let state = places.state()?;
        Ok(Self { engine, events, mirror, certificates, pip, state, alone: None })
    }

    /// Returns the engine, its version included where it was learned.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs `command` between the events of `step`, passing on those of its
    /// lines that say how far it is.
    fn watched(&mut self, step: &str, command: &mut Command) -> Result<Ended, Stopped> {
        let interrupt = match &self.alone {
            Some((_, interrupt)) => interrupt.clone(),
            None => Interrupt::watch().map_err(Stopped::Cannot)?,
        };
        // Only a podman that builds here is known to have steps of its own.
        let ending = match (step, self.engine.kind(), self.engine.host()) {
            ("build", Kind::Podman, None) => Ending::Steps,
            _ => Ending::Group,
        };
        let events = &mut *self.events;
        events.emit(step, Status::Started, None);
        let ended = watch(command, &interrupt, ending, |line| {
            if is_progress(line) {
                events.emit(step, Status::Progress, Some(line.to_owned()));
            }
        });
        let (status, message) = match &ended {
            Ok(ended) if ended.status.success() => (Status::Done, None),
            Ok(ended) => (Status::Failed, ended.last_words.lines().last().map(ToOwned::to_owned)),
            Err(Stopped::Cannot(error)) => (Status::Failed, Some(error.to_string())),
            Err(Stopped::Interrupted(signal)) => (Status::Failed, Some(signal.to_string())),
        };
        self.events.emit(step, status, message);
        ended
    }

    /// Calls the engine for something that takes minutes.
    fn call(&mut self, step: &str, args: &[String]) -> Result<(), Error> {
        let mut command = self.engine.command(args);
        let ended = self.watched(step, &mut command);
        let failed = match ended {
            Ok(ended) if ended.status.success() => return Ok(()),
            Ok(ended) => EngineError::Failed(FailedCall {
                program: self.engine.kind().name(),
                line: line(&command),
                status: ended.status.code(),
                last_words: ended.last_words,
            }),
            Err(Stopped::Cannot(source)) => {
                EngineError::Spawn { program: self.engine.program().to_owned(), source }
            }
            Err(Stopped::Interrupted(signal)) => return Err(signal.into()),
        };
        Err(failed.into())
    }

    /// Returns an empty directory for the user alone, which goes when it is
    /// dropped; those that killed processes left go first.
    fn workplace(&self) -> Result<TempDir, Error> {
        let directory = self.state.join("image");
        if self.alone.is_some() && directory.exists() {
            fs::remove_dir_all(&directory).map_err(FileError::writing(&directory))?;
        }
        files::create_private_dir(&directory)?;
        let made = tempfile::tempdir_in(&directory);
        Ok(made.map_err(FileError::writing(&directory))?)
    }
}

impl World for Machine<'_> {
    fn image(&mut self, name: &str) -> Result<Option<Image>, Error> {
        // Both questions at once, as each takes as long as the engine's start.
        let asking = self.engine.clone();
        let (version, image) = thread::scope(|scope| {
            let image = scope.spawn(|| asking.image(name));
            let version = self.engine.learn_version();
            (version, image.join().unwrap_or(Ok(None)))
        });
        version?;
        Ok(image?)
    }

    fn suite(&self) -> String {
        bootstrap::own_suite().unwrap_or_else(|| "stable".to_owned())
    }

    fn alone(&mut self) -> Result<(), Error> {
        // The lock first: until it is held, a signal may simply end us.
        let lock = Lock::take(&self.state.join("image.lock"), PATIENCE)?;
        self.alone = Some((lock, Interrupt::watch().map_err(Error::Signals)?));
        Ok(())
    }

    fn unchanged(&mut self) {
        self.events.emit("check", Status::Unchanged, None);
    }

    fn pull(&mut self, name: &str) -> Result<(), Error> {
        let image = name.to_owned();
        match self.call("pull", &["pull".to_owned(), image.clone()]) {
            Err(Error::Engine(source)) => Err(Error::Pull { image, source }),
            other => other,
        }
    }

    fn bootstrap(&mut self, suite: &str, name: &str) -> Result<(), Error> {
        let workplace = self.workplace()?;
        let root =
            bootstrap::make_root(workplace.path()).map_err(FileError::writing(workplace.path()))?;
        self.fill(suite, &root)?;
        self.import(&root, name)
    }

    fn build(&mut self, recipe: &Recipe) -> Result<(), Error> {
        let context = self.workplace()?;
        let certificates = certificates::split(&self.certificates);
        let pip = self.pip.configuration();
        recipe::write_context(context.path(), &recipe.role, &certificates, &pip)
            .map_err(FileError::writing(context.path()))?;
        let built = self.call("build", &recipe.arguments(context.path()));
        if recipe.role == Role::Proxy {
            // A stage may hold what the image must not, and takes room.
            let stage = format!("label={LABEL_STAGE}");
            let _ = self.engine.run(["image", "prune", "--force", "--filter", &stage]);
        }
        match built {
            Err(Error::Engine(source)) => Err(Error::Build { image: recipe.image.clone(), source }),
            other => other,
        }
    }
}

/// Says whether `line` tells a person how far a program is: debootstrap's
/// `I: …`, the steps of podman (`STEP 1/9`), docker (`Step 1/9`) and BuildKit
/// (`#5 [2/6] …`).
fn is_progress(line: &str) -> bool {
    let starts = ["I: ", "STEP ", "Step "];
    starts.iter().any(|start| line.starts_with(start))
        || (line.starts_with('#') && line.contains(" ["))
}

/// Returns the command line, quoted so that it can be pasted into a shell.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    shell_words::join(words.map(|word| word.to_string_lossy()))
}
