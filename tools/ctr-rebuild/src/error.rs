//! The ways in which ctr-rebuild fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError};

/// An error of ctr-rebuild.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The container was made on another engine.
    #[error("the container '{name}' was made on {engine}, not on {asked}")]
    OtherEngine {
        /// The container.
        name: String,
        /// The option that says which.
        option: &'static str,
        /// The engine, or the host, that it was made on.
        engine: String,
        /// What was asked for.
        asked: String,
    },

    /// Nothing says what the container was made from.
    #[error("the document of '{name}' is lost, and no label names its worktree")]
    NoWorktree {
        /// The container.
        name: String,
    },

    /// The document is lost, and with it which policy isolates the container.
    #[error("the document of '{name}' is lost, and nothing else says what it may reach")]
    NoPolicy {
        /// The container.
        name: String,
    },

    /// The worktree's container has another name.
    #[error("the document of '{name}' is lost, and the container of '{path}' would be '{other}'")]
    OtherName {
        /// The container.
        name: String,
        /// The worktree.
        path: String,
        /// The name that its container would get.
        other: String,
    },

    /// A step failed.
    #[error("cannot rebuild '{}': {}: {}", .0.name, .0.tool, .0.message)]
    Step(Box<FailedStep>),
}

toolkit::parts!(
    Error: ConfigError, PlacesError, EngineError, DocumentError, Interrupted, SiblingError
);

/// The step that failed, and why.
#[derive(Clone, Debug)]
pub struct FailedStep {
    /// The error's stable name.
    pub kind: &'static str,
    /// The tool whose step it is.
    pub tool: String,
    /// The container.
    pub name: String,
    /// The exit status.
    pub exit: Exit,
    /// What the tool says.
    pub message: String,
    /// What it says can be done.
    pub hint: Option<String>,
    /// The tool, as the command that failed.
    pub command: Option<FailedCommand>,
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::OtherEngine { .. } => "other-engine",
            Self::NoWorktree { .. } => "no-worktree",
            Self::NoPolicy { .. } => "no-policy",
            Self::OtherName { .. } => "other-name",
            Self::Step(step) => step.kind,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Signals(_) => Exit::Software,
            Self::OtherEngine { .. }
            | Self::NoWorktree { .. }
            | Self::NoPolicy { .. }
            | Self::OtherName { .. } => Exit::DataErr,
            Self::Step(step) => step.exit,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::OtherEngine { option, engine, .. } => Some(format!("say {option} {engine}")),
            Self::NoWorktree { .. } | Self::OtherName { .. } => {
                Some("make one in its worktree, and move the work: ctrkit create".to_owned())
            }
            Self::NoPolicy { .. } => {
                Some("say it in its worktree: ctrkit create --replace --isolate POLICY".to_owned())
            }
            Self::Step(step) => step.hint.clone(),
            Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Step(step) => step.command.clone(),
            _ => None,
        }
    }
}
