//! The process that keeps the guard of one container, and ends when nothing needs it.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{MetadataExt, OpenOptionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    path::{self, Path, PathBuf},
    process::{Child, Command, Stdio},
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
    server::{Server, ServerArgs},
    ssh::{self, Ssh},
};

/// How often it is looked whether everything is as it should be.
const ROUND: Duration = Duration::from_secs(1);

/// How often it is looked whether a signal came.
const GLANCE: Duration = Duration::from_millis(50);

/// How long the guard stays when nobody has a connection any more: a reconnect
/// finds it there.
const GRACE: Duration = Duration::from_secs(60);

/// How long it may take a keeper to end, which heeds no signal while it asks the engine
/// or ssh, each once at most.
const END: Duration = Duration::from_secs(30);

/// How many bytes the log may have when the guard is started once more.
const LOG: u64 = 64 << 10;

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
    ask(place, server.server.as_deref())?;
    let (begun, mut child) = (Instant::now(), None::<Child>);
    while !serves(place, &audio) {
        // One that runs sees by itself what is wanted; one that was about to end is followed.
        if child.is_none() && !is_kept(place) {
            child = Some(start(place, name, program, places)?);
        }
        let ended = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        // Another run's keeper may be about to, in which case ours has ended well.
        if ended.is_some_and(|status| !status.success()) || begun.elapsed() > START {
            let (name, words, log) = (name.to_owned(), last_words(place), Some(place.log()));
            return Err(Error::NoGuard { name, words, log });
        }
        thread::sleep(GLANCE / 10);
    }
    Ok(())
}

