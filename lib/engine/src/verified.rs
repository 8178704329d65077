//! Which refusals of a proxy answer ctr-verify(1), which asks for what must be
//! refused.
//!
//! ctr-verify notes the records of its own requests in the state directory, as
//! they stand in the proxy's log. No request says of itself whose it is: what the
//! container can say, anything in it can.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::files::{self, FileError, Lock};

/// The file, in the container's state directory.
const FILE: &str = "verified.json";

/// The lock of that file.
const LOCK: &str = "verified.lock";

/// How long another run may write it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most records that are kept, the newest: those of a hundred runs.
const MOST: usize = 2000;

/// The records of ctr-verify's own requests in the log of one proxy.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// The proxy's id; another one has a log of its own.
    proxy: String,
    /// Lines of the log.
    records: Vec<String>,
}

impl Verified {
    /// Returns what is noted of `proxy`; `directory` is the state directory of its
    /// container. Where that cannot be read nothing is.
    #[must_use]
    pub fn of(proxy: &str, directory: &Path) -> Self {
        let text = files::read(&directory.join(FILE)).ok().flatten();
        let noted = text.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let noted = noted.filter(|noted| noted.proxy == proxy);
        noted.unwrap_or_else(|| Self { proxy: proxy.to_owned(), records: Vec::new() })
    }

    /// Adds `records` to what is noted of `proxy`.
    pub fn note(proxy: &str, directory: &Path, records: Vec<String>) -> Result<(), FileError> {
        let _lock = Lock::take(&directory.join(LOCK), PATIENCE)?;
        let mut noted = Self::of(proxy, directory);
        noted.records.extend(records);
        let surplus = noted.records.len().saturating_sub(MOST);
        noted.records.drain(..surplus);
        let path = directory.join(FILE);
        let text =
            serde_json::to_vec(&noted).map_err(|error| FileError::writing(&path)(error.into()))?;
        files::replace(&path, &text, 0o600).map(drop)
    }

    /// Returns how many of them began at `moment` or later, which the proxy has
    /// told. It writes all of them in one form, which sorts by time.
    #[must_use]
    pub fn since(&self, moment: &str) -> u64 {
        let began = |record: &String| {
            let record = serde_json::from_str::<Value>(record).unwrap_or_default();
            record["time"].as_str().is_some_and(|time| time >= moment)
        };
        self.records.iter().filter(|record| began(record)).count() as u64
    }

    /// Says whether `line` of the log is one of them. Each is so once: of two that
    /// are the same, one may be somebody else's.
    pub fn take(&mut self, line: &str) -> bool {
        let found = self.records.iter().position(|record| record == line);
        found.map(|at| self.records.swap_remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_noted_for_its_proxy_and_taken_once() {
        let directory = tempfile::tempdir().unwrap();
        let record = |time: &str| format!(r#"{{"time":"2026-11-27T08:00:0{time}Z"}}"#);
        let note = |proxy, records| Verified::note(proxy, directory.path(), records).unwrap();
        note("one", vec![record("1.000"), record("2.000")]);
        note("one", vec![record("2.000")]);
        let mut noted = Verified::of("one", directory.path());
        assert_eq!(noted.since("2026-11-27T08:00:00.999Z"), 3);
        assert_eq!(noted.since("2026-11-27T08:00:02.000Z"), 2);
        let taken = ["1.000", "2.000", "2.000", "2.000", "3.000"].map(|at| noted.take(&record(at)));
        assert_eq!(taken, [true, true, true, false, false]);
        assert_eq!(Verified::of("other", directory.path()).since(""), 0);
        note("other", (0..=MOST).map(|_| record("1.000")).collect());
        assert_eq!(Verified::of("other", directory.path()).since(""), MOST as u64);
        assert_eq!(Verified::of("one", directory.path()).since(""), 0);
        std::fs::write(directory.path().join(FILE), "{").unwrap();
        assert_eq!(Verified::of("other", directory.path()).since(""), 0);
    }
}
