//! Where worktrees lie, and what their directories are called.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{Error, Linked};

/// The longest name that a directory gets from its branch alone.
const LONGEST: usize = 64;

/// How many hex digits tell apart what a directory's name cannot.
const DIGITS: usize = 8;

/// Returns the name of the directory of a worktree for `branch`: the branch's
/// own where it is one plain word, else one that no other branch gets.
///
/// One level, whatever slashes the branch has: a worktree must not lie in
/// another one.
#[must_use]
pub fn directory_of(branch: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let plain: String = branch.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    if plain == branch && !plain.starts_with(['-', '.']) && plain.len() <= LONGEST {
        return plain;
    }
    let head = plain.trim_start_matches(['-', '.']);
    let head = head[..head.len().min(LONGEST - DIGITS - 1)].trim_end_matches(['-', '.']);
    let head = if head.is_empty() { "branch" } else { head };
    format!("{head}-{}", digits(branch.as_bytes()))
}

/// Returns the directory in which the worktrees of the repository lie whose main
/// worktree is `main`: `MAIN.worktrees`, else one of its own in `chosen`.
#[must_use]
pub fn parent(main: &Path, chosen: Option<&Path>) -> PathBuf {
    match chosen {
        Some(chosen) => {
            let name = main.file_name().unwrap_or_default().to_string_lossy();
            let digits = digits(main.as_os_str().as_bytes());
            chosen.join(format!("{}-{digits}", directory_of(&name)))
        }
        None => {
            let mut beside = main.as_os_str().to_owned();
            beside.push(".worktrees");
            PathBuf::from(beside)
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    hex[..DIGITS].to_owned()
}

/// Refuses a place that is inside a worktree or the repository itself: what a
/// container has written comes into worktrees.
pub(crate) fn check_outside(
    place: &Path,
    common: &Path,
    worktrees: &[Linked],
) -> Result<(), Error> {
    let real = real(place);
    // A bare repository is listed as one of its worktrees.
    let roots = worktrees.iter().map(|each| each.path.as_path()).chain([common]);
    let within = roots.map(self::real).find(|root| real.starts_with(root));
    match within {
        Some(root) => Err(Error::Inside { path: place.to_owned(), root }),
        None => Ok(()),
    }
}

/// Returns `path` without symbolic links, as far as it exists.
pub(crate) fn real(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return rest.iter().rev().fold(real, |path: PathBuf, name: &&OsStr| path.join(name));
        }
        rest.extend(above.file_name());
    }
    path.to_owned()
}

/// Returns the path that leads from the directory `from` to `to`; both are
/// absolute and without symbolic links.
pub(crate) fn relative(from: &Path, to: &Path) -> PathBuf {
    let (mut from, mut to) = (from.components().peekable(), to.components().peekable());
    while from.peek().is_some() && from.peek() == to.peek() {
        let _ = (from.next(), to.next());
    }
    let up = from.map(|_| Component::ParentDir);
    up.chain(to).collect()
}
