//! Where what belongs to one container's sound lies.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use document::{
    Container,
    audio::Audio,
    container::{Missing, is_name},
};
use nix::{sys::signal::kill, unistd::Pid};
use toolkit::{Places, sockets::SOCKET_PATH, state};

use crate::Error;

/// The directory in the container that its programs find the socket in.
///
/// It is the account's own: sshd(8) makes the socket in its name.
pub(crate) const DIRECTORY: &str = "/run/ctrkit-audio";

/// The socket in it; `native` is PulseAudio's own name for one.
pub(crate) const SOCKET: &str = "/run/ctrkit-audio/native";

/// The files of one container's sound on this machine.
///
/// What lies in `audio/run/` the container may see, where sound goes by a bind mount:
/// it sees that very directory, and no more than that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    directory: PathBuf,
}

impl Place {
    /// Returns the place of the container called `name`.
    pub fn of(places: &Places, name: &str) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::BadName { name: name.to_owned() });
        }
        Ok(Self { directory: places.container(name)? })
    }

    /// Returns the one that is `directory`.
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The directory of the files that are made for the container.
    pub(crate) fn files(&self) -> PathBuf {
        self.directory.join("audio")
    }

    /// The directory that the container sees, where sound goes by a bind mount.
    pub(crate) fn bound(&self) -> PathBuf {
        self.files().join("run")
    }

    /// The container's own cookie.
    pub(crate) fn cookie(&self) -> PathBuf {
        self.files().join("cookie")
    }

    /// The socket at which the guard is to listen.
    pub(crate) fn guard(&self, audio: &Audio) -> PathBuf {
        let directory = if audio.is_bound() { self.bound() } else { self.files() };
        directory.join("native")
    }

    /// Held by the keeper of the guard as long as it lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.directory.join("audio.lock")
    }

    /// Held by the guard as long as it listens. What the container sees it can open, and
    /// lock: this it does not see.
    pub(crate) fn guards(&self) -> PathBuf {
        self.directory.join("audio.guard")
    }

    /// The process id of the keeper, which is its own while the lock is held.
    pub(crate) fn keeper(&self) -> PathBuf {
        self.directory.join("audio.pid")
    }

    /// Touched by whoever wants the guard to be there.
    pub(crate) fn asked(&self) -> PathBuf {
        self.directory.join("audio.asked")
    }

    /// There as long as a person wants the connection to be held.
    pub(crate) fn held(&self) -> PathBuf {
        self.directory.join("audio.held")
    }

    /// What the guard has said.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("audio.log")
    }

    /// Where a question goes into the container, and comes back.
    pub(crate) fn probe(&self) -> PathBuf {
        self.files().join(format!("p{}", std::process::id()))
    }

    /// What questions left here that were killed before they came back.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.files()).into_iter().flatten().flatten();
        let is_dead = |path: &PathBuf| {
            let name = path.file_name().and_then(OsStr::to_str);
            let id = name.and_then(|name| name.strip_prefix('p')?.parse().ok());
            id.is_some_and(|id| kill(Pid::from_raw(id), None).is_err())
        };
        entries.map(|entry| entry.path()).filter(is_dead).collect()
    }

    /// Returns the document that was applied last.
    pub(crate) fn applied(&self) -> Result<Container, Error> {
        let path = self.directory.join(state::DOCUMENT);
        if !path.exists() {
            let name = self.directory.file_name().unwrap_or_default().to_string_lossy();
            return Err(Error::NotApplied { name: name.into_owned() });
        }
        Ok(toolkit::read_file::<Container>(&path)?.into_inner())
    }

    /// Returns the section of that document, in which everything is filled in.
    pub(crate) fn audio(&self) -> Result<Audio, Error> {
        sound(&self.applied()?)
    }
}

/// Returns the section of a document that was applied.
pub(crate) fn sound(container: &Container) -> Result<Audio, Error> {
    let silent = || Error::Silent { name: container.name.clone() };
    let audio = container.audio.clone().ok_or_else(silent)?;
    if audio.cookie.is_none() || audio.guard.is_none() {
        return Err(Missing("audio.guard").into());
    }
    Ok(audio)
}

/// Refuses a path that ssh would not take for that of a socket: it reads colons,
/// quotes, backslashes and blanks as something else, and the kernel a path that is
/// too long not at all (unix(7)).
pub(crate) fn check_socket(path: &Path) -> Result<(), Error> {
    let bad = |rule| Err(Error::BadSocket { path: path.to_owned(), rule });
    let Some(text) = path.to_str() else { return bad("it is not UTF-8") };
    if text.len() > SOCKET_PATH {
        return bad("it is longer than the 103 characters that a socket may have");
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || ":\\\"'%$".contains(c);
    if text.contains(odd) {
        return bad("it has a character that ssh takes for something else");
    }
    Ok(())
}
