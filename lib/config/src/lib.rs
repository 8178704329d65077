//! The configuration file, `config.toml`.
//!
//! `ctr-spec` turns it into a document; tools that have no document ask it
//! for the engine alone. Nothing else reads it.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toolkit::{
    Exit, Failure, Places, PlacesError,
    files::{self, FileError},
};

/// What the configuration file may say; each key is described in
/// ctrkit-config(5), and a key that is not here is refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The engine: `podman`, `docker` or the path of such a program.
    pub engine: Option<String>,
    /// Where the engine runs, if not here: `ssh://[user@]server[:port][/socket]`.
    pub host: Option<String>,
    /// The connection in force, by its name.
    pub connection: Option<String>,
    /// The first part of every container's name.
    pub prefix: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// The account in the container.
    pub user: Option<String>,
    /// The restart policy.
    pub restart: Option<String>,
    /// The directory of the dotfiles.
    pub dotfiles: Option<PathBuf>,
    /// The addresses at which `host` can be reached.
    #[serde(default)]
    pub connections: Vec<Connection>,
    /// The token for GitHub.
    #[serde(default)]
    pub github: Github,
    /// Ports and where they are published.
    #[serde(default)]
    pub ports: Ports,
    /// Keys and certificates.
    #[serde(default)]
    pub ssh: Ssh,
    /// What each container may use.
    #[serde(default)]
    pub limits: Limits,
    /// Variables of each container's environment.
    #[serde(default)]
    pub env: Vec<Variable>,
}

/// One entry of `[[connections]]`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The connection's name.
    pub name: String,
    /// What ssh connects to: `[user@]host[:port]`.
    pub address: String,
}

/// The table `[github]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// The file with the token.
    pub token_file: Option<PathBuf>,
}

/// The table `[ports]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// The address that ports are published on.
    pub address: Option<IpAddr>,
    /// How many offsets there are.
    pub blocks: Option<u16>,
    /// The ssh port at offset 0.
    pub ssh_start: Option<u16>,
    /// The web port at offset 0.
    pub web_start: Option<u16>,
    /// The audio port at offset 0.
    pub audio_start: Option<u16>,
    /// More services.
    #[serde(default)]
    pub service: Vec<Service>,
}

/// One entry of `[[ports.service]]`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The service's name.
    pub name: String,
    /// The port inside the container.
    pub container: u16,
    /// The host port at offset 0.
    pub start: u16,
}

/// The table `[ssh]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// The private key to log in with.
    pub identity_file: Option<PathBuf>,
    /// The public key that is authorised in the containers.
    pub authorized_key: Option<PathBuf>,
    /// How long a host certificate is valid.
    pub validity_days: Option<u32>,
}

/// The table `[limits]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory, such as `4g`.
    pub memory: Option<String>,
    /// Processors, such as `"2"`.
    pub cpus: Option<String>,
    /// The number of processes.
    pub pids: Option<u32>,
    /// Capabilities to drop.
    pub cap_drop: Option<Vec<String>>,
}

/// One entry of `[[env]]`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The variable's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Config {
    /// Returns the address of the connection in force, where one is.
    ///
    /// Without a connection the server is reached by the name in `host`.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        let active = self.connection.as_deref()?;
        let found = self.connections.iter().find(|connection| connection.name == active)?;
        Some(&found.address)
    }
}

/// The configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no place to look for it.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not UTF-8.
    #[error("the configuration '{}' is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// It is not TOML, or has an unknown key or a value of the wrong type.
    #[error("the configuration '{}' is wrong at line {line}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

impl Failure for ConfigError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Places(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Malformed { .. } => "bad-configuration",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Places(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::NotUtf8 { .. } | Self::Malformed { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Places(error) => error.hint(),
            Self::Malformed { .. } => {
                Some("ctrkit-config(5) has all keys; a newer ctrkit may know more".into())
            }
            _ => None,
        }
    }
}

/// Returns the path of the configuration file, which need not exist.
pub fn path(places: &Places) -> Result<PathBuf, PlacesError> {
    Ok(places.config()?.join("config.toml"))
}

/// Reads the configuration file of `places`; one that is absent says nothing.
pub fn read(places: &Places) -> Result<Config, ConfigError> {
    let path = path(places)?;
    match files::read(&path)? {
        Some(contents) => parse(&path, contents),
        None => Ok(Config::default()),
    }
}

fn parse(path: &Path, contents: Vec<u8>) -> Result<Config, ConfigError> {
    let path = path.to_owned();
    let Ok(text) = String::from_utf8(contents) else {
        return Err(ConfigError::NotUtf8 { path });
    };
    toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        let message = error.message().replace('\n', " ");
        ConfigError::Malformed { path, line, message }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, line: usize, says: &str) {
        let error = parse(Path::new("c"), text.into()).unwrap_err();
        let ConfigError::Malformed { line: found, message, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(found, line);
        assert!(message.contains(says), "{message}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        check_refused("prefix = \"dev\"\n\nprefiks = \"x\"\n", 3, "prefiks");
        check_refused("[ports]\nssh_start = 1\nssh_stop = 2\n", 3, "ssh_stop");
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_line() {
        check_refused("[ports]\nssh_start = 70000\n", 2, "u16");
        check_refused("user = \"dev\"\nprefix =\n", 2, "");
    }

    #[test]
    fn all_keys_are_read() {
        let text = include_str!("../sample.toml");
        let config = parse(Path::new("sample.toml"), text.into()).unwrap();
        assert_eq!(config.engine.as_deref(), Some("podman"));
        assert_eq!(config.address(), Some("me@192.168.1.10"));
        assert_eq!(config.ports.service[0].start, 5432);
        assert_eq!(config.limits.cap_drop.as_deref(), Some(&["NET_RAW".to_owned()][..]));
    }
}
