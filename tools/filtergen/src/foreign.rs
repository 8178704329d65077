//! Filters that another program has written: lists of domains in Python.

use std::{collections::BTreeSet, path::Path};

use document::{
    Document, Policy,
    policy::{Allow, Github, Passthrough},
};
use policy::{Pattern, PolicyError};

use crate::{
    Error,
    python::{Literal, Stumble, assigned},
};

/// Where pull requests are merged.
const API: &str = "api.github.com";

/// The policy that such a filter stands for, and what of it cannot be said.
#[derive(Debug)]
pub struct Foreign {
    /// The policy.
    pub policy: Policy,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A domain as the list has it.
struct Domain {
    pattern: Pattern,
    log: bool,
    line: usize,
}

/// Reads `ALLOWED_DOMAINS`, `PASSTHROUGH_DOMAINS` and `BLOCK_GITHUB_PR_MERGE`.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Foreign, Error> {
    let no_filter = |problem: String| Error::NoFilter { path: path.to_owned(), problem };
    let find = |name: &str| {
        assigned(text, name).map_err(|Stumble { line, problem }| {
            no_filter(format!("{problem}, in {name} at line {line}"))
        })
    };
    let allowed = find("ALLOWED_DOMAINS")?
        .ok_or_else(|| no_filter("it has neither a policy nor ALLOWED_DOMAINS".to_owned()))?;
    let through = find("PASSTHROUGH_DOMAINS")?.unwrap_or(Literal::List(Vec::new()));
    let blocks_merge = find("BLOCK_GITHUB_PR_MERGE")? == Some(Literal::Boolean(true));
    let file = path.to_string_lossy().into_owned();
    let allowed = domains(&file, allowed)?;
    let through = domains(&file, through)?;
    let passed: BTreeSet<_> = through.iter().map(|domain| domain.pattern.clone()).collect();
    let is_on_github = |domain: &&Domain| domain.pattern.matches(API);
    let (github, warnings) = match blocks_merge && allowed.iter().any(|one| is_on_github(&one)) {
        true => github(through.iter().any(|one| is_on_github(&one))),
        false => (None, Vec::new()),
    };
    let allowed = allowed.into_iter().filter(|domain| !passed.contains(&domain.pattern));

    let policy = Policy {
        schema: Policy::SCHEMA.to_owned(),
        why: warnings.first().map(|warning| format!("the filter says: {warning}")),
        allow: allowed.map(|domain| allow(&file, domain)).collect(),
        passthrough: through.into_iter().map(|domain| passthrough(&file, domain)).collect(),
        github,
        secret: Vec::new(),
        limits: None,
    };
    Ok(Foreign { policy, warnings })
}

/// Returns what refuses merging, and what a person should know of it; where
/// TLS to GitHub is passed through, nothing can.
fn github(is_passed: bool) -> (Option<Github>, Vec<String>) {
    let warning = match is_passed {
        true => "but api.github.com is passed through, where nothing is refused",
        false => {
            "which [github] does in every way that there is; it refuses other writes too: \
             allow by name what is needed"
        }
    };
    let why = Some("BLOCK_GITHUB_PR_MERGE: merging is refused".to_owned());
    let github = Github { why, ..Github::default() };
    ((!is_passed).then_some(github), vec![format!("BLOCK_GITHUB_PR_MERGE is set, {warning}")])
}

/// Reads a list of strings and of objects with `domain` and `log`.
fn domains(file: &str, list: Literal) -> Result<Vec<Domain>, Error> {
    let Literal::List(items) = list else { return Ok(Vec::new()) };
    let mut seen = BTreeSet::new();
    let mut domains = Vec::new();
    for item in items {
        let (name, log) = match item {
            Literal::Map(pairs) => (value(&pairs, "domain"), value(&pairs, "log")),
            name => (Some(name), None),
        };
        let Some(Literal::Text(name, line)) = name else { continue };
        let pattern = Pattern::parse(&name).map_err(|source| PolicyError::Name {
            file: file.to_owned(),
            line,
            source,
        })?;
        if seen.insert(pattern.clone()) {
            domains.push(Domain { pattern, log: log != Some(Literal::Boolean(false)), line });
        }
    }
    Ok(domains)
}

fn value(pairs: &[(Literal, Literal)], wanted: &str) -> Option<Literal> {
    let is_wanted = |key: &Literal| matches!(key, Literal::Text(key, _) if key == wanted);
    pairs.iter().find(|(key, _)| is_wanted(key)).map(|(_, value)| value.clone())
}

fn allow(file: &str, domain: Domain) -> Allow {
    Allow {
        name: domain.pattern.to_string(),
        log: (!domain.log).then_some(false),
        from: Some(format!("{file}:{}", domain.line)),
        ..Allow::default()
    }
}

fn passthrough(file: &str, domain: Domain) -> Passthrough {
    Passthrough {
        name: domain.pattern.to_string(),
        log: (!domain.log).then_some(false),
        from: Some(format!("{file}:{}", domain.line)),
        ..Passthrough::default()
    }
}
