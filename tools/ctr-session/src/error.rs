//! The ways in which ctr-session fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Part};

/// An error of ctr-session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The container does not run.
    #[error("the container '{name}' is not running but {status}")]
    NotRunning {
        /// The container.
        name: String,
        /// Its status.
        status: String,
    },

    /// No session can have this name.
    #[error("'{name}' cannot be the name of a session: {why}")]
    BadSessionName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },

    /// There is no tmux in the container.
    #[error("there is no tmux in the container '{name}'")]
    NoTmux {
        /// The container.
        name: String,
    },

    /// No session has been made in the container yet, or all have ended.
    #[error("there is no session in the container '{name}', and no server of tmux")]
    NoServer {
        /// The container.
        name: String,
    },

    /// There is no session of that name.
    #[error("there is no session '{session}' in the container '{name}'")]
    NoSuchSession {
        /// The container.
        name: String,
        /// The session.
        session: String,
    },

    /// There is one already.
    #[error("there is a session '{session}' in the container '{name}' already")]
    SessionExists {
        /// The container.
        name: String,
        /// The session.
        session: String,
    },

    /// tmux failed otherwise.
    #[error("tmux in the container '{name}': {words}")]
    Tmux {
        /// The container.
        name: String,
        /// What it said.
        words: String,
    },

    /// The command is longer than tmux takes.
    #[error("the command is longer than tmux takes")]
    TooLong,

    /// This is no key.
    #[error("'{key}' is not the name of a key")]
    BadKey {
        /// The word.
        key: String,
    },

    /// The text would not stay within its brackets.
    #[error("the text has the sequence that ends a bracketed paste")]
    PasteEnd,

    /// There is nothing to be sent.
    #[error("there is nothing to be sent")]
    Nothing,

    /// A terminal is needed and there is none.
    #[error("standard input and output are not a terminal")]
    NoTerminal,

    /// The pane is piped by somebody else, and tmux has one pipe for each.
    #[error("the pane of '{session}' in the container '{name}' is piped to another program")]
    Piped {
        /// The container.
        name: String,
        /// The session.
        session: String,
    },

    /// What was followed ended before the session did.
    #[error("the session '{session}' in the container '{name}' could be followed no further")]
    CutOff {
        /// The container.
        name: String,
        /// The session.
        session: String,
    },

    /// Standard input could not be read.
    #[error("cannot read standard input")]
    Read(#[source] io::Error),
}

toolkit::parts!(Error: ConfigError, EngineError, DocumentError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::NotRunning { .. } => "not-running",
            Self::BadSessionName { .. } => "bad-session-name",
            Self::NoTmux { .. } => "no-tmux",
            Self::NoServer { .. } => "no-server",
            Self::NoSuchSession { .. } => "no-such-session",
            Self::SessionExists { .. } => "session-exists",
            Self::Tmux { .. } => "tmux-failed",
            Self::TooLong => "command-too-long",
            Self::BadKey { .. } => "bad-key",
            Self::PasteEnd => "bad-text",
            Self::Nothing => "nothing-to-send",
            Self::NoTerminal => "not-a-terminal",
            Self::Piped { .. } => "pane-is-piped",
            Self::CutOff { .. } => "cut-off",
            Self::Read(_) => "cannot-read-stdin",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Nothing | Self::NoTerminal => Exit::Usage,
            Self::BadSessionName { .. } | Self::TooLong | Self::BadKey { .. } | Self::PasteEnd => {
                Exit::DataErr
            }
            Self::CutOff { .. } => Exit::TempFail,
            Self::Read(_) => Exit::IoErr,
            Self::NotRunning { .. }
            | Self::NoTmux { .. }
            | Self::NoServer { .. }
            | Self::NoSuchSession { .. }
            | Self::SessionExists { .. }
            | Self::Tmux { .. }
            | Self::Piped { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Part(part) => return part.hint(),
            Self::NotRunning { name, .. } => format!("start it: ctr-start {name}"),
            Self::NoTmux { name } => {
                format!("install it: ctr-exec --user root {name} apt-get install tmux")
            }
            Self::NoServer { name } => format!("make one: ctr-session new {name} SESSION"),
            Self::NoSuchSession { name, .. } => {
                format!("see what there is: ctr-session list {name}")
            }
            Self::SessionExists { name, session } => format!(
                "attach to it: {}; or say --if-absent",
                shell_words::join(["ctr-session", "attach", name, session])
            ),
            Self::TooLong => "put it into a script in the container".to_owned(),
            Self::BadKey { .. } => {
                "keys are those of tmux(1), such as Enter, Escape, C-c, M-x, Up, F5; text needs no \
                 option"
                    .to_owned()
            }
            Self::Nothing => "give TEXT, --key or --enter".to_owned(),
            Self::NoTerminal => "say --print for the command alone".to_owned(),
            Self::Piped { .. } => "end that: tmux pipe-pane, in the session".to_owned(),
            Self::CutOff { name, .. } => format!("see whether the container runs: ctr-info {name}"),
            _ => return None,
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
