//! A container's host key and its certificate, as files.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use nix::unistd::geteuid;
use ssh_key::{Algorithm, Certificate, PrivateKey, PublicKey};
use toolkit::files::{self, FileError};

use crate::{Error, Store, Wanted, authority};

/// The host key's file, here and, under `/etc/ssh`, in the container.
const KEY: &str = "ssh_host_ed25519_key";

/// The files of one container.
#[derive(Debug)]
pub(crate) struct Identity {
    name: String,
    directory: PathBuf,
}

impl Identity {
    pub(crate) fn of(wanted: &Wanted, store: &Store) -> Self {
        Self { name: wanted.name.clone(), directory: store.container(&wanted.name) }
    }

    fn key_path(&self) -> PathBuf {
        self.directory.join(KEY)
    }

    fn public_path(&self) -> PathBuf {
        self.directory.join(format!("{KEY}.pub"))
    }

    pub(crate) fn certificate_path(&self) -> PathBuf {
        self.directory.join(format!("{KEY}-cert.pub"))
    }

    /// Returns each file with its path and its mode in the container.
    pub(crate) fn files(&self) -> [(PathBuf, &'static str, &'static str); 3] {
        [
            (self.key_path(), "/etc/ssh/ssh_host_ed25519_key", "0600"),
            (self.public_path(), "/etc/ssh/ssh_host_ed25519_key.pub", "0644"),
            (self.certificate_path(), "/etc/ssh/ssh_host_ed25519_key-cert.pub", "0644"),
        ]
    }

    /// Removes what killed runs left beside the files.
    pub(crate) fn sweep(&self) {
        self.files().iter().for_each(|(path, ..)| files::sweep(path));
    }

    /// Returns the host key, if there is one that can be used.
    ///
    /// One that is broken is as good as none, because what vouches for the
    /// container is the certificate. One that others could read is an error:
    /// it would go on being accepted if it were only replaced.
    pub(crate) fn key(&self) -> Result<Option<PrivateKey>, Error> {
        let path = self.key_path();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::reading(&path)(error).into()),
        };
        let metadata = file.metadata().map_err(FileError::reading(&path))?;
        if let Some(exposure) = authority::exposure(&metadata, geteuid().as_raw()) {
            return Err(Error::HostKeyExposed { path, name: self.name.clone(), exposure });
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(FileError::reading(&path))?;
        let key = PrivateKey::from_openssh(&text).ok();
        Ok(key.filter(|key| !key.is_encrypted() && key.algorithm() == Algorithm::Ed25519))
    }

    /// Makes a new host key, in the place of the old one if there is one.
    pub(crate) fn make_key(&self) -> Result<PrivateKey, Error> {
        files::create_private_dir(&self.directory)?;
        let text = authority::make_key(&self.name).map_err(Error::Generate)?;
        files::replace_lazily(&self.key_path(), text.as_bytes(), 0o600)?;
        PrivateKey::from_openssh(&text).map_err(Error::Generate)
    }

    pub(crate) fn write_public(&self, key: &PublicKey) -> Result<(), Error> {
        let line = key.to_openssh().map_err(Error::Generate)?;
        files::replace_lazily(&self.public_path(), format!("{line}\n").as_bytes(), 0o644)?;
        Ok(())
    }

    /// Returns the certificate, if there is one that can be read.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, Error> {
        let text = crate::read_text(&self.certificate_path())?;
        Ok(text.and_then(|text| Certificate::from_openssh(text.trim_end()).ok()))
    }

    pub(crate) fn write_certificate(&self, certificate: &Certificate) -> Result<(), Error> {
        let line = certificate.to_openssh().map_err(Error::Sign)?;
        let path = self.certificate_path();
        files::replace_lazily(&path, format!("{line}\n").as_bytes(), 0o644)?;
        Ok(())
    }
}
