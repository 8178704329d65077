//! The certificates on record: listing them, and revoking their keys.

use std::{collections::BTreeMap, fs, io};

use document::container;
use jiff::Timestamp;
use ssh_key::{Certificate, PublicKey, public::KeyData};
use toolkit::files::{self, FileError};

use crate::{Error, Store, certificate, lists::Revoked, seconds};

/// Puts a certificate on record.
pub(crate) fn record(certificate: &Certificate, store: &Store) -> Result<(), Error> {
    files::create_private_dir(&store.issued())?;
    let path = store.issued().join(format!("{}-cert.pub", certificate.serial()));
    let line = certificate.to_openssh().map_err(Error::Sign)?;
    files::replace_lazily(&path, format!("{line}\n").as_bytes(), 0o600)?;
    Ok(())
}

/// Returns the certificates on record, by serial number; what is not a
/// certificate is passed over.
pub(crate) fn all(store: &Store) -> Result<Vec<Certificate>, Error> {
    let directory = store.issued();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::reading(&directory)(error).into()),
    };
    let mut found = BTreeMap::new();
    for entry in entries.flatten() {
        let text = crate::read_text(&entry.path())?.unwrap_or_default();
        if let Ok(certificate) = Certificate::from_openssh(text.trim_end()) {
            found.insert(certificate.serial(), certificate);
        }
    }
    Ok(found.into_values().collect())
}

/// Returns one line for each certificate on record: serial number, name,
/// `valid`, `revoked`, `expired` or `early`, and the end of its validity.
pub fn list(store: &Store, now: Timestamp) -> Result<String, Error> {
    let revoked = store.revoked()?;
    let line = |certificate: &Certificate| {
        let end = certificate::moment(certificate.valid_before()).unwrap_or("never".to_owned());
        let state = state(certificate, &revoked, seconds(now));
        format!("{}\t{}\t{state}\t{end}\n", certificate.serial(), certificate.key_id())
    };
    Ok(all(store)?.iter().map(line).collect())
}

fn state(certificate: &Certificate, revoked: &Revoked, now: u64) -> &'static str {
    if revoked.contains(certificate.public_key()) {
        "revoked"
    } else if certificate.valid_before() <= now {
        "expired"
    } else if certificate.valid_after() > now {
        "early"
    } else {
        "valid"
    }
}

/// Puts the host keys of `subjects`, names of containers and serial numbers,
/// on the list of revoked keys.
///
/// Of a container, that is every key that was ever certified for it. All
/// subjects are looked up before the first is revoked.
pub fn revoke(subjects: &[String], store: &Store, now: Timestamp) -> Result<(), Error> {
    let issued = all(store)?;
    let mut keys = Vec::new();
    for subject in subjects {
        let found = keys_of(subject, &issued, store)?;
        if found.is_empty() {
            return Err(Error::NoSuchCertificate { subject: subject.clone() });
        }
        keys.extend(found);
    }
    let _lock = store.lock()?;
    let mut revoked = store.revoked()?;
    for (key, comment) in keys {
        if !revoked.contains(&key) {
            revoked.add(&key, &format!("{comment} revoked {now:.0}"));
        }
    }
    store.sweep();
    files::replace(&store.revoked_keys(), &revoked.contents, 0o600)?;
    Ok(())
}

/// Returns the keys that `subject` means, each with what it is called.
fn keys_of(
    subject: &str,
    issued: &[Certificate],
    store: &Store,
) -> Result<Vec<(KeyData, String)>, Error> {
    // A number is a serial number: no name that ctr-spec makes is one.
    let serial = subject.parse::<u64>().ok();
    let is_meant = |issued: &&Certificate| match serial {
        Some(serial) => issued.serial() == serial,
        None => issued.key_id() == subject,
    };
    let described = |issued: &Certificate| {
        let comment = format!("{} serial {}", issued.key_id(), issued.serial());
        (issued.public_key().clone(), comment)
    };
    // The latest first: it names a key that was certified more than once.
    let mut keys: Vec<_> = issued.iter().rev().filter(is_meant).map(described).collect();
    if serial.is_none() && container::is_name(subject) {
        // One that was left without a certificate, or whose record is gone.
        let path = store.container(subject).join("ssh_host_ed25519_key.pub");
        let text = crate::read_text(&path)?.unwrap_or_default();
        let key = PublicKey::from_openssh(&text).ok();
        keys.extend(key.map(|key| (key.key_data().clone(), subject.to_owned())));
    }
    Ok(keys)
}
