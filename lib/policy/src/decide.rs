//! The decision: a pure function of the policy and a request.
//!
//! `filter.py` decides in the same way; a property test holds the two together.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use crate::{
    Github, name, path,
    rule::{Manner, PLAIN_PORT, Policy, Rule, TLS_PORT},
};

/// A request, as far as a decision depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `https` or `http`; others are refused.
    pub scheme: &'a str,
    /// The name of the host, as it came.
    pub name: &'a str,
    /// The port.
    pub port: u16,
    /// The method, as it came.
    pub method: &'a str,
    /// The path as it came, with its query.
    pub target: &'a str,
    /// Whether it asks to become a WebSocket.
    pub websocket: bool,
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision<'a> {
    /// It goes out, by this entry; if that is `[github]`, reading does, and
    /// the rest is decided by what is done.
    Allowed(Entry<'a>),
    /// It does not.
    Refused {
        /// Why not.
        reason: Reason,
        /// The entry that came nearest.
        entry: Option<Entry<'a>>,
    },
}

/// What a decision is made by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Entry<'a> {
    /// An entry of `allow` or `passthrough`.
    Rule(&'a Rule),
    /// The table `[github]`.
    Github(&'a Github),
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => write!(f, "{} {}", rule.from, rule.pattern),
            Self::Github(github) => write!(f, "{} [github]", github.places()),
        }
    }
}

/// Why a request is refused, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Reason {
    /// What should be a name is none.
    NoName,
    /// No entry has the name.
    UnknownName,
    /// The entries that have the name do not have the port.
    Port,
    /// The port is not for this scheme.
    Scheme,
    /// The method is not allowed.
    Method,
    /// WebSockets are not allowed.
    WebSocket,
    /// The path is not allowed, or can be read in two ways.
    Path,
    /// What is done is refused.
    Operation,
    /// The repository is not one that may be written to.
    Repository,
    /// The branch is not one that may be written to.
    Branch,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoName => "no-name",
            Self::UnknownName => "unknown-name",
            Self::Port => "port",
            Self::Scheme => "scheme",
            Self::Method => "method",
            Self::WebSocket => "websocket",
            Self::Path => "path",
            Self::Operation => "operation",
            Self::Repository => "repository",
            Self::Branch => "branch",
        })
    }
}

/// A policy, arranged so that a decision takes as long as the name has labels,
/// however many entries there are.
#[derive(Debug)]
pub struct Decider<'a> {
    exact: HashMap<&'a str, Vec<&'a Rule>>,
    below: HashMap<&'a str, Vec<&'a Rule>>,
    guard: Option<(&'a Github, BTreeSet<String>)>,
}

impl<'a> Decider<'a> {
    /// Arranges the entries of `policy`.
    #[must_use]
    pub fn new(policy: &'a Policy) -> Self {
        let guard = policy.github.as_ref().map(|github| (github, github.guarded()));
        let mut decider = Self { exact: HashMap::new(), below: HashMap::new(), guard };
        for rule in &policy.rules {
            let map = if rule.pattern.below { &mut decider.below } else { &mut decider.exact };
            map.entry(rule.pattern.name.as_str()).or_default().push(rule);
        }
        decider
    }

