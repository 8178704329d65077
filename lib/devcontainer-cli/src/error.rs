//! The ways in which the CLI fails, told apart by what it says.

use std::{io, path::PathBuf};

use document::error::FailedCommand;
use toolkit::{Exit, Failure, Interrupted, files::FileError};

/// An error of the devcontainers CLI.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not installed, or what it runs on is not.
    #[error("cannot find the devcontainers CLI '{}': {why}", program.display())]
    Absent {
        /// The program.
        program: PathBuf,
        /// Why.
        why: String,
    },

    /// It could not be run.
    #[error("cannot run the devcontainers CLI '{}'", program.display())]
    CannotRun {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// It says that it has failed.
    #[error("{}", .0.words())]
    Failed(Box<Failed>),

    /// The devcontainer.json is not one that ctrkit wrote.
    #[error("cannot read '{}': it is not a devcontainer.json of mkdevcontainer", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
    },

    /// The repository's own Compose files are others now.
    #[error("the Compose files of '{}' are not what mkdevcontainer has judged", path.display())]
    ComposeChanged {
        /// The repository's devcontainer.json.
        path: PathBuf,
    },

    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// A signal asked the tool to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What a call that failed has said.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What went wrong.
    pub message: String,
    /// What that was about.
    pub description: String,
    /// The container, where there is one already.
    pub container_id: Option<String>,
    /// The call, and its last words.
    pub command: FailedCommand,
}

/// What the CLI and the engines under it say, in lower case, and what is meant;
/// the first row of which all parts occur counts. The words are those of
/// version 0.89.
const WORDS: &[(&str, &[&str])] = &[
    ("command-failed", &["command", "in the devcontainer.json failed"]),
    ("command-failed", &["command", "from", "failed"]),
    ("feature-not-fetched", &["could not resolve feature"]),
    ("feature-not-fetched", &["failed to", "feature"]),
    ("feature-not-fetched", &["getaddrinfo"]),
    ("feature-not-fetched", &["econnrefused"]),
    ("feature-not-fetched", &["etimedout"]),
    ("port-taken", &["address already in use"]),
    ("port-taken", &["port is already allocated"]),
    ("name-taken", &["is already in use by container"]),
    ("name-taken", &["that name is already in use"]),
    ("no-such-image", &["unable to find image"]),
    ("no-such-image", &["pull access denied"]),
    ("no-such-image", &["did not resolve to an alias"]),
    ("no-such-image", &["initializing source docker://"]),
    ("no-such-dockerfile", &["dockerfile", "not found"]),
    ("no-such-dockerfile", &["dockerfile", "no such file"]),
    ("no-such-dockerfile", &["containerfile", "no such file"]),
];

impl Failed {
    /// Returns one line that says what failed.
    fn words(&self) -> String {
        let last = self.command.last_words.lines().rev();
        let mut last = last.map(|line| line.trim_start_matches("Error: "));
        // "Command failed:" and a line of arguments says less than the engine did.
        let says = |text: &&str| !text.is_empty() && !text.starts_with("Command failed: ");
        let words = Some(self.message.as_str()).filter(says).or_else(|| last.find(says));
        let words = words.unwrap_or("it failed without a word").lines().next().unwrap_or_default();
        match self.description.lines().next() {
            Some(about) if about.contains("ommand") => format!("{about} {words}"),
            _ => format!("the devcontainers CLI has failed: {words}"),
        }
    }

    fn kind(&self) -> &'static str {
        let all = format!("{}\n{}\n{}", self.description, self.message, self.command.last_words);
        let all = all.to_lowercase();
        let kind = WORDS.iter().find(|(_, parts)| parts.iter().all(|part| all.contains(part)));
        kind.map_or("devcontainer-failed", |(kind, _)| kind)
    }
}

impl Error {
    /// Says whether this is a failure of the stable kind `kind`.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind() == kind
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "no-devcontainer-cli",
            Self::CannotRun { .. } => "devcontainer-cannot-run",
            Self::Failed(failed) => failed.kind(),
            Self::BadConfig { .. } => "bad-devcontainer",
            Self::ComposeChanged { .. } => "compose-changed",
            Self::File(error) => error.kind(),
            Self::Interrupted(error) => error.kind(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::Interrupted(error) => error.exit(),
            Self::BadConfig { .. } | Self::ComposeChanged { .. } => Exit::DataErr,
            _ if self.is("port-taken") => Exit::TempFail,
            _ => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self.kind() {
            "no-devcontainer-cli" => {
                "install node 18 or newer and the CLI: scripts/devcontainers install, or \
                 npm install --global @devcontainers/cli"
            }
            "compose-changed" => "have them judged anew: ctrkit create",
            "bad-devcontainer" => "pipe the document through mkdevcontainer again",
            "feature-not-fetched" => {
                "features come from a registry at each build: see that this machine reaches it, \
                 or keep the feature in the repository and name it './…'"
            }
            "command-failed" => {
                "its output is above; look at the container that it left: ctrkit create --keep"
            }
            "no-such-image" => "pull or build it first, by the name that the file has",
            "no-such-dockerfile" => "the file's 'dockerfile' is relative to the file itself",
            "port-taken" => {
                "see who has it (ss -Hltnp), or give the block back with portalloc --release"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Failed(failed) => Some(failed.command.clone()),
            _ => None,
        }
    }
}
