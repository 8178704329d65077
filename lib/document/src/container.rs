//! `container/1`: one development container, from plan to state.

use std::{error, fmt, ops::RangeInclusive, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Document, Extra,
    audio::Audio,
    claude::{Claude, Secret},
    compose::Compose,
    devcontainer::Devcontainer,
    policy::Isolation,
    template::Template,
};

/// One development container of one git worktree.
///
/// Each tool fills in its own section and passes on everything else. A key
/// that is not known yet is absent, never null.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Container {
    /// Always `container/1`; checked by the reader before anything else.
    pub schema: String,
    /// The container's name: a host name label of at most 63 characters
    /// (RFC 1123 section 2.1), and its alias and principal for ssh.
    pub name: String,
    /// The worktree that the container is for.
    pub project: Project,
    /// The template that the container is made from; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// The container engine, where it is chosen already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The image's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The account in the container that people log in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The directory of the code in the container, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The restart policy, in the engine's words (`no`, `always`,
    /// `unless-stopped`, `on-failure`); absent means `unless-stopped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// How many offsets `portalloc` may choose from; absent means 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_blocks: Option<u16>,
    /// The services and their ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Named volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Mounts of other kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// The container's environment. Never a secret: the engine shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<Variable>,
    /// Files that are put into the container before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inject: Vec<Inject>,
    /// The container's labels, all under `ctrkit.` unless a person adds some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// What the container may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What isolates the container from the network, where something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// The Compose model of an isolated container and its sidecars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose: Option<Compose>,
    /// How the container is reached and trusted by ssh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<Ssh>,
    /// Where the dotfiles come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dotfiles: Option<Dotfiles>,
    /// What the container gets for GitHub; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<Github>,
    /// The agent's configuration; absent: the container gets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claude: Option<Claude>,
    /// The secrets that the container may read below `/run/secrets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// How sound leaves the container; absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Audio>,
    /// The devcontainer.json; in a document that has it, the devcontainers CLI
    /// makes the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devcontainer: Option<Devcontainer>,
    /// The repository in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// What came of it; written by the tools that act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A git worktree.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Project {
    /// The worktree's root, absolute and without symbolic links.
    pub path: PathBuf,
    /// The repository's name, as people know it.
    pub name: String,
    /// The first 12 lower-case hex digits of the SHA-256 of `path`.
    pub hash: String,
    /// The branch that is checked out, without `refs/heads/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A container engine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Engine {
    /// `podman` or `docker`.
    pub kind: String,
    /// The client program, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// The engine's version, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where the engine runs, if not here: `ssh://user@server[:port][/socket]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What ssh connects to at the moment to get to `host`, if that is another
    /// address: `[user@]host[:port]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A service that listens in the container, and its port on the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Port {
    /// Unique within the document: `ssh`, `web`, `audio`, or a person's own.
    pub service: String,
    /// The TCP port inside the container.
    pub container: u16,
    /// The host port at offset 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u16>,
    /// The host port; absent until `portalloc` has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u16>,
    /// The host address it is published on; absent: reserved, not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A named volume.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Volume {
    /// The volume's name on the engine.
    pub name: String,
    /// Where it is mounted, absolute.
    pub target: String,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A mount that is not a named volume.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Mount {
    /// `bind` or `tmpfs`, as in the Compose Specification.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path on the host; absent for `tmpfs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// The path in the container, absolute.
    pub target: String,
    /// Whether the container may only read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Mount {
    /// Returns a bind mount of `source`, which the container may write.
    #[must_use]
    pub fn bind(source: PathBuf, target: &str) -> Self {
        let (kind, target) = ("bind".to_owned(), target.to_owned());
        Self { kind, source: Some(source), target, ..Self::default() }
    }

    /// Lets the container only read it.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }
}

/// An environment variable.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Variable {
    /// The variable's name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A file or directory that is put into the container.
