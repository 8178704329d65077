//! The proposal: a policy of its own, in which each entry says what it is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use document::{
    Document, Policy,
    policy::{Allow, Effect, Github, Operation, Operations},
};
use policy::Template;
use serde_json::Value;

use super::{GithubNeed, Lesson, Need, Seen};

/// As many paths as are named one by one.
const FEW: usize = 4;

/// The methods that send nothing but an address.
const READING: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// What a person would see of an entry before it is used.
type Remarks = Vec<String>;

/// The smallest additions to a policy, and what is not among them.
#[derive(Debug, Default)]
pub struct Proposal {
    allow: Vec<(Remarks, Allow)>,
    github: Option<(Remarks, Github)>,
    operations: BTreeMap<Operation, Remarks>,
    left_out: BTreeMap<String, Seen>,
}

impl Lesson<'_> {
    /// Returns the smallest additions.
    #[must_use]
    pub fn propose(self) -> Proposal {
        let mut proposal = Proposal { left_out: self.left_out, ..Proposal::default() };
        for (host, need) in self.hosts {
            match need.entry(&host) {
                Some(entry) => proposal.allow.push(entry),
                None => {
                    let why = format!("path: {host} was asked for too many different ones");
                    proposal.left_out.insert(why, need.seen);
                }
            }
        }
        if !self.github.hosts.is_empty() {
            let known = self.known.github.as_ref();
            // The usual ones are not written: they would be added to these.
            let protected = known.filter(|github| github.protected.is_some());
            let protected = protected.and_then(|github| github.document().protected);
            let remarks = self.github.remarks();
            let remark = |(operation, seen): (&Operation, &Seen)| {
                (*operation, vec![first(seen), width(*operation)])
            };
            proposal.operations = self.github.operations.iter().map(remark).collect();
            proposal.github = Some((remarks, Github { protected, ..self.github.table() }));
        }
        proposal
    }
}

impl GithubNeed {
    fn remarks(&self) -> Remarks {
        let mut remarks: Vec<_> = self.new.iter().map(|name| first(&self.hosts[name])).collect();
        if !remarks.is_empty() {
            remarks.push(
                "wide: reading whatever the token may read; and pull requests, issues and \
                 pushes to branches that are not protected"
                    .to_owned(),
            );
        }
        let writing =
            |(name, seen): (&String, &Seen)| format!("{}: writing to {name}", first(seen));
        remarks.extend(self.repositories.iter().map(writing));
        remarks
    }

    fn table(self) -> Github {
        let allowed = self.operations.into_keys().map(|operation| (operation, Effect::Allow));
        Github {
            hosts: self.hosts.into_keys().collect(),
            repositories: self.repositories.into_keys().collect(),
            operations: Operations(allowed.collect()),
            ..Github::default()
        }
    }
}

fn width(operation: Operation) -> String {
    let covers = operation.covers();
    format!("wide: {operation} in every repository that may be written to. {covers}")
}

/// Returns what needed an entry first, and how often it was asked for.
fn first(seen: &Seen) -> String {
    let times = if seen.count == 1 { String::new() } else { format!(", {} times", seen.count) };
    format!("first needed by {}{times}", seen.first)
}

impl Need {
    fn entry(&self, host: &str) -> Option<(Remarks, Allow)> {
        let paths = self.templates();
        if self.has_paths && paths.is_empty() {
            return None;
        }
        let is_blind = self.methods.is_empty();
        let methods: BTreeSet<_> = match is_blind {
            true => ["GET", "HEAD"].map(str::to_owned).into(),
            false => self.methods.clone(),
        };
        let mut remarks = vec![first(&self.seen)];
        if is_blind {
            remarks.push(
                "only CONNECT was seen: reading is allowed, and what else it is for \
                          will be in the log"
                    .to_owned(),
            );
        }
        remarks.push(breadth(&methods, &paths));
        let allow = Allow {
            name: host.to_owned(),
            ports: self.ports.iter().copied().collect(),
            methods: methods.into_iter().collect(),
            paths,
            websockets: self.websockets,
            ..Allow::default()
        };
        Some((remarks, allow))
    }

    /// Returns templates of the paths, where they are few or alike; none is for
    /// any path.
    fn templates(&self) -> Vec<String> {
        let Some(paths) = self.paths.as_ref().filter(|paths| !paths.is_empty()) else {
            return Vec::new();
        };
        let has_slash = paths.iter().flatten().any(|segment| segment.contains('/'));
        let common = common(paths);
        if paths.len() > FEW && !common.is_empty() && !has_slash {
            return template(common, true).into_iter().collect();
        }
        if paths.len() > FEW && !self.has_paths {
            return Vec::new();
        }
        let all: Option<BTreeSet<_>> = paths.iter().map(|path| template(path, false)).collect();
        all.unwrap_or_default().into_iter().collect()
    }
}

