//! The ways in which a repository's own file cannot be used.

use std::path::{Path, PathBuf};

use toolkit::{Exit, Failure, files::FileError};

/// A repository's own devcontainer.json cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),

    /// The one that is asked for is not there.
    #[error("there is no file '{}'", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },

    /// There are several, and none is asked for.
    #[error("'{}' has {} devcontainer.json files: {}", project.display(), found.len(), names(project, found))]
    Several {
        /// The worktree.
        project: PathBuf,
        /// The files.
        found: Vec<PathBuf>,
    },

    /// It lies outside of the worktree, or is more than a file.
    #[error("the devcontainer.json '{}' cannot be used: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },

    /// It is not JSON with comments.
    #[error("the devcontainer.json '{}' is broken at line {line}: {message}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },

    /// A key has a value that it cannot have.
    #[error("the devcontainer.json '{}' is wrong at line {line}: '{key}' {rule}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key's path.
        key: String,
        /// What it must be.
        rule: String,
    },

    /// A file that it names is not there.
    #[error("the devcontainer.json '{}' names '{}' as {key}, which is not there", path.display(), missing.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key's path.
        key: &'static str,
        /// The file that is not there.
        missing: PathBuf,
    },
}

fn names(project: &Path, found: &[PathBuf]) -> String {
    let names = found.iter().map(|path| path.strip_prefix(project).unwrap_or(path));
    names.map(|name| name.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Failure for OwnError {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(error) => error.kind(),
            Self::Absent { .. } => "devcontainer-absent",
            Self::Several { .. } => "devcontainer-ambiguous",
            Self::Unfit { .. } | Self::BadKey { .. } => "bad-devcontainer",
            Self::Broken { .. } => "devcontainer-broken",
            Self::Missing { .. } => "missing-file",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::Absent { .. } | Self::Missing { .. } => Exit::NoInput,
            _ => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Absent { .. } => Some("see which there are: ls .devcontainer".to_owned()),
            Self::Several { .. } => Some("say which: --devcontainer-config FILE".to_owned()),
            Self::Unfit { .. } => None,
            Self::Broken { .. } => {
                Some("it is JSON, with comments and trailing commas, and nothing else".to_owned())
            }
            Self::BadKey { .. } => {
                Some("mkdevcontainer(1) says what is taken; others take it as it is".to_owned())
            }
            Self::Missing { .. } => Some("make the file, or correct the name".to_owned()),
        }
    }
}
