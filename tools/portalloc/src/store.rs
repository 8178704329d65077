//! The ledger as a file: read at any time, changed under its lock, mended
//! where it is broken.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use document::{Document, ParseError, Ports, Received};
use toolkit::{
    Failure,
    files::{self, FileError, Lock},
};

use crate::{Error, Found, rebuild::rebuild};

/// How long to wait for the lock. Its holder writes one small file, or asks
/// the engines once where the ledger is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// The ledger's file and its lock.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// The ledger as it was at some moment.
#[derive(Debug)]
pub struct Snapshot {
    text: Vec<u8>,
    ledger: Received<Ports>,
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

/// What is asked, and told, when the ledger is lost or broken.
pub trait Rescue {
    /// Asks each engine for its containers; none where no engine is installed.
    fn containers(&self) -> Vec<Result<Vec<Found>, Error>>;

    /// Tells people something that is no failure.
    fn warn(&self, message: &str);
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
            Contents::Good(snapshot) => return Ok(snapshot.ledger.into_inner()),
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
        let mut ledger = match self.contents(read)? {
            Contents::Good(snapshot) => snapshot.ledger,
            Contents::Absent => self.begin(rescue)?,
            Contents::Broken { text, why } => self.mend(&text, why, rescue)?,
        };
        let before = Ports::clone(&ledger);
        let result = change(&mut ledger)?;
        if *ledger != before {
            self.write(&ledger)?;
        }
        Ok(result)
    }

    fn contents(&self, read: Option<Snapshot>) -> Result<Contents, Error> {
        let Some(text) = files::read(&self.path)? else { return Ok(Contents::Absent) };
        if let Some(snapshot) = read.filter(|snapshot| snapshot.text == text) {
            return Ok(Contents::Good(snapshot));
        }
        let why = match document::parse::<Ports>(&text) {
            Ok(ledger) => return Ok(Contents::Good(Snapshot { text, ledger })),
            Err(ParseError::Schema(Some(schema))) if is_newer(&schema) => {
                return Err(Error::LedgerNewer { path: self.path.clone(), schema });
            }
            Err(ParseError::Schema(_)) => "is of another schema",
            Err(ParseError::Empty) => "is empty",
            Err(ParseError::TooLarge { .. }) => "is too large",
            Err(_) => "cannot be parsed",
        };
        Ok(Contents::Broken { text, why })
    }

    fn write(&self, ledger: &Received<Ports>) -> Result<(), Error> {
        let failed = |error: serde_json::Error| FileError::writing(&self.path)(error.into());
        let line = ledger.to_line().map_err(failed)?;
        files::sweep(&self.path);
        files::replace(&self.path, format!("{line}\n").as_bytes(), 0o600)?;
        Ok(())
    }

    /// Begins a ledger with what there is already.
    ///
    /// On a machine that never had one, there may be no engine that answers:
    /// that is said where one is installed, and no reason to fail.
    fn begin(&self, rescue: &impl Rescue) -> Result<Received<Ports>, Error> {
        let mut found = Vec::new();
        for answer in rescue.containers() {
            match answer {
                Ok(containers) => found.extend(containers),
                // Where there is no engine there are no containers.
                Err(error) if error.kind() == "engine-absent" => {}
                Err(error) => rescue.warn(&format!(
                    "there is no ledger yet, and containers that exist could not be asked for: {}",
                    chain(&error)
                )),
            }
        }
        let ledger = self.rebuilt(found, rescue);
        if !ledger.reservations.is_empty() {
            self.write(&ledger)?;
        }
        Ok(ledger)
    }

    /// Moves a broken ledger aside and puts a rebuilt one in its place.
    fn mend(&self, text: &[u8], why: &str, rescue: &impl Rescue) -> Result<Received<Ports>, Error> {
        let answers: Result<Vec<_>, _> = rescue.containers().into_iter().collect();
        let found = answers.map_err(|error| Error::LedgerBroken {
            path: self.path.clone(),
            source: Box::new(error),
        })?;
        let ledger = self.rebuilt(found.into_iter().flatten().collect(), rescue);
        let aside = self.aside(text)?;
        self.write(&ledger)?;
        rescue.warn(&format!(
            "the ledger '{}' {why}: kept as '{}' and rebuilt from the containers' labels, \
             reservations of plain names are lost",
            self.path.display(),
            aside.display()
        ));
        Ok(ledger)
    }

    fn rebuilt(&self, found: Vec<Found>, rescue: &impl Rescue) -> Received<Ports> {
        let (ledger, warnings) = rebuild(found);
        warnings.iter().for_each(|warning| rescue.warn(warning));
        ledger.into()
    }

    /// Keeps `text` in a file of its own, `ports.json.broken-1` and so on.
    ///
    /// One that has the same text already, from a run that was killed here,
    /// is taken as it is.
    fn aside(&self, text: &[u8]) -> Result<PathBuf, Error> {
        let mut number = 1_u32;
        loop {
            let path = numbered(&self.path, number);
            match files::read(&path)? {
                Some(other) if other != text => number += 1,
                _ => {
                    files::replace(&path, text, 0o600)?;
                    return Ok(path);
                }
            }
        }
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(format!(".broken-{number}"));
    PathBuf::from(name)
}

/// Says whether `schema` is a later version of the ledger's own.
fn is_newer(schema: &str) -> bool {
    let version = |schema: &str| schema.strip_prefix("ports/")?.parse::<u32>().ok();
    version(schema).is_some_and(|found| version(Ports::SCHEMA).is_some_and(|own| found > own))
}

/// Renders an error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
