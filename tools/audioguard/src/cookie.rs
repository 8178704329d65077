//! Cookies: what a client must show.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use subtle::ConstantTimeEq;
use toolkit::files::FileError;

use crate::{Error, protocol::COOKIE};

/// The bytes that who may use a sound server has in a file.
#[derive(Clone)]
pub struct Cookie([u8; COOKIE]);

impl Cookie {
    /// What is shown to a server that does not look at it.
    pub const NONE: Self = Self([0; COOKIE]);

    /// Reads a cookie that clients must show: nobody else may know it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NoCookie { path: path.to_owned() });
            }
            Err(error) => return Err(FileError::reading(path)(error).into()),
        };
        let mode = file.metadata().map_err(FileError::reading(path))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Error::CookieExposed { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(COOKIE + 1).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(FileError::reading(path))?;
        // Programs that have no cookie show one of zeros.
        let is_plain = bytes.iter().all(|&byte| bytes.first() == Some(&byte));
        match bytes.try_into() {
            Ok(cookie) if !is_plain => Ok(Self(cookie)),
            _ => Err(Error::BadCookie { path: path.to_owned() }),
        }
    }

    /// Returns it, to be shown.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Says whether `shown` is this cookie; how long that takes says nothing.
    pub(crate) fn is(&self, shown: &[u8]) -> bool {
        self.0.ct_eq(shown).into()
    }
}

impl From<[u8; COOKIE]> for Cookie {
    fn from(bytes: [u8; COOKIE]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("Cookie(…)")
    }
}
