//! The socket that clients find.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::stat::{Mode, umask};
use toolkit::files::{FileError, Lock};

use crate::Error;

/// A socket that is there as long as this lives.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: UnixListener,
    path: PathBuf,
    inode: u64,
    _lock: Lock,
}

impl Listener {
    /// Listens on `path`; `mode` says who may connect.
    ///
    /// A socket that somebody left behind is replaced. One that is in use is not: a
    /// lock says so, in the file `lock` or beside the socket. Where others can open
    /// what is beside the socket, they can take a lock there.
    pub fn open(path: &Path, mode: u32, lock: Option<&Path>) -> Result<Self, Error> {
        let lock = take(path, lock.map_or_else(|| beside(path), Path::to_owned))?;
        let failed = |source| Error::Listen { path: path.to_owned(), source };
        match fs::symlink_metadata(path) {
            Ok(old) if old.file_type().is_socket() => fs::remove_file(path).map_err(failed)?,
            Ok(_) => return Err(Error::NotASocket { path: path.to_owned() }),
            Err(_) => {}
        }
        // From its first moment on nobody else may connect.
        let before = umask(Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(path);
        umask(before);
        let socket = bound.map_err(failed)?;
        let prepared = socket.set_nonblocking(true);
        prepared
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
            .map_err(failed)?;
        let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
        Ok(Self { socket, path: path.to_owned(), inode, _lock: lock })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|now| now.ino() == self.inode);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns where the lock on a socket lies unless somewhere else is named.
fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    beside.into()
}

/// Takes the lock on the socket at `path`.
fn take(path: &Path, lock: PathBuf) -> Result<Lock, Error> {
    match Lock::take(&lock, Duration::ZERO) {
        Err(FileError::Locked { .. }) => Err(Error::InUse { path: path.to_owned(), lock }),
        other => Ok(other?),
    }
}