/// Returns the template of one path, or of all below it, if it can be written.
fn template(path: &[String], has_rest: bool) -> Option<String> {
    let mut parts: Vec<_> = path.iter().map(|part| part.replace('/', "%2F")).collect();
    if has_rest {
        parts.push("**".to_owned());
    }
    let text = format!("/{}", parts.join("/"));
    let is_plain = !path.iter().any(|part| part.contains('*'));
    Template::parse(&text).ok().filter(|_| is_plain).map(|template| template.to_string())
}

/// Returns the segments that all `paths` begin with.
fn common(paths: &BTreeSet<Vec<String>>) -> &[String] {
    let mut paths = paths.iter();
    let first = paths.next().map(Vec::as_slice).unwrap_or_default();
    paths.fold(first, |common, path| {
        let same = common.iter().zip(path).take_while(|(one, other)| one == other).count();
        &common[..same]
    })
}

fn breadth(methods: &BTreeSet<String>, paths: &[String]) -> String {
    let paths = match paths {
        [] => "any path".to_owned(),
        [one] => format!("the path {one}"),
        more => format!("{} paths", more.len()),
    };
    let writing: Vec<_> =
        methods.iter().map(String::as_str).filter(|one| !READING.contains(one)).collect();
    match writing.as_slice() {
        [] => format!("narrow: reading only, {paths}"),
        more => {
            format!("wide: {} can carry out whatever is in the container, {paths}", more.join(", "))
        }
    }
}

impl Proposal {
    /// Says whether there is nothing to add.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.github.is_none()
    }

    /// Returns it as a document, whose entries have their remarks in `why`.
    #[must_use]
    pub fn document(&self) -> Policy {
        let why = |remarks: &Remarks| Some(remarks.join("; ")).filter(|why| !why.is_empty());
        let allow =
            |(remarks, allow): &(Remarks, Allow)| Allow { why: why(remarks), ..allow.clone() };
        let github = self.github.as_ref().map(|(remarks, github)| {
            let all = remarks.iter().chain(self.operations.values().flatten());
            Github { why: why(&all.cloned().collect()), ..github.clone() }
        });
        Policy {
            schema: Policy::SCHEMA.to_owned(),
            why: Some("what a log says was missing".to_owned()),
            allow: self.allow.iter().map(allow).collect(),
            passthrough: Vec::new(),
            github,
            secret: Vec::new(),
            limits: None,
        }
    }

    /// Returns it as TOML, with the remarks as comments.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# What a log says was missing. Read it before it is used: who is in the\n\
             # container decides what is in its log.\n\
             schema = \"policy/1\"\nwhy = \"what a log says was missing\"\n",
        );
        for (remarks, allow) in &self.allow {
            text.push_str(&format!("\n{}[[allow]]\n", comments(remarks)));
            line(&mut text, "name", &Value::from(allow.name.as_str()));
            list(&mut text, "ports", &allow.ports);
            list(&mut text, "methods", &allow.methods);
            list(&mut text, "paths", &allow.paths);
            if allow.websockets {
                line(&mut text, "websockets", &Value::Bool(true));
            }
        }
        if let Some((remarks, github)) = &self.github {
            self.write_github(&mut text, remarks, github);
        }
        text
    }

    fn write_github(&self, text: &mut String, remarks: &Remarks, github: &Github) {
        text.push_str(&format!("\n{}[github]\n", comments(remarks)));
        list(text, "hosts", &github.hosts);
        list(text, "repositories", &github.repositories);
        if let Some(protected) = &github.protected {
            line(text, "protected", &Value::from(protected.clone()));
        }
        if !self.operations.is_empty() {
            text.push_str("\n[github.operations]\n");
        }
        for (operation, remarks) in &self.operations {
            text.push_str(&comments(remarks));
            line(text, operation.name(), &Value::from("allow"));
        }
    }

    /// Returns what is not proposed, a line each.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let line = |(why, seen): (&String, &Seen)| {
            let Seen { count, first } = seen;
            let example = if first.is_empty() { String::new() } else { format!(" ({first})") };
            format!("left out, {count} of the log: {why}{example}")
        };
        self.left_out.iter().map(line).collect()
    }
}

fn comments(remarks: &Remarks) -> String {
    remarks.iter().fold(String::new(), |mut text, remark| {
        let _ = writeln!(text, "# {remark}");
        text
    })
}

/// Writes a key; what JSON says of strings, numbers and lists TOML says alike.
fn line(text: &mut String, key: &str, value: &Value) {
    let _ = writeln!(text, "{key} = {value}");
}

fn list<T: Clone + Into<Value>>(text: &mut String, key: &str, items: &[T]) {
    if !items.is_empty() {
        line(text, key, &Value::from(items.to_vec()));
    }
}
