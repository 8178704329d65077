//! The authority's key: made on request, and refused where others can get at it.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
};

use document::container;
use jiff::Timestamp;
use nix::unistd::geteuid;
use ssh_key::{Algorithm, LineEnding, PrivateKey, PublicKey, public::KeyData, rand_core::OsRng};
use toolkit::files::{self, FileError};

use crate::{Error, Exposure, Store, issued, lists};

/// The comment of the authority's key.
const COMMENT: &str = "ctrkit";

/// The authority, able to sign.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) key: PrivateKey,
}

impl Authority {
    /// Reads the authority's key, which must be private and fit to sign.
    pub(crate) fn load(store: &Store) -> Result<Self, Error> {
        let path = store.authority_key();
        let mut file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NoAuthority { path: path.clone() },
            _ => FileError::reading(&path)(error).into(),
        })?;
        let metadata = file.metadata().map_err(FileError::reading(&path))?;
        let directory = fs::metadata(store.authority()).map_err(FileError::reading(&path))?;
        let user = geteuid().as_raw();
        let exposed = exposure(&metadata, user).or_else(|| open_directory(&directory, user));
        if let Some(exposure) = exposed {
            return Err(Error::AuthorityExposed { path, exposure });
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(FileError::reading(&path))?;
        let key = PrivateKey::from_openssh(&text)
            .map_err(|source| Error::AuthorityBroken { path: path.clone(), source })?;
        if key.is_encrypted() {
            return Err(Error::AuthorityEncrypted { path });
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(Error::AuthorityOfOtherKind { path, found: key.algorithm().to_string() });
        }
        Ok(Self { key })
    }

    pub(crate) fn public(&self) -> &KeyData {
        self.key.public_key().key_data()
    }

    /// Sees to it that the file of the public key is there and right.
    pub(crate) fn write_public(&self, store: &Store) -> Result<(), Error> {
        let path = store.authority_public();
        let found = crate::read_text(&path)?.and_then(|text| PublicKey::from_openssh(&text).ok());
        if found.is_none_or(|found| found.key_data() != self.public()) {
            let line = format!("{} {COMMENT}\n", lists::key(self.public()));
            files::replace(&path, line.as_bytes(), 0o644)?;
        }
        Ok(())
    }
}

/// Makes the authority, unless there is one, and mends what belongs to it.
///
/// A counter of serial numbers that is missing or broken is begun anew at the
/// number of seconds since 1970, which no counter that began at 1 and no
/// certificate that is on record has reached.
///
/// With `prefix` it is trusted at once for the names that begin with it; the
/// names of containers that are certified are in any case.
pub fn init(store: &Store, now: Timestamp, prefix: Option<&str>) -> Result<(), Error> {
    // What can be a name's first part makes a pattern that means what it says.
    if let Some(name) = prefix.filter(|prefix| !container::is_name(prefix)) {
        return Err(Error::BadName { name: name.to_owned() });
    }
    files::create_private_dir(&store.authority())?;
    let _lock = store.lock()?;
    let path = store.authority_key();
    files::sweep(&path);
    let is_new = !path.try_exists().map_err(FileError::reading(&path))?;
    // The counter comes first: where there is a key there is a counter.
    if store.last_serial().is_err() {
        let recorded = issued::all(store)?.iter().map(|issued| issued.serial()).max();
        let begin = match is_new && recorded.is_none() && !store.serial().exists() {
            true => 0,
            false => crate::seconds(now).max(recorded.unwrap_or_default()),
        };
        store.set_serial(begin)?;
    }
    if is_new {
        let text = make_key(COMMENT).map_err(Error::Generate)?;
        files::replace(&path, text.as_bytes(), 0o600)?;
    }
    let authority = Authority::load(store)?;
    authority.write_public(store)?;
    if let Some(prefix) = prefix {
        let pattern = lists::pattern(&format!("{prefix}-"));
        let trusted = files::read(&store.known_hosts())?.unwrap_or_default();
        let trusted = lists::trusting(&trusted, &pattern, authority.public());
        files::replace(&store.known_hosts(), &trusted, 0o600)?;
    }
    Ok(())
}

/// Returns a new ed25519 private key in OpenSSH's format.
pub(crate) fn make_key(comment: &str) -> ssh_key::Result<String> {
    let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519)?;
    key.set_comment(comment);
    Ok(key.to_openssh(LineEnding::LF)?.to_string())
}

/// Says who besides `user` can get at the private key in a file.
pub(crate) fn exposure(file: &Metadata, user: u32) -> Option<Exposure> {
    exposed(file.uid(), file.mode(), user, 0o077)
}

/// Says who besides `user` can put another key into the directory.
fn open_directory(directory: &Metadata, user: u32) -> Option<Exposure> {
    exposed(directory.uid(), directory.mode(), user, 0o022).map(|_| Exposure::Directory)
}

/// Says what is wrong with an owner and a mode, of which no bit in
/// `forbidden` may be set.
pub(crate) fn exposed(owner: u32, mode: u32, user: u32, forbidden: u32) -> Option<Exposure> {
    if owner != user {
        return Some(Exposure::Owner(owner));
    }
    (mode & forbidden != 0).then_some(Exposure::Mode(mode & 0o7777))
}
