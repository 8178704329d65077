//! The ways in which audioguard fails.

use std::{
    io,
    path::{Path, PathBuf},
};

use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, files::FileError};

/// An error of audioguard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// Signals cannot be watched for, or sockets not be waited for.
    #[error("cannot wait for connections")]
    Wait(#[source] io::Error),

    /// The cookie is named, and is not there.
    #[error("cannot find the cookie: there is no '{}'", path.display())]
    NoCookie {
        /// The file.
        path: PathBuf,
    },

    /// Others than its owner may read the cookie.
    #[error("the cookie in '{}' is not its owner's alone: the mode is {mode:04o}", path.display())]
    CookieExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// What is in the file is no cookie.
    #[error("'{}' is no cookie: it must be 256 random bytes", path.display())]
    BadCookie {
        /// The file.
        path: PathBuf,
    },

    /// Another guard has the socket.
    #[error("another process listens on '{}'", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// What the other one has locked.
        lock: PathBuf,
    },

    /// Something else has the socket's name.
    #[error("cannot listen on '{}': it is there and not a socket", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },

    /// The socket cannot be made.
    #[error("cannot listen on '{}'", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// Nobody listens where the guard should.
    #[error("no guard listens on '{}'", path.display())]
    NoGuard {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The guard does not take the cookie.
    #[error("the guard on '{}' does not take the cookie", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
    },

    /// There is a guard and no sound server behind it.
    #[error("the guard on '{}' finds no sound server", path.display())]
    NoServer {
        /// The socket.
        path: PathBuf,
    },

    /// The sound server does not let the guard in.
    #[error("the sound server behind the guard on '{}' does not let it in", path.display())]
    ServerRefused {
        /// The socket.
        path: PathBuf,
    },

    /// Nothing was heard in time.
    #[error("the sound server behind '{}' does not answer", path.display())]
    NoAnswer {
        /// The socket.
        path: PathBuf,
    },

    /// What answers speaks another protocol.
    #[error("what listens on '{}' is no sound server", path.display())]
    NotSound {
        /// The socket.
        path: PathBuf,
    },
}

toolkit::parts!(Error: DocumentError, FileError, Interrupted);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Wait(_) => "cannot-wait",
            Self::NoCookie { .. } => "cookie-absent",
            Self::CookieExposed { .. } => "cookie-exposed",
            Self::BadCookie { .. } => "bad-cookie",
            Self::InUse { .. } => "socket-in-use",
            Self::NotASocket { .. } => "not-a-socket",
            Self::Listen { .. } => "cannot-listen",
            Self::NoGuard { .. } => "no-guard",
            Self::Refused { .. } => "cookie-refused",
            Self::NoServer { .. } => "no-sound-server",
            Self::ServerRefused { .. } => "sound-server-refuses",
            Self::NoAnswer { .. } => "no-answer",
            Self::NotSound { .. } => "not-a-sound-server",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Wait(_) => Exit::IoErr,
            Self::NoCookie { .. } => Exit::NoInput,
            Self::BadCookie { .. } | Self::NotASocket { .. } => Exit::DataErr,
            Self::CookieExposed { .. } | Self::Refused { .. } | Self::ServerRefused { .. } => {
                Exit::NoPerm
            }
            Self::Listen { source, .. } => Exit::of_writing(source),
            Self::InUse { .. } | Self::NoAnswer { .. } => Exit::TempFail,
            Self::NoGuard { .. } | Self::NoServer { .. } | Self::NotSound { .. } => {
                Exit::Unavailable
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::NoCookie { path } | Self::BadCookie { path } => {
                let path = quoted(path);
                Some(format!("make one: (umask 077; head -c 256 /dev/urandom >{path})"))
            }
            Self::CookieExposed { path, .. } => Some(format!("chmod 600 {}", quoted(path))),
            Self::InUse { lock, .. } => Some(format!("see who it is: fuser -v {}", quoted(lock))),
            Self::NotASocket { .. } => Some("name another path with --listen".to_owned()),
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
                Some("the path of a socket has at most 107 bytes, on macOS 103".to_owned())
            }
            Self::NoGuard { path, .. } => {
                let path = quoted(path);
                Some(format!("start one: audioguard --listen {path} --cookie FILE --server SOCKET"))
            }
            Self::NoAnswer { .. } => {
                Some("see whether the server answers others: pactl info".to_owned())
            }
            Self::NotSound { .. } => {
                Some("name the socket that is given to audioguard --listen".to_owned())
            }
            Self::NoServer { .. } => {
                Some("start PulseAudio or PipeWire, or name its socket with --server".to_owned())
            }
            Self::ServerRefused { .. } => {
                Some("run the guard as the user of the server, or name --server-cookie".to_owned())
            }
            Self::Refused { .. } => Some("name the file that the guard has read".to_owned()),
            _ => None,
        }
    }
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}
