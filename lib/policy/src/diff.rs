//! What one policy lets through and another does not.
//!
//! A policy is taken apart into grants, each of one name, port, method and path.
//! A grant that none of the other policy's holds is a difference.

use std::collections::{BTreeMap, BTreeSet};

use document::{
    Document,
    policy::{Effect, Operation},
    policy_diff::{PolicyChange, PolicyDiff, Subject, Way},
};

use crate::{
    Github, Network, Pattern, Policy, Rule, Template, github, glob,
    rule::{Manner, PLAIN_PORT, TLS_PORT},
};

/// Something that a policy lets through.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Grant {
    /// Requests that are looked at.
    Request(Asked),
    /// TLS that is passed through.
    Passthrough { name: Pattern, port: u16 },
    /// A name that may lie in a network that is not public.
    Address { name: Pattern, network: Network },
    /// A host of GitHub, for reading and what else is allowed there.
    Host(String),
    /// An operation there.
    Operation(Operation),
    /// Repositories that may be written to.
    Repository(String),
    /// A node id that may be named; `None` is any.
    Node(Option<String>),
    /// Refs that may be written to.
    Branch(String),
    /// A credential that is added.
    Secret(String),
    /// Bodies of up to a size; `None` is any.
    Body(Option<u64>),
}

/// Requests that are alike.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Asked {
    pub(crate) name: Pattern,
    pub(crate) path: Option<Template>,
    pub(crate) websocket: bool,
    pub(crate) method: Option<String>,
    pub(crate) port: u16,
    pub(crate) secure: bool,
}

/// What requests that differ in their ports alone have in common: all but that,
/// their methods, and where they are allowed.
type Alike<'a> = (Asked, BTreeSet<String>, &'a String);

/// The grants of one policy, and where each is written.
type Grants = BTreeMap<Grant, String>;

/// The hosts that either policy guards: no `*.` stands for them.
type Hosts = BTreeSet<String>;

/// Says what `new` lets through more than `old`, and what less.
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> PolicyDiff {
    let (more, less) = differences(old, new);
    let mut changes = [rows(Way::More, &more), rows(Way::Less, &less)].concat();
    changes.sort_by_key(|change| (change.subject, change.name.clone()));
    PolicyDiff { schema: PolicyDiff::SCHEMA.to_owned(), changes, ..PolicyDiff::default() }
}

/// Returns the grants that only `new` has, and those that only `old` has.
pub(crate) fn differences(old: &Policy, new: &Policy) -> (Grants, Grants) {
    let guarded = |policy: &Policy| policy.github.as_ref().map(Github::guarded).unwrap_or_default();
    let hosts = &guarded(old) | &guarded(new);
    let (before, after) = (grants(old, &hosts), grants(new, &hosts));
    let mut more = only(&after, &before, &hosts);
    let mut less = only(&before, &after, &hosts);
    // A branch that is protected by one alone is taken away there.
    let protected = |policy: &Policy| policy.github.as_ref().map(Github::protected);
    if let (Some(before), Some(after)) = (protected(old), protected(new)) {
        more.extend(freed(&before, &after, new));
        less.extend(freed(&after, &before, old));
    }
    (more, less)
}

/// Returns those of `grants` that none of `others` holds.
fn only(grants: &Grants, others: &Grants, hosts: &Hosts) -> Grants {
    // Of a host that is open there is nothing on GitHub that could be added.
    let is_open =
        |host: &String| others.keys().any(|other| holds(other, &Grant::Host(host.clone()), hosts));
    let guarded = grants.keys().filter_map(|grant| match grant {
        Grant::Host(host) => Some(host),
        _ => None,
    });
    let is_all_open = !others.keys().any(|other| matches!(other, Grant::Host(_)))
        && guarded.clone().count() > 0
        && guarded.clone().all(is_open);
    let is_of_github = |grant: &Grant| {
        matches!(
            grant,
            Grant::Operation(_) | Grant::Repository(_) | Grant::Node(_) | Grant::Branch(_)
        )
    };
    let is_held = |grant: &Grant| {
        // Most are the same in both, and long lists stay quick.
        (is_all_open && is_of_github(grant))
            || others.contains_key(grant)
            || others.keys().any(|other| holds(other, grant, hosts))
    };
    grants
        .iter()
        .filter(|(grant, _)| !is_held(grant))
        .map(|(a, b)| (a.clone(), b.clone()))
        .collect()
}

