//! The ways in which ctr-spec fails.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use config::ConfigError;
use devcontainer::OwnError;
use engine::EngineError;
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError};

/// An error of ctr-spec.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The worktree's own devcontainer.json cannot be used.
    #[error(transparent)]
    Own(#[from] OwnError),

    /// The engine cannot be one.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// There is no git.
    #[error("cannot find 'git'")]
    GitAbsent,

    /// Git could not be run.
    #[error("cannot run 'git'")]
    Git(#[source] io::Error),

    /// The path cannot be used.
    #[error("cannot use '{}'", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The path is not in a git repository.
    #[error("'{}' is not in a git repository", path.display())]
    NotARepository {
        /// The path.
        path: PathBuf,
    },

    /// The path is in a repository, but not in a worktree of it.
    #[error("'{}' is in a git repository but not in a worktree", path.display())]
    NotAWorktree {
        /// The path.
        path: PathBuf,
    },

    /// The repository belongs to somebody else.
    #[error("the git repository of '{}' belongs to another user", path.display())]
    ForeignRepository {
        /// The path.
        path: PathBuf,
    },

    /// The repository has no commits.
    #[error("the git repository of '{}' has no commits", path.display())]
    NoCommits {
        /// The path.
        path: PathBuf,
    },

    /// No branch is checked out.
    #[error("the worktree '{}' has no branch checked out (detached HEAD)", path.display())]
    DetachedHead {
        /// The worktree.
        path: PathBuf,
    },

    /// A path or a branch is not UTF-8.
    #[error("{what} '{}' is not UTF-8", text.display())]
    NotUtf8 {
        /// What it is.
        what: &'static str,
        /// It, as far as it can be shown.
        text: PathBuf,
    },

    /// A setting has a value that no container could have.
    #[error("the setting '{setting}' cannot be '{value}': {rule}")]
    Setting {
        /// The setting, by its name in the configuration.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is expected.
        rule: &'static str,
    },
}

toolkit::parts!(Error: DocumentError, ConfigError, PlacesError, TemplateError);

impl Error {
    pub(crate) fn not_a_directory(path: &Path) -> Self {
        // The operating system says it better than we could.
        let failed = fs::read_dir(path).err();
        let source = failed.unwrap_or_else(|| io::ErrorKind::NotADirectory.into());
        Self::Path { path: path.to_owned(), source }
    }

    pub(crate) fn path_not_utf8(path: &Path) -> Self {
        Self::NotUtf8 { what: "the path", text: path.to_owned() }
    }

    pub(crate) fn branch_not_utf8(path: &Path) -> Self {
        Self::NotUtf8 { what: "the branch of", text: path.to_owned() }
    }

    pub(crate) fn setting(setting: &'static str, value: &str, rule: &'static str) -> Self {
        Self::Setting { setting, value: value.to_owned(), rule }
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Own(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::GitAbsent => "git-absent",
            Self::Git(_) => "git-cannot-run",
            Self::Path { .. } => "bad-path",
            Self::NotARepository { .. } => "not-a-repository",
            Self::NotAWorktree { .. } => "not-a-worktree",
            Self::ForeignRepository { .. } => "foreign-repository",
            Self::NoCommits { .. } => "no-commits",
            Self::DetachedHead { .. } => "detached-head",
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Setting { .. } => "bad-setting",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Own(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::GitAbsent | Self::Git(_) => Exit::Unavailable,
            Self::Path { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::NoPerm
            }
            Self::Path { .. } | Self::NotARepository { .. } | Self::NotAWorktree { .. } => {
                Exit::NoInput
            }
            Self::ForeignRepository { .. } => Exit::NoPerm,
            Self::NoCommits { .. }
            | Self::DetachedHead { .. }
            | Self::NotUtf8 { .. }
            | Self::Setting { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Part(part) => return part.hint(),
            Self::Own(error) => return error.hint(),
            Self::Engine(error) => return error.hint(),
            Self::GitAbsent => "install it: apt-get install git",
            Self::NotARepository { .. } => "go into a git worktree, or make one: git init",
            Self::NotAWorktree { .. } => "go into a worktree: git worktree list",
            Self::ForeignRepository { .. } => {
                "if you trust it: git config --global --add safe.directory DIRECTORY"
            }
            Self::NoCommits { .. } => "make one: git commit --allow-empty -m start",
            Self::DetachedHead { .. } => "check a branch out: git switch BRANCH",
            Self::NotUtf8 { .. } => "rename it",
            Self::Path { .. } => "name a directory in a git worktree",
            Self::Git(_) | Self::Setting { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
