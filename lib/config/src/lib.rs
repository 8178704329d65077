//! The configuration file, `config.toml`.
//!
//! `ctr-spec` turns it into a document; tools that have no document ask it
//! for the engine alone, and `ctr-init` and `ctr-connection` change it through
//! a [`Draft`]. Nothing else reads it.

mod address;
mod draft;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::Error as _};
use toolkit::{
    Exit, Failure, Places, PlacesError,
    files::{self, FileError},
};

pub use crate::{
    address::{Address, BadAddress, Host},
    draft::{Draft, save},
};

/// What the configuration file may say; each key is described in
/// ctrkit-config(5), and a key that is not here is refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The engine: `podman`, `docker` or the path of such a program.
    pub engine: Option<String>,
    /// Where the engine runs, if not here: `ssh://[user@]server[:port][/socket]`.
    #[serde(default, deserialize_with = "host")]
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
    /// How every container is made.
    #[serde(default)]
    pub container: Container,
    /// The directory in which new worktrees are made, unless beside the main one.
    pub worktrees: Option<PathBuf>,
    /// The addresses at which `host` can be reached, no two of one name.
    #[serde(default, deserialize_with = "connections")]
    pub connections: Vec<Connection>,
    /// The token for GitHub.
    #[serde(default)]
    pub github: Github,
    /// Claude Code, and its token.
    #[serde(default)]
    pub claude: Claude,
    /// The secrets that every container has.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// What isolates every container from the network.
    #[serde(default)]
    pub isolation: Isolation,
    /// How sound leaves every container.
    #[serde(default)]
    pub audio: Audio,
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

/// The table `[container]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// What makes it: `engine` or `devcontainer`.
    pub via: Option<String>,
    /// The template that it is made from, by its name.
    pub template: Option<String>,
}

/// One entry of `[[connections]]`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The connection's name.
    #[serde(deserialize_with = "connection_name")]
    pub name: String,
    /// What ssh connects to: `[user@]host[:port]`.
    #[serde(deserialize_with = "address")]
    pub address: String,
}

/// The table `[github]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// The file with the token.
    pub token_file: Option<PathBuf>,
}

/// The table `[claude]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Claude {
    /// Whether containers get a directory for Claude Code, and its token;
    /// absent: where there is a token.
    pub enabled: Option<bool>,
    /// The file with the token.
    pub token_file: Option<PathBuf>,
}

/// One entry of `[[secrets]]`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The file's name below `/run/secrets`.
    pub name: String,
    /// The file that has it.
    pub file: PathBuf,
    /// The variable that shells in the container export with its value.
    pub env: Option<String>,
}

/// The table `[isolation]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Isolation {
    /// The policies of every container; none: only containers that are asked
    /// for with one are isolated.
    #[serde(default)]
    pub policies: Vec<String>,
    /// The DNS servers that the proxy asks.
    #[serde(default)]
    pub dns: Vec<IpAddr>,
    /// The file with the only authorities that the proxy trusts.
    pub upstream_ca: Option<PathBuf>,
    /// Whether no process may gain privileges.
    #[serde(default)]
    pub no_new_privileges: bool,
}

/// The table `[audio]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// `none`, `play` or `duplex`.
    pub level: Option<String>,
    /// What programs that ask for nothing get buffered, in milliseconds.
    pub latency: Option<u32>,
    /// The socket of the sound server on this machine.
    pub server: Option<PathBuf>,
    /// `bind` or `ssh`.
    pub transport: Option<String>,
    /// Whether programs in the container may play to a TCP port.
    #[serde(default)]
    pub tcp: bool,
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
        Some(&self.find(self.connection.as_deref()?)?.address)
    }

    /// Returns the connection called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.name == name)
    }
}

/// What a connection's name must be.
pub const CONNECTION_NAME: &str =
    "a name is 1 to 63 letters, digits, '-', '_' and '.', and begins with a letter or digit";

/// Says whether `name` can be a connection's.
#[must_use]
pub fn is_connection_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_inner)
}

fn connection_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    match is_connection_name(&name) {
        true => Ok(name),
        false => Err(D::Error::custom(CONNECTION_NAME)),
    }
}

