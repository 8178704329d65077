//! Where the control sockets are: in a directory that nobody else can touch.
//!
//! A connection over a control socket is not checked again. Whoever can put a
//! socket in the place of ours is believed, so that `/tmp`, where anybody may
//! make a directory that has gone since, is no place for one.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use toolkit::{
    files::{self, FileError},
    ssh_config::{self, Expansion},
};

use crate::{Error, words::SOCKET_PATH};

/// What ssh appends to the path while it sets the socket up: a dot and 16
/// characters (muxserver_listen of OpenSSH).
const TEMPORARY: usize = 17;

/// The number of characters that tell sockets apart.
const DIGEST: usize = 12;

/// The place for control sockets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sockets {
    /// What comes before the digest; absent: there is no place.
    prefix: Option<PathBuf>,
    /// The directory that is ours to make.
    own: Option<PathBuf>,
}

impl Sockets {
    /// Returns the place for sockets.
    ///
    /// That is a directory under `state`, or, where its path is too long for
    /// a socket, the directory that systemd keeps for the user. Without
    /// either there are no sockets, and connections take their time.
    pub(crate) fn choose(state: &Path) -> Self {
        let own = state.join("mux");
        if fits(&own.join("")) {
            return Self { prefix: Some(own.join("")), own: Some(own) };
        }
        let run = PathBuf::from(format!("/run/user/{}", geteuid()));
        let prefix = is_private(&run).unwrap_or(false).then(|| run.join("ctrkit-"));
        Self { prefix: prefix.filter(|prefix| fits(prefix)), own: None }
    }

    /// Makes the place for sockets if need be, and refuses one that others
    /// can get at.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        let Some(own) = &self.own else { return Ok(()) };
        files::create_private_dir(own)?;
        match is_private(own) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::SocketsExposed { path: own.clone() }),
            Err(error) => Err(FileError::reading(own)(error).into()),
        }
    }

    /// Returns the path of the socket of `digest`.
    pub(crate) fn path(&self, digest: &str) -> Option<PathBuf> {
        let mut path = self.prefix.clone()?.into_os_string();
        path.push(digest);
        Some(path.into())
    }
}

/// Says whether a path that begins so can be a ControlPath.
pub(crate) fn fits(prefix: &Path) -> bool {
    let length = prefix.as_os_str().len() + DIGEST + TEMPORARY;
    length <= SOCKET_PATH && ssh_config::path(prefix, Expansion::Tokens).is_ok()
}

/// Says whether `path` is a directory, not a link to one, of this user alone.
fn is_private(path: &Path) -> std::io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    let is_own = metadata.uid() == geteuid().as_raw();
    Ok(metadata.is_dir() && is_own && metadata.mode() & 0o077 == 0)
}
