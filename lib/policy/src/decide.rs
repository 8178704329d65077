//! The decision: a pure function of the policy and a request.
//!
//! `filter.py` decides in the same way; a property test holds the two together.

use std::{collections::HashMap, fmt};

use crate::{
    name,
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
    /// Whether it asks to become a WebSocket.
    pub websocket: bool,
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision<'a> {
    /// It goes out, by this entry.
    Allowed(&'a Rule),
    /// It does not.
    Refused {
        /// Why not.
        reason: Reason,
        /// The entry that came nearest.
        rule: Option<&'a Rule>,
    },
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
        })
    }
}

/// A policy, arranged so that a decision takes as long as the name has labels,
/// however many entries there are.
#[derive(Debug)]
pub struct Decider<'a> {
    exact: HashMap<&'a str, Vec<&'a Rule>>,
    below: HashMap<&'a str, Vec<&'a Rule>>,
}

impl<'a> Decider<'a> {
    /// Arranges the entries of `policy`.
    #[must_use]
    pub fn new(policy: &'a Policy) -> Self {
        let mut decider = Self { exact: HashMap::new(), below: HashMap::new() };
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
    /// that an entry passes through is passed through, whatever others say.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision<'a> {
        let Some(name) = name::normalise(request.name) else {
            return Decision::Refused { reason: Reason::NoName, rule: None };
        };
        let rules = self.rules(&name);
        let through = rules.iter().filter(|rule| rule.is_passthrough());
        let inspected = rules.iter().filter(|rule| !rule.is_passthrough());
        let mut nearest = (Reason::UnknownName, None);
        for &rule in through.chain(inspected) {
            match objection(rule, request) {
                None => return Decision::Allowed(rule),
                Some(reason) if reason > nearest.0 => nearest = (reason, Some(rule)),
                Some(_) => {}
            }
        }
        Decision::Refused { reason: nearest.0, rule: nearest.1 }
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
    let Manner::Inspect { methods, websockets } = &rule.manner else { return None };
    let allowed = match methods {
        Some(methods) => methods.contains(request.method),
        None => is_ordinary(request.method),
    };
    if !allowed {
        return Some(Reason::Method);
    }
    (request.websocket && !websockets).then_some(Reason::WebSocket)
}

/// Says whether `method` is one that an entry without methods lets through.
fn is_ordinary(method: &str) -> bool {
    let tunnels = ["CONNECT", "TRACE"].iter().any(|known| method.eq_ignore_ascii_case(known));
    !tunnels
        && (1..=32).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}