// What is in the file goes to ssh as an argument, and into its configuration.

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<Address>().map_err(D::Error::custom)?;
    Ok(text)
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    // The other two are this machine.
    if text != "local" && !text.starts_with("unix://") {
        text.parse::<Host>().map_err(D::Error::custom)?;
    }
    Ok(Some(text))
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Connection>, D::Error> {
    let all = Vec::<Connection>::deserialize(deserializer)?;
    let is_again = |(index, connection): &(usize, &Connection)| {
        all[..*index].iter().any(|before| before.name == connection.name)
    };
    if let Some((_, connection)) = all.iter().enumerate().find(is_again) {
        let name = &connection.name;
        return Err(D::Error::custom(format_args!("there are two connections '{name}'")));
    }
    Ok(all)
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
    /// The connection in force is none of those that there are.
    #[error("the connection '{name}' that '{}' says is in force is not in it", path.display())]
    NoSuchConnection {
        /// The file.
        path: PathBuf,
        /// The connection's name.
        name: String,
    },
}

impl Failure for ConfigError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Places(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Malformed { .. } | Self::NoSuchConnection { .. } => "bad-configuration",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Places(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::NotUtf8 { .. } | Self::Malformed { .. } | Self::NoSuchConnection { .. } => {
                Exit::DataErr
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Places(error) => error.hint(),
            Self::Malformed { .. } => {
                Some("ctrkit-config(5) has all keys; a newer ctrkit may know more".into())
            }
            Self::NoSuchConnection { .. } => {
                Some("see which there are: ctr-connection list; ctr-connection switch NAME".into())
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
    let Some(contents) = files::read(&path)? else { return Ok(Config::default()) };
    let config = parse(&path, &decode(&path, contents)?)?;
    match &config.connection {
        Some(name) if config.find(name).is_none() => {
            Err(ConfigError::NoSuchConnection { path, name: name.clone() })
        }
        _ => Ok(config),
    }
}

fn decode(path: &Path, contents: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(contents).map_err(|_| ConfigError::NotUtf8 { path: path.to_owned() })
}

fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        malformed(path, text, error.span().map(|span| span.start), error.message())
    })
}

fn malformed(path: &Path, text: &str, offset: Option<usize>, message: &str) -> ConfigError {
    let before = text.get(..offset.unwrap_or(0)).unwrap_or(text);
    ConfigError::Malformed {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        message: message.replace('\n', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, line: usize, says: &str) {
        let error = parse(Path::new("c"), text).unwrap_err();
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
    fn what_ssh_would_take_for_something_else_is_refused_with_its_line() {
        let entry = |address| format!("[[connections]]\nname = \"a\"\naddress = \"{address}\"\n");
        for address in ["-oProxyCommand=x", "a b", "a\\nb", "", "u@", "a:0", "::1", "u@-x"] {
            check_refused(&entry(address), 3, "[user@]host[:port]");
        }
        for host in ["box", "ssh://-x", "ssh://a b", "ssh://a:x", "tcp://a", "ssh:///s"] {
            check_refused(&format!("\nhost = \"{host}\"\n"), 2, "ssh://[user@]server[:port]");
        }
    }

    #[test]
    fn two_connections_have_two_names() {
        let entry = "[[connections]]\nname = \"a\"\naddress = \"a\"\n";
        check_refused(&format!("user = \"dev\"\n{entry}{entry}"), 2, "two connections 'a'");
        check_refused("[[connections]]\nname = \"a b\"\naddress = \"a\"\n", 2, "a name is");
    }

    #[test]
    fn a_connection_in_force_that_is_not_there_is_told() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.toml"), "connection = \"away\"\n").unwrap();
        let places = Places { config_dir: Some(directory.path().to_owned()), state_dir: None };
        let error = read(&places).unwrap_err();
        assert_eq!(error.kind(), "bad-configuration");
        assert!(error.to_string().contains("'away'"), "{error}");
    }

    #[test]
    fn all_keys_are_read() {
        let text = include_str!("../sample.toml");
        let config = parse(Path::new("sample.toml"), text).unwrap();
        assert_eq!(config.engine.as_deref(), Some("podman"));
        assert_eq!(config.address(), Some("me@192.168.1.10"));
        assert_eq!(config.ports.service[0].start, 5432);
        assert_eq!(config.limits.cap_drop.as_deref(), Some(&["NET_RAW".to_owned()][..]));
    }
}
