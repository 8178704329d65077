//! Matching paths against the table.

use document::diff::Class;

use crate::{Name, RULES};

/// A row of the table.
#[derive(Debug)]
pub struct Rule {
    /// What would execute it, in a word.
    pub class: Class,
    /// What would execute it, and when.
    pub runs: &'static str,
    /// Where that is documented.
    pub source: &'static str,
    /// Which files: patterns in lower case. One that begins with `/` counts
    /// from the worktree's root, the others in any directory. `*` is any part
    /// of one component; `/**` at the end is all that is below.
    pub paths: &'static [&'static str],
}

/// How a path is compared with a pattern.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Extent {
    /// All of the pattern.
    Whole,
    /// Its beginning: a directory that the files lie in.
    Above,
}

/// Returns the first row that has the file `path`.
///
/// What is `no_directory` and stands in the place of one, a symbolic link or a
/// submodule, has all files that the row would have in it.
#[must_use]
pub fn rule_of(path: &[Name], no_directory: bool) -> Option<&'static Rule> {
    let has = |rule: &&Rule, extent| rule.paths.iter().any(|pattern| fits(pattern, path, extent));
    let whole = RULES.iter().find(|rule| has(rule, Extent::Whole));
    whole.or_else(|| {
        let above = || RULES.iter().find(|rule| has(rule, Extent::Above));
        no_directory.then(above).flatten()
    })
}

fn fits(pattern: &str, path: &[Name], extent: Extent) -> bool {
    let (rooted, pattern) = match pattern.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (below, pattern) = match pattern.strip_suffix("/**") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let parts: Vec<_> = pattern.split('/').collect();
    let starts = if rooted { 0..1 } else { 0..path.len() };
    let mut starts = starts.filter_map(|start| path.get(start..));
    match extent {
        Extent::Whole if below => {
            starts.any(|rest| rest.len() > parts.len() && begins(&parts, rest))
        }
        Extent::Whole => starts.any(|rest| rest.len() == parts.len() && begins(&parts, rest)),
        Extent::Above => {
            let most = if below { parts.len() } else { parts.len() - 1 };
            starts.any(|rest| !rest.is_empty() && rest.len() <= most && begins(&parts, rest))
        }
    }
}

/// Compares as many components as both have.
fn begins(parts: &[&str], path: &[Name]) -> bool {
    parts.iter().zip(path).all(|(part, name)| glob(part, name.as_str()))
}

/// Matches one component, in which `*` is anything.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}
