//! The ways in which ctr-up fails.

use std::{io, path::PathBuf};

use compose::ModelError;
use devcontainer::Refusal;
use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use toolkit::{
    DocumentError, Exit, Failure, Interrupted, Part, PlacesError, SiblingError, files::FileError,
    keys::NoKey,
};

/// An error of ctr-up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The devcontainers CLI could not make the container.
    #[error(transparent)]
    Devcontainer(#[from] devcontainer_cli::Error),

    /// What it would make it from reaches the machine, or leads out.
    #[error(transparent)]
    Refused(#[from] Refusal),

    /// The container that it made has another name.
    #[error("the devcontainers CLI has made no container of the name '{name}'")]
    OtherName {
        /// The name that it was to have.
        name: String,
    },

    /// There is no ssh server in the container's image.
    #[error("the image of '{name}' has no ssh server: there is no /usr/sbin/sshd")]
    NoServer {
        /// The container's name.
        name: String,
    },

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// A container of that name belongs to somebody else.
    #[error("the container name '{name}' is taken by a container that is not this project's")]
    NameTaken {
        /// The name.
        name: String,
        /// The worktree that the other container belongs to, if it is ctrkit's.
        project: Option<String>,
    },

    /// A volume of that name belongs to another container.
    #[error("the volume name '{name}' is taken by {owner}")]
    VolumeTaken {
        /// The volume's name.
        name: String,
        /// Whose it is.
        owner: String,
    },

    /// A volume that the container had is gone.
    #[error("the volume '{volume}' of '{name}' is gone, and all that was in it")]
    VolumeMissing {
        /// The volume's name.
        volume: String,
        /// The container's name.
        name: String,
    },

    /// The container was made from another document.
    #[error("the container '{name}' was made from another document: {} changed", sections.join(", "))]
    Changed {
        /// The container's name.
        name: String,
        /// The sections that differ.
        sections: Vec<&'static str>,
    },

    /// A sidecar is not well.
    #[error("the sidecar '{name}' was not well within {seconds} s: {words}")]
    Unhealthy {
        /// The sidecar's name.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// The last lines of its log.
        words: String,
    },

    /// Something gets out of the container's network.
    #[error("'{name}' is not isolated: the probe {probe} found that {detail}")]
    Escaped {
        /// The container's name.
        name: String,
        /// The probe that found it.
        probe: String,
        /// What answered.
        detail: String,
        /// What helps.
        cure: Option<String>,
    },

    /// Nobody knows whether something gets out.
    #[error("cannot tell whether '{name}' is isolated: {why}")]
    Unprobed {
        /// The container's name.
        name: String,
        /// What could not be tried, and why.
        why: String,
    },

    /// The image is not there.
    #[error("the image '{image}' is not there")]
    ImageMissing {
        /// The image's name.
        image: String,
    },

    /// The image has no such account.
    #[error("the image '{image}' has no account '{user}'")]
    UserMissing {
        /// The image's name.
        image: String,
        /// The account.
        user: String,
    },

    /// There is no public key to authorise.
    #[error("cannot find an ssh public key{}", where_searched(.0))]
    NoKey(NoKey),

    /// There is no ssh client.
    #[error("cannot find 'ssh'")]
    SshAbsent,

    /// The ssh client could not be run.
    #[error("cannot run 'ssh'")]
    Ssh(#[source] io::Error),

    /// A file that is to be put into the container cannot be read.
    #[error("cannot read '{}', which is to be put into the container", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A value of the document is one that no container could have.
    #[error("the document's '{key}' cannot be '{value}': {rule}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is expected.
        rule: &'static str,
    },

    /// An entry of `inject` breaks a rule.
    #[error("cannot put '{target}' into the container: {rule}")]
    BadEntry {
        /// The path in the container.
        target: String,
        /// What is expected.
        rule: &'static str,
    },

    /// A variable cannot be given to ssh's sessions.
    #[error("cannot set the variable '{name}': its value has a control character")]
    BadVariable {
        /// The variable.
        name: String,
    },

    /// A path cannot be written in an ssh configuration.
    #[error("cannot name '{}' to ssh: {rule}", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// What is expected.
        rule: &'static str,
    },

    /// A port was taken between its reservation and the start.
    #[error("cannot start '{name}': one of its ports ({ports}) is in use")]
    PortTaken {
        /// The container's name.
        name: String,
        /// The ports that it publishes.
        ports: String,
        /// The engine's words.
        source: Box<EngineError>,
    },

    /// The server in the container does not show the right certificate.
    #[error("the ssh server of '{name}' does not show the container's certificate: {words}")]
    WrongCertificate {
        /// The container's name.
        name: String,
        /// ssh's words.
        words: String,
    },

    /// The server in the container did not answer in time.
    #[error("the ssh server of '{name}' did not answer within {seconds} s: {words}")]
    NoAnswer {
        /// The container's name.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// ssh's words.
        words: String,
    },

    /// The container ended while it was waited for.
    #[error("the container '{name}' ended while it was waited for: {words}")]
    Ended {
        /// The container's name.
        name: String,
        /// The last lines of its log.
        words: String,
    },
}

toolkit::parts!(
    Error: DocumentError, Missing, EngineError, FileError, secrets::Error, PlacesError, SiblingError,
    Interrupted, ModelError
);

fn where_searched(no_key: &NoKey) -> String {
    match no_key {
        NoKey::InFile(path) => format!(" in '{}'", path.display()),
        NoKey::Anywhere => ": neither in the agent nor in ~/.ssh".to_owned(),
    }
}

