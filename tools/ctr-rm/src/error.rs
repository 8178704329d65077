//! The ways in which ctr-rm fails.

use std::{io, path::PathBuf};

use config::ConfigError;
use document::error::FailedCommand;
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

/// An error of ctr-rm.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The engine failed, or there is nothing by that name, or it is not
    /// ctrkit's.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The container was made on another engine, which may have it still.
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

    /// There is work in the container that would be lost.
    #[error("the container '{name}' has work that is nowhere else: {}", work(*changes, *commits))]
    UncommittedWork {
        /// The container.
        name: String,
        /// How many files are changed.
        changes: usize,
        /// How many commits the worktree does not have.
        commits: usize,
    },

    /// It is not known whether there is work in the container.
    #[error("cannot look for work in the container '{name}'")]
    CannotAsk {
        /// The container.
        name: String,
        /// What the engine says.
        source: EngineError,
    },

    /// It is not known whether the worktree has the container's commits.
    #[error("cannot see which commits of '{name}' the worktree '{}' has", path.display())]
    CannotCompare {
        /// The container.
        name: String,
        /// The worktree.
        path: PathBuf,
        /// What git says.
        source: io::Error,
    },

    /// The engine cannot remove the container.
    #[error("cannot remove the container '{name}'")]
    Remove {
        /// The container.
        name: String,
        /// What the engine says.
        source: EngineError,
    },

    /// The engine cannot remove the network.
    #[error("cannot remove the network '{network}'")]
    Network {
        /// The network.
        network: String,
        /// What the engine says.
        source: EngineError,
    },

    /// The engine cannot remove the volume.
    #[error("cannot remove the volume '{volume}'")]
    Volume {
        /// The volume.
        volume: String,
        /// What the engine says.
        source: EngineError,
    },

    /// Something that was made for the container could not be removed.
    #[error("cannot {} of '{}': {}", .0.what, .0.name, .0.message)]
    Step(Box<FailedStep>),
}

toolkit::parts!(Error: ConfigError, PlacesError, DocumentError, FileError, Interrupted, SiblingError);

/// What could not be removed, and why.
#[derive(Clone, Debug)]
pub struct FailedStep {
    /// The error's stable name.
    pub kind: &'static str,
    /// What was tried, such as `remove the ssh entry`.
    pub what: &'static str,
    /// The container that it belongs to.
    pub name: String,
    /// The exit status.
    pub exit: Exit,
    /// What the program that failed says.
    pub message: String,
    /// What it says can be done.
    pub hint: Option<String>,
    /// The program.
    pub command: Option<FailedCommand>,
}

impl Error {
    pub(crate) fn remove(name: &str, source: EngineError) -> Self {
        Self::Remove { name: name.to_owned(), source }
    }

    pub(crate) fn network(network: &str, source: EngineError) -> Self {
        Self::Network { network: network.to_owned(), source }
    }

    pub(crate) fn volume(volume: &str, source: EngineError) -> Self {
        Self::Volume { volume: volume.to_owned(), source }
    }

    /// Returns the engine's error, where that is what it is.
    fn of_engine(&self) -> Option<&EngineError> {
        match self {
            Self::Engine(error)
            | Self::Remove { source: error, .. }
            | Self::Network { source: error, .. }
            | Self::Volume { source: error, .. }
            | Self::CannotAsk { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Returns `2 changed files, 1 commit`.
fn work(changes: usize, commits: usize) -> String {
    let some = |number, one: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {one}s")),
    };
    let parts = [some(changes, "changed file"), some(commits, "commit")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Engine(error)
            | Self::Remove { source: error, .. }
            | Self::Network { source: error, .. }
            | Self::Volume { source: error, .. } => error.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::OtherEngine { .. } => "other-engine",
            Self::UncommittedWork { .. } => "uncommitted-work",
            Self::CannotAsk { .. } | Self::CannotCompare { .. } => "cannot-look-for-work",
            Self::Step(step) => step.kind,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Engine(error)
            | Self::Remove { source: error, .. }
            | Self::Network { source: error, .. }
            | Self::Volume { source: error, .. }
            | Self::CannotAsk { source: error, .. } => error.exit(),
            Self::Signals(_) => Exit::Software,
            Self::CannotCompare { .. } => Exit::Unavailable,
            Self::OtherEngine { .. } | Self::UncommittedWork { .. } => Exit::DataErr,
            Self::Step(step) => step.exit,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Engine(error)
            | Self::Remove { source: error, .. }
            | Self::Network { source: error, .. } => error.hint(),
            Self::Signals(_) => None,
            Self::OtherEngine { option, engine, .. } => {
                Some(format!("say {option} {engine}, or --force if it is gone there too"))
            }
            Self::UncommittedWork { .. } => Some(
                "commit it there and take it over (ctrkit pull), leave --volumes out, or lose it \
                 with --force"
                    .into(),
            ),
            Self::CannotAsk { name, .. } => {
                Some(format!("start it (ctr-start {name}) to be asked, or do not ask: --force"))
            }
            Self::CannotCompare { path, .. } => Some(format!(
                "see why (git -C {} log), or do not ask: --force",
                shell_words::quote(&path.to_string_lossy())
            )),
            Self::Volume { volume, source } if source.is("volume-in-use") => {
                Some(format!("remove what uses it; see it: ps --all --filter volume={volume}"))
            }
            Self::Volume { source, .. } => source.hint(),
            Self::Step(step) => step.hint.clone(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Step(step) => step.command.clone(),
            _ => self.of_engine()?.command(),
        }
    }
}
