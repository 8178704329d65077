//! What can be wrong in the container.

use document::error::FailedCommand;
use toolkit::{Exit, Failure};

use super::{Words, list};

/// An error of the container or of the repository in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThereError {
    /// The name is none that a container of ctrkit's could have.
    #[error("'{name}' cannot be the name of a container")]
    BadName {
        /// The name.
        name: String,
    },

    /// The workspace is no path that could be part of a remote's URL.
    #[error("'{workspace}' cannot be a workspace")]
    BadWorkspace {
        /// The workspace.
        workspace: String,
    },

    /// The container does not say who works in it.
    #[error("the container '{name}' has no label '{label}'")]
    NoLabel {
        /// The container's name.
        name: String,
        /// The label.
        label: &'static str,
    },

    /// Files with changes would be overwritten.
    #[error("the container '{name}' has uncommitted changes: {}", list(files))]
    Dirty {
        /// The container's name.
        name: String,
        /// The files, perhaps not all of them.
        files: Vec<String>,
        /// Whether git knows all of them there.
        tracked: bool,
    },

    /// Somebody is in the middle of something.
    #[error("the repository in the container '{name}' {what}")]
    Busy {
        /// The container's name.
        name: String,
        /// What it is or has.
        what: String,
    },

    /// The container has commits that the worktree lacks, and the other way
    /// round.
    #[error("the branch '{branch}' and that of the container '{name}' have diverged")]
    Diverged {
        /// The container's name.
        name: String,
        /// The branch.
        branch: String,
        /// Whether the container's commits are here already.
        fetched: bool,
    },

    /// The branch is not there.
    #[error("the container '{name}' has no branch '{branch}'")]
    NoBranch {
        /// The container's name.
        name: String,
        /// The branch.
        branch: String,
    },

    /// The container's commits bring what is executed here by itself.
    #[error(
        "the container '{name}' has changed what this machine executes by itself: {}",
        list(files)
    )]
    WouldRun {
        /// The container's name.
        name: String,
        /// The commit that brings them.
        commit: String,
        /// The files.
        files: Vec<String>,
    },

    /// The container has another commit than the one that is trusted.
    #[error("the container '{name}' is no longer at {commit} but at {fetched}")]
    MovedOn {
        /// The container's name.
        name: String,
        /// The commit that is trusted.
        commit: String,
        /// The commit that is there.
        fetched: String,
    },

    /// The container sends more than it may.
    #[error("the container '{name}' sends more than {limit} MiB")]
    TooLarge {
        /// The container's name.
        name: String,
        /// The limit.
        limit: u32,
    },

    /// The container's commits have more changes than can be looked at.
    #[error("the commits of the container '{name}' have too many changes to look at")]
    TooMany {
        /// The container's name.
        name: String,
    },

    /// The container does not answer.
    #[error("cannot reach the container '{name}'")]
    Unreachable {
        /// The container's name.
        name: String,
        /// What is known of the cause.
        source: Words,
    },

    /// Ssh does not trust the container's host key.
    #[error("ssh refuses the host key of the container '{name}'")]
    HostKeyRefused {
        /// The container's name.
        name: String,
        /// What ssh says.
        source: Words,
    },

    /// The container does not let ssh in.
    #[error("the container '{name}' refuses the login")]
    LoginRefused {
        /// The container's name.
        name: String,
        /// What ssh says.
        source: Words,
    },

    /// The repository would not take the branch.
    #[error("the repository in the container '{name}' refuses the branch '{branch}'")]
    PushRefused {
        /// The container's name.
        name: String,
        /// The branch.
        branch: String,
        /// The reason that it gives.
        source: Words,
    },

    /// The branch could not be checked out.
    #[error("cannot check out '{branch}' in the container '{name}'")]
    CheckoutFailed {
        /// The container's name.
        name: String,
        /// The branch.
        branch: String,
        /// What git says there.
        source: Words,
    },

    /// The script that prepares the repository failed.
    #[error("cannot prepare the repository in the container '{name}'")]
    PrepareFailed {
        /// The container's name.
        name: String,
        /// How it went.
        command: Box<FailedCommand>,
    },

    /// The script gave an answer that is none.
    #[error("cannot read the answer of the container '{name}'")]
    Unreadable {
        /// The container's name.
        name: String,
    },
}

