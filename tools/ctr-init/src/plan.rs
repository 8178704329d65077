//! What is wanted: said on the command line, answered, or as it is already.

use std::path::{Path, PathBuf};

use clap::Args;
use config::{Address, Config, Host};
use engine::{Kind, Server};
use toolkit::expand_tilde;

use crate::{Dialogue, Error, token::Source};

/// What may be said on the command line.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Setup")]
pub struct Wishes {
    /// Use the engine at HOST: an ssh:// URL as in ctrkit-config(5), or local
    #[arg(long, value_name = "HOST", value_parser = url)]
    pub host: Option<String>,

    /// Use ENGINE: podman, docker, or the path of such a program here
    /// [default: one that lacks nothing]
    #[arg(long, value_name = "ENGINE", value_parser = program)]
    pub engine: Option<String>,

    /// Log in to the containers with the private key in FILE
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub identity_file: Option<String>,

    /// Authorise the public keys in FILE in the containers [default: the
    /// identity's, the agent's, or those in ~/.ssh]
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub authorized_key: Option<String>,

    /// Store the token for GitHub that is in FILE, or on standard input (-)
    #[arg(long, value_name = "FILE")]
    pub github_token_file: Option<PathBuf>,

    /// Store no token for GitHub, and do not ask for one
    #[arg(long, conflicts_with = "github_token_file")]
    pub no_github_token: bool,

    /// Ask nothing, also on a terminal: what is not said must be known
    #[arg(long)]
    pub batch: bool,

    /// Do not test the connection and the engine
    #[arg(long)]
    pub no_test: bool,
}

/// What is to be.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Where the engine is; absent: as the configuration has it.
    pub host: Option<Option<String>>,
    /// The engine; absent: as the configuration has it.
    pub engine: Option<String>,
    /// The private key for the containers, likewise.
    pub identity_file: Option<String>,
    /// The public key for the containers, likewise.
    pub authorized_key: Option<String>,
}

/// Checks the URL of a server.
pub(crate) fn url(text: &str) -> Result<String, String> {
    let checked = if text == LOCAL { Ok(()) } else { text.parse::<Host>().map(drop) };
    checked.map(|()| text.to_owned()).map_err(|error| format!("{error}, nor 'local'"))
}

/// Returns the URL of another machine.
fn elsewhere(host: String) -> Option<String> {
    Some(host).filter(|host| host != LOCAL)
}

/// Checks the name or the path of an engine's program.
pub(crate) fn program(text: &str) -> Result<String, String> {
    match kind(text) {
        Some(_) if !text.contains(char::is_control) => Ok(text.to_owned()),
        _ => Err(format!("'{text}' is neither podman nor docker, nor the path of one")),
    }
}

/// Makes a path one that means the same everywhere.
pub(crate) fn path(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("it is no path that a line can hold".to_owned());
    }
    if text.starts_with("~/") {
        return Ok(text.to_owned());
    }
    let absolute = std::path::absolute(text).map_err(|error| error.to_string())?;
    Ok(absolute.to_string_lossy().into_owned())
}

/// Returns which engine a program is.
#[must_use]
pub fn kind(program: &str) -> Option<Kind> {
    let name = Path::new(program).file_name()?.to_str()?;
    Kind::ALL.into_iter().find(|kind| name.starts_with(kind.name()))
}

impl Plan {
    /// Takes what is said; `config` is `None` where there is no file yet, and
    /// then it must be said where the engine is.
    pub fn of(wishes: &Wishes, config: Option<&Config>) -> Result<Self, Error> {
        if wishes.host.is_none() && config.is_none() {
            return Err(Error::Missing { flag: "--host local, or --host ssh://USER@SERVER" });
        }
        Ok(Self::said(wishes))
    }

