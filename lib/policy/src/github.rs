//! GitHub: its hosts, and what may be done there.

use std::collections::{BTreeMap, BTreeSet};

use document::policy::{self as written, Effect, Operation, Operations};

use crate::{Network, Reason, glob, rule::From};

/// The host whose interfaces are guarded where a policy names none.
const HOST: &str = "github.com";

/// What hosts of companies at GitHub end in.
const COMPANIES: &str = ".ghe.com";

/// What stands before a branch's name in the name of its ref.
const HEADS: &str = "refs/heads/";

/// The usual names of base branches.
const PROTECTED: [&str; 8] =
    ["main", "master", "trunk", "develop", "release/*", "releases/*", "production", "gh-pages"];

/// What a policy says of GitHub.
///
/// What it leaves out is not the same as what is usual: of policies that are
/// composed, the one that says something is heard.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Github {
    /// The names that stand for hosts.
    pub hosts: Option<BTreeSet<String>>,
    /// The networks that are not public in which the hosts may lie.
    pub addresses: Vec<Network>,
    /// The repositories that may be written to, in lower case.
    pub repositories: Option<BTreeSet<String>>,
    /// The node ids that may be named.
    pub nodes: BTreeSet<String>,
    /// The refs that may be written to, in full.
    pub branches: Option<BTreeSet<String>>,
    /// The refs that may not, in full.
    pub protected: Option<BTreeSet<String>>,
    /// What is said of operations.
    pub operations: BTreeMap<Operation, Said>,
    /// Why it is there.
    pub why: Option<String>,
    /// Where it was written: several places where policies were composed.
    pub from: Vec<From>,
}

/// What is done with an operation, and where that is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// What is done.
    pub effect: Effect,
    /// Where it is written.
    pub from: From,
}

/// Something that is done on GitHub, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// What is done.
    pub operation: Operation,
    /// The repository, as `OWNER/REPOSITORY`.
    pub repository: Option<&'a str>,
    /// The branch, or a ref in full.
    pub branch: Option<&'a str>,
}

impl Github {
    /// Returns the names that stand for hosts.
    #[must_use]
    pub fn hosts(&self) -> BTreeSet<String> {
        self.hosts.clone().unwrap_or_else(|| [HOST.to_owned()].into())
    }

    /// Returns the hosts that are guarded, in full.
    #[must_use]
    pub fn guarded(&self) -> BTreeSet<String> {
        let with_interfaces = |name: String| match has_interfaces(&name) {
            true => vec![format!("api.{name}"), format!("uploads.{name}"), name],
            false => vec![name],
        };
        self.hosts().into_iter().flat_map(with_interfaces).collect()
    }

    /// Returns the refs that may be written to, in full.
    #[must_use]
    pub fn branches(&self) -> BTreeSet<String> {
        self.branches.clone().unwrap_or_else(|| [format!("{HEADS}*")].into())
    }

    /// Returns the refs that may not be written to, in full.
    #[must_use]
    pub fn protected(&self) -> BTreeSet<String> {
        let usual = || PROTECTED.iter().map(|name| full_ref(name)).collect();
        self.protected.clone().unwrap_or_else(usual)
    }

    /// Returns what is done with `operation`.
    #[must_use]
    pub fn effect(&self, operation: Operation) -> Effect {
        self.operations.get(&operation).map_or(operation.unless_said(), |said| said.effect)
    }

    /// Returns what speaks against `action`, as far as it is known.
    #[must_use]
    pub fn objection(&self, action: &Action<'_>) -> Option<Reason> {
        if self.effect(action.operation) == Effect::Refuse {
            return Some(Reason::Operation);
        }
        let is_bound = action.operation != Operation::Gist;
        if is_bound && action.repository.is_some_and(|name| !self.has_repository(name)) {
            return Some(Reason::Repository);
        }
        let on_base = action.branch.is_none() && action.operation == Operation::ContentsWrite;
        let is_free = |branch: &str| self.has_branch(&full_ref(branch));
        let is_bound = writes_refs(action.operation);
        let forbidden = is_bound && action.branch.is_some_and(|branch| !is_free(branch));
        (forbidden || on_base).then_some(Reason::Branch)
    }

    fn has_repository(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let name = name.strip_suffix(".git").unwrap_or(&name);
        self.repositories.as_ref().is_none_or(|all| all.iter().any(|one| is_within(one, name)))
    }

