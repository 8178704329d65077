//! The set for people who have none.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use toolkit::files;

use crate::{Dotfile, Error, Found};

/// A file of the set. An embedded file has no mode of its own, so each has one here.
struct Embedded {
    path: &'static str,
    mode: u32,
    contents: &'static str,
}

/// The set, sorted by path.
const SET: [Embedded; 7] = [
    file(".bashrc", include_str!("../builtin/bashrc")),
    file(".gitconfig", include_str!("../builtin/gitconfig")),
    file(".inputrc", include_str!("../builtin/inputrc")),
    file(".profile", include_str!("../builtin/profile")),
    file(".tmux.conf", include_str!("../builtin/tmux.conf")),
    file(".zprofile", include_str!("../builtin/zprofile")),
    file(".zshrc", include_str!("../builtin/zshrc")),
];

const fn file(path: &'static str, contents: &'static str) -> Embedded {
    Embedded { path, mode: 0o644, contents }
}

/// Returns the built-in set, as files below `state`.
///
/// They are written there unless they are there already, or `write` is false;
/// a document can only name files. The directory is named after the contents:
/// one that a document names never changes under it.
pub fn built_in(state: &Path, write: bool) -> Result<Found, Error> {
    let directory = directory(state);
    if write {
        files::create_private_dir(&directory)?;
        for file in &SET {
            files::replace_lazily(&directory.join(file.path), file.contents.as_bytes(), file.mode)?;
        }
    }
    let list = |file: &Embedded| Dotfile {
        path: file.path.to_owned(),
        source: Some(directory.join(file.path)),
        mode: file.mode,
    };
    let found = Found { files: SET.iter().map(list).collect(), warnings: Vec::new() };
    match directory.to_str() {
        Some(_) => Ok(found),
        None => Err(Error::SourceNotUtf8 { path: directory }),
    }
}

/// Returns the directory of this set: the first 16 hex digits of a digest.
fn directory(state: &Path) -> PathBuf {
    let mut digest = Sha256::new();
    for Embedded { path, mode, contents } in &SET {
        digest.update(format!("{path}\0{mode:o}\0{}\0{contents}", contents.len()));
    }
    let name: String = digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    state.join("dotfiles").join(name)
}