    /// Takes what is said and asks for the rest; what the configuration says
    /// is what an empty answer means.
    pub fn asking(wishes: &Wishes, config: &Config, ask: &mut Dialogue) -> Result<Self, Error> {
        let mut plan = Self::said(wishes);
        if plan.host.is_none() {
            let default = config.host.as_deref().unwrap_or(LOCAL);
            let question = "Where the engine runs: local, or ssh://[user@]server[:port][/socket]";
            let answer = ask.ask(question, default, url)?;
            plan.host = Some(elsewhere(answer));
        }
        if plan.engine.is_none() {
            let default = config.engine.as_deref().unwrap_or(ANY);
            let answer = ask.ask("The engine: podman, docker or any", default, |answer| {
                if answer == ANY { Ok(None) } else { program(answer).map(Some) }
            })?;
            plan.engine = answer;
        }
        if plan.identity_file.is_none() {
            let known = config.ssh.identity_file.as_ref().and_then(|path| path.to_str());
            let question = "The private key for the containers, or - to let ssh choose";
            let answer = ask.ask(question, known.unwrap_or(CHOOSE), |answer| {
                if answer == CHOOSE { Ok(None) } else { path(answer).map(Some) }
            })?;
            plan.identity_file = answer.filter(|answer| Some(answer.as_str()) != known);
        }
        Ok(plan)
    }

    fn said(wishes: &Wishes) -> Self {
        Self {
            host: wishes.host.clone().map(elsewhere),
            engine: wishes.engine.clone(),
            identity_file: wishes.identity_file.clone(),
            authorized_key: wishes.authorized_key.clone(),
        }
    }

    /// Returns the URL of the engine's host as it will be.
    #[must_use]
    pub fn host<'a>(&'a self, config: &'a Config) -> Option<&'a str> {
        match &self.host {
            Some(host) => host.as_deref(),
            None => config.host.as_deref(),
        }
    }

    /// Says whether the connection in force leads to another server than the
    /// engine's.
    #[must_use]
    pub fn leaves_connection(&self, config: &Config) -> bool {
        let parsed = |url: Option<&str>| url.and_then(|url| url.parse::<Host>().ok());
        let (old, new) = (parsed(config.host.as_deref()), parsed(self.host(config)));
        let is_same = match (&old, &new) {
            (Some(old), Some(new)) => old.is_same_server(new),
            (None, None) => true,
            _ => false,
        };
        config.connection.is_some() && !is_same
    }

    /// Returns the engine that the path of its socket gives away.
    #[must_use]
    pub fn named_by_socket(&self, config: &Config) -> Option<Kind> {
        let server = Server::parse(self.host(config)?).ok()?;
        server.socket().map(|_| server.likely_engine())
    }

    /// Writes down which engine of a server was found to be good, where the
    /// tools would take another one.
    pub fn settle(&mut self, kind: Kind, config: &Config) {
        let server = self.host(config).and_then(|host| Server::parse(host).ok());
        let is_other = server.is_some_and(|server| server.likely_engine() != kind);
        if is_other && self.engine.is_none() && config.engine.is_none() {
            self.engine = Some(kind.name().to_owned());
        }
    }

    /// Returns what ssh connects to, and the socket at its end; `None` where
    /// the engine is on this machine.
    #[must_use]
    pub fn way(&self, config: &Config) -> Option<(Address, Option<String>)> {
        let host: Host = self.host(config)?.parse().ok()?;
        let active = config.address().filter(|_| !self.leaves_connection(config));
        let address = active.and_then(|address| address.parse().ok());
        Some((address.unwrap_or(host.server), host.socket))
    }

    /// Returns the keys of the containers as they will be.
    #[must_use]
    pub fn ssh(&self, config: &Config, home: Option<&Path>) -> document::container::Ssh {
        let path = |new: &Option<String>, old: &Option<PathBuf>| {
            let path = new.as_ref().map(PathBuf::from).or_else(|| old.clone());
            path.map(|path| expand_tilde(&path, home))
        };
        document::container::Ssh {
            identity_file: path(&self.identity_file, &config.ssh.identity_file),
            authorized_key: path(&self.authorized_key, &config.ssh.authorized_key),
            ..document::container::Ssh::default()
        }
    }
}

/// The answer that names this machine.
const LOCAL: &str = "local";

/// The answer that leaves the choice of the engine open.
const ANY: &str = "any";

/// The answer that leaves the choice of the key to ssh.
const CHOOSE: &str = "-";

impl Wishes {
    /// Returns where the token is to come from, if that is said.
    #[must_use]
    pub fn token(&self) -> Option<Source> {
        match self.github_token_file.as_deref() {
            Some(path) if path == Path::new("-") => Some(Source::Stdin),
            Some(path) => Some(Source::File(path.to_owned())),
            None => self.no_github_token.then_some(Source::None),
        }
    }
}
