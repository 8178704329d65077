//! What can be wrong on the host.

use std::path::PathBuf;

use document::error::FailedCommand;
use toolkit::{Exit, Failure};

use super::{Words, list};

/// An error of the worktree or of its repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorktreeError {
    /// Git does not take the name for that of a branch.
    #[error("'{branch}' cannot be the name of a branch")]
    BadBranch {
        /// The branch.
        branch: String,
    },

    /// The directory is not in a worktree of a git repository.
    #[error("'{}' is not in a git worktree", path.display())]
    NotARepository {
        /// The directory.
        path: PathBuf,
        /// What git says.
        source: Words,
    },

    /// No branch is checked out.
    #[error("the worktree '{}' has no branch checked out (detached HEAD)", path.display())]
    DetachedHead {
        /// The worktree.
        path: PathBuf,
    },

    /// The branch has no commit.
    #[error("the branch '{branch}' of '{}' has no commits", path.display())]
    NoCommits {
        /// The worktree.
        path: PathBuf,
        /// The branch.
        branch: String,
    },

    /// No container of ctrkit's belongs to the worktree.
    #[error("the worktree '{}' has no container", path.display())]
    NoContainer {
        /// The worktree.
        path: PathBuf,
    },

    /// The repository has no remote for the container.
    #[error("the repository of '{}' has no remote '{name}'", path.display())]
    NoRemote {
        /// The worktree.
        path: PathBuf,
        /// The container's name.
        name: String,
    },

    /// The remote of that name is another one.
    #[error("the remote '{name}' of '{}' leads to '{found}', not to '{url}'", path.display())]
    RemoteTaken {
        /// The worktree.
        path: PathBuf,
        /// The remote's name.
        name: String,
        /// The URL that it has.
        found: String,
        /// The URL that it should have.
        url: String,
    },

    /// Files with changes would be overwritten.
    #[error("the worktree '{}' has uncommitted changes: {}", path.display(), list(files))]
    Dirty {
        /// The worktree.
        path: PathBuf,
        /// The files, perhaps not all of them.
        files: Vec<String>,
    },

    /// Somebody has moved the worktree meanwhile.
    #[error("the worktree '{}' is no longer where it was on '{branch}'", path.display())]
    Changed {
        /// The worktree.
        path: PathBuf,
        /// The branch that was checked out.
        branch: String,
    },

    /// The directory that is to be made has something in it.
    #[error("the directory '{}' is not empty", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },

    /// Git answered something that it does not say of itself.
    #[error("cannot read what git says of '{}'", path.display())]
    Unreadable {
        /// The worktree.
        path: PathBuf,
    },

    /// Git failed in a way that none of the others describes.
    #[error("git failed in '{}'", path.display())]
    Git {
        /// The worktree.
        path: PathBuf,
        /// How it went.
        command: Box<FailedCommand>,
    },
}

impl Failure for WorktreeError {
    fn kind(&self) -> &'static str {
        match self {
            Self::BadBranch { .. } => "bad-branch",
            Self::NotARepository { .. } => "not-a-repository",
            Self::DetachedHead { .. } => "detached-head",
            Self::NoCommits { .. } => "no-commits",
            Self::NoContainer { .. } => "no-container",
            Self::NoRemote { .. } => "no-remote",
            Self::RemoteTaken { .. } => "remote-taken",
            Self::Dirty { .. } => "worktree-dirty",
            Self::Changed { .. } => "worktree-changed",
            Self::NotEmpty { .. } => "directory-not-empty",
            Self::Unreadable { .. } => "git-answer-unreadable",
            Self::Git { .. } => "git-failed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::BadBranch { .. }
            | Self::DetachedHead { .. }
            | Self::NoCommits { .. }
            | Self::NotEmpty { .. }
            | Self::Changed { .. }
            | Self::Dirty { .. } => Exit::DataErr,
            Self::NotARepository { .. } => Exit::NoInput,
            Self::Unreadable { .. } => Exit::IoErr,
            Self::NoContainer { .. }
            | Self::NoRemote { .. }
            | Self::RemoteTaken { .. }
            | Self::Git { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadBranch { .. } => "rename it: git branch -m NEW".to_owned(),
            Self::NotARepository { .. } => "go into a git worktree, or say -C DIR".to_owned(),
            Self::DetachedHead { .. } => "check a branch out: git switch BRANCH".to_owned(),
            Self::NoCommits { .. } => "make one: git commit --allow-empty -m start".to_owned(),
            Self::NoContainer { .. } => "make one: ctrkit create; or say which: NAME".to_owned(),
            Self::NoRemote { .. } => "it is added by: ctrkit create".to_owned(),
            Self::RemoteTaken { name, .. } => {
                format!("rename that one: git remote rename {name} OTHER")
            }
            Self::Dirty { .. } => "commit them, or put them aside: git stash".to_owned(),
            Self::Changed { .. } => "see where it is (git status), then pull again".to_owned(),
            Self::NotEmpty { .. } => "name one that is not there yet: --into DIR".to_owned(),
            Self::Unreadable { .. } | Self::Git { .. } => return None,
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Git { command, .. } => Some(FailedCommand::clone(command)),
            _ => None,
        }
    }
}
