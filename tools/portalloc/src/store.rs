//! The ledger as a file: read at any time, changed under its lock, mended
//! where it is broken.

use std::{path::PathBuf, time::Duration};

use document::{Document, ParseError, Ports, ports::Reservation};
use toolkit::files::{self, FileError, Lock};

use crate::{Error, Rescue};

/// How long to wait for the lock. Its holder writes one small file, or asks
/// the engines once where the ledger is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// The ledger's file and its lock.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) path: PathBuf,
}

/// The ledger as it was at some moment.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) text: Vec<u8>,
    pub(crate) ledger: Ports,
}

impl Snapshot {
    /// Returns the ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ports {
        &self.ledger
    }
}

/// What is in the ledger's file.
enum Contents {
    Absent,
    Good(Snapshot),
    Broken { text: Vec<u8>, why: &'static str },
}

impl Store {
    /// Takes the file at `path` for the ledger.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the ledger as it is, if it is there and whole.
    ///
    /// Writers replace the file whole, so no lock is needed.
    pub fn read(&self) -> Result<Option<Snapshot>, Error> {
        match self.contents(None)? {
            Contents::Good(snapshot) => Ok(Some(snapshot)),
            Contents::Absent | Contents::Broken { .. } => Ok(None),
        }
    }

    /// Returns the ledger as far as it can be known without asking anybody.
    pub fn guess(&self, rescue: &impl Rescue) -> Result<Ports, Error> {
        match self.contents(None)? {
            Contents::Good(snapshot) => return Ok(snapshot.ledger),
            Contents::Absent => {}
            Contents::Broken { why, .. } => {
                rescue.warn(&format!("the ledger '{}' {why}", self.path.display()));
            }
        }
        Ok(Ports::empty())
    }

    /// Changes the ledger under its lock, and returns what `change` returns.
    ///
    /// Nothing is written where nothing changes, or where `change` fails.
    /// What was `read` before saves the work of parsing the same text again.
    pub fn update<T>(
        &self,
        read: Option<Snapshot>,
        rescue: &impl Rescue,
        change: impl FnOnce(&mut Ports) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _lock = Lock::take(&self.path.with_extension("lock"), PATIENCE)?;
        let Snapshot { text, ledger: before } = match self.contents(read)? {
            Contents::Good(snapshot) => snapshot,
            Contents::Absent => self.begin(rescue)?,
            Contents::Broken { text, why } => self.mend(&text, why, rescue)?,
        };
        let mut ledger = before.clone();
        let result = change(&mut ledger)?;
        if ledger != before {
            self.write(&ledger, &text)?;
        }
        Ok(result)
    }

    fn contents(&self, read: Option<Snapshot>) -> Result<Contents, Error> {
        let Some(text) = files::read(&self.path)? else { return Ok(Contents::Absent) };
        if let Some(snapshot) = read.filter(|snapshot| snapshot.text == text) {
            return Ok(Contents::Good(snapshot));
        }
        match parse(&text) {
            Some(ledger) => Ok(Contents::Good(Snapshot { text, ledger })),
            None => self.judge(text),
        }
    }

    /// Says what is wrong with a text that is no ledger of this version.
    fn judge(&self, text: Vec<u8>) -> Result<Contents, Error> {
        let why = match document::parse::<Ports>(&text) {
            Err(ParseError::Schema(Some(schema))) if is_newer(&schema) => {
                return Err(Error::LedgerNewer { path: self.path.clone(), schema });
            }
            Err(ParseError::Schema(_)) => "is of another schema",
            Err(ParseError::Empty) => "is empty",
            _ => "cannot be parsed",
        };
        Ok(Contents::Broken { text, why })
    }

    /// Writes `ledger` in the place of one that had the text `before`.
    pub(crate) fn write(&self, ledger: &Ports, before: &[u8]) -> Result<(), Error> {
        let failed = |error: serde_json::Error| FileError::writing(&self.path)(error.into());
        let line = render(ledger, before).map_err(failed)?;
        files::sweep(&self.path);
        files::replace(&self.path, format!("{line}\n").as_bytes(), 0o600)?;
        Ok(())
    }
}

/// Parses a ledger as it is read a thousand times: without the order of its
/// keys, which takes four times as long.
fn parse(text: &[u8]) -> Option<Ports> {
    serde_json::from_slice(text).ok().filter(|ledger: &Ports| ledger.schema == Ports::SCHEMA)
}

/// Returns the line of `ledger`. Keys that this version does not know keep
/// the places that they had in the text `before`.
fn render(ledger: &Ports, before: &[u8]) -> Result<String, serde_json::Error> {
    if has_unknown_keys(ledger) {
        if let Ok(mut received) = document::parse::<Ports>(before) {
            *received = ledger.clone();
            return received.to_line();
        }
    }
    serde_json::to_string(ledger)
}

fn has_unknown_keys(ledger: &Ports) -> bool {
    let of_one = |one: &Reservation| {
        !one.extra.is_empty() || one.ports.iter().any(|held| !held.extra.is_empty())
    };
    !ledger.extra.is_empty() || ledger.reservations.iter().any(of_one)
}

/// Says whether `schema` is a later version of the ledger's own.
fn is_newer(schema: &str) -> bool {
    let version = |schema: &str| schema.strip_prefix("ports/")?.parse::<u32>().ok();
    version(schema).is_some_and(|found| version(Ports::SCHEMA).is_some_and(|own| found > own))
}
