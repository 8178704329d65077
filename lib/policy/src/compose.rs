//! Several policies as one, and a policy narrowed by another.

use document::policy::Limits;

use crate::{
    PolicyError,
    rule::{Manner, Policy, Rule},
};

impl Policy {
    /// Adds what `other` allows; of bounds the smaller one holds.
    pub fn add(&mut self, other: Self) {
        let new = other.rules.into_iter().filter(|rule| !self.rules.contains(rule));
        let new: Vec<_> = new.collect();
        self.rules.extend(new);
        self.limits = smaller(self.limits, other.limits);
    }

    /// Returns what both this policy and `project` allow.
    ///
    /// `project` comes out of a worktree, where the container's user may have
    /// written it. Every entry must lie within what is allowed here already,
    /// so that the result is `project` itself, and an attempt to widen is seen.
    pub fn narrow(&self, project: Self) -> Result<Self, PolicyError> {
        for rule in &project.rules {
            self.must_cover(rule)?;
        }
        let limits = smaller(self.limits, project.limits);
        let rules = project.rules.into_iter();
        let rules = rules.map(|rule| Rule { log: self.logs(&rule), ..rule }).collect();
        Ok(Self { rules, limits })
    }

    fn must_cover(&self, rule: &Rule) -> Result<(), PolicyError> {
        let widens = |what: String| PolicyError::Widens {
            file: rule.from.file.clone(),
            line: rule.from.line,
            name: rule.pattern.to_string(),
            what,
        };
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

/// Returns what `rule` allows and none of `wide`, which have its name and port.
fn excess(wide: &[&Rule], rule: &Rule) -> Option<String> {
    let networks = || wide.iter().flat_map(|wide| &wide.addresses);
    let outside = rule.addresses.iter().find(|one| !networks().any(|wide| wide.covers(one)));
    if let Some(network) = outside {
        return Some(format!("the network {network}"));
    }
    let Manner::Inspect { methods, websockets } = &rule.manner else { return None };
    let inspected = || {
        wide.iter().filter_map(|wide| match &wide.manner {
            Manner::Inspect { methods, websockets } => Some((methods, *websockets)),
            Manner::Passthrough => None,
        })
    };
    // A WebSocket begins with a GET, so an entry with both must allow it.
    let fits = |method: Option<&String>| {
        inspected().any(|(methods, sockets)| {
            let has_method = methods
                .as_ref()
                .is_none_or(|methods| method.is_some_and(|method| methods.contains(method)));
            has_method && (sockets || !websockets)
        })
    };
    let lacking = |method: Option<&String>| {
        let method = method.map_or("every method", String::as_str);
        let socket = if *websockets { " as a WebSocket" } else { "" };
        format!("{method}{socket}")
    };
    match methods {
        None => (!fits(None)).then(|| lacking(None)),
        Some(methods) => {
            methods.iter().find(|method| !fits(Some(method))).map(|method| lacking(Some(method)))
        }
    }
}

fn smaller(one: Limits, other: Limits) -> Limits {
    let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
    Limits {
        log_bytes: least(one.log_bytes, other.log_bytes),
        log_files: least(one.log_files, other.log_files),
        request_bytes: least(one.request_bytes, other.request_bytes),
    }
}