///
/// `ctr-up` sends all of them as one tar stream into the created, not yet
/// started container. The document names a file; contents do not travel in it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Inject {
    /// The file on the host, absolute; absent: a directory is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// The path in the container, absolute.
    pub target: String,
    /// The permission bits, in octal, such as `0600`.
    pub mode: String,
    /// The owning account in the container: `root`, or the document's `user`.
    pub owner: String,
    /// Whether a file that was edited in the container since the last
    /// deployment is kept, the new one being written beside it as `.new`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_edited: bool,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A label.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Label {
    /// The label's name, such as `ctrkit.managed`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the container may use, in the engine's own notation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Limits {
    /// Memory, such as `4g`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Processors, such as `2` or `1.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// The number of processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Capabilities (capabilities(7)) to drop, without `CAP_`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How the container is reached and trusted by ssh.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Ssh {
    /// The host name or address to connect to; absent: the ssh port's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The private key file to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<PathBuf>,
    /// The public key file that is authorised in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized_key: Option<PathBuf>,
    /// The known_hosts file with the `@cert-authority` line (sshd(8)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<PathBuf>,
    /// The file for RevokedHostKeys (ssh_config(5)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_host_keys: Option<PathBuf>,
    /// The certificate authority's public key file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// The container's host certificate file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The certificate's serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// The certificate's lifetime in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity_days: Option<u32>,
    /// When the certificate begins to be valid, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_after: Option<String>,
    /// When the certificate ends to be valid, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_before: Option<String>,
    /// ProxyJump, as ssh_config(5) writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_jump: Option<String>,
    /// ProxyCommand, as ssh_config(5) writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_command: Option<String>,
    /// LocalForward lines, each `LISTEN DESTINATION` as ssh_config(5) has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_forward: Vec<String>,
    /// RemoteForward lines, each `LISTEN DESTINATION` as ssh_config(5) has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remote_forward: Vec<String>,
    /// The file with the container's Host block; written by `sshcfg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where the dotfiles come from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Dotfiles {
    /// The directory on the host; absent: the built-in set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the container gets for GitHub.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Github {
    /// The file on the host with the token, absolute. Its contents never
    /// travel in the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The repository in the container, as `ctr-git` left it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Git {
    /// The remote's name in the worktree's repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The remote's URL: `NAME:WORKSPACE`, over the ssh configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The branch that is checked out in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that is checked out in the container, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The URL of `origin` as the container has it, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What came of the document on the engine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct State {
    /// The container's full id, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `created`, `running`, `paused`, `stopped` or `absent`.
    pub status: String,
    /// The digest of what was applied: the value of the label `ctrkit.spec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// What the run made that wrote this, and what was not there before it: the
    /// names of the container and of its volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The restart policy of a document that names none, and of what stands around
/// the container: back after a reboot, but not after a person stopped it.
pub const RESTART: &str = "unless-stopped";

/// A key that a tool needs and the document does not have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missing(pub &'static str);

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the document has no '{}', which this tool needs", self.0)
    }
}

impl error::Error for Missing {}

/// How long a host certificate may be valid, in days: at most ten years.
pub const VALIDITY_DAYS: RangeInclusive<u32> = 1..=3650;

/// Says whether `text` can be the name of a container.
///
/// That is a label of a host name (RFC 1123 section 2.1), which has at most 63
/// characters, in lower case. Such a name is safe as a file name, as a pattern
/// of ssh_config(5) and as a certificate's principal.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Returns the home directory of `user` in a container, where the images of
/// ctrkit and adduser(8) have it.
#[must_use]
pub fn home(user: &str) -> String {
    if user == "root" { "/root".to_owned() } else { format!("/home/{user}") }
}

/// Says whether `text` is a name of a variable (POSIX.1-2017 XBD 3.235).
#[must_use]
pub fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Says whether `text` is a name of an account (useradd(8)).
#[must_use]
pub fn is_account(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(rest)
}

