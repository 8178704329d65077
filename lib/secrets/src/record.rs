//! What is remembered of the secrets that a container has.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toolkit::files::{self, FileError};

/// The file of a record, in the container's state directory.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
}

/// What a container has, or may have.
///
/// A secret is known by a digest with a salt that is drawn anew each time.
/// The plain digest of a secret would tell, to whoever reads the file or a
/// backup of it, that two containers have the same one, and whether one that
/// was found elsewhere is this one; size and time of its file would miss
/// one that is put into the place of another with both kept.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// The container's id; another container has nothing yet.
    container: String,
    /// The salt, in hex; empty while the secret is on its way.
    salt: String,
    /// The digest, in hex.
    digest: String,
}

impl Record {
    /// Returns the record of a container that may have a secret from now on.
    #[must_use]
    pub fn begun(container: &str) -> Self {
        Self { container: container.to_owned(), ..Self::default() }
    }

    /// Returns the record of `container` with what `parts` say: how it came
    /// there, and the secret.
    pub fn of<P: AsRef<[u8]>>(container: &str, parts: &[P]) -> Result<Self, FileError> {
        let salt = salt()?;
        let digest = digest(&salt, container, parts);
        Ok(Self { container: container.to_owned(), salt, digest })
    }

    /// Says whether `container` has that already.
    #[must_use]
    pub fn holds<P: AsRef<[u8]>>(&self, container: &str, parts: &[P]) -> bool {
        !self.salt.is_empty()
            && self.container == container
            && self.digest == digest(&self.salt, container, parts)
    }
}

impl Memory {
    /// Returns the memory in the file at `path`.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the record, or `None` if there is none. One that is broken says
    /// that there may be anything.
    pub fn recall(&self) -> Result<Option<Record>, FileError> {
        let contents = files::read(&self.path)?;
        Ok(contents.map(|contents| serde_json::from_slice(&contents).unwrap_or_default()))
    }

    /// Keeps `record`.
    pub fn note(&self, record: &Record) -> Result<(), FileError> {
        let contents = serde_json::to_vec(record).unwrap_or_default();
        files::replace(&self.path, &contents, 0o600).map(drop)
    }

    /// Forgets that there may be anything.
    pub fn forget(&self) -> Result<(), FileError> {
        files::remove(&self.path).map(drop)
    }
}

/// Draws a salt from the system.
fn salt() -> Result<String, FileError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    let drawn = File::open(path)
        .and_then(|mut file: File| -> io::Result<()> { file.read_exact(&mut bytes) });
    drawn.map_err(FileError::reading(path))?;
    Ok(hex(&bytes))
}

fn digest<P: AsRef<[u8]>>(salt: &str, container: &str, parts: &[P]) -> String {
    let mut digest = Sha256::new();
    let parts = parts.iter().map(AsRef::as_ref);
    for part in [salt.as_bytes(), container.as_bytes()].into_iter().chain(parts) {
        digest.update(part);
        digest.update([0]);
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_record_knows_its_secret_and_no_other() {
        let record = Record::of("c1", &["dev", "good"]).unwrap();
        assert!(record.holds("c1", &["dev", "good"]));
        for (container, parts) in
            [("c1", ["dev", "other"]), ("c2", ["dev", "good"]), ("c1", ["devg", "ood"])]
        {
            assert!(!record.holds(container, &parts), "{container} {parts:?}");
        }
        assert!(!Record::begun("c1").holds("c1", &["dev", "good"]));
        assert_ne!(record, Record::of("c1", &["dev", "good"]).unwrap());
    }

    #[test]
    fn a_record_that_is_broken_says_that_there_may_be_anything() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::at(directory.path().join("secrets.json"));
        assert_eq!(memory.recall().unwrap(), None);
        let record = Record::of("c1", &["canary"]).unwrap();
        memory.note(&record).unwrap();
        assert_eq!(memory.recall().unwrap(), Some(record));
        let path = directory.path().join("secrets.json");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&path).unwrap().contains("canary"));
        for broken in ["", "{", "[]", "{\"container\":1}"] {
            std::fs::write(&path, broken).unwrap();
            assert_eq!(memory.recall().unwrap(), Some(Record::default()));
        }
        memory.forget().unwrap();
        assert_eq!(memory.recall().unwrap(), None);
    }
}
