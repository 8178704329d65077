//! Several policies as one, and a policy narrowed by another.

use std::collections::BTreeSet;

use document::policy::Limits;

use crate::{
    Decider, Github, PolicyError, Secret, Template,
    rule::{From, Manner, Policy, Rule},
};

impl Policy {
    /// Adds what `other` allows; of bounds the smaller one holds.
    pub fn add(&mut self, other: Self) {
        let new = other.rules.into_iter().filter(|rule| !self.rules.contains(rule));
        let new: Vec<_> = new.collect();
        self.rules.extend(new);
        match (&mut self.github, other.github) {
            (Some(github), Some(more)) => github.add(more),
            (github @ None, more) => *github = more,
            (Some(_), None) => {}
        }
        for secret in other.secrets {
            if !self.secrets.iter().any(|known| known.is_same(&secret)) {
                self.secrets.push(secret);
            }
        }
        self.limits = smaller(self.limits, other.limits);
    }

    /// Returns what both this policy and `project` allow.
    ///
    /// `project` comes out of a worktree, where the container's user may have
    /// written it. Every entry must lie within what is allowed here already,
    /// so that the result is `project` itself, and an attempt to widen is seen.
    pub fn narrow(&self, project: Self) -> Result<Self, PolicyError> {
        if let Some(secret) = project.secrets.first() {
            return Err(widens(&secret.from, &secret.host, "a secret".to_owned()));
        }
        for rule in &project.rules {
            self.must_cover(rule)?;
        }
        let github = project.github.map(|narrow| self.narrow_github(narrow)).transpose()?;
        self.must_stay_guarded(&project.rules, github.as_ref())?;
        let limits = smaller(self.limits, project.limits);
        let rules = project.rules.into_iter();
        let rules = rules.map(|rule| Rule { log: self.logs(&rule), ..rule }).collect();
        let mut narrow = Self { rules, github, secrets: Vec::new(), limits };
        let decider = Decider::new(&narrow);
        let is_allowed = |secret: &&Secret| decider.carries(&secret.host).is_ok();
        let secrets = self.secrets.iter().filter(is_allowed).cloned().collect();
        narrow.secrets = secrets;
        narrow.check()?;
        Ok(narrow)
    }

    fn narrow_github(&self, narrow: Github) -> Result<Github, PolicyError> {
        let from = narrow.from.first().cloned().unwrap_or_default();
        let narrow = match &self.github {
            Some(wide) => wide.narrow(narrow),
            None => Err("any host".to_owned()),
        };
        narrow.map_err(|what| widens(&from, "[github]", what))
    }

    /// A host that is guarded here, and by the project no more, is not allowed
    /// at all: an entry that opens nothing would open it otherwise.
    fn must_stay_guarded(
        &self,
        rules: &[Rule],
        narrow: Option<&Github>,
    ) -> Result<(), PolicyError> {
        let guarded = |github: Option<&Github>| github.map(Github::guarded).unwrap_or_default();
        let lost = &guarded(self.github.as_ref()) - &guarded(narrow);
        for rule in rules {
            if let Some(host) = lost.iter().find(|host| rule.pattern.matches(host)) {
                let name = rule.pattern.to_string();
                return Err(widens(&rule.from, &name, format!("'{host}' without [github]")));
            }
        }
        Ok(())
    }