    /// Says whether the ref `name`, in full, may be written to.
    fn has_branch(&self, name: &str) -> bool {
        let is_free = self.branches().iter().any(|one| glob::matches(one, name));
        is_free && branch_problem(name).is_none() && !self.is_protected(name)
    }

    /// Says whether a ref is protected, also where case does not count and where
    /// `refs/heads/` stands before a name that has it already.
    fn is_protected(&self, name: &str) -> bool {
        let lower = name.to_lowercase();
        let mut names = vec![name.to_owned(), lower.clone()];
        let mut short = lower.strip_prefix(HEADS).unwrap_or(&lower);
        while let Some((first, rest)) = short.split_once('/') {
            if !["refs", "heads", "remotes", "origin"].contains(&first) {
                break;
            }
            names.push(format!("{HEADS}{rest}"));
            short = rest;
        }
        let protected = self.protected();
        let lower = protected.iter().map(|pattern| pattern.to_lowercase());
        let patterns: BTreeSet<_> = lower.chain(protected.iter().cloned()).collect();
        names.iter().any(|name| patterns.iter().any(|one| glob::matches(one, name)))
    }

    /// Returns the table as it is written, with all that is usual written out.
    #[must_use]
    pub fn document(&self) -> written::Github {
        let refs = |names: BTreeSet<String>| names.iter().map(|name| short_ref(name)).collect();
        let effects = Operation::ALL.into_iter().map(|one| (one, self.effect(one)));
        let places: Vec<_> = self.from.iter().map(ToString::to_string).collect();
        written::Github {
            hosts: self.hosts().into_iter().collect(),
            addresses: self.addresses.iter().map(ToString::to_string).collect(),
            repositories: self.repositories.iter().flatten().cloned().collect(),
            nodes: Some(self.nodes.iter().cloned().collect()),
            branches: refs(self.branches()),
            protected: Some(refs(self.protected())),
            operations: Operations(effects.collect()),
            why: self.why.clone(),
            from: (!places.is_empty()).then(|| places.join(", ")),
        }
    }