/// Returns the refs that `before` protects and `after` does not.
fn freed(before: &BTreeSet<String>, after: &BTreeSet<String>, place: &Policy) -> Grants {
    let is_freed = |one: &&String| !after.iter().any(|other| glob::matches(other, one));
    let place = place.github.as_ref().map(Github::places).unwrap_or_default();
    before.iter().filter(is_freed).map(|one| (Grant::Branch(one.clone()), place.clone())).collect()
}

/// Says whether all that `narrow` lets through `wide` does as well.
fn holds(wide: &Grant, narrow: &Grant, hosts: &Hosts) -> bool {
    let has_name = |wide: &Pattern, narrow: &Pattern| {
        let is_apart = !narrow.below && hosts.contains(&narrow.name);
        if is_apart { wide == narrow } else { wide.covers(narrow) }
    };
    match (wide, narrow) {
        (Grant::Request(wide), Grant::Request(narrow)) => {
            has_name(&wide.name, &narrow.name) && wide.has_rest_of(narrow)
        }
        (Grant::Passthrough { name, port }, Grant::Request(asked)) => {
            has_name(name, &asked.name) && asked.secure && *port == asked.port
        }
        (
            Grant::Passthrough { name, port },
            Grant::Passthrough { name: narrow, port: narrow_port },
        ) => has_name(name, narrow) && port == narrow_port,
        (
            Grant::Address { name, network },
            Grant::Address { name: narrow, network: narrow_network },
        ) => has_name(name, narrow) && network.covers(narrow_network),
        (Grant::Request(wide), Grant::Host(host)) => {
            let is_all = wide.method.is_none() && wide.path.is_none() && !wide.websocket;
            is_all && wide.secure && wide.port == TLS_PORT && wide.name == exact(host)
        }
        (Grant::Repository(wide), Grant::Repository(narrow)) => github::is_within(wide, narrow),
        (Grant::Branch(wide), Grant::Branch(narrow)) => glob::matches(wide, narrow),
        (Grant::Node(None), Grant::Node(_)) | (Grant::Body(None), Grant::Body(_)) => true,
        (Grant::Body(Some(wide)), Grant::Body(Some(narrow))) => narrow <= wide,
        (wide, narrow) => wide == narrow,
    }
}

impl Asked {
    /// Says whether all but the name of `narrow` is meant here too.
    fn has_rest_of(&self, narrow: &Self) -> bool {
        let has_path = match (&self.path, &narrow.path) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => wide.covers(narrow),
            (Some(_), None) => false,
        };
        has_path
            && (self.method.is_none() || self.method == narrow.method)
            && (self.port, self.secure) == (narrow.port, narrow.secure)
            && self.websocket == narrow.websocket
    }
}

fn exact(host: &str) -> Pattern {
    Pattern { name: host.to_owned(), below: false }
}

/// Takes `policy` apart.
fn grants(policy: &Policy, hosts: &Hosts) -> Grants {
    let mut grants = Grants::new();
    let guarded = policy.github.as_ref().map(Github::guarded).unwrap_or_default();
    for rule in &policy.rules {
        for name in names(&rule.pattern, hosts, &guarded) {
            for grant in rule_grants(rule, &name) {
                grants.entry(grant).or_insert_with(|| rule.from.to_string());
            }
        }
    }
    if let Some(github) = &policy.github {
        let place = github.places();
        grants.extend(github_grants(github).into_iter().map(|grant| (grant, place.clone())));
    }
    for secret in &policy.secrets {
        let grant = Grant::Secret(format!("{} {:?} {}", secret.id(), secret.form, secret.file));
        grants.insert(grant, secret.from.to_string());
    }
    grants.insert(Grant::Body(policy.limits.request_bytes), String::new());
    grants
}

