//! The machine that an engine runs on, where that is another one.

use toolkit::ssh_config::{is_bracketed, is_host, is_user};

use crate::{EngineError, Kind};

/// The server of an engine: `ssh://[user@]server[:port][/socket]`.
///
/// The URL says which server it is, for ever; at which address ssh gets there
/// may change from day to day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    url: String,
    place: Place,
    socket: Option<String>,
}

/// What ssh connects to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The account there; absent: what ssh's configuration says.
    pub user: Option<String>,
    /// A host name, an address, or a name that ssh's configuration knows.
    pub host: String,
    /// The port; absent: what ssh's configuration says.
    pub port: Option<u16>,
}

impl Server {
    /// Reads the URL of an engine.
    pub fn parse(url: &str) -> Result<Self, EngineError> {
        let bad = || EngineError::BadHost { url: url.to_owned() };
        let rest = url.strip_prefix("ssh://").ok_or_else(bad)?;
        let (place, socket) = match rest.find('/') {
            Some(at) => (&rest[..at], Some(&rest[at..]).filter(|path| *path != "/")),
            None => (rest, None),
        };
        let place = Place::parse(place).ok_or_else(bad)?;
        // The path is written into a line that a shell reads there.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+,".contains(c);
        if socket.is_some_and(|path| !path.chars().all(is_plain)) {
            return Err(bad());
        }
        Ok(Self { url: url.to_owned(), place, socket: socket.map(str::to_owned) })
    }

    /// Returns the URL as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns what ssh connects to where no other address is in force.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the path of the engine's socket, where the URL names one.
    #[must_use]
    pub fn socket(&self) -> Option<&str> {
        self.socket.as_deref()
    }

    /// Says whether `other` is the same machine, whoever logs in there and
    /// whichever of its engines is meant.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.place.host.eq_ignore_ascii_case(&other.place.host)
    }

    /// Returns the engine that is meant where nobody says which: docker where
    /// the socket has its name, else podman.
    #[must_use]
    pub fn likely_engine(&self) -> Kind {
        match self.socket() {
            Some(socket) if socket.contains("docker") => Kind::Docker,
            _ => Kind::Podman,
        }
    }
}

impl Place {
    /// Reads `[user@]host[:port]`, an IPv6 address in brackets; `None` if ssh
    /// could take it for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        if !user.is_none_or(is_user) || !(is_host(host) || is_bracketed(host)) {
            return None;
        }
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
            None => None,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { user: user.map(str::to_owned), host, port })
    }

    /// Returns ssh's arguments that name it, the last of them the host.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let user = self.user.iter().flat_map(|user| ["-l".to_owned(), user.clone()]);
        let port = self.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]);
        user.chain(port).chain(["--".to_owned(), self.host.clone()]).collect()
    }
}

impl std::fmt::Display for Place {
    /// Writes it as ProxyJump has it (ssh_config(5)).
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(formatter, "[{}]", self.host)?,
            false => write!(formatter, "{}", self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, place, socket) in [
            ("ssh://box", "box", None),
            ("ssh://box/", "box", None),
            ("ssh://me@box:2022", "me@box:2022", None),
            ("ssh://me@box/run/podman/podman.sock", "me@box", Some("/run/podman/podman.sock")),
            ("ssh://[fd00::1]:22/a", "[fd00::1]:22", Some("/a")),
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!((server.place().to_string().as_str(), server.socket()), (place, socket));
            assert_eq!(server.url(), url);
        }
    }

    #[test]
    fn what_ssh_or_a_shell_could_take_for_more_is_refused() {
        for url in [
            "",
            "box",
            "tcp://box",
            "ssh://",
            "ssh://me@",
            "ssh://-oProxyCommand=x",
            "ssh://a b",
            "ssh://box:0",
            "ssh://box:x",
            "ssh://box:70000",
            "ssh://-l@box",
            "ssh://a\nb",
            "ssh://box/a b",
            "ssh://box/$(id)",
            "ssh://box/';'",
            "ssh://a:b@box",
            "ssh://[x]",
        ] {
            assert!(Server::parse(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_name_alone() {
        let server = |url| Server::parse(url).unwrap();
        assert!(server("ssh://me@BOX:22/a").is(&server("ssh://root@box")));
        assert!(!server("ssh://box").is(&server("ssh://box2")));
    }

    #[test]
    fn the_socket_tells_the_engine() {
        let kind = |url| Server::parse(url).unwrap().likely_engine();
        assert_eq!(kind("ssh://box"), Kind::Podman);
        assert_eq!(kind("ssh://box/var/run/docker.sock"), Kind::Docker);
    }
}
