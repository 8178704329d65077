//! The files of the authority and of the containers, and where they are.

use std::{path::PathBuf, time::Duration};

use toolkit::{
    Places,
    files::{self, Lock},
};

use crate::{Error, lists::Revoked};

/// How long one run waits for others, each of which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// ctrkit's own directories.
#[derive(Clone, Debug)]
pub struct Store {
    config: PathBuf,
    state: PathBuf,
}

impl Store {
    /// Returns the directories of `places`, which need not exist.
    ///
    /// Their paths travel in documents, so that they must be UTF-8.
    pub fn new(places: &Places) -> Result<Self, Error> {
        let store = Self { config: places.config()?, state: places.state()? };
        for path in [&store.config, &store.state] {
            if path.to_str().is_none() {
                return Err(Error::PathNotUtf8 { path: path.clone() });
            }
        }
        Ok(store)
    }

    /// Returns the authority's directory.
    pub(crate) fn authority(&self) -> PathBuf {
        self.config.join("ca")
    }

    /// Returns the authority's private key.
    pub(crate) fn authority_key(&self) -> PathBuf {
        self.authority().join("ca_key")
    }

    /// Returns the authority's public key.
    pub(crate) fn authority_public(&self) -> PathBuf {
        self.authority().join("ca_key.pub")
    }

    /// Returns the file with the last serial number that was given out.
    pub(crate) fn serial(&self) -> PathBuf {
        self.authority().join("serial")
    }

    /// Returns the directory with a copy of every certificate.
    pub(crate) fn issued(&self) -> PathBuf {
        self.authority().join("issued")
    }

    /// Returns the file that names the authority as trusted (sshd(8)).
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.config.join("known_hosts")
    }

    /// Returns the file for RevokedHostKeys (ssh_config(5)).
    pub(crate) fn revoked_keys(&self) -> PathBuf {
        self.config.join("revoked_keys")
    }

    /// Returns the state directory of the container `name`.
    pub(crate) fn container(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    /// Takes the lock that every writer of these files takes.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        Ok(Lock::take(&self.authority().join("lock"), PATIENCE)?)
    }

    /// Removes what killed runs left beside the files that are replaced.
    pub(crate) fn sweep(&self) {
        [self.serial(), self.known_hosts(), self.revoked_keys()]
            .iter()
            .for_each(|p| files::sweep(p));
    }

    /// Reads the list of revoked keys; one that is absent is empty.
    pub(crate) fn revoked(&self) -> Result<Revoked, Error> {
        let path = self.revoked_keys();
        let contents = files::read(&path)?.unwrap_or_default();
        Revoked::parse(contents).map_err(|line| Error::BadRevocations { path, line })
    }

    /// Returns the last serial number that was given out.
    pub(crate) fn last_serial(&self) -> Result<u64, Error> {
        let path = self.serial();
        let text = crate::read_text(&path)?.unwrap_or_default();
        text.trim().parse().map_err(|_| Error::NoSerial { path })
    }

    /// Gives out the next serial number, under the lock.
    ///
    /// It is on the disk before it is used: a number that is lost to a crash
    /// is skipped, and none is used twice.
    pub(crate) fn next_serial(&self) -> Result<u64, Error> {
        let none = || Error::NoSerial { path: self.serial() };
        let serial = self.last_serial()?.checked_add(1).ok_or_else(none)?;
        self.set_serial(serial)?;
        Ok(serial)
    }

    pub(crate) fn set_serial(&self, serial: u64) -> Result<(), Error> {
        files::replace(&self.serial(), format!("{serial}\n").as_bytes(), 0o600)?;
        Ok(())
    }
}
