//! The ways in which audiotun fails.

use std::{io, path::PathBuf};

use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of audiotun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The name cannot be a container's.
    #[error("'{name}' cannot be the name of a container")]
    BadName {
        /// The name.
        name: String,
    },

    /// No document was ever applied to the container.
    #[error("nothing is known of a container '{name}'")]
    NotApplied {
        /// The name.
        name: String,
    },

    /// The container was made without sound.
    #[error("the container '{name}' has no sound")]
    Silent {
        /// The name.
        name: String,
    },

    /// Sound cannot get here in this way.
    #[error("sound cannot be carried by '{transport}': {rule}")]
    Transport {
        /// The way that is asked for.
        transport: String,
        /// The rule that it breaks.
        rule: &'static str,
    },

    /// The path cannot be that of the guard's socket.
    #[error("cannot have the guard listen at '{}': {rule}", path.display())]
    BadSocket {
        /// The path.
        path: PathBuf,
        /// The rule that it breaks.
        rule: &'static str,
    },

    /// A path that travels in the document is not UTF-8.
    #[error("the path '{}' is not UTF-8", path.display())]
    PathNotUtf8 {
        /// The path.
        path: PathBuf,
    },

    /// A program could not be run.
    #[error("cannot run '{program}'")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// No sound server listens.
    #[error("no sound server listens at '{}'", path.display())]
    NoServer {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A sound server listens for other machines.
    #[error("a sound server on this machine listens for other machines")]
    ServerExposed,

    /// A sound server lets in whoever has an account on the machine.
    #[error("a sound server lets every account of this machine in, by '{}'", path.display())]
    ServerOpen {
        /// The script that says so.
        path: PathBuf,
    },

    /// The person's own script gives the sound server no socket.
    #[error("the sound server has no socket, and '{}' is yours", path.display())]
    NoSocket {
        /// The script.
        path: PathBuf,
    },

    /// What setup wrote has been changed since.
    #[error("'{}' is not as audiotun wrote it", path.display())]
    Edited {
        /// The file.
        path: PathBuf,
    },

    /// A tone was played and did not come out.
    #[error("a tone was played, and the default output did not have it{}", said(words))]
    NotHeard {
        /// The last that the programs which play and listen have said.
        words: String,
    },

    /// The guard did not begin to listen.
    #[error("the guard of '{name}' did not start{}", said(words))]
    NoGuard {
        /// The container.
        name: String,
        /// The last that it said.
        words: String,
        /// Where the rest of it is.
        log: Option<PathBuf>,
    },

    /// The connection did not come up, or carries no sound.
    #[error("the sound of '{name}' did not come up: {what}")]
    NotUp {
        /// The container.
        name: String,
        /// The part that is amiss.
        what: String,
    },
}

toolkit::parts!(Error: DocumentError, Missing, FileError, PlacesError, SiblingError, Interrupted);

/// How a sound server is started.
const START: &str = if cfg!(target_os = "macos") {
    "install and start one: brew install pulseaudio; brew services restart pulseaudio"
} else {
    "start one: systemctl --user restart pipewire-pulse, or: pulseaudio --start"
};

/// Returns what was said, as the end of a message.
pub(crate) fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Engine(error) => error.kind(),
            Self::BadName { .. } => "bad-name",
            Self::NotApplied { .. } => "not-applied",
            Self::Silent { .. } => "no-audio",
            Self::Transport { .. } => "bad-transport",
            Self::BadSocket { .. } => "bad-socket",
            Self::PathNotUtf8 { .. } => "not-utf-8",
            Self::Run { .. } => "cannot-run",
            Self::Signals(_) => "cannot-handle-signals",
            Self::NoServer { .. } => "no-sound-server",
            Self::ServerExposed | Self::ServerOpen { .. } => "sound-server-exposed",
            Self::NoSocket { .. } => "no-server-socket",
            Self::Edited { .. } => "edited-file",
            Self::NotHeard { .. } => "not-heard",
            Self::NoGuard { .. } => "no-guard",
            Self::NotUp { .. } => "not-up",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Engine(error) => error.exit(),
            Self::BadName { .. }
            | Self::Transport { .. }
            | Self::BadSocket { .. }
            | Self::PathNotUtf8 { .. }
            | Self::Edited { .. } => Exit::DataErr,
            Self::NotApplied { .. } => Exit::NoInput,
            Self::ServerExposed | Self::ServerOpen { .. } => Exit::NoPerm,
            Self::NoServer { .. } | Self::NoSocket { .. } | Self::NotHeard { .. } => {
                Exit::Unavailable
            }
            Self::Silent { .. } | Self::Run { .. } | Self::NoGuard { .. } => Exit::Unavailable,
            Self::NotUp { .. } => Exit::TempFail,
            Self::Signals(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Part(part) => return part.hint(),
            Self::Engine(error) => return error.hint(),
            Self::BadName { .. } | Self::Signals(_) => return None,
            Self::NotApplied { .. } => "see which there are: ctr-ls",
            Self::Silent { .. } => "make it anew with sound: ctrkit create --audio play --replace",
            Self::Transport { .. } => "leave --audio-transport out, or say ssh",
            Self::BadSocket { .. } => "keep the state elsewhere: set CTRKIT_STATE_DIR",
            Self::PathNotUtf8 { .. } => "rename it, or set CTRKIT_STATE_DIR",
            Self::Run { program, .. } if ["pacat", "parec"].contains(&program.as_str()) => {
                "install PulseAudio's programs: the package pulseaudio-utils, or Homebrew's pulseaudio"
            }
            Self::Run { .. } => "see whether it is installed",
            Self::NoServer { .. } => START,
            Self::NoSocket { .. } => "add this line to it: load-module module-native-protocol-unix",
            Self::Edited { .. } => "look at it, and remove it by hand",
            Self::NotHeard { .. } => {
                "see whether the output is muted: pactl get-sink-mute @DEFAULT_SINK@"
            }
            Self::ServerExposed => {
                "take module-native-protocol-tcp out of PulseAudio's configuration, or give it \
                 listen=127.0.0.1, and take tcp out of PipeWire's server.address: the guard \
                 needs neither"
            }
            Self::ServerOpen { .. } => {
                "take auth-anonymous and auth-ip-acl out of it, or module-native-protocol-tcp, \
                 or tcp out of server.address: the guard needs none of them"
            }
            Self::NoGuard { log, .. } => {
                return Some(format!("see what it has said: less '{}'", log.as_ref()?.display()));
            }
            Self::NotUp { name, .. } => {
                return Some(format!("see each part: audiotun status {name}"));
            }
        };
        Some(hint.to_owned())
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Engine(error) => error.command(),
            _ => None,
        }
    }
}