    /// Returns the places, in words.
    #[must_use]
    pub fn places(&self) -> String {
        self.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Adds what `other` says: what is written is heard, a refusal first.
    pub fn add(&mut self, other: Self) {
        if self.hosts != other.hosts {
            self.hosts = Some(self.hosts().into_iter().chain(other.hosts()).collect());
        }
        if self.protected != other.protected {
            self.protected = Some(self.protected().into_iter().chain(other.protected()).collect());
        }
        let both = |one: Option<BTreeSet<String>>, two: Option<BTreeSet<String>>| match (one, two) {
            (Some(one), Some(two)) => Some(one.into_iter().chain(two).collect()),
            (one, two) => one.or(two),
        };
        self.repositories = both(self.repositories.take(), other.repositories);
        self.branches = both(self.branches.take(), other.branches);
        self.nodes.extend(other.nodes);
        for (operation, said) in other.operations {
            let known = self.operations.entry(operation).or_insert_with(|| said.clone());
            if known.effect == Effect::Allow && said.effect == Effect::Refuse {
                *known = said;
            }
        }
        add_new(&mut self.addresses, other.addresses);
        add_new(&mut self.from, other.from);
        self.why = self.why.take().or(other.why);
    }

    /// Returns what both this and `project` allow; what a project does not say
    /// is as it is here. An error is what there is too much of, in words.
    pub fn narrow(&self, project: Self) -> Result<Self, String> {
        self.must_hold(&project)?;
        let mut operations = self.operations.clone();
        operations.extend(project.operations);
        let or_here = |narrow: Vec<Network>, here: &Vec<Network>| match narrow.is_empty() {
            true => here.clone(),
            false => narrow,
        };
        Ok(Self {
            hosts: project.hosts.or_else(|| self.hosts.clone()),
            addresses: or_here(project.addresses, &self.addresses),
            repositories: project.repositories.or_else(|| self.repositories.clone()),
            nodes: if project.nodes.is_empty() { self.nodes.clone() } else { project.nodes },
            branches: project.branches.or_else(|| self.branches.clone()),
            protected: match project.protected {
                Some(more) => Some(&self.protected() | &more),
                None => self.protected.clone(),
            },
            operations,
            why: project.why.or_else(|| self.why.clone()),
            from: project.from,
        })
    }

    /// Fails with what `project` says and is not allowed here.
    fn must_hold(&self, project: &Self) -> Result<(), String> {
        let hosts = project.hosts.iter().flatten().find(|host| !self.hosts().contains(*host));
        let mut repositories = project.repositories.iter().flatten();
        let is_new = |node: &&String| self.repositories.is_some() && !self.nodes.contains(*node);
        let free = self.branches();
        let is_wide = |one: &&String| !free.iter().any(|wide| glob::matches(wide, one));
        let is_outside = |one: &&Network| !self.addresses.iter().any(|wide| wide.covers(one));
        let network = project.addresses.iter().find(is_outside).map(ToString::to_string);
        let is_refused = |one: &Operation| {
            self.effect(*one) == Effect::Refuse && project.effect(*one) == Effect::Allow
        };
        let operation = project.operations.keys().copied().find(is_refused);
        let operation = operation.map(|one| one.name().to_owned());
        let excesses = [
            ("host", hosts),
            ("repository", repositories.find(|narrow| !self.has_repository(narrow))),
            ("node", project.nodes.iter().find(is_new)),
            ("branch", project.branches.iter().flatten().find(is_wide)),
            ("network", network.as_ref()),
            ("operation", operation.as_ref()),
        ];
        match excesses.into_iter().find_map(|(what, name)| Some((what, name?))) {
            Some((what, name)) => Err(format!("the {what} '{name}'")),
            None => Ok(()),
        }
    }
}

/// Adds those of `more` that `list` does not have.
fn add_new<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// Says whether hosts for the interfaces go with the host `name`.
fn has_interfaces(name: &str) -> bool {
    name == HOST || name.ends_with(COMPANIES)
}

/// Returns why `name`, which is a host's, is none to be written in `hosts`, and
/// what is to be written.
pub(crate) fn host_problem(name: &str) -> Option<String> {
    if name.ends_with(&format!(".{HOST}")) {
        return Some(format!("'{name}' goes with '{HOST}', or has an [[allow]] of its own"));
    }
    let above = format!(".{name}");
    let company = above.strip_suffix(COMPANIES)?.trim_start_matches('.');
    match company.rsplit_once('.') {
        None if company.is_empty() => Some(format!("'{name}' is nobody's; write NAME{COMPANIES}")),
        None => None,
        Some((_, last)) => Some(format!("'{name}' goes with '{last}{COMPANIES}'; write that")),
    }
}

/// Says whether the repository, or all that the pattern `name` means, is one
/// that `pattern` means: in each part `*` is any text.
pub(crate) fn is_within(pattern: &str, name: &str) -> bool {
    match (pattern.split_once('/'), name.split_once('/')) {
        (Some(wide), Some(name)) => glob::matches(wide.0, name.0) && glob::matches(wide.1, name.1),
        _ => false,
    }
}

/// Returns what is wrong with `text` as a pattern of repositories, in words.
pub(crate) fn repository_problem(text: &str) -> Option<&'static str> {
    let Some((owner, name)) = text.split_once('/') else {
        return Some("not OWNER/REPOSITORY; '*' is any text in either");
    };
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
    if owner.is_empty() || !owner.bytes().all(is_known) {
        return Some("not the name of an owner before '/'");
    }
    if name.is_empty() || !name.bytes().all(|byte| is_known(byte) || byte == b'.') {
        return Some("not the name of a repository after '/'");
    }
    let is_path = [".", ".."].contains(&name) || name.to_ascii_lowercase().ends_with(".git");
    is_path.then_some("not the name of a repository, which ends without '.git'")
}

/// Returns what is wrong with `text` as a pattern of branches, in words.
pub(crate) fn branch_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.starts_with('/') || text.ends_with('/') {
        return Some("not a branch: it is empty, or begins or ends with '/'");
    }
    let is_no_ref = |c: char| c.is_control() || " ~^:?[\\".contains(c);
    text.chars().any(is_no_ref).then_some("not a branch: '*' alone stands for other text")
}

/// Returns the name of a ref in full; a branch needs only its own.
pub(crate) fn full_ref(name: &str) -> String {
    if name.starts_with("refs/") { name.to_owned() } else { format!("{HEADS}{name}") }
}

/// Returns a ref's name as people write it.
pub(crate) fn short_ref(name: &str) -> String {
    let short = name.strip_prefix(HEADS).filter(|short| !short.starts_with("refs/"));
    short.unwrap_or(name).to_owned()
}

/// Says whether `operation` writes to one branch that is known.
fn writes_refs(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Push
            | Operation::ForcePush
            | Operation::DeleteRef
            | Operation::RefUpdate
            | Operation::ContentsWrite
    )
}
