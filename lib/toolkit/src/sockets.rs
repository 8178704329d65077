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

use crate::{
    Exit, Failure,
    files::{self, FileError},
    ssh_config::{self, Expansion},
};

/// The longest path of a Unix socket in bytes, without the NUL: that of macOS
/// and the BSDs; Linux allows four more (unix(4), unix(7)).
pub const SOCKET_PATH: usize = 103;

/// What ssh appends to the path while it sets the socket up: a dot and 16
/// characters (muxserver_listen of OpenSSH).
const TEMPORARY: usize = 17;

/// The number of characters that tell sockets apart.
const DIGEST: usize = 12;

/// The place for sockets cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketsError {
    /// Others can get at the control sockets.
    #[error("the directory of the control sockets '{}' is not private", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made or looked at.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Failure for SocketsError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Exposed { .. } => "sockets-exposed",
            Self::File(error) => error.kind(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Exposed { .. } => Exit::NoPerm,
            Self::File(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { path } => Some(format!(
                "make it private: chmod 700 {}",
                shell_words::quote(&path.to_string_lossy())
            )),
            Self::File(error) => error.hint(),
        }
    }
}

/// The place for control sockets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sockets {
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
    #[must_use]
    pub fn choose(state: &Path) -> Self {
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
    pub fn prepare(&self) -> Result<(), SocketsError> {
        let Some(own) = &self.own else { return Ok(()) };
        files::create_private_dir(own)?;
        match is_private(own) {
            Ok(true) => Ok(()),
            Ok(false) => Err(SocketsError::Exposed { path: own.clone() }),
            Err(error) => Err(FileError::reading(own)(error).into()),
        }
    }

    /// Returns the path of the socket of `digest`.
    #[must_use]
    pub fn path(&self, digest: &str) -> Option<PathBuf> {
        let mut path = self.prefix.clone()?.into_os_string();
        path.push(digest);
        Some(path.into())
    }
}

/// Says whether a path that begins so can be a ControlPath.
#[must_use]
pub fn fits(prefix: &Path) -> bool {
    let length = prefix.as_os_str().len() + DIGEST + TEMPORARY;
    length <= SOCKET_PATH && ssh_config::path(prefix, Expansion::Tokens).is_ok()
}

/// Says whether `path` is a directory, not a link to one, of this user alone.
fn is_private(path: &Path) -> std::io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    let is_own = metadata.uid() == geteuid().as_raw();
    Ok(metadata.is_dir() && is_own && metadata.mode() & 0o077 == 0)
}
