//! What is in files that are trusted, by which they are known again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::danger::inside;

/// How many files a directory may have that is looked through.
const FILES: usize = 10_000;

/// How many bytes are read of all files together.
const BYTES: u64 = 64 << 20;

/// What stands around a file's name in a command.
const AROUND: &[char] =
    &['"', '\'', '\\', '`', ';', '&', '|', '<', '>', '(', ')', '[', ']', '{', '}', '=', ','];

/// Returns the digest of all that is in `directory`: names, modes and contents.
///
/// Nothing in it may lead elsewhere: all of it is copied into a build, and by some
/// a link is followed.
pub(crate) fn of_directory(directory: &Path) -> Result<String, String> {
    let (mut waiting, mut all, mut bytes) = (vec![directory.to_owned()], BTreeMap::new(), 0);
    while let Some(directory) = waiting.pop() {
        let unreadable = |error: io::Error| format!("'{}': {error}", directory.display());
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let (path, found) = (entry.path(), entry.metadata().map_err(unreadable)?);
            if found.is_dir() {
                waiting.push(path.clone());
            } else if !found.is_file() {
                return Err(format!("in it is '{}', which is no file", path.display()));
            } else {
                bytes += found.len();
            }
            all.insert(path, found);
            if all.len() > FILES || bytes > BYTES {
                return Err(format!(
                    "it has more than {FILES} files or {} MiB, too much to look through",
                    BYTES >> 20
                ));
            }
        }
    }
    let mut whole = Sha256::new();
    for (path, found) in all {
        let unreadable = |error: io::Error| format!("'{}': {error}", path.display());
        let contents = if found.is_file() { fs::read(&path).map_err(unreadable)? } else { vec![] };
        let name = path.strip_prefix(directory).unwrap_or(&path).as_os_str();
        whole.update(Sha256::digest(name.as_bytes()));
        whole.update(found.mode().to_be_bytes());
        whole.update(Sha256::digest(contents));
    }
    Ok(format!("{:x}", whole.finalize()))
}

/// Returns the digest of the files of the worktree `project` that `text`, a command
/// or a Dockerfile, names as they are seen from `base`; nothing where there are none.
///
/// It is what can be known of what runs, and not all of it.
pub(crate) fn of_named(project: &Path, base: &Path, text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || AROUND.contains(&c));
    let words: BTreeSet<_> = words.filter(|word| !word.is_empty()).collect();
    let (mut whole, mut bytes) = (None, 0);
    for word in words {
        let Ok(path) = inside(project, &base.join(word)) else { continue };
        let Some(found) = path.metadata().ok().filter(fs::Metadata::is_file) else { continue };
        bytes += found.len();
        if bytes > BYTES {
            break;
        }
        let whole = whole.get_or_insert_with(Sha256::new);
        whole.update(Sha256::digest(word));
        whole.update(Sha256::digest(fs::read(&path).unwrap_or_default()));
    }
    whole.map(|whole| format!("{:x}", whole.finalize()))
}
