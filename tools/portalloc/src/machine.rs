//! The machine whose ports are reserved, and asking it for its listeners.

use std::{
    net::IpAddr,
    path::Path,
    process::{Command, Stdio},
};

use document::{Extra, error::FailedCommand};

use crate::{Error, listeners::Listener};

/// The machine that an engine runs on, and publishes ports on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Machine {
    /// This one.
    Here,
    /// One that is reached by ssh.
    There(Remote),
}

/// A machine that is reached by ssh.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// The engine's URL, as it was given.
    url: String,
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Machine {
    /// Returns the machine of an engine: absent and `unix://…` mean this one,
    /// `ssh://[user@]host[:port][/socket]` another.
    pub fn of(url: Option<&str>) -> Result<Self, Error> {
        match url {
            None => Ok(Self::Here),
            Some(url) if url.starts_with("unix://") => Ok(Self::Here),
            Some(url) => Remote::parse(url).map(Self::There).ok_or_else(|| Error::unreachable(url)),
        }
    }

    /// Returns what a reservation keeps of it.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Here => None,
            Self::There(remote) => Some(&remote.url),
        }
    }

    /// Says whether the machine of a reservation is this one.
    ///
    /// Two URLs with the same host name mean the same machine, whoever logs
    /// in there: its ports are the same ports.
    #[must_use]
    pub fn is(&self, url: Option<&str>) -> bool {
        match (self, Self::of(url)) {
            (Self::Here, Ok(Self::Here)) => true,
            (Self::There(a), Ok(Self::There(b))) => a.host.eq_ignore_ascii_case(&b.host),
            _ => false,
        }
    }
}

impl Remote {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("ssh://")?;
        let authority = rest.split('/').next()?;
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if port.is_empty() => None,
            None => return None,
        };
        let user = user.filter(|user| !user.is_empty()).map(str::to_owned);
        let host = Some(host.to_owned()).filter(|host| !host.is_empty())?;
        Some(Self { url: url.to_owned(), user, host, port })
    }

    /// Asks the machine once for everything that listens on it.
    ///
    /// `config` is the file that ssh shall read instead of the user's own.
    pub fn listeners(&self, config: Option<&Path>) -> Result<Vec<Listener>, Error> {
        let mut command = self.command(config);
        let output = command.output().map_err(|source| Error::Ssh { source })?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let last_words = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            let status = output.status.code();
            let failed =
                FailedCommand { line: line(&command), status, last_words, extra: Extra::new() };
            return Err(Error::Remote { host: self.host.clone(), failed: Box::new(failed) });
        }
        stdout.lines().filter(|line| !line.trim().is_empty()).map(parse_ss).collect()
    }

    fn command(&self, config: Option<&Path>) -> Command {
        let mut command = Command::new("ssh");
        // A question on the terminal would wait for ever in a pipe.
        command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        if let Some(config) = config {
            command.arg("-F").arg(config);
        }
        if let Some(port) = self.port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &self.user {
            command.arg("-l").arg(user);
        }
        command.args(["--", &self.host, "ss", "-Hltn"]).stdin(Stdio::null());
        command
    }
}

/// Returns the command line, quoted so that it can be pasted into a shell.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    shell_words::join(words.map(|word| word.to_string_lossy()))
}

/// Reads one line of `ss -Hltn` (ss(8)): state, two queues, local address,
/// peer, as in `LISTEN 0 128 127.0.0.1%lo:53 0.0.0.0:*`.
pub(crate) fn parse_ss(line: &str) -> Result<Listener, Error> {
    let local = line.split_whitespace().nth(3);
    let listener = local.and_then(|local| local.rsplit_once(':')).and_then(|(address, port)| {
        let (address, _interface) = address.split_once('%').unwrap_or((address, ""));
        let address = address.trim_start_matches('[').trim_end_matches(']');
        // An asterisk is a socket that takes both IPv4 and IPv6.
        let address = if address == "*" { "::" } else { address };
        Some(Listener { address: address.parse::<IpAddr>().ok()?, port: port.parse().ok()? })
    });
    listener.ok_or_else(|| Error::RemoteAnswer { line: line.to_owned() })
}
