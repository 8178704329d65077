//! What is remembered of the token that a container has.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toolkit::files::{self, FileError};

use crate::Token;

/// The file in the container's state directory, as a caller sees it.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
}

/// What a container has, or may have.
///
/// The token is known by a digest with a salt that is drawn anew each time.
/// The plain digest of a secret would tell, to whoever reads the file or a
/// backup of it, that two containers have the same token, and whether a token
/// that was found elsewhere is this one; size and time of the file would miss
/// a token that is put into the place of another with both kept.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Record {
    /// The container's id; another container has nothing yet.
    container: String,
    /// The salt, in hex; empty while the token is on its way.
    salt: String,
    /// The digest, in hex.
    digest: String,
}

impl Record {
    /// Returns the record of a container that may have a token from now on.
    pub(crate) fn begun(container: &str) -> Self {
        Self { container: container.to_owned(), ..Self::default() }
    }

    /// Returns the record of `container` with `token`, put there by `means`.
    pub(crate) fn of(container: &str, means: &[&str], token: &Token, salt: String) -> Self {
        let digest = digest(&salt, container, means, token);
        Self { container: container.to_owned(), salt, digest }
    }

    /// Says whether `container` has `token` already.
    pub(crate) fn holds(&self, container: &str, means: &[&str], token: &Token) -> bool {
        !self.salt.is_empty()
            && self.container == container
            && self.digest == digest(&self.salt, container, means, token)
    }
}

impl Memory {
    /// Returns the memory in a container's state directory.
    pub(crate) fn of(directory: &Path) -> Self {
        Self { path: directory.join("github.json") }
    }

    /// Returns the record, or `None` if there is none. One that is broken says
    /// that there may be anything.
    pub(crate) fn recall(&self) -> Result<Option<Record>, FileError> {
        let contents = files::read(&self.path)?;
        Ok(contents.map(|contents| serde_json::from_slice(&contents).unwrap_or_default()))
    }

    pub(crate) fn note(&self, record: &Record) -> Result<(), FileError> {
        let contents = serde_json::to_vec(record).unwrap_or_default();
        files::replace(&self.path, &contents, 0o600).map(drop)
    }

    pub(crate) fn forget(&self) -> Result<(), FileError> {
        files::remove(&self.path).map(drop)
    }
}

/// Draws a salt from the system.
pub(crate) fn salt() -> Result<String, FileError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    let drawn = File::open(path)
        .and_then(|mut file: File| -> io::Result<()> { file.read_exact(&mut bytes) });
    drawn.map_err(FileError::reading(path))?;
    Ok(hex(&bytes))
}

fn digest(salt: &str, container: &str, means: &[&str], token: &Token) -> String {
    let mut digest = Sha256::new();
    for part in [salt, container].iter().chain(means).chain([&token.reveal()]) {
        digest.update(part);
        digest.update([0]);
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