/// Returns the names that `pattern` stands for: the guarded ones each by itself,
/// and only as far as it opens them.
fn names(pattern: &Pattern, hosts: &Hosts, guarded: &Hosts) -> Vec<Pattern> {
    let apart = hosts.iter().filter(|host| pattern.matches(host) && !guarded.contains(*host));
    let mut names: Vec<_> = apart.map(|host| exact(host)).collect();
    if pattern.below || !hosts.contains(&pattern.name) {
        names.push(pattern.clone());
    }
    names.dedup();
    names
}

fn rule_grants(rule: &Rule, name: &Pattern) -> Vec<Grant> {
    let network =
        |network: &Network| Grant::Address { name: name.clone(), network: network.clone() };
    let mut grants: Vec<_> = rule.addresses.iter().map(network).collect();
    for &port in &rule.ports {
        match &rule.manner {
            Manner::Passthrough => grants.push(Grant::Passthrough { name: name.clone(), port }),
            Manner::Inspect { methods, paths, websockets } => {
                for (method, path) in pairs(methods.as_ref(), paths.as_ref()) {
                    let (method, path) = (method.cloned(), path.cloned());
                    let asked = Asked {
                        name: name.clone(),
                        path,
                        websocket: false,
                        method,
                        port,
                        secure: true,
                    };
                    grants.extend(asked.variants(*websockets));
                }
            }
        }
    }
    grants
}

fn pairs<'a, A, B>(
    one: Option<&'a BTreeSet<A>>,
    two: Option<&'a BTreeSet<B>>,
) -> Vec<(Option<&'a A>, Option<&'a B>)> {
    let two: Vec<_> = two.map_or(vec![None], |two| two.iter().map(Some).collect());
    let one: Vec<_> = one.map_or(vec![None], |one| one.iter().map(Some).collect());
    one.into_iter().flat_map(|a| two.iter().map(move |b| (a, *b))).collect()
}

impl Asked {
    /// Returns it for each scheme that its port is for, and as a WebSocket.
    fn variants(self, websockets: bool) -> Vec<Grant> {
        let schemes = [true, false].into_iter().filter(|secure| match self.port {
            TLS_PORT => *secure,
            PLAIN_PORT => !secure,
            _ => true,
        });
        let kinds = [false, true].into_iter().filter(|socket| websockets || !socket);
        let kinds: Vec<_> = kinds.collect();
        let both = schemes.flat_map(|secure| kinds.iter().map(move |socket| (secure, *socket)));
        both.map(|(secure, websocket)| Grant::Request(Self { secure, websocket, ..self.clone() }))
            .collect()
    }
}

fn github_grants(github: &Github) -> Vec<Grant> {
    let mut grants: Vec<_> = github.guarded().into_iter().map(Grant::Host).collect();
    for host in github.guarded() {
        let network =
            |network: &Network| Grant::Address { name: exact(&host), network: network.clone() };
        grants.extend(github.addresses.iter().map(network));
    }
    let allowed = |one: &Operation| github.effect(*one) == Effect::Allow;
    grants.extend(Operation::ALL.into_iter().filter(allowed).map(Grant::Operation));
    match &github.repositories {
        None => grants.extend([Grant::Repository("*/*".to_owned()), Grant::Node(None)]),
        Some(names) => {
            grants.extend(names.iter().cloned().map(Grant::Repository));
            grants.extend(github.nodes.iter().cloned().map(|node| Grant::Node(Some(node))));
        }
    }
    grants.extend(github.branches().into_iter().map(Grant::Branch));
    grants
}