impl Container {
    /// Returns a document with nothing but its name and project.
    #[must_use]
    pub fn new(name: String, project: Project) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            name,
            project,
            template: None,
            engine: None,
            image: None,
            user: None,
            workspace: None,
            restart: None,
            port_blocks: None,
            ports: Vec::new(),
            volumes: Vec::new(),
            mounts: Vec::new(),
            env: Vec::new(),
            inject: Vec::new(),
            labels: Vec::new(),
            limits: None,
            isolation: None,
            compose: None,
            ssh: None,
            dotfiles: None,
            github: None,
            claude: None,
            secrets: Vec::new(),
            audio: None,
            devcontainer: None,
            git: None,
            state: None,
            extra: Extra::new(),
        }
    }

    /// Returns `image`, which the engine tools need.
    pub fn image(&self) -> Result<&str, Missing> {
        self.image.as_deref().ok_or(Missing("image"))
    }

    /// Returns `user`, the account in the container.
    pub fn user(&self) -> Result<&str, Missing> {
        self.user.as_deref().ok_or(Missing("user"))
    }

    /// Returns `workspace`, the directory of the code in the container.
    pub fn workspace(&self) -> Result<&str, Missing> {
        self.workspace.as_deref().ok_or(Missing("workspace"))
    }

    /// Returns `restart`, or what holds where it is absent.
    #[must_use]
    pub fn restart(&self) -> &str {
        self.restart.as_deref().unwrap_or(RESTART)
    }

    /// Says whether the engine runs on another machine, as far as is known: nothing of
    /// this one can be mounted there.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.host.is_some())
    }

    /// Returns the port of `service`, allocated or not.
    #[must_use]
    pub fn port(&self, service: &str) -> Option<&Port> {
        self.ports.iter().find(|port| port.service == service)
    }

    /// Returns the value of the label `name`.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
    }

    /// Sets the label `name`, in its place if it is there.
    pub fn set_label(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.labels.iter_mut().find(|label| label.name == name) {
            Some(label) => label.value = value,
            None => {
                self.labels.push(Label { name: name.to_owned(), value, extra: Extra::new() });
            }
        }
    }

    /// Sets the variable `name` of the environment, in its place if it is there.
    pub fn set_variable(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.env.iter_mut().find(|variable| variable.name == name) {
            Some(variable) => variable.value = value,
            None => {
                self.env.push(Variable { name: name.to_owned(), value, extra: Extra::new() });
            }
        }
    }

    /// Puts `entry` into `mounts`, in the place of one with the same target,
    /// whose unknown keys it takes over.
    pub fn set_mount(&mut self, entry: Mount) {
        match self.mounts.iter_mut().find(|old| old.target == entry.target) {
            Some(old) => {
                let mut extra = std::mem::take(&mut old.extra);
                extra.extend(entry.extra);
                *old = Mount { extra, ..entry };
            }
            None => self.mounts.push(entry),
        }
    }

    /// Puts `entry` into `inject`, in the place of one with the same target,
    /// whose unknown keys it takes over.
    pub fn set_inject(&mut self, entry: Inject) {
        match self.inject.iter_mut().find(|old| old.target == entry.target) {
            Some(old) => {
                let mut extra = std::mem::take(&mut old.extra);
                extra.extend(entry.extra);
                *old = Inject { extra, ..entry };
            }
            None => self.inject.push(entry),
        }
    }
}

impl Document for Container {
    const SCHEMA: &'static str = "container/1";
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_a_label_of_a_host_name() {
        assert!(is_name("dev-myapp-b3e5ed") && is_name("a") && is_name(&"a".repeat(63)));
        for text in ["", "-a", "a-", "A", "a.b", "a/b", "..", "a b", "*", "a\n", "a,b", "é"] {
            assert!(!is_name(text), "{text:?}");
        }
        assert!(!is_name(&"a".repeat(64)));
    }
}
