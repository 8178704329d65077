//! The policy `packages`: the hosts that package managers are configured to
//! read from.
//!
//! No host is written down here. What npm, pip, cargo, go and apt have in
//! their configuration is read; where they have none, the default that they
//! bring along in a file of their own.

mod apt;
mod cargo;
mod go;
mod npm;
mod pip;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use url::Url;

use crate::{
    Pattern, PolicyError,
    rule::{From, Manner, Policy, Rule},
};

/// The largest file of a package manager that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// Where package managers are looked for.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The directory that the machine's files are below: `/`, or an image's.
    pub root: PathBuf,
    /// The homes, as they are found from here.
    pub homes: Vec<PathBuf>,
    /// Variables of the environment that package managers heed.
    pub variables: Vec<(String, String)>,
}

/// A place that a package manager reads from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    manager: &'static str,
    url: String,
    from: From,
}

/// A file, split into lines that are numbered from 1.
pub(crate) struct Lines {
    path: PathBuf,
    text: String,
}

impl Lines {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()))
    }

    pub(crate) fn found(&self, manager: &'static str, line: usize, url: &str) -> Found {
        let file = self.path.to_string_lossy().into_owned();
        Found { manager, url: url.trim().to_owned(), from: From { file, line } }
    }
}

impl Machine {
    /// Returns the machine at `root`, with the homes that are usual there.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        let homes = fs::read_dir(root.join("home")).into_iter().flatten().flatten();
        let mut homes: Vec<_> = homes.map(|entry| entry.path()).collect();
        homes.sort();
        homes.insert(0, root.join("root"));
        Self { root: root.to_owned(), homes, variables: Vec::new() }
    }

    /// Returns the files that are there, of `system` below the root and of
    /// `personal` below each home. A part of a path may have one `*`.
    fn files(&self, system: &[&str], personal: &[&str]) -> Vec<Lines> {
        let system = system.iter().flat_map(|path| expand(&self.root, path));
        let personal = self
            .homes
            .iter()
            .flat_map(|home| personal.iter().flat_map(move |path| expand(home, path)));
        system.chain(personal).filter_map(|path| open(&path)).collect()
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns what the variable `name` says, as something found.
    fn found_in(&self, manager: &'static str, name: &str) -> Vec<Found> {
        let words = self.variable(name).unwrap_or_default().split_whitespace();
        let from = From { file: format!("${name}"), line: 1 };
        words.map(|url| Found { manager, url: url.to_owned(), from: from.clone() }).collect()
    }
}

/// Reads the configuration of all package managers of `machine`.
pub fn read(machine: &Machine) -> Result<Policy, PolicyError> {
    let managers: [fn(&Machine) -> Vec<Found>; 5] =
        [npm::find, pip::find, cargo::find, go::find, apt::find];
    let found = managers.into_iter().flat_map(|find| find(machine));
    let policy = policy(found);
    if policy.rules.is_empty() {
        let file = format!("packages (what is configured below {})", machine.root.display());
        return Err(PolicyError::Empty { file });
    }
    Ok(policy)
}

/// Turns what was found into entries, one for each name.
fn policy(found: impl Iterator<Item = Found>) -> Policy {
    let mut rules: BTreeMap<Pattern, Rule> = BTreeMap::new();
    for found in found {
        let Some((pattern, port)) = place(&found.url) else { continue };
        let rule = rules.entry(pattern.clone()).or_insert_with(|| Rule {
            pattern,
            ports: BTreeSet::new(),
            manner: Manner::Inspect {
                methods: Some(["GET", "HEAD"].map(str::to_owned).into()),
                paths: None,
                websockets: false,
            },
            addresses: Vec::new(),
            log: true,
            why: Some(format!(
                "{} reads packages from here; anything can be asked for, \
                 nothing sent but the address",
                found.manager
            )),
            from: found.from,
        });
        rule.ports.insert(port);
    }
    Policy { rules: rules.into_values().collect(), ..Policy::default() }
}

/// Returns the name and the port of a URL that is fetched over HTTP.
fn place(text: &str) -> Option<(Pattern, u16)> {
    let text = ["sparse+", "registry+", "mirror+"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    Some((Pattern::parse(url.domain()?).ok()?, url.port_or_known_default()?))
}

/// Returns the paths that `pattern` stands for below `base`, sorted.
fn expand(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![base.to_owned()];
    for part in pattern.split('/') {
        paths = match part.split_once('*') {
            None => paths.into_iter().map(|path| path.join(part)).collect(),
            Some((head, tail)) => paths.iter().flat_map(|path| entries(path, head, tail)).collect(),
        };
    }
    paths
}

fn entries(directory: &Path, head: &str, tail: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let fits = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
    });
    let mut paths: Vec<_> = fits.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Reads a file that may be absent, unreadable or no text: then it says nothing.
fn open(path: &Path) -> Option<Lines> {
    let mut contents = Vec::new();
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()?.take(LIMIT).read_to_end(&mut contents).ok()?;
    Some(Lines { path: path.to_owned(), text: String::from_utf8_lossy(&contents).into_owned() })
}

/// Splits `KEY = VALUE`, where comments begin with `#` or `;`.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim().trim_matches(['"', '\''])))
}

/// Returns the first text in quotes that is a URL.
fn quoted_url(line: &str) -> Option<&str> {
    line.split(['"', '\'', '`']).find(|part| part.starts_with("https://"))
}

#[cfg(test)]
mod tests;
