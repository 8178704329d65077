//! The ways in which ctr-worktree fails.

use std::{io, path::PathBuf};

use config::ConfigError;
use document::error::FailedCommand;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
};

use crate::remove::FILES;

/// An error of ctr-worktree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// There is no git.
    #[error("cannot find 'git'")]
    GitAbsent,

    /// Git could not be run.
    #[error("cannot run 'git'")]
    CannotRun {
        /// Why.
        source: io::Error,
    },

    /// Git failed.
    #[error("git failed in '{}'", path.display())]
    Git {
        /// Where it was run.
        path: PathBuf,
        /// How it went.
        command: Box<FailedCommand>,
    },

    /// Git answered something that it does not say of itself.
    #[error("cannot read what git says")]
    GitUnreadable,

    /// The path is not in a git repository.
    #[error("'{}' is not in a git repository", path.display())]
    NotARepository {
        /// The path.
        path: PathBuf,
    },

    /// The repository belongs to somebody else.
    #[error("the git repository of '{}' belongs to another user", path.display())]
    ForeignRepository {
        /// The path.
        path: PathBuf,
    },

    /// Git lists no worktree at all.
    #[error("git lists no worktree of this repository")]
    NoWorktrees,

    /// A directory cannot be made or used.
    #[error("cannot use the directory '{}'", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The name cannot be a branch's.
    #[error("'{branch}' cannot be the name of a branch")]
    BadBranch {
        /// The name.
        branch: String,
    },

    /// The branch is there, and is to begin elsewhere.
    #[error("the branch '{branch}' is there already and begins elsewhere")]
    BranchExists {
        /// The branch.
        branch: String,
    },

    /// Another worktree has the branch.
    #[error("the branch '{branch}' is checked out in '{}'", path.display())]
    BranchInUse {
        /// The branch.
        branch: String,
        /// The worktree.
        path: PathBuf,
    },

    /// There is no such commit.
    #[error("there is no commit '{name}'")]
    NoSuchCommit {
        /// What was asked for.
        name: String,
    },

    /// Something else is where the worktree is to be.
    #[error("there is something else at '{}'", path.display())]
    Taken {
        /// The place.
        path: PathBuf,
    },

    /// The worktree would be inside another one, or in the repository itself.
    #[error("'{}' is inside '{}', into which a container's work comes", path.display(), root.display())]
    Inside {
        /// The place.
        path: PathBuf,
        /// What it is inside of.
        root: PathBuf,
    },

    /// The worktree does not lead to its repository.
    #[error("'{}' is no worktree of this repository any more", path.display())]
    Broken {
        /// The worktree.
        path: PathBuf,
    },

    /// There is no such worktree.
    #[error("there is no worktree '{name}' in this repository")]
    NoSuchWorktree {
        /// What was asked for.
        name: String,
    },

    /// It could be more than one.
    #[error("'{name}' is the name of more than one worktree's directory")]
    Ambiguous {
        /// What was asked for.
        name: String,
    },

    /// The main worktree is not to be removed.
    #[error("'{name}' is the main worktree, which the others are linked to")]
    IsMain {
        /// What was asked for.
        name: String,
    },

    /// Somebody has locked the worktree.
    #[error("the worktree '{}' is locked{}", path.display(), reason_of(reason))]
    Locked {
        /// The worktree.
        path: PathBuf,
        /// Why, if they said so.
        reason: String,
    },

    /// Something is under way in the worktree.
    #[error("a {what} is under way in the worktree '{}'", path.display())]
    UnderWay {
        /// The worktree.
        path: PathBuf,
        /// What.
        what: &'static str,
    },

    /// The worktree has submodules, which have work of their own.
    #[error("the worktree '{}' has submodules", path.display())]
    HasSubmodules {
        /// The worktree.
        path: PathBuf,
    },

    /// There are changes in the worktree that would be lost.
    #[error("the worktree '{}' has changes that are not committed: {}", path.display(), list(files))]
    Uncommitted {
        /// The worktree.
        path: PathBuf,
        /// Files with changes, and new ones.
        files: Vec<String>,
    },

    /// A run did not finish the worktree, and somebody has worked in it since.
    #[error("the worktree '{}' was never finished, and has changes that are not committed: {}",
        path.display(), list(files))]
    WorkedIn {
        /// The worktree.
        path: PathBuf,
        /// Files with changes.
        files: Vec<String>,
    },

    /// There are commits that would be lost.
    #[error("the worktree '{}' has {} nowhere else", path.display(), commits_of(*commits))]
    Unmerged {
        /// The worktree.
        path: PathBuf,
        /// The branch, if one is checked out.
        branch: Option<String>,
        /// How many commits.
        commits: usize,
    },

    /// There are commits that would be lost on a branch whose worktree has gone.
    #[error("the branch '{branch}', whose worktree is removed, has {} nowhere else",
        commits_of(*commits))]
    UnmergedBranch {
        /// The branch.
        branch: String,
        /// How many commits.
        commits: usize,
    },

    /// There is work in the container that would be lost.
    #[error("{message}")]
    InContainer {
        /// The container.
        name: String,
        /// What ctr-rm says.
        message: String,
    },
}

toolkit::parts!(Error: DocumentError, ConfigError, PlacesError, FileError, SiblingError, Interrupted);

