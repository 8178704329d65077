//! The ways in which an engine fails, told apart by what it says.

use std::{io, path::PathBuf};

use document::{Extra, error::FailedCommand};
use toolkit::{Exit, Failure};

use crate::Kind;

/// An error of the engine adapter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The engine that was asked for is not installed.
    #[error("cannot find the container engine '{asked}'")]
    Absent {
        /// What was asked for.
        asked: String,
        /// Why it was not found.
        source: which::Error,
    },

    /// No engine was asked for and none is installed.
    #[error("cannot find a container engine: neither 'podman' nor 'docker' is on PATH")]
    NoneInstalled,

    /// No engine was asked for and none of those installed answers.
    #[error("no container engine answers: neither 'podman' nor 'docker'")]
    NoneAnswers,

    /// The program is neither podman nor docker.
    #[error("'{asked}' is neither podman nor docker")]
    UnknownKind {
        /// What was asked for.
        asked: String,
    },

    /// The engine is older than what ctrkit works with.
    #[error("{} {version} is too old", kind.name())]
    TooOld {
        /// Which engine.
        kind: Kind,
        /// Its version.
        version: String,
    },

    /// The engine could not be started.
    #[error("cannot run '{}'", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The engine was called and failed.
    #[error("{}: {}", .0.program, .0.summary())]
    Failed(FailedCall),

    /// There is no container of that name.
    #[error("there is no container '{name}'")]
    NoSuchContainer {
        /// The name.
        name: String,
    },

    /// The container is somebody else's.
    #[error("the container '{name}' is not ctrkit's")]
    NotManaged {
        /// The name.
        name: String,
    },

    /// The engine's answer is not what it is documented to be.
    #[error("cannot read the answer of '{command}'")]
    Unreadable {
        /// The command line.
        command: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A call of the engine that failed.
#[derive(Clone, Debug)]
pub struct FailedCall {
    /// `podman` or `docker`.
    pub program: &'static str,
    /// The program and its arguments, quoted for a shell.
    pub line: String,
    /// The exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// The last lines of its standard error.
    pub last_words: String,
}

impl FailedCall {
    /// Returns one line that says what failed.
    fn summary(&self) -> String {
        match self.kind() {
            "engine-not-running" => "the engine does not answer".to_owned(),
            _ => match self.last_words.lines().last() {
                Some(line) => line.trim_start_matches("Error: ").to_owned(),
                None => "it failed without a word".to_owned(),
            },
        }
    }

    /// Returns the stable kind that the engine's words belong to.
    ///
    /// Engines have no other way of telling failures apart: they exit with
    /// 125 or 1 for all of them. The words are those of podman 4.3 to 5.8 and
    /// docker 20.10 to 28.
    fn kind(&self) -> &'static str {
        let words = self.last_words.to_lowercase();
        let kind = WORDS.iter().find(|(_, all)| all.iter().all(|part| words.contains(part)));
        kind.map_or("engine-failed", |(kind, _)| kind)
    }
}

/// What the engines say, in lower case, and what is meant; the first row of
/// which all parts occur counts.
const WORDS: &[(&str, &[&str])] = &[
    ("engine-not-running", &["cannot connect to the docker daemon"]),
    ("engine-not-running", &["error during connect"]),
    ("engine-not-running", &["unable to connect to podman"]),
    ("engine-not-running", &["cannot connect to podman"]),
    ("engine-permission", &["permission denied", "docker daemon socket"]),
    ("disk-full", &["no space left on device"]),
    ("name-taken", &["is already in use by container"]),
    ("name-taken", &["container name", "already in use"]),
    ("name-taken", &["that name is already in use"]),
    ("port-taken", &["address already in use"]),
    ("port-taken", &["port is already allocated"]),
    ("no-such-user", &["unable to find user"]),
    ("volume-exists", &["volume already exists"]),
    ("volume-in-use", &["volume", "is being used"]),
    ("volume-in-use", &["volume is in use"]),
    ("no-such-volume", &["no such volume"]),
    ("no-such-volume", &["no volume with name"]),
    ("no-such-image", &["no such image"]),
    ("no-such-image", &["image not known"]),
    ("no-such-image", &["unable to find image"]),
    ("no-such-image", &["did not resolve to an alias"]),
    ("torn", &["container with given id already exists"]),
    ("no-such-container", &["no such container"]),
    ("no-such-container", &["no container with name"]),
    ("not-running", &["is not running"]),
    ("not-running", &["can only create exec sessions on running containers"]),
];

impl EngineError {
    /// Says whether this is a failure of the stable kind `kind`.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind() == kind
    }
}

impl Failure for EngineError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Absent { .. } | Self::NoneInstalled => "engine-absent",
            Self::NoneAnswers => "engine-not-running",
            Self::UnknownKind { .. } => "engine-unknown",
            Self::TooOld { .. } => "engine-too-old",
            Self::Spawn { .. } => "engine-cannot-run",
            Self::Failed(call) => call.kind(),
            Self::NoSuchContainer { .. } => "no-such-container",
            Self::NotManaged { .. } => "not-managed",
            Self::Unreadable { .. } => "engine-answer-unreadable",
        }
    }

    fn exit(&self) -> Exit {
        match self.kind() {
            "engine-unknown" => Exit::Usage,
            "engine-permission" => Exit::NoPerm,
            "not-managed" => Exit::DataErr,
            "engine-answer-unreadable" | "disk-full" => Exit::IoErr,
            "port-taken" => Exit::TempFail,
            _ => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self.kind() {
            "engine-absent" => "install one: apt-get install podman",
            "engine-unknown" => "say --engine podman or --engine docker",
            "engine-not-running" => "start it: systemctl start docker, or podman machine start",
            "engine-permission" => {
                "join its group: sudo usermod -aG docker $USER, then log in anew"
            }
            "disk-full" => "make room where the engine keeps its data: podman system df",
            "no-such-container" => "see what there is: ctr-ls",
            "not-managed" => "it lacks the label ctrkit.managed=true; remove or rename it yourself",
            "engine-too-old" => return self.too_old(),
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Failed(call) => Some(FailedCommand {
                line: call.line.clone(),
                status: call.status,
                last_words: call.last_words.clone(),
                extra: Extra::new(),
            }),
            _ => None,
        }
    }
}

impl EngineError {
    fn too_old(&self) -> Option<String> {
        let Self::TooOld { kind, .. } = self else { return None };
        let (major, minor) = kind.oldest();
        Some(format!("{} {major}.{minor} or newer is needed", kind.name()))
    }
}
