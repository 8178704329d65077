//! What a log says is missing in a policy: the smallest additions.
//!
//! Who is in the container decides what is in the log. So nothing is proposed
//! that would open more than was asked for: no other name, nothing passed
//! through, no address; and a person reads it before it is used.

mod propose;
mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use document::policy::{Effect, Operation};
use policy::{Decider, Policy};
use toolkit::{DocumentError, files::FileError};

pub use self::propose::Proposal;
use self::record::Record;
use crate::Error;

/// The longest line that is read; the proxy writes far shorter ones.
const LINE: u64 = 1 << 20;

/// As many hosts as a person would look at.
const HOSTS: usize = 500;

/// As many paths of one host as are remembered.
const PATHS: usize = 64;

/// What a log says is missing.
#[derive(Debug)]
pub struct Lesson<'a> {
    known: &'a Policy,
    decider: Decider<'a>,
    hosts: BTreeMap<String, Need>,
    github: GithubNeed,
    left_out: BTreeMap<String, Seen>,
    records: usize,
}

/// What was seen: how often, and what came first.
#[derive(Clone, Debug, Default)]
struct Seen {
    count: usize,
    first: String,
}

/// What is missing for one host.
#[derive(Debug, Default)]
struct Need {
    ports: BTreeSet<u16>,
    methods: BTreeSet<String>,
    /// The paths, decoded; `None` once one is not known.
    paths: Option<BTreeSet<Vec<String>>>,
    /// Whether the policy names paths, so that some have to be named.
    has_paths: bool,
    websockets: bool,
    seen: Seen,
}

/// What is missing on GitHub.
#[derive(Debug, Default)]
struct GithubNeed {
    /// The names that stand for hosts: those that are new, and those on which
    /// something is missing.
    hosts: BTreeMap<String, Seen>,
    new: BTreeSet<String>,
    operations: BTreeMap<Operation, Seen>,
    repositories: BTreeMap<String, Seen>,
}

/// Opens the log at `path`.
pub fn open_log(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::LogAbsent { path: path.to_owned() },
        _ => FileError::reading(path)(error).into(),
    })
}

impl Seen {
    fn add(&mut self, record: &Record) {
        if self.count == 0 {
            self.first = record.text();
        }
        self.count += 1;
    }
}

impl<'a> Lesson<'a> {
    /// Begins with what `known` allows already.
    #[must_use]
    pub fn new(known: &'a Policy) -> Self {
        Self {
            known,
            decider: Decider::new(known),
            hosts: BTreeMap::new(),
            github: GithubNeed::default(),
            left_out: BTreeMap::new(),
            records: 0,
        }
    }

    /// Reads the records of the log `source`, whose name is `path`.
    pub fn read(&mut self, path: &Path, source: impl Read) -> Result<(), Error> {
        let mut source = BufReader::new(source);
        let (mut wrong, mut number) = (None, 0);
        loop {
            let mut line = Vec::new();
            let read = source.by_ref().take(LINE).read_until(b'\n', &mut line);
            if read.map_err(DocumentError::Read)? == 0 {
                break;
            }
            number += 1;
            match Record::parse(&line) {
                Some(record) => self.learn(&record),
                None if line.iter().all(u8::is_ascii_whitespace) => {}
                None => wrong = wrong.or(Some(number)),
            }
        }
        match wrong {
            Some(line) if self.records == 0 => Err(Error::NoLog { path: path.to_owned(), line }),
            Some(line) => {
                let what = format!("a line that is no record, such as line {line}");
                self.left_out.entry(what).or_default().count += 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn learn(&mut self, record: &Record) {
        self.records += 1;
        if !record.is_refused || record.is_let_through(&self.decider) {
            return;
        }
        if let Err(why) = self.take(record) {
            self.left_out.entry(why).or_default().add(record);
        }
    }

    /// Notes what `record` needs; an error is why nothing is proposed for it.
    fn take(&mut self, record: &Record) -> Result<(), String> {
        record.must_be_of_policy()?;
        let host = record.public_host()?;
        let guard = guard_name(&host).or_else(|| {
            let is_guarded = self.decider.guard(&host).is_some();
            let is_told = matches!(record.reason.as_str(), "operation" | "repository");
            (is_guarded || is_told).then(|| host.clone())
        });
        match guard {
            Some(name) => self.take_github(&name, &host, record),
            None => self.take_host(host, record),
        }
    }

    fn take_github(&mut self, name: &str, host: &str, record: &Record) -> Result<(), String> {
        if record.port != 443 {
            return Err("port: a host of GitHub is open on port 443 alone".to_owned());
        }
        match record.reason.as_str() {
            "unknown-name" => {
                self.github.new.insert(name.to_owned());
            }
            "operation" => self.take_operation(record)?,
            "repository" => {
                let repository = record.repository(host).ok_or_else(|| {
                    "repository: the request does not name it in its path".to_owned()
                })?;
                self.github.repositories.entry(repository).or_default().add(record);
            }
            reason => return Err(format!("{reason}: a host of GitHub is open in one way alone")),
        }
        self.github.hosts.entry(name.to_owned()).or_default().add(record);
        Ok(())
    }

    fn take_operation(&mut self, record: &Record) -> Result<(), String> {
        let name = record.operation.as_deref().unwrap_or_default();
        let operation = policy::find_operation(name)
            .map_err(|_| "operation: the record does not name one that is known".to_owned())?;
        let said = self.known.github.as_ref().and_then(|github| github.operations.get(&operation));
        if let Some(said) = said.filter(|said| said.effect == Effect::Refuse) {
            // What is refused by name is refused whatever is added.
            return Err(format!("operation: {operation} is refused by name at {}", said.from));
        }
        self.github.operations.entry(operation).or_default().add(record);
        Ok(())
    }

    fn take_host(&mut self, host: String, record: &Record) -> Result<(), String> {
        if self.hosts.len() >= HOSTS && !self.hosts.contains_key(&host) {
            return Err(format!("more than {HOSTS} hosts, which is no ordinary need"));
        }
        let path = record.path.as_deref().and_then(policy::clean);
        let is_path = record.reason == "path";
        if is_path && path.is_none() {
            return Err("path: it can be read in two ways, or is not in the log".to_owned());
        }
        let need = self
            .hosts
            .entry(host)
            .or_insert_with(|| Need { paths: Some(BTreeSet::new()), ..Need::default() });
        need.seen.add(record);
        need.ports.insert(record.port);
        need.websockets |= record.reason == "websocket";
        need.has_paths |= is_path;
        // Of a CONNECT it is not known what it was for.
        if record.kind == "request" {
            need.methods.insert(record.method.clone());
            match (&mut need.paths, path) {
                (Some(paths), Some(path)) if paths.len() < PATHS => drop(paths.insert(path)),
                (paths, _) => *paths = None,
            }
        }
        Ok(())
    }
}

/// Returns the name in `[github]` that `host`, one of GitHub's own, goes with.
fn guard_name(host: &str) -> Option<String> {
    let bare = host.strip_prefix("api.").or_else(|| host.strip_prefix("uploads."));
    let is_own = |name: &&str| {
        *name == "github.com"
            || name.strip_suffix(".ghe.com").is_some_and(|company| !company.contains('.'))
    };
    [bare.unwrap_or(host), host].into_iter().find(|name| is_own(name)).map(str::to_owned)
}
