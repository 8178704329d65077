//! The ways in which an engine fails, told apart by what it says.

use std::{io, path::PathBuf};

use document::{Extra, error::FailedCommand};
use toolkit::{Exit, Failure, Interrupted, PlacesError, SocketsError, files::FileError};

use crate::{Compose, Kind};

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

    /// There is no program for Compose files.
    #[error("cannot find '{program}', which {} needs for an isolated container", kind.name())]
    ComposeAbsent {
        /// Which engine.
        kind: Kind,
        /// The program, or the engine's command.
        program: String,
    },

    /// The program for Compose files is older than what ctrkit works with.
    #[error("'{program}' {version} is too old")]
    ComposeTooOld {
        /// Which engine.
        kind: Kind,
        /// The program, or the engine's command.
        program: String,
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

    /// A signal asked the tool to end while an answer was waited for.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

    /// There is no container of that name.
    #[error("there is no container '{name}'")]
    NoSuchContainer {
        /// The name.
        name: String,
    },

    /// The container does not run, and what it was to be asked for needs that.
    #[error("the container '{name}' does not run")]
    NotRunning {
        /// The name.
        name: String,
    },

    /// The container was set aside for another that is not there yet.
    #[error("the container '{name}' is being replaced, and the new one is not there")]
    BeingReplaced {
        /// The name.
        name: String,
    },

    /// The container is somebody else's.
    #[error("the container '{name}' is not ctrkit's")]
    NotManaged {
        /// The name.
        name: String,
    },

    /// The container is one of ctrkit's on another machine or account.
    #[error("the container '{name}' was made by another ctrkit, whose authority is {authority}")]
    OtherAuthority {
        /// The name.
        name: String,
        /// The fingerprint of its authority.
        authority: String,
    },

    /// It cannot be said where an engine runs.
    #[error("'{url}' is no place of an engine that ssh can get to")]
    BadHost {
        /// What was given.
        url: String,
    },

    /// ssh does not get to the engine's server, or back.
    #[error("cannot get to '{place}': {}", .call.summary())]
    Link {
        /// What ssh connects to.
        place: String,
        /// What ssh said.
        call: Box<FailedCall>,
    },

    /// The engine's socket is there, and the account may not use it.
    #[error("'{place}' may not use the socket '{path}'")]
    SocketDenied {
        /// What ssh connects to.
        place: String,
        /// The socket.
        path: String,
        /// Whose it is.
        kind: Kind,
    },

    /// The engine's socket is not there.
    #[error("there is no socket of {} {}at '{place}'", kind.name(), at(path.as_deref()))]
    SocketAbsent {
        /// What ssh connects to.
        place: String,
        /// Where it was looked for; absent: where it usually is.
        path: Option<String>,
        /// Whose it would be.
        kind: Kind,
    },

    /// There is no place for ctrkit's files.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// There is no private place for sockets.
    #[error(transparent)]
    Sockets(#[from] SocketsError),

    /// Another run does not let go of the way to the server.
    #[error(transparent)]
    File(#[from] FileError),

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

    fn command(&self) -> FailedCommand {
        FailedCommand {
            line: self.line.clone(),
            status: self.status,
            last_words: self.last_words.clone(),
            extra: Extra::new(),
        }
    }

    /// Returns the stable kind of a failure of ssh, by its words: those of
    /// `sshconnect.c` and `sshconnect2.c` in OpenSSH 5 to 10.
    fn kind_of_link(&self) -> &'static str {
        let says = |words| self.last_words.contains(words);
        if says("has changed and you have requested strict checking") {
            "host-key-changed"
        } else if says("Host key verification failed") {
            "host-key-refused"
        } else if says("Permission denied (") {
            "login-refused"
        } else {
            "unreachable"
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

fn at(path: Option<&str>) -> String {
    path.map(|path| format!("'{path}' ")).unwrap_or_default()
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
    ("image-in-use", &["image is in use by a container"]),
    ("image-in-use", &["is using its referenced image"]),
    ("image-in-use", &["image is being used by"]),
    ("image-in-use", &["image has dependent child images"]),
    ("torn", &["container with given id already exists"]),
    ("no-such-container", &["no such container"]),
    ("no-such-container", &["no container with name"]),
    ("no-such-container", &["error: container", "does not exist"]),
    ("no-such-file", &["could not be found on container"]),
    ("no-such-file", &["could not find the file"]),
    ("no-health-check", &["has no defined healthcheck"]),
    ("no-such-network", &["no such network"]),
    ("no-such-network", &["network not found"]),
    ("no-such-network", &["from daemon: network", "not found"]),
    ("no-such-network", &["networking: network", "not found"]),
    ("network-in-use", &["network is being used"]),
    ("network-in-use", &["has active endpoints"]),
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
            Self::ComposeAbsent { .. } => "compose-absent",
            Self::ComposeTooOld { .. } => "compose-too-old",
            Self::Spawn { .. } => "engine-cannot-run",
            Self::Failed(call) => call.kind(),
            Self::Interrupted(error) => error.kind(),
            Self::NoSuchContainer { .. } => "no-such-container",
            Self::NotRunning { .. } => "not-running",
            Self::BeingReplaced { .. } => "being-replaced",
            Self::NotManaged { .. } => "not-managed",
            Self::OtherAuthority { .. } => "other-authority",
            Self::BadHost { .. } => "bad-host",
            Self::Link { call, .. } => call.kind_of_link(),
            Self::SocketDenied { .. } => "engine-permission",
            Self::SocketAbsent { .. } => "engine-socket-absent",
            Self::Places(error) => error.kind(),
            Self::Sockets(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Unreadable { .. } => "engine-answer-unreadable",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Places(error) => return error.exit(),
            Self::Interrupted(error) => return error.exit(),
            Self::Sockets(error) => return error.exit(),
            Self::File(error) => return error.exit(),
            _ => {}
        }
        match self.kind() {
            "engine-unknown" | "bad-host" => Exit::Usage,
            "engine-permission" | "login-refused" | "host-key-refused" | "host-key-changed"
            | "other-authority" => Exit::NoPerm,
            "not-managed" => Exit::DataErr,
            "engine-answer-unreadable" | "disk-full" => Exit::IoErr,
            "port-taken" | "being-replaced" => Exit::TempFail,
            _ => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self.kind() {
            "engine-absent" => "install one: apt-get install podman",
            "engine-unknown" => "say --engine podman or --engine docker",
            "engine-not-running" => "start it: systemctl start docker, or podman machine start",
            "engine-permission" => return self.denied(),
            "disk-full" => "make room where the engine keeps its data: podman system df",
            "no-such-container" => "see what there is: ctr-ls",
            "no-such-network" => "make the container anew: ctrkit rebuild, with its name",
            "network-in-use" => "remove what is on it; see it: network inspect, with its name",
            "not-running" => "start it, or see why it ended: the engine's logs of it",
            "being-replaced" => "if nobody is at it: ctr-rebuild with its name completes it",
            "not-managed" => "it lacks the label ctrkit.managed=true; remove or rename it yourself",
            "bad-host" => "say --host ssh://[user@]server[:port][/socket], or --host local",
            "other-authority" => {
                "it is another machine's or account's with the same path: choose another name \
                 here with --prefix"
            }
            "engine-too-old" => return self.too_old(),
            "compose-absent" | "compose-too-old" => return self.compose(),
            _ => return self.hint_elsewhere(),
        };
        Some(hint.to_owned())
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Failed(call) => Some(call.command()),
            Self::Link { call, .. } => Some(call.command()),
            _ => None,
        }
    }
}

impl EngineError {
    /// Returns what helps where the engine is elsewhere.
    fn hint_elsewhere(&self) -> Option<String> {
        match self {
            Self::Places(error) => error.hint(),
            Self::Sockets(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Link { place, call } => Some(match call.kind_of_link() {
                "host-key-refused" => format!("look at its key, and accept it: ssh {place}"),
                "host-key-changed" => "ask who runs the server whether its key was changed; \
                                       if so: ssh-keygen -R HOST"
                    .to_owned(),
                "login-refused" => format!("ssh must get in without a question: ssh {place}"),
                _ => format!("try: ssh {place}; another address: ctrkit connection switch NAME"),
            }),
            Self::SocketAbsent { place, kind: Kind::Podman, .. } => Some(format!(
                "start it: ssh {place} systemctl --user enable --now podman.socket, or as root \
                 without --user"
            )),
            Self::SocketAbsent { place, kind: Kind::Docker, .. } => {
                Some(format!("start it: ssh {place} sudo systemctl enable --now docker"))
            }
            _ => None,
        }
    }

    fn denied(&self) -> Option<String> {
        let (group, there) = match self {
            Self::SocketDenied { kind, .. } => (kind.name(), " on the server"),
            _ => ("docker", ""),
        };
        Some(format!("join its group{there}: sudo usermod -aG {group} $USER, then log in anew"))
    }

    fn compose(&self) -> Option<String> {
        let (Self::ComposeAbsent { kind, .. } | Self::ComposeTooOld { kind, .. }) = self else {
            return None;
        };
        let (major, minor) = Compose::oldest(*kind);
        Some(match kind {
            Kind::Podman => format!(
                "install version {major}.{minor} or newer: pipx install podman-compose; or name \
                 it: --compose FILE"
            ),
            Kind::Docker => format!(
                "install version {major}.{minor} or newer of the plugin: apt-get install \
                 docker-compose-plugin, or docker-compose on Debian 13; or name it: --compose FILE"
            ),
        })
    }

    fn too_old(&self) -> Option<String> {
        let Self::TooOld { kind, .. } = self else { return None };
        let (major, minor) = kind.oldest();
        Some(format!("{} {major}.{minor} or newer is needed", kind.name()))
    }
}