impl ThereError {
    /// Says whether the cure needs the remote that leads to the container.
    pub(crate) fn wants_remote(&self) -> bool {
        matches!(self, Self::Dirty { .. } | Self::Busy { .. } | Self::Diverged { .. })
    }
}

impl ThereError {
    /// Returns what helps where a pull was refused for what it would bring.
    fn hint_of_pull(&self) -> Option<String> {
        match self {
            Self::WouldRun { name, commit, .. } => Some(format!(
                "look at it: ctrkit diff --patch {name}; to take it: ctrkit pull --trust={commit} {name}"
            )),
            Self::MovedOn { name, .. } => Some(format!("look again: ctrkit diff --patch {name}")),
            Self::TooLarge { limit, .. } => {
                Some(format!("if that is meant, allow more: --limit {}", limit.saturating_mul(4)))
            }
            Self::TooMany { name, .. } => {
                Some(format!("look at them there: ctr-exec {name} git log --stat"))
            }
            _ => None,
        }
    }
}

impl Failure for ThereError {
    fn kind(&self) -> &'static str {
        match self {
            Self::BadName { .. } => "bad-name",
            Self::BadWorkspace { .. } => "bad-workspace",
            Self::NoLabel { .. } => "missing-label",
            Self::Dirty { .. } => "container-dirty",
            Self::Busy { .. } => "container-busy",
            Self::Diverged { .. } => "diverged",
            Self::NoBranch { .. } => "no-such-branch",
            Self::WouldRun { .. } => "would-run",
            Self::MovedOn { .. } => "moved-on",
            Self::TooLarge { .. } => "fetch-too-large",
            Self::TooMany { .. } => "too-many-changes",
            Self::Unreachable { .. } => "unreachable",
            Self::HostKeyRefused { .. } => "host-key-refused",
            Self::LoginRefused { .. } => "login-refused",
            Self::PushRefused { .. } => "push-refused",
            Self::CheckoutFailed { .. } => "checkout-failed",
            Self::PrepareFailed { .. } => "prepare-failed",
            Self::Unreadable { .. } => "container-answer-unreadable",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::BadName { .. }
            | Self::BadWorkspace { .. }
            | Self::NoLabel { .. }
            | Self::Dirty { .. }
            | Self::WouldRun { .. }
            | Self::MovedOn { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Diverged { .. } => Exit::DataErr,
            Self::NoBranch { .. }
            | Self::Unreachable { .. }
            | Self::PushRefused { .. }
            | Self::CheckoutFailed { .. }
            | Self::PrepareFailed { .. } => Exit::Unavailable,
            Self::Unreadable { .. } => Exit::IoErr,
            Self::Busy { .. } => Exit::TempFail,
            Self::HostKeyRefused { .. } | Self::LoginRefused { .. } => Exit::NoPerm,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadWorkspace { .. } => {
                "it must be an absolute path without control characters".to_owned()
            }
            Self::NoLabel { .. } => "make it anew: ctrkit rm, then ctrkit create".to_owned(),
            Self::Dirty { name, tracked: true, .. } => {
                format!("commit them there, or put them aside: ctr-exec {name} git stash")
            }
            Self::Dirty { name, tracked: false, .. } => {
                format!("commit them there, or move them away: ctr-exec {name} mv FILE ELSEWHERE")
            }
            Self::Busy { name, .. } => {
                format!("finish it, or put it on a branch: ctr-exec {name} git status")
            }
            Self::Diverged { fetched: false, .. } => {
                "take what is there first: ctrkit pull".to_owned()
            }
            Self::Diverged { name, branch, fetched: true } => {
                let theirs = format!("{name}/{branch}");
                format!("join the two: git merge {}", shell_words::quote(&theirs))
            }
            Self::NoBranch { name, .. } => format!("push it: ctr-git push {name}"),
            Self::Unreachable { name, .. } => format!("start it: ctr-start {name}"),
            Self::HostKeyRefused { name, .. } => {
                format!("another machine may answer in its place: ssh -v {name}")
            }
            Self::LoginRefused { name, .. } => format!("see which keys are tried: ssh -v {name}"),
            Self::PrepareFailed { name, .. } | Self::CheckoutFailed { name, .. } => {
                format!("see what is there: ctr-exec {name} git status")
            }
            _ => return self.hint_of_pull(),
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::PrepareFailed { command, .. } => Some(FailedCommand::clone(command)),
            _ => None,
        }
    }
}
