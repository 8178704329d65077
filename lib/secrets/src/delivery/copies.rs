//! What is delivered: the files of the secrets that a document names.

use std::{fmt, path::Path};

use document::{Container, claude::Secret, container::is_variable};
use toolkit::files::FileError;

use super::{CLAUDE, VARIABLES};
use crate::{Error, record::Record, value};

/// The most bytes of a secret that is in no variable.
const LIMIT: u64 = 64 << 10;

/// The secrets of one container, which are never shown.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Copies(Vec<Copied>);

#[derive(Clone, Eq, PartialEq)]
struct Copied {
    name: String,
    env: Option<String>,
    contents: Vec<u8>,
}

impl fmt::Debug for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Copies")?;
        f.debug_list().entries(self.0.iter().map(|copied| &copied.name)).finish()
    }
}

impl Copies {
    /// Reads the files of the secrets that `container` is to have.
    ///
    /// One that its proxy has stays there: that its policy names the variable
    /// means that the container must not have it.
    pub fn read(container: &Container) -> Result<Self, Error> {
        let mut copies = Vec::new();
        for secret in wanted(container)? {
            let contents = match &secret.env {
                Some(_) => value::value(&secret.name, &secret.file)?.into_bytes(),
                None => plain(&secret.name, &secret.file)?,
            };
            copies.push(Copied { name: secret.name, env: secret.env, contents });
        }
        Ok(Self(copies))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns names and contents of all files, and whether everybody may read
    /// each.
    pub(super) fn files(&self) -> Vec<(&str, Vec<u8>, bool)> {
        let lines = self.0.iter().filter_map(|copied| {
            copied.env.as_ref().map(|variable| format!("{variable} {}\n", copied.name))
        });
        let variables = (VARIABLES, lines.collect::<String>().into_bytes(), true);
        let secrets = self.0.iter().map(|one| (one.name.as_str(), one.contents.clone(), false));
        secrets.chain([variables]).collect()
    }

    /// Returns the record that says that `keeper` has them.
    pub(super) fn record(&self, keeper: &str) -> Result<Record, FileError> {
        Record::of(keeper, &[self.bytes()])
    }

    pub(super) fn is_known_by(&self, record: Option<&Record>, keeper: &str) -> bool {
        record.is_some_and(|record| record.holds(keeper, &[self.bytes()]))
    }

    /// Returns all that makes them up; each part says how long it is.
    fn bytes(&self) -> Vec<u8> {
        let part = |(name, contents, _): (&str, Vec<u8>, bool)| {
            [format!("{name}\0{}\0", contents.len()).as_bytes(), &contents, b"\0"].concat()
        };
        self.files().into_iter().flat_map(part).collect()
    }
}

/// Returns the secrets of `container`, Claude Code's token among them.
fn wanted(container: &Container) -> Result<Vec<Secret>, Error> {
    let mut wanted: Vec<Secret> = Vec::new();
    let claude = container.claude.as_ref().and_then(|claude| claude.token_file.clone());
    let claude = claude.map(|file| {
        let (name, env) = (CLAUDE.0.to_owned(), Some(CLAUDE.1.to_owned()));
        Secret { name, file, env, ..Secret::default() }
    });
    for secret in &container.secrets {
        check(secret)?;
        if wanted.iter().any(|other| other.name == secret.name) {
            return Err(Error::bad_name(&secret.name, "it is there twice"));
        }
        wanted.push(secret.clone());
    }
    // What a person names is what is meant.
    let is_taken = |claude: &Secret| {
        wanted.iter().any(|other| other.name == claude.name || other.env == claude.env)
    };
    wanted.extend(claude.filter(|claude| !is_taken(claude)));
    let isolation = container.isolation.iter().flat_map(|isolation| &isolation.secrets);
    let withheld: Vec<_> = isolation.filter_map(|secret| secret.env.as_deref()).collect();
    wanted.retain(|secret| secret.env.as_deref().is_none_or(|env| !withheld.contains(&env)));
    Ok(wanted)
}

/// Refuses a name that is no file's, and a variable that is no shell's.
fn check(secret: &Secret) -> Result<(), Error> {
    if !is_name(&secret.name) {
        return Err(Error::bad_name(&secret.name, NAME_RULE));
    }
    match secret.env.as_deref().filter(|env| !is_variable(env)) {
        Some(env) => Err(Error::bad_name(env, VARIABLE_RULE)),
        None => Ok(()),
    }
}

/// What a secret's name must be.
pub const NAME_RULE: &str = "it must be a letter or a digit and then up to 63 letters, digits, \
                             underscores, hyphens or dots";

/// What the name of a secret's variable must be.
pub const VARIABLE_RULE: &str = "it must be a name as a shell has it";

/// Says whether `text` can be a secret's name: that of a file, and one word.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_inner)
}

/// Reads a secret that is in no variable, as it is.
fn plain(name: &str, path: &Path) -> Result<Vec<u8>, Error> {
    let contents = value::contents(name, path, LIMIT)?;
    let wrong = |what| Error::NotAValue { id: name.to_owned(), path: path.to_owned(), what };
    match contents.len() as u64 {
        0 => Err(wrong("it is empty")),
        1..=LIMIT => Ok(contents),
        _ => Err(wrong("it has more than 65536 bytes")),
    }
}
