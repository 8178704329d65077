//! The ways in which ctr-init fails.

use std::io;

use config::ConfigError;
use document::error::FailedCommand;
use shell_words::quote;
use toolkit::{
    Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError, keys::NoKey,
};

use crate::Complaint;

/// An error of ctr-init.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Nobody is to be asked, and something is not said.
    #[error("it is not said where the engine is, and nobody can be asked")]
    Missing {
        /// The option that says it.
        flag: &'static str,
    },

    /// Standard input ended at a question.
    #[error("there was no answer to the question '{question}'")]
    NoAnswer {
        /// The question.
        question: String,
    },

    /// Standard input could not be read.
    #[error("cannot read standard input")]
    Stdin(#[source] io::Error),

    /// The terminal cannot be talked to.
    #[error("cannot use the terminal")]
    Terminal(#[source] io::Error),

    /// The token is none.
    #[error("the token {from} is none: {what}")]
    BadToken {
        /// Where it was read.
        from: String,
        /// What is wrong, which has nothing of it.
        what: &'static str,
    },

    /// There is no public key to log in with.
    #[error("there is no public key{}", where_searched(.0))]
    NoKey(NoKey),

    /// The test could not be run.
    #[error("cannot run the test")]
    Run(#[source] io::Error),

    /// The script failed on that machine.
    #[error("the test came to no end: {}", last_line(failed))]
    Probe {
        /// What was run.
        failed: Box<FailedCommand>,
    },

    /// The server does not answer.
    #[error("cannot reach '{address}': {}", last_line(failed))]
    Unreachable {
        /// The address.
        address: String,
        /// ssh.
        failed: Box<FailedCommand>,
    },

    /// The server lets nobody in with the keys that there are.
    #[error("'{address}' refuses the keys that ssh has: {}", last_line(failed))]
    KeyRefused {
        /// The address.
        address: String,
        /// ssh.
        failed: Box<FailedCommand>,
    },

    /// The server was never seen before.
    #[error("the host key of '{address}' is not known")]
    HostKeyUnknown {
        /// The address.
        address: String,
        /// ssh.
        failed: Box<FailedCommand>,
    },

    /// The server is another one, or has another key.
    #[error("the host key of '{address}' is not the one that is known")]
    HostKeyChanged {
        /// The address.
        address: String,
        /// ssh.
        failed: Box<FailedCommand>,
    },

    /// The engine's machine lacks something.
    #[error("{} cannot be used yet: {}", machine, list(complaints, |it| &it.what))]
    Lacking {
        /// The machine.
        machine: String,
        /// What it lacks.
        complaints: Vec<Complaint>,
    },

    /// The engine's client is not installed here.
    #[error("the client '{program}' is not installed on this machine")]
    NoClient {
        /// The program.
        program: String,
        /// Why.
        source: which::Error,
    },

    /// The authority could not be made.
    #[error("cannot make the certificate authority")]
    Authority(#[source] SiblingError),
}

toolkit::parts!(Error: ConfigError, PlacesError, FileError, Interrupted);

fn list(complaints: &[Complaint], part: impl Fn(&Complaint) -> &String) -> String {
    complaints.iter().map(|it| part(it).as_str()).collect::<Vec<_>>().join("; ")
}

fn last_line(failed: &FailedCommand) -> &str {
    failed.last_words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing")
}

fn where_searched(no_key: &NoKey) -> String {
    match no_key {
        NoKey::InFile(path) => format!(" in '{}'", path.display()),
        NoKey::Anywhere => ": neither in the agent nor in ~/.ssh".to_owned(),
    }
}

/// Returns the command that ssh is tried with by hand.
fn by_hand(address: &str) -> String {
    match address.parse::<config::Address>() {
        Ok(parsed) => {
            let user = parsed.user.map(|user| format!("{user}@")).unwrap_or_default();
            let port = parsed.port.map(|port| format!("-p {port} ")).unwrap_or_default();
            format!("{port}{user}{}", parsed.host)
        }
        Err(_) => address.to_owned(),
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Missing { .. } => "missing-option",
            Self::NoAnswer { .. } => "no-answer",
            Self::Stdin(_) => "cannot-read-stdin",
            Self::Terminal(_) => "no-terminal",
            Self::BadToken { .. } => "bad-token",
            Self::NoKey(_) => "no-ssh-key",
            Self::Run(_) => "ssh-absent",
            Self::Probe { .. } => "test-failed",
            Self::Unreachable { .. } => "server-unreachable",
            Self::KeyRefused { .. } => "key-refused",
            Self::HostKeyUnknown { .. } => "host-key-unknown",
            Self::HostKeyChanged { .. } => "host-key-changed",
            Self::Lacking { .. } => "engine-not-ready",
            Self::NoClient { .. } => "engine-absent",
            Self::Authority(SiblingError::Absent { .. }) => "tool-absent",
            Self::Authority(_) => "cannot-make-authority",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Missing { .. } => Exit::Usage,
            Self::NoAnswer { .. } | Self::NoKey(_) => Exit::NoInput,
            Self::Stdin(_) | Self::Terminal(_) => Exit::IoErr,
            Self::BadToken { .. } => Exit::DataErr,
            Self::Run(_)
            | Self::Probe { .. }
            | Self::Unreachable { .. }
            | Self::Lacking { .. }
            | Self::NoClient { .. } => Exit::Unavailable,
            Self::KeyRefused { .. } | Self::HostKeyUnknown { .. } | Self::HostKeyChanged { .. } => {
                Exit::NoPerm
            }
            Self::Authority(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Part(part) => return part.hint(),
            Self::Authority(error) => return error.hint(),
            Self::Stdin(_) | Self::Probe { .. } => return None,
            Self::Missing { flag } => format!("say it: {flag}"),
            Self::NoAnswer { .. } => "say it by an option, see --help, with --batch".into(),
            Self::Terminal(_) => "say all by options, with --batch".into(),
            Self::BadToken { .. } => {
                "make a new one in GitHub's settings, and store it by --github-token-file".into()
            }
            Self::NoKey(NoKey::InFile(path)) => match path.to_str().map(|p| p.strip_suffix(".pub"))
            {
                Some(Some(key)) => {
                    format!("write it: ssh-keygen -y -f {} >{0}.pub", quote(key))
                }
                _ => "name a public key file: --authorized-key FILE".into(),
            },
            Self::NoKey(NoKey::Anywhere) => "make one: ssh-keygen -t ed25519".into(),
            Self::Run(_) => "install it: apt-get install openssh-client".into(),
            Self::Unreachable { address, .. } => {
                format!("see why: ssh -v {} true; or go on without: --no-test", by_hand(address))
            }
            Self::KeyRefused { address, .. } => format!(
                "put your key there: ssh-copy-id {}; an agent must have it: ssh-add",
                by_hand(address)
            ),
            Self::HostKeyUnknown { address, .. } => format!(
                "log in once, and compare the fingerprint that it shows: ssh {}",
                by_hand(address)
            ),
            Self::HostKeyChanged { address, failed } => match forgetting(&failed.last_words) {
                Some(command) => format!("if it was installed anew: {command}"),
                None => format!("see why: ssh {}", by_hand(address)),
            },
            Self::Lacking { complaints, .. } => list(complaints, |complaint| &complaint.cure),
            Self::NoClient { program, .. } => format!("install it here: apt-get install {program}"),
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Probe { failed }
            | Self::Unreachable { failed, .. }
            | Self::KeyRefused { failed, .. }
            | Self::HostKeyUnknown { failed, .. }
            | Self::HostKeyChanged { failed, .. } => Some(FailedCommand::clone(failed)),
            Self::Authority(error) => error.command(),
            _ => None,
        }
    }
}

/// Returns the command by which ssh itself says that a host key is forgotten.
fn forgetting(words: &str) -> Option<&str> {
    words
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("ssh-keygen -f") || line.starts_with("ssh-keygen -R"))
}