    /// Decides on `request`.
    ///
    /// What any entry lets through goes out. An entry for the name itself is
    /// asked before those for `*.` and a longer name before a shorter one; TLS
    /// that an entry passes through is passed through, whatever others say. A
    /// host that is guarded is not opened by any of them.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision<'a> {
        let Some(name) = name::normalise(request.name) else {
            return Decision::Refused { reason: Reason::NoName, entry: None };
        };
        if let Some(github) = self.guard(&name) {
            let entry = Entry::Github(github);
            return match guard_objection(request) {
                None => Decision::Allowed(entry),
                Some(reason) => Decision::Refused { reason, entry: Some(entry) },
            };
        }
        let rules = self.rules(&name);
        let through = rules.iter().filter(|rule| rule.is_passthrough());
        let inspected = rules.iter().filter(|rule| !rule.is_passthrough());
        let mut nearest = (Reason::UnknownName, None);
        for &rule in through.chain(inspected) {
            match objection(rule, request) {
                None => return Decision::Allowed(Entry::Rule(rule)),
                Some(reason) if reason > nearest.0 => nearest = (reason, Some(Entry::Rule(rule))),
                Some(_) => {}
            }
        }
        Decision::Refused { reason: nearest.0, entry: nearest.1 }
    }

    /// Says whether a CONNECT to `name` and `port` is let through.
    #[must_use]
    pub fn tunnel(&self, name: &str, port: u16) -> bool {
        let Some(name) = name::normalise(name) else { return false };
        match self.guard(&name) {
            Some(_) => port == TLS_PORT,
            None => {
                port != PLAIN_PORT
                    && self.rules(&name).iter().any(|rule| rule.ports.contains(&port))
            }
        }
    }

    /// Returns what guards `name`, which is normalised.
    #[must_use]
    pub fn guard(&self, name: &str) -> Option<&'a Github> {
        let guard = self.guard.as_ref().filter(|(_, hosts)| hosts.contains(name));
        guard.map(|(github, _)| *github)
    }

    /// Says whether a header can be added to requests for `host`; an error is
    /// why not, in words.
    pub(crate) fn carries(&self, host: &str) -> Result<(), &'static str> {
        let rules = self.rules(host);
        if self.guard(host).is_some() {
            return Ok(());
        }
        if rules.iter().any(|rule| rule.is_passthrough()) {
            return Err("passed through, so that nothing can be added");
        }
        match rules.iter().any(|rule| rule.ports.contains(&TLS_PORT)) {
            true => Ok(()),
            false => Err("not allowed on port 443, where alone it would be added"),
        }
    }

    /// Returns the entries that have `name`, the nearest first.
    fn rules(&self, name: &str) -> Vec<&'a Rule> {
        let mut rules: Vec<_> = self.exact.get(name).into_iter().flatten().copied().collect();
        let mut rest = Some(name);
        while let Some(suffix) = rest {
            rules.extend(self.below.get(suffix).into_iter().flatten().copied());
            rest = suffix.split_once('.').map(|(_, parent)| parent);
        }
        rules
    }
}

/// Returns what speaks against `request` in `rule`, which has its name.
fn objection(rule: &Rule, request: &Request<'_>) -> Option<Reason> {
    if !rule.ports.contains(&request.port) {
        return Some(Reason::Port);
    }
    let other_scheme = match request.scheme {
        "https" => request.port == PLAIN_PORT,
        "http" => request.port == TLS_PORT || rule.is_passthrough(),
        _ => true,
    };
    if other_scheme {
        return Some(Reason::Scheme);
    }
    let Manner::Inspect { methods, paths, websockets } = &rule.manner else { return None };
    let allowed = match methods {
        Some(methods) => methods.contains(request.method),
        None => is_ordinary(request.method),
    };
    if !allowed {
        return Some(Reason::Method);
    }
    if request.websocket && !websockets {
        return Some(Reason::WebSocket);
    }
    let templates = paths.as_ref()?;
    let path = path::clean(request.target);
    let has = |path: Vec<String>| templates.iter().any(|template| template.matches(&path));
    (!path.is_some_and(has)).then_some(Reason::Path)
}

/// Returns what speaks against `request`, whose host is guarded, before it is
/// known what it does.
fn guard_objection(request: &Request<'_>) -> Option<Reason> {
    if request.port != TLS_PORT {
        return Some(Reason::Port);
    }
    if request.scheme != "https" {
        return Some(Reason::Scheme);
    }
    if !is_ordinary(request.method) {
        return Some(Reason::Method);
    }
    request.websocket.then_some(Reason::WebSocket)
}

/// Says whether `method` is one that an entry without methods lets through.
fn is_ordinary(method: &str) -> bool {
    let tunnels = ["CONNECT", "TRACE"].iter().any(|known| method.eq_ignore_ascii_case(known));
    !tunnels
        && (1..=32).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}
