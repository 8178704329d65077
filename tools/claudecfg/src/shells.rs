//! What tells the shells in a container of its secrets.

use std::path::{Path, PathBuf};

use document::{Container, container::Inject};
use sha2::{Digest, Sha256};
use toolkit::files::{self, FileError};

/// A file for shells: where it goes, and what is in it.
struct Shell {
    name: &'static str,
    target: &'static str,
    contents: &'static str,
}

/// What all POSIX shells can read, what makes login shells read it, and the
/// same for fish. bash and zsh that are no login shells read it because the
/// base image says so.
const SHELLS: [Shell; 3] = [
    Shell {
        name: "secrets.sh",
        target: "/etc/ctrkit/secrets.sh",
        contents: include_str!("secrets.sh"),
    },
    Shell {
        name: "profile.sh",
        target: "/etc/profile.d/ctrkit-secrets.sh",
        contents: include_str!("profile.sh"),
    },
    Shell {
        name: "secrets.fish",
        target: "/etc/fish/conf.d/ctrkit-secrets.fish",
        contents: include_str!("secrets.fish"),
    },
];

/// Writes the files below `state`, unless they are there already.
///
/// The directory is named after the contents: one that a document names never
/// changes under it.
pub(crate) fn write(state: &Path) -> Result<(), FileError> {
    let directory = directory(state);
    files::create_private_dir(&directory)?;
    SHELLS.iter().try_for_each(|shell| {
        let path = directory.join(shell.name);
        files::replace_lazily(&path, shell.contents.as_bytes(), 0o644).map(drop)
    })
}

/// Lists the files in `container`.
pub(crate) fn list(container: &mut Container, state: &Path) {
    let directory = directory(state);
    for shell in &SHELLS {
        container.set_inject(Inject {
            source: Some(directory.join(shell.name)),
            target: shell.target.to_owned(),
            mode: "0644".to_owned(),
            owner: "root".to_owned(),
            ..Inject::default()
        });
    }
}

fn directory(state: &Path) -> PathBuf {
    let mut digest = Sha256::new();
    for Shell { name, contents, .. } in &SHELLS {
        digest.update(format!("{name}\0{}\0{contents}", contents.len()));
    }
    let name: String = digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    state.join("shells").join(name)
}
