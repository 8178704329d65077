//! The place of the copies: a directory of the container's state, which is
//! mounted.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use document::{Container, container::Mount};
use engine::Engine;
use nix::unistd::geteuid;
use tempfile::NamedTempFile;
use toolkit::files::FileError;

use super::{
    Copies, DIRECTORY,
    account::{Account, Way},
};

/// The directory with the copies, in the container's state directory.
const PLACE: &str = "secrets";

/// What the names of copies begin with that are not in their place yet.
const UNFINISHED: &str = ".secret.ctrkit-";

/// Returns the directory of the copies, below the container's state directory.
#[must_use]
pub fn place(directory: &Path) -> PathBuf {
    directory.join(PLACE)
}

/// Returns the mount that brings them into `container`, which [`mount`] has
/// made.
#[must_use]
pub fn mounted(container: &Container) -> Option<&Mount> {
    let is_ours = |mount: &&Mount| mount.target == DIRECTORY && mount.kind == "bind";
    container.mounts.iter().find(is_ours)
}

/// Puts the mount of the copies into `container`; `directory` is its state
/// directory.
pub fn mount(container: &mut Container, directory: &Path) {
    container.set_mount(Mount::bind(place(directory), DIRECTORY).read_only());
}

/// Makes the directory that is mounted, which must be there before the
/// container is. `directory` is the container's state directory, into which
/// nobody else gets: that others may enter this one means those in the
/// container.
pub(super) fn make_place(directory: &Path) -> Result<(), FileError> {
    toolkit::files::create_private_dir(directory)?;
    let place = place(directory);
    let made = match DirBuilder::new().mode(0o755).create(&place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    };
    // Whatever the umask is.
    let made = made.and_then(|()| fs::set_permissions(&place, Permissions::from_mode(0o755)));
    made.map_err(FileError::writing(&place))
}

impl Copies {
    /// Says whether all of them are there.
    pub(super) fn are_in(&self, place: &Path) -> bool {
        let files = self.files();
        files.iter().all(|(name, ..)| place.join(name).symlink_metadata().is_ok())
    }

    /// Makes the place in `directory`, the container's state directory whose
    /// lock the caller holds, have these files and no others, each readable by
    /// `account` of the container alone. Returns what a person has to do if
    /// that is not in this program's power.
    pub(super) fn write(
        &self,
        directory: &Path,
        account: Account,
        engine: &Engine,
    ) -> Result<Option<String>, FileError> {
        make_place(directory)?;
        sweep(directory);
        let place = place(directory);
        let way = Way::of(account, geteuid().as_raw(), engine.kind());
        let mut cure = None;
        let files = self.files();
        for (name, contents, is_public) in &files {
            let path = place.join(name);
            let written = write(directory, contents, *is_public).and_then(|file| {
                if !is_public {
                    cure = way.give(file.path(), account, engine)?.or(cure.take());
                }
                file.persist(&path).map_err(|error| error.error)
            });
            written.map_err(FileError::writing(&path))?;
        }
        remove_others(&place, &files)?;
        Ok(cure)
    }
}

/// Writes a file beside the place: in it, those in the container would see it
/// before it is done.
fn write(directory: &Path, contents: &[u8], is_public: bool) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::with_prefix_in(UNFINISHED, directory)?;
    file.write_all(contents)?;
    let mode = if is_public { 0o444 } else { 0o400 };
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Removes what a killed run has left.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn remove_others(place: &Path, files: &[(&str, Vec<u8>, bool)]) -> Result<(), FileError> {
    for entry in fs::read_dir(place).map_err(FileError::reading(place))?.flatten() {
        if files.iter().all(|(name, ..)| entry.file_name() != **name) {
            toolkit::files::remove(&entry.path())?;
        }
    }
    Ok(())
}
