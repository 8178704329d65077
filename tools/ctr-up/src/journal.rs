//! What must be known after a SIGKILL.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toolkit::{
    files::{self, FileError},
    state::PENDING,
};

/// The file that says what an unfinished run was about.
///
/// It is written before the first volume is made or the old container is
/// stopped, again when everything lies in the container that is about to be
/// started, and removed when all is done.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
}

/// What an unfinished run has left to be done.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Pending {
    /// Volumes that hold nothing of anybody's: they were made, if they are
    /// there, for a container that was never started.
    #[serde(default)]
    pub(crate) volumes: Vec<String>,
    /// Whether the files that wait in the container are to be placed.
    #[serde(default)]
    pub(crate) place: bool,
    /// Whether the container, which the devcontainers CLI starts at once, lacks
    /// its files yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unfinished: bool,
    /// Whether the container, which is isolated, may have been started without
    /// anybody having tried since then whether its isolation holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unproven: bool,
    /// The container that is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replacing: Option<Replacing>,
}

/// A replacement that is under way.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Replacing {
    /// What the old container was before.
    pub(crate) was: Was,
    /// Whether files waited in it to be placed.
    pub(crate) place: bool,
    /// Whether the new container is good, and the old one has but to go.
    pub(crate) good: bool,
}

/// What a container was before it was touched.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Was {
    /// It ran; so it is said where nobody knows.
    #[default]
    Running,
    /// It was frozen.
    Paused,
    /// It did not run.
    Stopped,
}

impl Journal {
    /// Returns the journal in the container's state directory.
    #[must_use]
    pub(crate) fn of(directory: &Path) -> Self {
        Self { path: directory.join(PENDING) }
    }

    /// Returns what is left to be done; nothing, if the file is absent or
    /// broken: then volumes count as old, in which nothing is overwritten.
    #[must_use]
    pub(crate) fn pending(&self) -> Pending {
        let contents = files::read(&self.path).ok().flatten().unwrap_or_default();
        serde_json::from_slice(&contents).unwrap_or_default()
    }

    /// Notes what is left to be done.
    pub(crate) fn note(&self, pending: &Pending) -> Result<(), FileError> {
        if *pending == Pending::default() {
            return files::remove(&self.path).map(drop);
        }
        let contents = serde_json::to_vec(pending).unwrap_or_default();
        // An engine may start by itself what ran when the machine went down.
        let write = if pending.unproven { files::replace } else { files::replace_lazily };
        write(&self.path, &contents, 0o600).map(drop)
    }

    /// Notes a change of what is left to be done.
    pub(crate) fn amend(&self, change: impl FnOnce(&mut Pending)) -> Result<(), FileError> {
        let mut pending = self.pending();
        change(&mut pending);
        self.note(&pending)
    }

    /// Notes that nothing is left to be done.
    pub(crate) fn end(&self) -> Result<(), FileError> {
        self.note(&Pending::default())
    }
}
