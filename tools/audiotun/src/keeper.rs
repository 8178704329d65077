//! The process that keeps the guard of one container, and ends when nothing needs it.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::{fs::OpenOptionsExt, net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use document::{Container, audio::Audio};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use toolkit::{
    Failure, Interrupt, Places, descriptors,
    files::{self, FileError, Lock},
};

use crate::{
    Error, guard,
    inside::Inside,
    kept::Kept,
    place::{self, Place},
    plan::LATENCY,
    server::ServerArgs,
    ssh::Ssh,
};

/// How often it is looked whether everything is as it should be.
const ROUND: Duration = Duration::from_secs(1);

/// How often it is looked whether a signal came.
const GLANCE: Duration = Duration::from_millis(50);

/// How long the guard stays when nobody has a connection any more: a reconnect
/// finds it there.
const GRACE: Duration = Duration::from_secs(60);

/// How long it may take a new guard to listen. It takes milliseconds; a machine that
/// is very busy needs more.
const START: Duration = Duration::from_secs(10);

/// Sees to it that the guard of the container listens, and returns when it does.
///
/// `program` is this tool; it is started once more, as the keeper.
pub fn ensure(
    place: &Place,
    name: &str,
    program: &Path,
    places: &Places,
    server: &ServerArgs,
) -> Result<(), Error> {
    let audio = place.audio()?;
    ask(place)?;
    if serves(place, &audio) {
        return Ok(());
    }
    let mut command = Command::new(program);
    command.args(["guard", "--foreground"]);
    command.arg("--config-dir").arg(places.config()?).arg("--state-dir").arg(places.state()?);
    if let Some(server) = &server.server {
        command.arg("--server").arg(server);
    }
    command.arg(name);
    // A group of its own: Ctrl-C is not meant for it. And whoever listens to what happens,
    // or waits for the end of what we were given, would wait for it to end.
    descriptors::keep_to_oneself();
    command
        .process_group(0)
        .env_remove("CTRKIT_EVENTS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log(place)?);
    let failed = |source| Error::Run { program: program.display().to_string(), source };
    let mut child = command.spawn().map_err(failed)?;
    let begun = Instant::now();
    while !serves(place, &audio) {
        // Another run's keeper may be about to, in which case ours has ended well.
        let ended = child.try_wait().ok().flatten().is_some_and(|status| !status.success());
        if ended || begun.elapsed() > START {
            return Err(Error::NoGuard { name: name.to_owned(), words: last_words(place) });
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Says whether the guard listens, and is the one for what the document says now.
fn serves(place: &Place, audio: &Audio) -> bool {
    let kept = files::read(&place.keeper()).ok().flatten();
    let kept = kept.and_then(|kept| String::from_utf8(kept).ok());
    let is_for = |kept: String| kept.split_once('\n').is_some_and(|(_, of)| of == stamp(audio));
    kept.is_some_and(is_for) && listens(&place.guard(audio))
}

/// Returns what a guard is started for, in words.
fn stamp(audio: &Audio) -> String {
    let latency = audio.latency.unwrap_or(LATENCY);
    format!("{} {latency} {:?} {}", audio.level, audio.server, audio.is_bound())
}

/// Says that the guard is wanted, from now on.
fn ask(place: &Place) -> Result<(), Error> {
    let path = place.asked();
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
    let touched = file.and_then(|file| file.set_modified(SystemTime::now()));
    Ok(touched.map_err(FileError::writing(&path))?)
}

/// Says whether somebody listens at the socket.
pub(crate) fn listens(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

fn log(place: &Place) -> Result<File, Error> {
    let path = place.log();
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
    Ok(file.map_err(FileError::writing(&path))?)
}

fn last_words(place: &Place) -> String {
    let said = fs::read(place.log()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    toolkit::printable(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default())
}

/// Returns the process id of the keeper, if one runs.
pub(crate) fn running(place: &Place) -> Option<i32> {
    // Whoever gets the lock is alone; where there is no lock nobody ever was.
    if !place.lock().exists() || Lock::take(&place.lock(), Duration::ZERO).is_ok() {
        return None;
    }
    let kept = String::from_utf8(files::read(&place.keeper()).ok()??).ok()?;
    kept.lines().next()?.parse().ok()
}

/// Asks the keeper to end, and waits until it has.
pub fn stop(place: &Place) -> Result<(), Error> {
    files::remove(&place.held())?;
    let Some(id) = running(place) else { return Ok(()) };
    let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    Lock::take(&place.lock(), START)?;
    Ok(())
}

/// Keeps the guard of one container.
#[derive(Debug)]
pub struct Keeper {
    place: Place,
    name: String,
    places: Places,
    server: ServerArgs,
    ssh: Ssh,
    interrupt: Interrupt,
    /// What the guard was started for, and before which server.
    serves: Option<(Audio, PathBuf)>,
    guard: Kept,
    connection: Kept,
    /// When the guard was asked for last, as far as is known.
    asked: Option<SystemTime>,
    /// The master that was seen last.
    master: Option<i32>,
    /// When it was last seen that somebody needs the guard.
    needed: Instant,
    /// When the engine was asked last whether the container runs.
    looked: Option<Instant>,
}

impl Keeper {
    /// Returns the keeper of the container called `name`.
    pub fn new(
        place: Place,
        name: &str,
        places: &Places,
        server: ServerArgs,
        interrupt: Interrupt,
    ) -> Result<Self, Error> {
        let ssh = Ssh::of(name, places)?;
        Ok(Self {
            place,
            name: name.to_owned(),
            places: places.clone(),
            server,
            ssh,
            interrupt,
            serves: None,
            guard: Kept::default(),
            connection: Kept::default(),
            asked: None,
            master: None,
            needed: Instant::now(),
            looked: None,
        })
    }

    /// Keeps it until nothing needs it any more, or a signal asks it to end; where
    /// another does already, nothing is to be done.
    pub fn run(mut self) -> Result<(), Error> {
        // Whoever only looks whether there is a keeper has it for an instant.
        let held = Lock::take(&self.place.lock(), ROUND);
        let _lock = match held {
            Err(error) if error.kind() == "lock-held" => return Ok(()),
            held => held?,
        };
        let ended = self.rounds();
        self.connection.end();
        self.guard.end();
        // The directory may be gone with its container.
        if let Some((audio, _)) = &self.serves {
            let _ = files::remove(&self.place.guard(audio));
        }
        let _ = files::remove(&self.place.keeper());
        ended
    }

    fn rounds(&mut self) -> Result<(), Error> {
        while self.interrupt.check().is_ok() {
            // A container that is gone, or has no sound any more, needs no guard.
            let Ok(container) = self.place.applied() else { return Ok(()) };
            let Ok(audio) = place::sound(&container) else { return Ok(()) };
            // A server that comes later may listen elsewhere than the one before.
            let serves = Some((audio.clone(), self.server.socket(Some(&audio))));
            if self.serves != serves {
                self.guard.end();
                let kept = format!("{}\n{}", std::process::id(), stamp(&audio));
                files::replace(&self.place.keeper(), kept.as_bytes(), 0o600)?;
                self.serves = serves;
            }
            self.see_to_guard()?;
            let config = self.held();
            // Where nothing goes by a connection, none is held.
            if let Some(config) = config.as_ref().filter(|_| goes_by_ssh(&audio)) {
                let config = Some(config.as_path()).filter(|path| !path.as_os_str().is_empty());
                self.connection.see_to(|| self.ssh.connect(config))?;
            } else {
                self.connection.end();
            }
            if config.is_some() || self.is_needed(&container, &audio) {
                self.needed = Instant::now();
            }
            if self.needed.elapsed() > GRACE {
                return Ok(());
            }
            self.rest();
        }
        Ok(())
    }

    /// Sees to it that the guard runs.
    fn see_to_guard(&mut self) -> Result<(), Error> {
        let Some((audio, server)) = &self.serves else { return Ok(()) };
        self.guard.see_to(|| {
            let mut command = guard::command(&self.name, &self.place, audio, server)?;
            let failed = |source| Error::Run { program: "audioguard".into(), source };
            command.spawn().map_err(failed)
        })
    }

    /// Returns the ssh configuration with which the connection is to be held, where a
    /// person wants it to be; an empty path is ssh's own.
    fn held(&self) -> Option<PathBuf> {
        let contents = files::read(&self.place.held()).ok().flatten()?;
        Some(PathBuf::from(String::from_utf8(contents).ok()?))
    }

    /// Says whether the guard can be played to, or was asked for since the last time:
    /// where it is seen by a bind mount, as long as the container runs, and else as long
    /// as somebody has a connection.
    fn is_needed(&mut self, container: &Container, audio: &Audio) -> bool {
        let asked = fs::metadata(self.place.asked()).and_then(|found| found.modified());
        let asked = asked.ok();
        let recent = asked != self.asked;
        self.asked = asked;
        if recent || audio.is_bound() {
            return recent || self.is_running(container);
        }
        // Without a master nobody can be asked, and a guard costs little.
        !self.ssh.is_shared() || self.has_master()
    }

    /// Says whether the container runs, as far as is known: it is asked for only when
    /// the guard's time would be over soon, because it costs a call of the engine.
    fn is_running(&mut self, container: &Container) -> bool {
        let since = self.looked.map_or(self.needed, |looked| looked.max(self.needed));
        if since.elapsed() < GRACE / 3 {
            return false;
        }
        self.looked = Some(Instant::now());
        Inside::of(container, &self.places).is_ok_and(|inside| inside.runs())
    }

    fn has_master(&mut self) -> bool {
        let lives = |id: &i32| kill(Pid::from_raw(*id), None).is_ok();
        if !self.master.as_ref().is_some_and(lives) {
            self.master = self.ssh.master().and_then(|id| i32::try_from(id).ok());
        }
        self.master.is_some()
    }

    fn rest(&self) {
        let begun = Instant::now();
        while begun.elapsed() < ROUND && self.interrupt.check().is_ok() {
            thread::sleep(GLANCE);
        }
    }
}

/// Says whether anything of the container's sound goes by its ssh connection.
fn goes_by_ssh(audio: &Audio) -> bool {
    !audio.is_bound() || audio.port.is_some()
}