    /// Refuses what single entries do not show: what is guarded and passed
    /// through, and secrets for hosts that they cannot be added for.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.rules.is_empty() && self.github.is_none() {
            let from = self.secrets.first().map(|secret| secret.from.file.clone());
            return Err(PolicyError::Empty { file: from.unwrap_or_default() });
        }
        let hosts = self.github.as_ref().map(Github::guarded).unwrap_or_default();
        for rule in self.rules.iter().filter(|rule| rule.is_passthrough()) {
            if let Some(host) = hosts.iter().find(|host| rule.pattern.matches(host)) {
                return Err(PolicyError::GuardedPassthrough {
                    file: rule.from.file.clone(),
                    line: rule.from.line,
                    name: rule.pattern.to_string(),
                    host: host.clone(),
                    github: self.github.as_ref().map(Github::places).unwrap_or_default(),
                });
            }
        }
        self.check_secrets()
    }

    fn check_secrets(&self) -> Result<(), PolicyError> {
        let decider = Decider::new(self);
        for (at, secret) in self.secrets.iter().enumerate() {
            let From { file, line } = secret.from.clone();
            if let Some(first) = self.secrets[..at].iter().find(|first| first.id() == secret.id()) {
                let (id, first) = (secret.id(), first.from.to_string());
                return Err(PolicyError::DuplicateSecret { file, line, id, first });
            }
            if let Err(problem) = decider.carries(&secret.host) {
                return Err(PolicyError::SecretHost {
                    file,
                    line,
                    host: secret.host.clone(),
                    problem,
                });
            }
        }
        Ok(())
    }

    /// Says whether nothing at all is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.github.is_none() && self.secrets.is_empty()
    }

    fn must_cover(&self, rule: &Rule) -> Result<(), PolicyError> {
        let widens = |what: String| widens(&rule.from, &rule.pattern.to_string(), what);
        let with_name = self.rules.iter().filter(|wide| {
            wide.is_passthrough() == rule.is_passthrough() && wide.pattern.covers(&rule.pattern)
        });
        let with_name: Vec<_> = with_name.collect();
        if with_name.is_empty() {
            let what = if rule.is_passthrough() { "passthrough" } else { "the name" };
            return Err(widens(what.to_owned()));
        }
        for &port in &rule.ports {
            let with_port = with_name.iter().filter(|wide| wide.ports.contains(&port));
            let with_port: Vec<_> = with_port.copied().collect();
            if with_port.is_empty() {
                return Err(widens(format!("port {port}")));
            }
            if let Some(what) = excess(&with_port, rule) {
                return Err(widens(what));
            }
        }
        Ok(())
    }

    /// Says whether `rule` is logged: a project cannot hide its requests.
    fn logs(&self, rule: &Rule) -> bool {
        let mut wide = self.rules.iter().filter(|wide| wide.pattern.covers(&rule.pattern));
        rule.log || wide.any(|wide| wide.log)
    }
}

fn widens(from: &From, name: &str, what: String) -> PolicyError {
    let From { file, line } = from.clone();
    PolicyError::Widens { file, line, name: name.to_owned(), what }
}

/// Returns what `rule` allows and none of `wide`, which have its name and port.
fn excess(wide: &[&Rule], rule: &Rule) -> Option<String> {
    let networks = || wide.iter().flat_map(|wide| &wide.addresses);
    let outside = rule.addresses.iter().find(|one| !networks().any(|wide| wide.covers(one)));
    if let Some(network) = outside {
        return Some(format!("the network {network}"));
    }
    let Manner::Inspect { methods, paths, websockets } = &rule.manner else { return None };
    // A WebSocket begins with a GET, so one entry must allow all three.
    let fits = |method: Option<&String>, path: Option<&Template>| {
        wide.iter().any(|wide| match &wide.manner {
            Manner::Inspect { methods, paths, websockets: sockets } => {
                let has_method = |all: &BTreeSet<_>| method.is_some_and(|one| all.contains(one));
                let has_path = |all: &BTreeSet<Template>| {
                    path.is_some_and(|one| all.iter().any(|wide| wide.covers(one)))
                };
                methods.as_ref().is_none_or(has_method)
                    && paths.as_ref().is_none_or(has_path)
                    && (*sockets || !websockets)
            }
            Manner::Passthrough => false,
        })
    };
    let lacking = |(method, path): (Option<&String>, Option<&Template>)| {
        let method = method.map_or("every method", String::as_str);
        let path = path.map(|path| format!(" of {path}")).unwrap_or_default();
        let socket = if *websockets { " as a WebSocket" } else { "" };
        format!("{method}{path}{socket}")
    };
    let methods = each(methods.as_ref());
    let paths = each(paths.as_ref());
    let mut pairs = methods.iter().flat_map(|one| paths.iter().map(move |path| (*one, *path)));
    pairs.find(|(method, path)| !fits(*method, *path)).map(lacking)
}

/// Returns each of `items`, or once that there is no bound.
fn each<T>(items: Option<&BTreeSet<T>>) -> Vec<Option<&T>> {
    items.map_or_else(|| vec![None], |items| items.iter().map(Some).collect())
}

fn smaller(one: Limits, other: Limits) -> Limits {
    let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
    Limits {
        log_bytes: least(one.log_bytes, other.log_bytes),
        log_files: least(one.log_files, other.log_files),
        request_bytes: least(one.request_bytes, other.request_bytes),
    }
}