/// Puts grants that differ in ports, or in methods, into one row each.
fn rows(way: Way, grants: &Grants) -> Vec<PolicyChange> {
    let mut alike: BTreeMap<(Asked, &String), BTreeSet<String>> = BTreeMap::new();
    let mut rows = Vec::new();
    for (grant, place) in grants {
        match grant {
            Grant::Request(asked) => {
                let key = Asked { method: None, ..asked.clone() };
                let methods = alike.entry((key, place)).or_default();
                methods.extend(asked.method.clone());
            }
            other => rows.push(row(way, other, place)),
        }
    }
    let mut by_port: BTreeMap<Alike<'_>, Vec<(u16, bool)>> = BTreeMap::new();
    for ((asked, place), methods) in alike {
        let at = (asked.port, asked.secure);
        let key = (Asked { port: 0, secure: true, ..asked }, methods, place);
        by_port.entry(key).or_default().push(at);
    }
    for ((asked, methods, place), ports) in by_port {
        rows.extend(request_rows(way, &asked, &methods, place, &ports));
    }
    rows
}

/// Returns a row for the ports at which no scheme needs to be told, and one for
/// each scheme where the other one is as before.
fn request_rows(
    way: Way,
    asked: &Asked,
    methods: &BTreeSet<String>,
    place: &str,
    ports: &[(u16, bool)],
) -> Vec<PolicyChange> {
    let is_plain = |(port, secure): &(u16, bool)| {
        matches!(*port, TLS_PORT | PLAIN_PORT) || ports.contains(&(*port, !secure))
    };
    let at = |scheme: Option<bool>| -> BTreeSet<u16> {
        let here = ports.iter().filter(|one| match scheme {
            None => is_plain(one),
            Some(secure) => !is_plain(one) && one.1 == secure,
        });
        here.map(|(port, _)| *port).collect()
    };
    let schemes = [(None, None), (Some(true), Some("https")), (Some(false), Some("http"))];
    let rows = schemes.into_iter().map(|(secure, scheme)| PolicyChange {
        way,
        subject: Subject::Request,
        name: asked.name.to_string(),
        ports: at(secure).into_iter().collect(),
        scheme: scheme.map(str::to_owned),
        methods: methods.iter().cloned().collect(),
        path: asked.path.as_ref().map(ToString::to_string),
        websocket: asked.websocket,
        from: Some(place.to_owned()),
        ..PolicyChange::default()
    });
    rows.filter(|row| !row.ports.is_empty()).collect()
}

fn row(way: Way, grant: &Grant, place: &str) -> PolicyChange {
    let any = || "any".to_owned();
    let (subject, name) = match grant {
        Grant::Request(asked) => (Subject::Request, asked.name.to_string()),
        Grant::Passthrough { name, .. } => (Subject::Passthrough, name.to_string()),
        Grant::Address { name, .. } => (Subject::Address, name.to_string()),
        Grant::Host(host) => (Subject::Host, host.clone()),
        Grant::Operation(operation) => (Subject::Operation, operation.to_string()),
        Grant::Repository(name) => (Subject::Repository, name.clone()),
        Grant::Node(node) => (Subject::Node, node.clone().unwrap_or_else(any)),
        Grant::Branch(name) => (Subject::Branch, github::short_ref(name)),
        Grant::Secret(text) => (Subject::Secret, text.clone()),
        Grant::Body(size) => (Subject::Body, size.map_or_else(any, |size| size.to_string())),
    };
    let mut change = PolicyChange { way, subject, name, ..PolicyChange::default() };
    change.from = (!place.is_empty()).then(|| place.to_owned());
    match grant {
        Grant::Passthrough { port, .. } => change.ports = vec![*port],
        Grant::Address { network, .. } => change.network = Some(network.to_string()),
        _ => {}
    }
    change
}