/// Starts the keeper.
fn start(place: &Place, name: &str, program: &Path, places: &Places) -> Result<Child, Error> {
    let mut command = Command::new(program);
    command.args(["guard", "--foreground"]);
    command.arg("--config-dir").arg(places.config()?).arg("--state-dir").arg(places.state()?);
    // A group of its own: Ctrl-C is not meant for it. And whoever listens to what happens,
    // or waits for the end of what we were given, would wait for it to end.
    descriptors::keep_to_oneself();
    command
        .arg(name)
        .process_group(0)
        .env_remove("CTRKIT_EVENTS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log(place)?);
    let failed = |source| Error::Run { program: program.display().to_string(), source };
    command.spawn().map_err(failed)
}

/// Says whether the guard listens, and is the one for what the document says now.
fn serves(place: &Place, audio: &Audio) -> bool {
    let kept = files::read(&place.keeper()).ok().flatten();
    let kept = kept.and_then(|kept| String::from_utf8(kept).ok());
    let stamp = stamp(place, audio);
    let is_for = |kept: String| kept.split_once('\n').is_some_and(|(_, of)| of == stamp);
    kept.is_some_and(is_for) && listens(&place.guard(audio))
}

/// Returns what a guard is started for, in words; a cookie that was made anew is another.
fn stamp(place: &Place, audio: &Audio) -> String {
    let cookie = fs::metadata(place.cookie()).map(|found| (found.ino(), found.mtime_nsec())).ok();
    let (level, latency, is_bound) = (&audio.level, audio.latency, audio.is_bound());
    let named = named(place);
    format!("{level} {latency:?} {:?} {is_bound} {named:?} {cookie:?}", audio.server)
}

/// Says that the guard is wanted, from now on, and before which server, if one is named.
fn ask(place: &Place, server: Option<&Path>) -> Result<(), Error> {
    let path = place.asked();
    let failed = FileError::writing(&path);
    if let Some(server) = server {
        let server = path::absolute(server).map_err(FileError::reading(server))?;
        files::replace(&path, server.as_os_str().as_bytes(), 0o600)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let touched = file.and_then(|file| file.set_modified(SystemTime::now()));
    Ok(touched.map_err(failed)?)
}

/// Returns the server that was named last, which counts until sound is taken down.
fn named(place: &Place) -> Option<PathBuf> {
    let named = files::read(&place.asked()).ok().flatten().filter(|named| !named.is_empty())?;
    Some(OsString::from_vec(named).into())
}

/// Says whether somebody listens at the socket.
pub(crate) fn listens(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// Opens the log so that it can be cut while others write to it.
fn log(place: &Place) -> Result<File, Error> {
    let path = place.log();
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    Ok(file.map_err(FileError::writing(&path))?)
}

/// Empties the log if it has more than `limit` bytes.
fn empty_log(place: &Place, limit: u64) -> Result<(), Error> {
    let file = log(place)?;
    let is_long = file.metadata().is_ok_and(|found| found.len() > limit);
    let emptied = if is_long { file.set_len(0) } else { Ok(()) };
    Ok(emptied.map_err(FileError::writing(&place.log()))?)
}

/// Returns the last line in the log.
pub(crate) fn last_words(place: &Place) -> String {
    last_line(&fs::read(place.log()).unwrap_or_default())
}

/// Returns the last line that says something, as it may be shown.
pub(crate) fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    toolkit::printable(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default())
}

/// Says whether a keeper runs: whoever gets the lock is alone, and where there is no lock
/// nobody ever was.
fn is_kept(place: &Place) -> bool {
    place.lock().exists() && Lock::take(&place.lock(), Duration::ZERO).is_err()
}

/// Returns the process id of the keeper, if one runs.
pub(crate) fn running(place: &Place) -> Option<i32> {
    let kept = files::read(&place.keeper()).ok().flatten().filter(|_| is_kept(place))?;
    String::from_utf8(kept).ok()?.lines().next()?.parse().ok()
}

/// Asks the keeper to end, and waits until it has.
pub fn stop(place: &Place) -> Result<(), Error> {
    files::remove(&place.held())?;
    files::remove(&place.asked())?;
    let begun = Instant::now();
    while is_kept(place) {
        // One that has just begun says in a moment who it is.
        if let Some(id) = running(place) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        match Lock::take(&place.lock(), ROUND) {
            Err(error) if begun.elapsed() > END => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Keeps the guard of one container.
#[derive(Debug)]
pub struct Keeper {
    place: Place,
    name: String,
    places: Places,
    server: ServerArgs,
    interrupt: Interrupt,
    /// What the guard was started for, in words as well, and before which server.
    serves: Option<(String, Audio, Server)>,
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
    #[must_use]
    pub fn new(
        place: Place,
        name: &str,
        places: &Places,
        server: ServerArgs,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            place,
            name: name.to_owned(),
            places: places.clone(),
            server,
            interrupt,
            serves: None,
            guard: Kept::default(),
            connection: Kept::default(),
            asked: None,
            master: None,
            needed: Instant::now(),
            looked: None,
        }
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
        let ended = self.begin().and_then(|()| self.rounds());
        self.connection.end();
        self.guard.end();
        // The directory may be gone with its container.
        if let Some((_, audio, _)) = &self.serves {
            let _ = files::remove(&self.place.guard(audio));
        }
        let _ = files::remove(&self.place.keeper());
        ended
    }

    /// Says who we are, before anybody takes the one before us for us.
    fn begin(&self) -> Result<(), Error> {
        self.register("")?;
        empty_log(&self.place, 0)?;
        match &self.server.server {
            Some(server) => ask(&self.place, Some(server)),
            None => Ok(()),
        }
    }

    fn register(&self, stamp: &str) -> Result<(), Error> {
        let kept = format!("{}\n{stamp}", std::process::id());
        files::replace(&self.place.keeper(), kept.as_bytes(), 0o600)?;
        Ok(())
    }

    fn rounds(&mut self) -> Result<(), Error> {
        while self.interrupt.check().is_ok() {
            // A container that is gone, or has no sound any more, needs no guard.
            let Ok(container) = self.place.applied() else { return Ok(()) };
            let Ok(audio) = place::sound(&container) else { return Ok(()) };
            // A server that comes later may listen elsewhere than the one before.
            self.server.server = named(&self.place);
            let stamp = stamp(&self.place, &audio);
            let serves = Some((stamp.clone(), audio.clone(), self.server.find(Some(&audio))));
            if self.serves != serves {
                self.guard.end();
                self.register(&stamp)?;
                self.serves = serves;
            }
            self.see_to_guard()?;
            let config = self.held();
            // Where nothing goes by a connection, none is held.
            if let Some(config) = config.as_ref().filter(|_| goes_by_ssh(&audio)) {
                let config = Some(config.as_path()).filter(|path| !path.as_os_str().is_empty());
                self.connection.see_to(|| ssh::connect(&self.name, config))?;
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
        let Some((_, audio, server)) = &self.serves else { return Ok(()) };
        self.guard.see_to(|| {
            empty_log(&self.place, LOG)?;
            let mut command = guard::command(&self.name, &self.place, audio, server)?;
            let failed = |source| Error::Run { program: "audioguard".into(), source };
            command.spawn().map_err(failed)
        })
    }

    /// Returns the ssh configuration with which the connection is to be held, where a
    /// person wants it to be; an empty path is ssh's own.
    fn held(&self) -> Option<PathBuf> {
        let contents = files::read(&self.place.held()).ok().flatten()?;
        Some(OsString::from_vec(contents).into())
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
        self.has_master()
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

    /// Says whether somebody has a connection. Where none is shared, nobody can be asked,
    /// and a guard costs little.
    fn has_master(&mut self) -> bool {
        let lives = |id: &i32| kill(Pid::from_raw(*id), None).is_ok();
        if !self.master.as_ref().is_some_and(lives) {
            // What was rebuilt may have another control socket.
            let Ok(ssh) = Ssh::of(&self.name, &self.places) else { return false };
            if !ssh.is_shared() {
                return true;
            }
            self.master = ssh.master().and_then(|id| i32::try_from(id).ok());
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

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