impl Error {
    pub(crate) fn no_commit(name: &str) -> Self {
        Self::NoSuchCommit { name: name.to_owned() }
    }
}

fn reason_of(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

fn commits_of(commits: usize) -> String {
    match commits {
        1 => "a commit that is".to_owned(),
        _ => format!("{commits} commits that are"),
    }
}

/// Names the first files, each in quotes.
fn list(files: &[String]) -> String {
    let named: Vec<_> = files.iter().take(FILES).map(|file| format!("'{file}'")).collect();
    let more = if files.len() > FILES { " and more" } else { "" };
    format!("{}{more}", named.join(", "))
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Signals(_) => "cannot-handle-signals",
            Self::GitAbsent => "git-absent",
            Self::CannotRun { .. } => "git-cannot-run",
            Self::Git { .. } => "git-failed",
            Self::GitUnreadable => "git-answer-unreadable",
            Self::NotARepository { .. } | Self::NoWorktrees => "not-a-repository",
            Self::ForeignRepository { .. } => "foreign-repository",
            Self::Directory { .. } => "bad-directory",
            Self::BadBranch { .. } => "bad-branch",
            Self::BranchExists { .. } => "branch-exists",
            Self::BranchInUse { .. } => "branch-in-use",
            Self::NoSuchCommit { .. } => "no-such-commit",
            Self::Taken { .. } => "path-taken",
            Self::Inside { .. } => "inside-worktree",
            Self::Broken { .. } => "broken-worktree",
            Self::NoSuchWorktree { .. } => "no-such-worktree",
            Self::Ambiguous { .. } => "ambiguous-name",
            Self::IsMain { .. } => "main-worktree",
            Self::Locked { .. } => "locked-worktree",
            Self::UnderWay { .. } => "operation-under-way",
            Self::HasSubmodules { .. } => "has-submodules",
            Self::Uncommitted { .. } | Self::WorkedIn { .. } | Self::InContainer { .. } => {
                "uncommitted-work"
            }
            Self::Unmerged { .. } | Self::UnmergedBranch { .. } => "unmerged-work",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Signals(_) => Exit::Software,
            Self::GitUnreadable => Exit::IoErr,
            Self::GitAbsent | Self::CannotRun { .. } | Self::Git { .. } => Exit::Unavailable,
            Self::NotARepository { .. } | Self::NoWorktrees | Self::NoSuchWorktree { .. } => {
                Exit::NoInput
            }
            Self::ForeignRepository { .. } => Exit::NoPerm,
            Self::Directory { source, .. } => Exit::of_writing(source),
            _ => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            _ => self.hint_of_adding().or_else(|| self.hint_of_removing()),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Git { command, .. } => Some(FailedCommand::clone(command)),
            _ => None,
        }
    }
}

impl Error {
    fn hint_of_adding(&self) -> Option<String> {
        Some(match self {
            Self::GitAbsent => "install it: apt-get install git".into(),
            Self::NotARepository { .. } => "go into a git worktree, or make one: git init".into(),
            Self::ForeignRepository { .. } => {
                "if you trust it: git config --global --add safe.directory DIRECTORY".into()
            }
            Self::Directory { .. } => "choose another one: --directory DIR".into(),
            Self::BadBranch { .. } => "git-check-ref-format(1) says what a name may have".into(),
            Self::BranchExists { .. } => "take it as it is: leave --from out".into(),
            Self::BranchInUse { .. } => "work there, or name another branch".into(),
            Self::NoSuchCommit { name } if name == "HEAD" => {
                "make one: git commit --allow-empty -m start".into()
            }
            Self::NoSuchCommit { .. } => "see which there are: git branch --all".into(),
            Self::Taken { path } => format!(
                "move it away, or see what it is: ls -la {}",
                shell_words::quote(&path.to_string_lossy())
            ),
            Self::WorkedIn { path, .. } => format!(
                "see them, and take back what is not yours: git -C {} diff",
                shell_words::quote(&path.to_string_lossy())
            ),
            Self::Inside { .. } => "choose another place: --directory DIR".into(),
            _ => return None,
        })
    }

    fn hint_of_removing(&self) -> Option<String> {
        Some(match self {
            Self::Broken { .. } => "see git-worktree(1), repair; or lose it: --force".into(),
            Self::NoSuchWorktree { .. } => "see which there are: ctr-worktree list".into(),
            Self::Ambiguous { .. } => "say its path".into(),
            Self::IsMain { .. } => "its container alone: ctrkit rm".into(),
            Self::Locked { path, .. } => format!(
                "if nobody needs it: git worktree unlock {}",
                shell_words::quote(&path.to_string_lossy())
            ),
            Self::UnderWay { what, .. } => {
                format!("end it there (git {what} …), or lose it: --force")
            }
            Self::HasSubmodules { .. } => "push what is in them, then say --force".into(),
            Self::Uncommitted { .. } => "commit it there, or lose it: --force".into(),
            Self::Unmerged { branch: Some(_), .. } | Self::UnmergedBranch { .. } => {
                "push or merge it, keep the branch (--keep-branch), or lose it: --force".into()
            }
            Self::Unmerged { .. } => "make a branch of it there, or lose it: --force".into(),
            Self::InContainer { name, .. } => format!(
                "commit it there and take it over (ctrkit pull {name}), or lose it: --force"
            ),
            _ => return None,
        })
    }
}
