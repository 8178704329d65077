//! The dotfiles as entries of `inject`.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use document::{
    Container, Extra,
    container::{self, Dotfiles, Inject},
};

use crate::{Dotfile, Error, Source, Warning, warning::Reason};

/// Returns the home directory of `user` in the container.
pub fn home(user: &str) -> Result<String, Error> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/' && c != ':';
    match user {
        "" | "." | ".." => Err(Error::User { user: user.to_owned() }),
        _ if user.chars().all(is_plain) => Ok(container::home(user)),
        _ => Err(Error::User { user: user.to_owned() }),
    }
}

/// Makes the entries of `document` that are dotfiles be those of `files`.
///
/// Entries of earlier runs are known by `keep_edited`. The new ones take
/// their place in the list; what other tools have listed stays as it is, and
/// wins over a dotfile for the same target.
pub fn list(
    document: &mut Container,
    files: Vec<Dotfile>,
    home: &str,
    owner: &str,
) -> Vec<Warning> {
    let before = mem::take(&mut document.inject);
    let place = before.iter().position(|entry| entry.keep_edited);
    let (old, mut others): (Vec<_>, Vec<_>) =
        before.into_iter().partition(|entry| entry.keep_edited);
    let mut extras: HashMap<_, _> =
        old.into_iter().map(|entry| (entry.target, entry.extra)).collect();
    let taken: HashSet<_> = others.iter().map(|entry| entry.target.clone()).collect();

    let mut warnings = Vec::new();
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        let target = format!("{home}/{}", file.path);
        if taken.contains(&target) {
            warnings.push(Warning { path: file.path, reason: Reason::Listed });
            continue;
        }
        let extra = extras.remove(&target).unwrap_or_default();
        let mode = format!("{:04o}", file.mode);
        let owner = owner.to_owned();
        entries.push(Inject { source: file.source, target, mode, owner, keep_edited: true, extra });
    }
    entries.sort_by(|a, b| a.target.cmp(&b.target));
    let place = place.unwrap_or(others.len());
    others.splice(place..place, entries);
    document.inject = others;
    warnings
}

/// Notes in `document` which directory the dotfiles came from, so that a
/// later run without the option takes the same.
pub fn record(document: &mut Container, source: Source) {
    if let Source::Directory(path) = source {
        let empty = Dotfiles { source: None, extra: Extra::new() };
        document.dotfiles.get_or_insert(empty).source = Some(path);
    }
}
