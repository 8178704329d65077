//! What the document gets, and the files that it names.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use document::{
    Container, Extra,
    container::{Inject, Variable},
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
const COOKIE: usize = 256;

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
pub(crate) const LATENCY: u32 = 100;

/// Fills in `audio`, and what the container needs to be heard.
///
/// `program` is this tool, which starts the guard.
pub fn fill(
    container: &mut Container,
    place: &Place,
    program: &Path,
    places: &Places,
) -> Result<(), Error> {
    let name = container.name.clone();
    let user = container.user()?.to_owned();
    let Some(audio) = &mut container.audio else { return Ok(()) };
    place::check_socket(&place.guard())?;
    audio.guard = Some(place.guard());
    audio.cookie = Some(place.cookie());
    audio.socket = Some(SOCKET.to_owned());
    // Not by PULSE_LATENCY_MSEC, which overrides those that ask: ALSA's plug-in then waits
    // for ever for room that never comes.
    audio.latency.get_or_insert(LATENCY);
    audio.starter = starter(program, places, &name)?;
    let level = audio.level.clone();
    container.set_label(labels::AUDIO, level);
    set_default(container, "PULSE_SERVER", &format!("unix:{SOCKET}"));
    set_default(container, "PULSE_COOKIE", COOKIE_THERE);
    container.set_inject(inject(None, DIRECTORY, "0700", &user));
    container.set_inject(inject(Some(place.cookie()), COOKIE_THERE, "0600", &user));
    for (source, target, _) in texts(place) {
        container.set_inject(inject(Some(source), target, "0644", "root"));
    }
    Ok(())
}

/// Makes the files that the document names; a cookie that is there is kept.
pub fn make_files(place: &Place) -> Result<(), Error> {
    files::create_private_dir(&place.shared())?;
    let cookie = files::read(&place.cookie())?;
    if cookie.is_none_or(|cookie| cookie.len() != COOKIE) {
        files::replace(&place.cookie(), &random()?, 0o600)?;
    }
    for (source, _, text) in texts(place) {
        files::replace(&source, text.as_bytes(), 0o600)?;
    }
    Ok(())
}

fn texts(place: &Place) -> [(PathBuf, &'static str, &'static str); 2] {
    let shared = place.shared();
    [
        (shared.join("client.conf"), CLIENT_THERE, CLIENT),
        (shared.join("alsa.conf"), ALSA_THERE, ALSA),
    ]
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
