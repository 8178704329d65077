//! The file of blocks and the user's file, read and replaced.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::{User, getuid};
use toolkit::{
    Places, Sockets,
    files::{self, FileError, Lock},
};

use crate::{Error, blocks::Blocks, include};

/// How long one run waits for others, each of which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// ctrkit's own files.
#[derive(Clone, Debug)]
pub struct Files {
    blocks: PathBuf,
    lock: PathBuf,
    state: PathBuf,
}

/// Returns the user's configuration file, absolute: `given`, or else
/// `~/.ssh/config`, where `~` is what the password database says.
///
/// OpenSSH looks there too, whatever `HOME` says.
pub fn user_config(given: Option<PathBuf>) -> Result<PathBuf, Error> {
    if let Some(given) = given.filter(|path| !path.as_os_str().is_empty()) {
        return std::path::absolute(&given)
            .map_err(|error| FileError::reading(&given)(error).into());
    }
    let user = User::from_uid(getuid()).ok().flatten();
    let user = user.ok_or(Error::NoUser { id: getuid().as_raw() })?;
    Ok(user.dir.join(".ssh/config"))
}

impl Files {
    /// Returns the files of `places`, which need not exist.
    pub fn new(places: &Places) -> Result<Self, Error> {
        let config = places.config()?;
        let (blocks, lock) = (config.join("ssh_config"), config.join("ssh_config.lock"));
        Ok(Self { blocks, lock, state: places.state()? })
    }

    /// Returns the file of blocks.
    pub(crate) fn blocks(&self) -> &Path {
        &self.blocks
    }

    /// Says whether any of them was ever made.
    pub(crate) fn exist(&self) -> bool {
        self.blocks.exists() || self.lock.exists()
    }

    /// Returns the place for control sockets, which need not exist.
    pub(crate) fn sockets(&self) -> Sockets {
        Sockets::choose(&self.state)
    }

    /// Takes the lock on both files, and clears away what others left that
    /// were killed.
    ///
    /// The lock file is beside the file of blocks: the user's directory is
    /// not ours to put things into.
    pub(crate) fn lock(&self, user_config: &Path) -> Result<Lock, Error> {
        let lock = Lock::take(&self.lock, PATIENCE)?;
        files::sweep(&self.blocks);
        files::sweep(user_config);
        Ok(lock)
    }

    /// Reads the blocks; a file that is absent has none.
    pub(crate) fn read_blocks(&self) -> Result<Blocks, Error> {
        let contents = files::read(&self.blocks)?.unwrap_or_default();
        Blocks::parse(&contents).ok_or_else(|| Error::NotOurs { path: self.blocks.clone() })
    }

    /// Makes the file hold `blocks`; without blocks there is no file.
    pub(crate) fn write_blocks(&self, blocks: &Blocks) -> Result<(), Error> {
        if blocks.is_empty() {
            files::remove(&self.blocks)?;
        } else {
            files::replace(&self.blocks, blocks.text().as_bytes(), 0o600)?;
        }
        Ok(())
    }

    /// Says whether the user's file has `line`.
    pub(crate) fn is_included(&self, user_config: &Path, line: &str) -> Result<bool, Error> {
        let contents = files::read(user_config)?;
        Ok(contents.is_some_and(|contents| include::is_in(&contents, line)))
    }

    /// Makes the user's file have `line` before any Host or Match.
    pub(crate) fn include(&self, user_config: &Path, line: &str) -> Result<(), Error> {
        let contents = files::read(user_config)?;
        if let Some(directory) = user_config.parent().filter(|_| contents.is_none()) {
            files::create_private_dir(directory)?;
        }
        let wanted = include::with(contents.as_deref(), line);
        files::replace(user_config, &wanted, 0o600)?;
        Ok(())
    }

    /// Makes the user's file not have `line`; one that was made for the line
    /// goes with it.
    pub(crate) fn exclude(&self, user_config: &Path, line: &str) -> Result<(), Error> {
        let Some(contents) = files::read(user_config)? else { return Ok(()) };
        match include::without(&contents, line) {
            Some(wanted) => {
                files::replace(user_config, &wanted, 0o600)?;
            }
            None => {
                // Of a symbolic link that led nowhere, what it led to was made.
                let made = fs::canonicalize(user_config);
                files::remove(&made.map_err(FileError::reading(user_config))?)?;
            }
        }
        Ok(())
    }
}
