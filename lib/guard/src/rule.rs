//! Matching paths against the table.

use std::{collections::HashMap, sync::LazyLock};

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
    let whole = PATTERNS.first(path, Extent::Whole);
    let row = whole.or_else(|| no_directory.then(|| PATTERNS.first(path, Extent::Above)).flatten());
    row.map(|row| &RULES[row])
}

/// All patterns, found by the first component that they begin with: a worktree
/// may have a million files.
static PATTERNS: LazyLock<Patterns> = LazyLock::new(Patterns::of_table);

/// A pattern, taken apart.
struct Pattern {
    row: usize,
    rooted: bool,
    below: bool,
    parts: Vec<&'static str>,
}

#[derive(Default)]
struct Patterns {
    literal: HashMap<&'static str, Vec<Pattern>>,
    globs: Vec<Pattern>,
}

impl Patterns {
    fn of_table() -> Self {
        let mut patterns = Self::default();
        for (row, rule) in RULES.iter().enumerate() {
            for pattern in rule.paths.iter().map(|pattern| Pattern::of(row, pattern)) {
                match pattern.parts[0].contains('*') {
                    true => patterns.globs.push(pattern),
                    false => patterns.literal.entry(pattern.parts[0]).or_default().push(pattern),
                }
            }
        }
        patterns
    }

    /// Returns the first row with a pattern that fits.
    fn first(&self, path: &[Name], extent: Extent) -> Option<usize> {
        let fits = (0..path.len()).flat_map(|start| {
            let rest = &path[start..];
            let literal = self.literal.get(rest[0].as_str()).into_iter().flatten();
            let here = move |pattern: &&Pattern| !pattern.rooted || start == 0;
            literal
                .chain(&self.globs)
                .filter(here)
                .filter(move |pattern| pattern.fits(rest, extent))
        });
        fits.map(|pattern| pattern.row).min()
    }
}

impl Pattern {
    fn of(row: usize, pattern: &'static str) -> Self {
        let rest = pattern.strip_prefix('/');
        let (rooted, pattern) = (rest.is_some(), rest.unwrap_or(pattern));
        let rest = pattern.strip_suffix("/**");
        let (below, pattern) = (rest.is_some(), rest.unwrap_or(pattern));
        Self { row, rooted, below, parts: pattern.split('/').collect() }
    }

    /// Says whether it fits all of `path`, from its beginning.
    fn fits(&self, path: &[Name], extent: Extent) -> bool {
        let count = self.parts.len();
        let is_long_enough = match (extent, self.below) {
            (Extent::Whole, true) => path.len() > count,
            (Extent::Whole, false) => path.len() == count,
            (Extent::Above, true) => path.len() <= count,
            (Extent::Above, false) => path.len() < count,
        };
        // As many components as both have.
        is_long_enough && self.parts.iter().zip(path).all(|(part, name)| glob(part, name.as_str()))
    }
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
