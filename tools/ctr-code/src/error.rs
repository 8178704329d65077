//! The ways in which ctr-code fails.

use std::{io, path::PathBuf};

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, SiblingError};

/// An error of ctr-code.
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

    /// The container does not say where the code is.
    #[error("the container '{name}' has no label '{label}' that can be one")]
    NoLabel {
        /// The container.
        name: String,
        /// The label.
        label: &'static str,
    },

    /// Ssh does not know the container.
    #[error("the container '{name}' has no entry in the ssh configuration")]
    NoSshEntry {
        /// The container.
        name: String,
    },

    /// Dev Containers does not get to a podman elsewhere.
    #[error("the container '{name}' is one of podman's at '{host}', where VS Code cannot attach")]
    OutOfReach {
        /// The container.
        name: String,
        /// The server.
        host: String,
    },

    /// There is no such editor.
    #[error("cannot find '{}'", editor.display())]
    EditorAbsent {
        /// The editor.
        editor: PathBuf,
    },

    /// The editor could not be run.
    #[error("cannot run '{}'", editor.display())]
    CannotRun {
        /// The editor.
        editor: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The editor failed.
    #[error("'{}' failed", editor.display())]
    Editor {
        /// The editor.
        editor: PathBuf,
        /// How it went.
        command: Box<FailedCommand>,
    },
}

toolkit::parts!(Error: DocumentError, ConfigError, PlacesError, EngineError, SiblingError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::NotRunning { .. } => "not-running",
            Self::NoLabel { .. } => "missing-label",
            Self::NoSshEntry { .. } => "no-ssh-entry",
            Self::OutOfReach { .. } => "out-of-reach",
            Self::EditorAbsent { .. } => "editor-absent",
            Self::CannotRun { .. } => "editor-cannot-run",
            Self::Editor { .. } => "editor-failed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::NoLabel { .. } => Exit::DataErr,
            Self::NotRunning { .. }
            | Self::NoSshEntry { .. }
            | Self::OutOfReach { .. }
            | Self::EditorAbsent { .. }
            | Self::CannotRun { .. }
            | Self::Editor { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Part(part) => return part.hint(),
            Self::NotRunning { name, .. } => format!("start it: ctr-start {name}"),
            Self::NoLabel { .. } => "make it anew: ctrkit rm, then ctrkit create".into(),
            Self::NoSshEntry { .. } => "make it, in its worktree: ctrkit create".into(),
            Self::OutOfReach { .. } => "go there by ssh: leave --attached out".into(),
            Self::EditorAbsent { .. } => {
                "in VS Code: 'Shell Command: Install code'; or say --editor PROGRAM, or leave \
                 --open out"
                    .into()
            }
            Self::CannotRun { .. } | Self::Editor { .. } => return None,
        };
        Some(hint)
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Editor { command, .. } => Some(FailedCommand::clone(command)),
            _ => None,
        }
    }
}
