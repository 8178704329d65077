//! The ways in which sshca fails.

use std::{fmt, path::PathBuf};

use document::error::FailedCommand;
use shell_words::quote;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, files::FileError};

/// An error of sshca.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// A directory's path cannot be written into a document.
    #[error("the path '{}' is not UTF-8", path.display())]
    PathNotUtf8 {
        /// The path.
        path: PathBuf,
    },

    /// The document's name cannot be a principal.
    #[error("'{name}' cannot be a container's name")]
    BadName {
        /// The name.
        name: String,
    },

    /// The document asks for a lifetime that no certificate gets.
    #[error("'ssh.validity_days' of the document is {days}, and must be from 1 to 3650")]
    BadValidity {
        /// The lifetime in days.
        days: u32,
    },

    /// Nobody has made the authority.
    #[error("there is no certificate authority: '{}' does not exist", path.display())]
    NoAuthority {
        /// The authority's key.
        path: PathBuf,
    },

    /// Others can get at the authority's key.
    #[error("the authority's key '{}' is not private: {exposure}", path.display())]
    AuthorityExposed {
        /// The authority's key.
        path: PathBuf,
        /// How.
        exposure: Exposure,
    },

    /// The authority's key cannot be read as a key.
    #[error("cannot use the authority's key '{}'", path.display())]
    AuthorityBroken {
        /// The authority's key.
        path: PathBuf,
        /// Why.
        source: ssh_key::Error,
    },

    /// The authority's key has a passphrase.
    #[error("the authority's key '{}' has a passphrase", path.display())]
    AuthorityEncrypted {
        /// The authority's key.
        path: PathBuf,
    },

    /// The authority's key is not an ed25519 key.
    #[error("the authority's key '{}' is of the type '{found}', not 'ssh-ed25519'", path.display())]
    AuthorityOfOtherKind {
        /// The authority's key.
        path: PathBuf,
        /// Its type.
        found: String,
    },

    /// The authority's own key is on the list of revoked keys.
    #[error("the authority's key is on the list of revoked keys '{}'", path.display())]
    AuthorityRevoked {
        /// The list.
        path: PathBuf,
    },

    /// The counter of serial numbers is missing or broken.
    #[error("the counter of serial numbers '{}' is missing or broken", path.display())]
    NoSerial {
        /// The counter.
        path: PathBuf,
    },

    /// The list of revoked keys is not a list of keys.
    #[error("the list of revoked keys '{}' is wrong at line {line}", path.display())]
    BadRevocations {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },

    /// Others can get at a container's host key.
    #[error("the host key '{}' is not private: {exposure}", path.display())]
    HostKeyExposed {
        /// The host key.
        path: PathBuf,
        /// The container's name.
        name: String,
        /// How.
        exposure: Exposure,
    },

    /// There is nothing to revoke.
    #[error("no certificate of '{subject}' is on record")]
    NoSuchCertificate {
        /// A name or a serial number.
        subject: String,
    },

    /// A key could not be made.
    #[error("cannot make a key")]
    Generate(#[source] ssh_key::Error),

    /// A certificate could not be signed.
    #[error("cannot sign the certificate")]
    Sign(#[source] ssh_key::Error),
}

toolkit::parts!(Error: DocumentError, FileError, PlacesError);

/// What is wrong with a private key's file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exposure {
    /// Its permission bits.
    Mode(u32),
    /// It belongs to the user of this number.
    Owner(u32),
    /// Others may put another file in its place.
    Directory,
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode) => write!(f, "its mode is {mode:04o}"),
            Self::Owner(user) => write!(f, "it belongs to user {user}"),
            Self::Directory => f.write_str("others may write in its directory"),
        }
    }
}

impl Exposure {
    /// Returns the command that makes the file at `path` private.
    fn cure(self, path: &std::path::Path) -> String {
        let directory = path.parent().unwrap_or(path);
        let (command, path) = match self {
            Self::Mode(_) => ("chmod 600", path),
            Self::Owner(_) => ("chown \"$(id -u)\"", path),
            Self::Directory => ("chmod 700", directory),
        };
        format!("{command} {}", quote(&path.to_string_lossy()))
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::PathNotUtf8 { .. } => "not-utf-8",
            Self::BadName { .. } => "bad-name",
            Self::BadValidity { .. } => "bad-validity",
            Self::NoAuthority { .. } => "no-authority",
            Self::AuthorityExposed { .. } => "authority-exposed",
            Self::AuthorityBroken { .. }
            | Self::AuthorityEncrypted { .. }
            | Self::AuthorityOfOtherKind { .. } => "bad-authority",
            Self::AuthorityRevoked { .. } => "authority-revoked",
            Self::NoSerial { .. } => "no-serial",
            Self::BadRevocations { .. } => "bad-revocations",
            Self::HostKeyExposed { .. } => "host-key-exposed",
            Self::NoSuchCertificate { .. } => "no-such-certificate",
            Self::Generate(_) => "cannot-make-key",
            Self::Sign(_) => "cannot-sign",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::PathNotUtf8 { .. }
            | Self::BadName { .. }
            | Self::BadValidity { .. }
            | Self::AuthorityBroken { .. }
            | Self::AuthorityEncrypted { .. }
            | Self::AuthorityOfOtherKind { .. }
            | Self::AuthorityRevoked { .. }
            | Self::NoSerial { .. }
            | Self::BadRevocations { .. } => Exit::DataErr,
            Self::NoAuthority { .. } | Self::NoSuchCertificate { .. } => Exit::Unavailable,
            Self::AuthorityExposed { .. } | Self::HostKeyExposed { .. } => Exit::NoPerm,
            Self::Generate(_) | Self::Sign(_) => Exit::Software,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Part(part) => return part.hint(),
            Self::PathNotUtf8 { .. } => "choose others: --config-dir, --state-dir".into(),
            Self::BadName { .. } => {
                "it must be 1 to 63 lower-case letters, digits and hyphens, without one at an end"
                    .into()
            }
            Self::NoAuthority { .. } | Self::NoSerial { .. } => "make it: sshca init".into(),
            Self::AuthorityExposed { path, exposure } => {
                format!("{}; if it was read, make a new one: sshca(1)", exposure.cure(path))
            }
            Self::AuthorityBroken { .. }
            | Self::AuthorityOfOtherKind { .. }
            | Self::AuthorityRevoked { .. } => "make a new one: sshca(1) says how".into(),
            Self::AuthorityEncrypted { path } => {
                format!("take it off: ssh-keygen -p -f {}", quote(&path.to_string_lossy()))
            }
            Self::BadRevocations { .. } => {
                "it must be a plain list of public keys, one a line".into()
            }
            Self::HostKeyExposed { path, name, exposure } => format!(
                "{}; if it was read: rm {}, then sshca revoke {name}",
                exposure.cure(path),
                quote(&path.to_string_lossy())
            ),
            Self::NoSuchCertificate { .. } => "see which there are: sshca list".into(),
            Self::BadValidity { .. } | Self::Generate(_) | Self::Sign(_) => return None,
        })
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            _ => None,
        }
    }
}