fn how_to_get(no_key: &NoKey) -> &'static str {
    match no_key {
        NoKey::InFile(_) => {
            "name a public key file: ctr-up --key FILE; of a private key: ssh-keygen -y -f KEY"
        }
        NoKey::Anywhere => "make one: ssh-keygen -t ed25519",
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Devcontainer(error) => error.kind(),
            Self::Refused(refusal) => refusal.kind(),
            Self::OtherName { .. } => "devcontainer-renamed",
            Self::NoServer { .. } => "no-ssh-server",
            Self::Signals(_) => "cannot-handle-signals",
            Self::NameTaken { .. } => "name-taken",
            Self::VolumeTaken { .. } => "volume-taken",
            Self::VolumeMissing { .. } => "no-such-volume",
            Self::Changed { .. } => "changed",
            Self::Unhealthy { .. } => "sidecar-unhealthy",
            Self::Escaped { .. } => "not-isolated",
            Self::Unprobed { .. } => "isolation-unknown",
            Self::ImageMissing { .. } => "no-such-image",
            Self::UserMissing { .. } => "no-such-user",
            Self::NoKey(_) => "no-ssh-key",
            Self::SshAbsent => "ssh-absent",
            Self::Ssh(_) => "ssh-cannot-run",
            Self::Unreadable { .. } => "cannot-read-file",
            Self::BadValue { .. } => "bad-value",
            Self::BadEntry { .. } => "bad-inject",
            Self::BadVariable { .. } => "bad-variable",
            Self::Unwritable { .. } => "bad-path",
            Self::PortTaken { .. } => "port-taken",
            Self::WrongCertificate { .. } => "wrong-certificate",
            Self::NoAnswer { .. } => "no-answer",
            Self::Ended { .. } => "container-ended",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Devcontainer(error) => error.exit(),
            Self::Unreadable { source, .. } => Exit::of_reading(source),
            Self::Refused(Refusal::Untrusted(_)) => Exit::NoPerm,
            Self::Refused(_) => Exit::DataErr,
            Self::NoKey(_) => Exit::NoInput,
            Self::Changed { .. }
            | Self::BadValue { .. }
            | Self::BadEntry { .. }
            | Self::BadVariable { .. }
            | Self::Unwritable { .. } => Exit::DataErr,
            Self::PortTaken { .. } => Exit::TempFail,
            Self::Signals(_) => Exit::Software,
            Self::NameTaken { .. }
            | Self::VolumeTaken { .. }
            | Self::VolumeMissing { .. }
            | Self::Unhealthy { .. }
            | Self::Escaped { .. }
            | Self::Unprobed { .. }
            | Self::ImageMissing { .. }
            | Self::UserMissing { .. }
            | Self::OtherName { .. }
            | Self::NoServer { .. }
            | Self::SshAbsent
            | Self::Ssh(_)
            | Self::WrongCertificate { .. }
            | Self::NoAnswer { .. }
            | Self::Ended { .. } => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Part(part) => return part.hint(),
            Self::NameTaken { project: Some(project), .. } => {
                format!("it belongs to the worktree '{project}'")
            }
            Self::NameTaken { project: None, .. } => "rename or remove the other one".to_owned(),
            Self::VolumeMissing { name, .. } => {
                format!("have it made anew, and empty: ctr-rm {name}, then ctrkit create")
            }
            Self::Changed { .. } => {
                "make it anew, which keeps volumes: ctrkit create --replace, or ctr-up --replace"
                    .to_owned()
            }
            Self::ImageMissing { .. } => {
                "make or pull it: pipe the document through ctr-image".into()
            }
            Self::UserMissing { .. } => "choose another with ctr-spec --user".to_owned(),
            Self::NoKey(no_key) => how_to_get(no_key).to_owned(),
            Self::SshAbsent => "install it: apt-get install openssh-client".to_owned(),
            Self::WrongCertificate { .. } => {
                "pipe the document through sshca and ctr-up again; see that the clock is right"
                    .into()
            }
            Self::PortTaken { .. } => {
                "see who has it (ss -Hltnp), or give the block back with portalloc --release".into()
            }
            _ => return self.hint_of_cli().or_else(|| self.hint_isolated()),
        };
        Some(hint)
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Devcontainer(error) => error.command(),
            Self::PortTaken { source, .. } => source.command(),
            _ => None,
        }
    }
}

impl Error {
    /// Returns what helps where the devcontainers CLI makes the container.
    fn hint_of_cli(&self) -> Option<String> {
        let hint = match self {
            Self::Devcontainer(error) => return error.hint(),
            Self::Refused(refusal) => return Some(refusal.hint()),
            Self::OtherName { .. } => {
                "take 'container_name' and '--name' out of its own files, and pipe the document \
                 through mkdevcontainer again"
            }
            Self::NoServer { .. } => {
                "install openssh-server in its Dockerfile, or name the feature \
                 ghcr.io/devcontainers/features/sshd:1"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Returns what helps where a container cannot be isolated.
    fn hint_isolated(&self) -> Option<String> {
        let hint = match self {
            Self::Unhealthy { name, .. } => {
                format!("read its log: podman logs {name}, or docker logs {name}")
            }
            Self::Escaped { cure: Some(cure), .. } => cure.clone(),
            Self::Escaped { .. } => "see what is known of this engine: ctrkit doctor".to_owned(),
            Self::Unprobed { .. } => {
                "try again; what stands in the way of a helper in a container \
                                      is in ctr-verify(1)"
                    .to_owned()
            }
            _ => return None,
        };
        Some(hint)
    }
}
