//! Where ssh connects to, and where the engine is.
//!
//! Both are given to ssh as arguments and written into its configuration, so
//! that nothing is let through that it could take for an option, for a pattern
//! or for two words.

use std::{fmt, str::FromStr};

use toolkit::ssh_config::{is_bracketed, is_host, is_user};

/// What ssh connects to: `[user@]host[:port]`, an IPv6 address in brackets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The account; absent: ssh chooses.
    pub user: Option<String>,
    /// A host name, an IP address without brackets, or an alias that ssh knows.
    pub host: String,
    /// The port; absent: ssh chooses.
    pub port: Option<u16>,
}

/// Where an engine is: `ssh://[user@]server[:port][/socket]`.
///
/// This is the server's identity; it is reached at an [`Address`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// The server, and how it is reached unless a connection says otherwise.
    pub server: Address,
    /// The path of the engine's socket there, if it is not the usual one.
    pub socket: Option<String>,
}

/// A text is no address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("'{text}' is not {form}")]
pub struct BadAddress {
    /// The text.
    pub text: String,
    /// The form that it should have.
    pub form: &'static str,
}

const ADDRESS: &str = "[user@]host[:port] with an IPv6 address in brackets";
const HOST: &str = "ssh://[user@]server[:port][/socket]";

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        parse(text).ok_or_else(|| BadAddress { text: text.to_owned(), form: ADDRESS })
    }
}

fn parse(text: &str) -> Option<Address> {
    let (user, place) = match text.split_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, text),
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    if !(is_host(host) || is_bracketed(host)) || !user.is_none_or(is_user) {
        return None;
    }
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().ok().filter(|&port: &u16| port > 0)?)
        }
        Some(_) => return None,
        None => None,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Address { user: user.map(str::to_owned), host, port })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Host {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let parsed = text.strip_prefix("ssh://").and_then(|rest| {
            let (server, socket) = match rest.split_once('/') {
                Some((server, socket)) => (server, format!("/{socket}")),
                None => (rest, String::new()),
            };
            if !socket.chars().all(|c| c.is_ascii_alphanumeric() || "/._-@+,".contains(c)) {
                return None;
            }
            let socket = Some(socket).filter(|socket| socket.len() > 1);
            Some(Self { server: parse(server)?, socket })
        });
        parsed.ok_or_else(|| BadAddress { text: text.to_owned(), form: HOST })
    }
}

impl Host {
    /// Says whether `other` is the same account on the same server, whatever
    /// the socket.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        let (here, there) = (&self.server, &other.server);
        here.host.eq_ignore_ascii_case(&there.host)
            && here.user == there.user
            && here.port == there.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, user: Option<&str>, host: &str, port: Option<u16>) {
        let address: Address = text.parse().unwrap();
        let expected = Address { user: user.map(str::to_owned), host: host.to_owned(), port };
        assert_eq!(address, expected);
        assert_eq!(address.to_string(), text);
    }

    #[test]
    fn addresses_of_every_form_are_taken_and_written_as_they_were() {
        check("box", None, "box", None);
        check("me@192.168.1.10:2022", Some("me"), "192.168.1.10", Some(2022));
        check("[::1]", None, "::1", None);
        check("[FD00::1]:22", None, "FD00::1", Some(22));
        check("me@[fd00::a]:22", Some("me"), "fd00::a", Some(22));
        check("home_box", None, "home_box", None);
    }

    #[test]
    fn what_ssh_would_take_for_more_than_an_address_is_refused() {
        let bad = [
            "",
            "-x",
            "a b",
            "a\tb",
            "a\nb",
            "a\0b",
            "@a",
            "a@",
            "a@-b",
            "-a@b",
            "a@b@c",
            "::1",
            "[::1",
            "[::1]x",
            "[x]",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:x",
            "a/b",
            "a,b",
            "a*",
            "é",
            "${x}",
            "%h",
            "[::1%eth0]",
        ];
        for text in bad {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_server_is_the_same_by_account_name_and_port() {
        let host = |text: &str| text.parse::<Host>().unwrap();
        let same = |a, b| host(a).is_same_server(&host(b));
        assert!(same("ssh://me@box", "ssh://me@BOX/run/user/1000/podman/podman.sock"));
        assert!(same("ssh://box/", "ssh://box"));
        assert!(!same("ssh://me@box", "ssh://root@box"));
        assert!(!same("ssh://box", "ssh://box:2022"));
        assert_eq!(host("ssh://a/run/x.sock").socket.as_deref(), Some("/run/x.sock"));
        for text in ["ssh://", "ssh://a/b c", "ssh://a/$(x)", "http://a", "ssh://a/\n", "a"] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
    }
}
