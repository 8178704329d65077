//! One line of the proxy's log.

use policy::{Action, Decider, Decision, Entry, Request};
use serde_json::Value;

use crate::guard;

/// The longest text of a record that is shown.
const SHOWN: usize = 240;

/// The length at which the proxy cuts paths.
const PATH: usize = 1024;

/// What the proxy puts in the place of what looks like a secret.
const HIDDEN: &str = "...";

/// The ends of names that are nobody's on the internet.
const LOCAL: [&str; 8] =
    ["localhost", "local", "internal", "invalid", "test", "onion", "home.arpa", "arpa"];

/// A record, as far as it says what is missing.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) is_refused: bool,
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) method: String,
    /// The path; `None` where it is not all there.
    pub(super) path: Option<String>,
    pub(super) port: u16,
    pub(super) operation: Option<String>,
    time: String,
    scheme: String,
    host: String,
    shown: String,
}

impl Record {
    /// Reads a line; `None` is for what is no record.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let shown = text("path").unwrap_or_default();
        let is_whole = |path: &String| !path.contains(HIDDEN) && path.len() < PATH;
        let bare = shown.split('?').next().unwrap_or_default().to_owned();
        Some(Self {
            kind: text("kind")?,
            is_refused: text("decision").is_some_and(|decision| decision == "refused"),
            reason: text("reason").unwrap_or_default(),
            method: text("method").unwrap_or_default(),
            path: Some(bare).filter(is_whole).filter(|path| path.starts_with('/')),
            port: value.get("port")?.as_u64().and_then(|port| u16::try_from(port).ok())?,
            operation: text("operation"),
            time: text("time").unwrap_or_default(),
            scheme: text("scheme").unwrap_or_else(|| "https".to_owned()),
            host: text("host")?,
            shown,
        })
    }

    /// Returns it as it was logged, with nothing in it that acts on a terminal
    /// or ends a comment.
    pub(super) fn text(&self) -> String {
        let Self { time, method, scheme, host, port, shown, .. } = self;
        let text = match self.kind.as_str() {
            "request" => {
                let port = match (scheme.as_str(), port) {
                    ("https", 443) | ("http", 80) => String::new(),
                    (_, port) => format!(":{port}"),
                };
                format!("{time} {method} {scheme}://{host}{port}{shown}")
            }
            _ => format!("{time} CONNECT {host}:{port}"),
        };
        let mut plain = String::new();
        for character in text.chars() {
            match character {
                ' '..='~' => plain.push(character),
                other => plain.extend(other.escape_unicode()),
            }
        }
        if plain.len() > SHOWN {
            plain.truncate(SHOWN);
            plain.push_str(HIDDEN);
        }
        plain
    }

    /// Fails with why nothing that is added to a policy would change it.
    pub(super) fn must_be_of_policy(&self) -> Result<(), String> {
        let what = match self.reason.as_str() {
            "unknown-name" | "port" | "method" | "websocket" | "path" | "operation"
            | "repository" => return self.must_be_possible(),
            "scheme" => "port 443 is for https alone and port 80 for http",
            "address" => "the name lies in a network that is not public; only a person can say so",
            "branch" => "change 'branches' or 'protected' by hand if it is meant",
            "secret" => "its value is not there, and no policy changes that",
            "no-name" => "it is no name of a host",
            "" => "the record does not say why",
            _ => "no policy changes that",
        };
        Err(format!("{}: {what}", printable(&self.reason)))
    }

    fn must_be_possible(&self) -> Result<(), String> {
        let other_scheme = match self.scheme.as_str() {
            "https" => self.port == 80,
            "http" => self.port == 443,
            _ => true,
        };
        if other_scheme {
            return Err("scheme: port 443 is for https alone and port 80 for http".to_owned());
        }
        let is_plain = self.method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        let is_request = self.kind == "request";
        let is_tunnel = matches!(self.method.as_str(), "" | "CONNECT" | "TRACE");
        match is_request && (!is_plain || is_tunnel || self.method.len() > 32) {
            true => Err("method: it is none that is ever let through".to_owned()),
            false => Ok(()),
        }
    }

    /// Returns the host, which must be one of the internet's.
    pub(super) fn public_host(&self) -> Result<String, String> {
        let host = policy::normalise(&self.host).ok_or("no-name: it is no name of a host")?;
        let is_below = |end: &&str| {
            host.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        match !host.contains('.') || LOCAL.iter().any(is_below) {
            true => Err("unknown-name: it is nobody's on the internet".to_owned()),
            false => Ok(host),
        }
    }

    /// Says whether it would be let through now.
    pub(super) fn is_let_through(&self, decider: &Decider<'_>) -> bool {
        if self.kind != "request" {
            return decider.tunnel(&self.host, self.port);
        }
        let request = Request {
            scheme: &self.scheme,
            name: &self.host,
            port: self.port,
            method: &self.method,
            target: self.path.as_deref().unwrap_or("/"),
            websocket: self.reason == "websocket",
        };
        match decider.decide(&request) {
            Decision::Allowed(Entry::Github(github)) => match self.reason.as_str() {
                "operation" | "repository" => {
                    let name = self.operation.as_deref().unwrap_or_default();
                    let repository = self.repository(&self.host);
                    policy::find_operation(name).is_ok_and(|operation| {
                        let repository = repository.as_deref();
                        github
                            .objection(&Action { operation, repository, branch: Some("-") })
                            .is_none_or(|reason| reason == policy::Reason::Branch)
                    })
                }
                "unknown-name" => true,
                _ => false,
            },
            Decision::Allowed(Entry::Rule(_)) => true,
            Decision::Refused { .. } => false,
        }
    }

    /// Returns the repository that the path names, on the GitHub host `host`.
    pub(super) fn repository(&self, host: &str) -> Option<String> {
        let path = policy::clean(self.path.as_deref()?)?;
        guard::repository(host, &self.method, &path)
    }
}

fn printable(text: &str) -> String {
    let plain = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
    text.chars().filter(plain).take(40).collect()
}
