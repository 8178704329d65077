//! Deploying dotfiles without overwriting what a person edited.
//!
//! Into a home that was made just now they go directly. In one that was there
//! before, a fixed script in the container compares each file with what was
//! deployed last. What was edited or removed since is the person's: a new
//! version is written beside it as `.new`, once. One that a person has edited
//! there has no place.

use sha2::{Digest, Sha256};

use crate::archive::{Content, Entry, Owner};

/// Where the files wait in the container: outside of all volumes.
const STAGING: &str = "/var/lib/ctrkit/place";

/// The file below the home that says what was deployed last: lines of
/// digest, space, space, path, as sha256sum(1) writes them.
const MANIFEST: &str = ".local/state/ctrkit/dotfiles";

/// Runs in the container, as the user; what it does is told in it.
const SCRIPT: &str = include_str!("place.sh");

/// Returns `entries`, the dotfiles of `home`, as they go into the staging
/// directory of a home that was there before, to be placed by [`command`].
///
/// The script runs as the user, who has to read them.
#[must_use]
pub(crate) fn staged(entries: &[Entry], home: &str) -> Vec<Entry> {
    if entries.is_empty() {
        return Vec::new();
    }
    let mut all = vec![Entry::directory(STAGING, Owner::Root)];
    // Directories come first: one that is made for a file would get no mode.
    let (directories, files): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.content == Content::Directory);
    let mut index = String::new();
    for (number, entry) in directories.into_iter().chain(files).enumerate() {
        let wanted = match &entry.content {
            Content::Directory => "directory".to_owned(),
            Content::File(bytes) => {
                let target = format!("{STAGING}/{number}");
                all.push(Entry { target, mode: 0o400, owner: Owner::User, ..entry.clone() });
                digest(bytes)
            }
        };
        index += &format!("{number}\t{:o}\t{wanted}\t{}\n", entry.mode, below(home, entry));
    }
    all.push(Entry::file(format!("{STAGING}/index"), index));
    all
}

/// Returns the manifest for a new home, to be sent along with the files.
#[must_use]
pub(crate) fn manifest_entry(entries: &[Entry], home: &str) -> Entry {
    let file = Entry::file(format!("{home}/{MANIFEST}"), manifest(entries, home));
    Entry { owner: Owner::User, ..file }
}

/// Returns the arguments that place the staged files.
#[must_use]
pub(crate) fn command<'a>(container: &'a str, user: &'a str, home: &'a str) -> Vec<&'a str> {
    vec!["exec", "--user", user, container, "sh", "-c", SCRIPT, "sh", STAGING, home, MANIFEST]
}

/// Returns the paths below the home that the script could not place.
#[must_use]
pub(crate) fn unplaced(answer: &str) -> Vec<String> {
    answer.lines().map(str::to_owned).collect()
}

fn manifest(entries: &[Entry], home: &str) -> String {
    let line = |entry: &Entry| match &entry.content {
        Content::File(bytes) => Some(format!("{}  {}\n", digest(bytes), below(home, entry))),
        Content::Directory => None,
    };
    entries.iter().filter_map(line).collect()
}

fn below<'a>(home: &str, entry: &'a Entry) -> &'a str {
    entry.target.strip_prefix(home).unwrap_or(&entry.target).trim_start_matches('/')
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
