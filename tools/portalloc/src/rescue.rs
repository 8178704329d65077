//! A ledger that is lost or broken.

use std::path::{Path, PathBuf};

use document::Ports;
use toolkit::{Failure, files};

use crate::{Error, Found, Snapshot, Store, rebuild::rebuild};

/// What is asked, and told, when the ledger is lost or broken.
pub trait Rescue {
    /// Asks each engine for its containers; none where no engine is installed.
    fn containers(&self) -> Vec<Result<Vec<Found>, Error>>;

    /// Tells people something that is no failure.
    fn warn(&self, message: &str);
}

impl Store {
    /// Begins a ledger with what there is already.
    ///
    /// On a machine that never had one, there may be no engine that answers:
    /// that is said where one is installed, and no reason to fail.
    pub(crate) fn begin(&self, rescue: &impl Rescue) -> Result<Snapshot, Error> {
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
        let ledger = rebuilt(found, rescue);
        if !ledger.reservations.is_empty() {
            self.write(&ledger, &[])?;
        }
        Ok(Snapshot { text: Vec::new(), ledger })
    }

    /// Moves a broken ledger aside and puts a rebuilt one in its place.
    pub(crate) fn mend(
        &self,
        text: &[u8],
        why: &str,
        rescue: &impl Rescue,
    ) -> Result<Snapshot, Error> {
        let answers: Result<Vec<_>, _> = rescue.containers().into_iter().collect();
        let found = answers.map_err(|error| Error::LedgerBroken {
            path: self.path.clone(),
            source: Box::new(error),
        })?;
        let ledger = rebuilt(found.into_iter().flatten().collect(), rescue);
        let aside = self.aside(text)?;
        self.write(&ledger, &[])?;
        rescue.warn(&format!(
            "the ledger '{}' {why}: kept as '{}' and rebuilt from the containers' labels, \
             reservations of plain names are lost",
            self.path.display(),
            aside.display()
        ));
        Ok(Snapshot { text: Vec::new(), ledger })
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

fn rebuilt(found: Vec<Found>, rescue: &impl Rescue) -> Ports {
    let (ledger, warnings) = rebuild(found);
    warnings.iter().for_each(|warning| rescue.warn(warning));
    ledger
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(format!(".broken-{number}"));
    PathBuf::from(name)
}

/// Renders an error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
