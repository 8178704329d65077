//! The state directory of a container, beside which other directories lie.

use std::{fs, io, path::Path};

use crate::files::{self, FileError};

/// The file of the document that was applied last.
pub const DOCUMENT: &str = "document.json";

/// The file of what a run of ctr-up(1) has left to be done, if it was cut off.
pub const PENDING: &str = "pending.json";

/// The files of which at least one is in the state directory of every
/// container, in the order in which they are removed: the lock goes last.
const MARKS: [&str; 6] = [
    PENDING,
    "ssh_host_ed25519_key",
    "ssh_host_ed25519_key.pub",
    "ssh_host_ed25519_key-cert.pub",
    DOCUMENT,
    "lock",
];

/// Says whether `directory` is there and a container's.
///
/// One that is empty is, if its name is one that ctr-spec(1) makes: a removal
/// was cut off at its very end.
#[must_use]
pub fn is_of_container(directory: &Path) -> bool {
    if !directory.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return false;
    }
    let has_mark = MARKS.iter().any(|mark| directory.join(mark).symlink_metadata().is_ok());
    let is_empty = || fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none());
    has_mark || (has_made_up_name(directory) && is_empty())
}

/// Says whether the container of the state directory `directory`, which is isolated, may
/// have been started without anybody having tried since whether its isolation holds.
/// What cannot be read does not say that it was tried.
pub fn is_unproven(directory: &Path) -> Result<bool, FileError> {
    let Some(text) = files::read(&directory.join(PENDING))? else { return Ok(false) };
    let pending = serde_json::from_slice::<serde_json::Value>(&text);
    Ok(pending.map_or(true, |pending| pending["unproven"] == true))
}

/// Says whether the name ends as those that ctr-spec(1) makes up: in a hyphen
/// and six hex digits.
fn has_made_up_name(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.rsplit_once('-')).is_some_and(|(_, hash)| {
        hash.len() == 6 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Removes `directory` with all that is in it, and that by which it is known
/// last. One that is gone is no error.
pub fn remove(directory: &Path) -> Result<(), FileError> {
    let failed = FileError::writing(directory);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(&failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(&failed)?;
        let is_mark = MARKS.iter().any(|mark| entry.file_name() == *mark);
        if is_mark {
            continue;
        }
        let path = entry.path();
        let is_directory = entry.file_type().map_err(&failed)?.is_dir();
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.or_else(gone).map_err(FileError::writing(&path))?;
    }
    for mark in MARKS {
        files::remove(&directory.join(mark))?;
    }
    match fs::remove_dir(directory) {
        // Somebody has begun anew, with a lock of their own.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed.or_else(gone).map_err(failed),
    }
}

/// Takes the error that there is no such thing for success.
fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_gone_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dev-a");
        fs::create_dir_all(path.join("runs")).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
        remove(&path).unwrap();
    }
}
