//! What the document gets, and the files that it names.

use std::{
    fs::{self, File, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use document::{
    Container, Extra,
    audio::{Audio, BIND, SSH},
    container::{Inject, Mount, Variable},
    labels,
};
use toolkit::{
    Places,
    files::{self, FileError},
};

use crate::{
    Error,
    place::{self, DIRECTORY, Place, SOCKET},
};

/// The length of a cookie in bytes, as PulseAudio has it (native-common.h,
/// `PA_NATIVE_COOKIE_LENGTH`).
pub(crate) const COOKIE: usize = 256;

/// Where the cookie goes: not into a volume, so that it goes with the container.
const COOKIE_THERE: &str = "/etc/ctrkit/audio.cookie";

/// What libpulse reads, whoever starts the program (pulse-client.conf(5)).
///
/// Shared memory and a sound server of the container's own would be offered where
/// ssh and the server are the same account's, and neither can work.
const CLIENT: &str = "\
# Written by audiotun. A rebuild writes it again.
default-server = unix:/run/ctrkit-audio/native
cookie-file = /etc/ctrkit/audio.cookie
autospawn = no
enable-shm = no
";
const CLIENT_THERE: &str = "/etc/pulse/client.conf.d/ctrkit.conf";

/// What ALSA's library reads; a person's own /etc/asound.conf comes after it.
const ALSA: &str = "\
# Written by audiotun. A rebuild writes it again.
pcm.!default { type pulse }
ctl.!default { type pulse }
";
const ALSA_THERE: &str = "/etc/alsa/conf.d/99-ctrkit.conf";

/// What programs that ask for nothing get buffered, in milliseconds, where nothing
/// is said: libpulse itself would take two seconds.
const LATENCY: u32 = 100;

/// Returns what programs that ask for nothing get buffered, in milliseconds, where the
/// guard says it for them: at duplex it only passes on what they say.
pub(crate) fn latency(audio: &Audio) -> Option<u32> {
    (audio.level == "play").then(|| audio.latency.unwrap_or(LATENCY))
}

/// Fills in `audio`, and what the container needs to be heard.
///
/// `program` is this tool, which starts the guard; `hindrance` is what keeps this machine
/// from sharing a socket by a bind mount.
pub fn fill(
    container: &mut Container,
    place: &Place,
    program: &Path,
    places: &Places,
    hindrance: Option<&'static str>,
) -> Result<(), Error> {
    let name = container.name.clone();
    let user = container.user()?.to_owned();
    let hindrance = hindrance.or_else(|| apart(container));
    let Some(audio) = &mut container.audio else { return Ok(()) };
    audio.transport = Some(transport(audio, hindrance)?.to_owned());
    let guard = place.guard(audio);
    place::check_socket(&guard)?;
    audio.guard = Some(guard);
    audio.cookie = Some(place.cookie());
    audio.socket = Some(SOCKET.to_owned());
    // Not by PULSE_LATENCY_MSEC, which overrides those that ask: ALSA's plug-in then waits
    // for ever for room that never comes.
    audio.latency = latency(audio).or(audio.latency);
    audio.starter = starter(program, places, &name)?;
    let (level, is_bound) = (audio.level.clone(), audio.is_bound());
    container.set_label(labels::AUDIO, level);
    set_default(container, "PULSE_SERVER", &format!("unix:{SOCKET}"));
    set_default(container, "PULSE_COOKIE", COOKIE_THERE);
    // The one of them, also where it was the other before.
    if is_bound {
        container.inject.retain(|inject| inject.target != DIRECTORY);
        container.set_mount(Mount::bind(place.bound(), DIRECTORY).read_only());
    } else {
        container.mounts.retain(|mount| mount.target != DIRECTORY);
        container.set_inject(inject(None, DIRECTORY, "0700", &user));
    }
    container.set_inject(inject(Some(place.cookie()), COOKIE_THERE, "0600", &user));
    for (source, target, _) in texts(place) {
        container.set_inject(inject(Some(source), target, "0644", "root"));
    }
    Ok(())
}

/// Returns how sound gets here: as it is asked for, or by a bind mount where nothing
/// hinders that, since it then needs no connection.
fn transport(audio: &Audio, hindrance: Option<&'static str>) -> Result<&'static str, Error> {
    let bad = |asked: &str, rule| Err(Error::Transport { transport: asked.to_owned(), rule });
    match (audio.transport.as_deref(), hindrance) {
        (Some(SSH), _) | (None, Some(_)) => Ok(SSH),
        (Some(BIND) | None, None) => Ok(BIND),
        (Some(BIND), Some(hindrance)) => bad(BIND, hindrance),
        (Some(other), _) => bad(other, "it must be bind or ssh"),
    }
}

/// Returns what keeps the container from seeing a socket of this machine's.
fn apart(container: &Container) -> Option<&'static str> {
    match (container.is_elsewhere(), &container.isolation) {
        (true, _) => Some("the engine is on another machine"),
        (false, Some(_)) => Some("the container is isolated, and nothing of this machine is in it"),
        (false, None) => None,
    }
}

/// Returns what keeps this machine from sharing a socket with a container: that there is
/// a virtual machine in between, or SELinux, which lets a container connect to nobody
/// whom it does not know, however the socket is labelled.
#[must_use]
pub fn hindrance() -> Option<&'static str> {
    let enforces = || fs::read("/sys/fs/selinux/enforce").is_ok_and(|state| state == b"1");
    match cfg!(target_os = "linux") {
        false => Some("containers run in a virtual machine here"),
        true if enforces() => Some("SELinux keeps containers from the sockets of this machine"),
        true => None,
    }
}

/// Makes the files that the document names; a cookie that is there is kept.
pub fn make_files(place: &Place) -> Result<(), Error> {
    files::create_private_dir(&place.files())?;
    make_bound(&place.bound())?;
    let cookie = files::read(&place.cookie())?;
    if cookie.is_none_or(|cookie| cookie.len() != COOKIE) {
        files::replace(&place.cookie(), &random()?, 0o600)?;
    }
    for (source, _, text) in texts(place) {
        files::replace(&source, text.as_bytes(), 0o600)?;
    }
    Ok(())
}

/// Makes the directory of the socket that a container sees, whose account there has
/// another number here: it may be entered by all, and lies where nobody else gets to.
fn make_bound(path: &Path) -> Result<(), Error> {
    files::create_private_dir(path)?;
    let opened = fs::set_permissions(path, Permissions::from_mode(0o755));
    Ok(opened.map_err(FileError::writing(path))?)
}

fn texts(place: &Place) -> [(PathBuf, &'static str, &'static str); 2] {
    let files = place.files();
    [(files.join("client.conf"), CLIENT_THERE, CLIENT), (files.join("alsa.conf"), ALSA_THERE, ALSA)]
}

/// Returns a new cookie, from the kernel's random numbers (random(4)).
pub(crate) fn random() -> Result<[u8; COOKIE], Error> {
    let path = Path::new("/dev/urandom");
    let mut cookie = [0; COOKIE];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut cookie));
    read.map_err(FileError::reading(path))?;
    Ok(cookie)
}

/// Returns the command that starts the guard, with the places that are in force: who
/// runs it may have others.
fn starter(program: &Path, places: &Places, name: &str) -> Result<Vec<String>, Error> {
    let text = |path: PathBuf| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or(Error::PathNotUtf8 { path })
    };
    let (config, state) = (text(places.config()?)?, text(places.state()?)?);
    let program = text(program.to_owned())?;
    let words = [&program, "guard", "--config-dir", &config, "--state-dir", &state, name];
    Ok(words.map(str::to_owned).into())
}

/// Sets a variable that neither a person nor the configuration has set.
fn set_default(container: &mut Container, name: &str, value: &str) {
    if container.env.iter().all(|variable| variable.name != name) {
        let (name, value) = (name.to_owned(), value.to_owned());
        container.env.push(Variable { name, value, extra: Extra::new() });
    }
}

fn inject(source: Option<PathBuf>, target: &str, mode: &str, owner: &str) -> Inject {
    let (target, mode, owner) = (target.to_owned(), mode.to_owned(), owner.to_owned());
    Inject { source, target, mode, owner, ..Inject::default() }
}
