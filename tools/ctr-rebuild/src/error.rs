//! The ways in which ctr-rebuild fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, PlacesError, SiblingError};

/// An error of ctr-rebuild.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// There is no place for the state.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// The engine failed, or there is nothing by that name, or it is not
    /// ctrkit's.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// A document could not be read or written.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// A signal asked the tool to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

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

    /// Another tool of ctrkit could not be run.
    #[error(transparent)]
    Tool(#[from] SiblingError),

    /// A step failed.
    #[error("cannot rebuild '{}': {}: {}", .0.name, .0.tool, .0.message)]
    Step(Box<FailedStep>),
}

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
            Self::Config(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Document(error) => error.kind(),
            Self::Interrupted(error) => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::OtherEngine { .. } => "other-engine",
            Self::NoWorktree { .. } => "no-worktree",
            Self::NoPolicy { .. } => "no-policy",
            Self::OtherName { .. } => "other-name",
            Self::Tool(error) => error.kind(),
            Self::Step(step) => step.kind,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Config(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::Document(error) => error.exit(),
            Self::Interrupted(error) => error.exit(),
            Self::Signals(_) => Exit::Software,
            Self::OtherEngine { .. }
            | Self::NoWorktree { .. }
            | Self::NoPolicy { .. }
            | Self::OtherName { .. } => Exit::DataErr,
            Self::Tool(error) => error.exit(),
            Self::Step(step) => step.exit,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Places(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::OtherEngine { option, engine, .. } => Some(format!("say {option} {engine}")),
            Self::NoWorktree { .. } | Self::OtherName { .. } => {
                Some("make one in its worktree, and move the work: ctrkit create".to_owned())
            }
            Self::NoPolicy { .. } => {
                Some("say it in its worktree: ctrkit create --replace --isolate POLICY".to_owned())
            }
            Self::Tool(error) => error.hint(),
            Self::Step(step) => step.hint.clone(),
            Self::Interrupted(_) | Self::Signals(_) => None,
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Engine(error) => error.command(),
            Self::Step(step) => step.command.clone(),
            _ => None,
        }
    }
}
