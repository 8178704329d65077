//! Certifies the host keys of containers.
//!
//! What is decided, whether a certificate is still good and what the lists of
//! trusted and of revoked keys must say, are pure functions of file contents
//! and a moment. The rest of the crate reads and replaces the files.

mod authority;
mod certificate;
mod error;
mod identity;
mod issued;
mod lists;
mod store;

use std::path::{Path, PathBuf};

use document::{Container, Extra, container::Inject, labels};
use jiff::Timestamp;
use ssh_key::{HashAlg, PrivateKey, public::KeyData};
use toolkit::files::{self, FileError};

use crate::{authority::Authority, certificate::Term, identity::Identity, lists::Revoked};
pub use crate::{
    authority::init,
    certificate::{Days, Wanted},
    error::{Error, Exposure},
    issued::{list, revoke},
    store::Store,
};

/// Gives the container of the document a host key and a certificate, and
/// fills in `ssh` and `inject`.
///
/// A key that is not revoked and a certificate that is still good are kept.
/// Everything but reading the authority happens under its lock, so that of
/// two runs for one container the second finds what the first has made.
pub fn certify(container: &mut Container, wanted: &Wanted, store: &Store) -> Result<(), Error> {
    let authority = Authority::load(store)?;
    let _lock = store.lock()?;
    let identity = Identity::of(wanted, store);
    store.sweep();
    identity.sweep();
    let revoked = revoked(&authority, store)?;
    let trusted = files::read(&store.known_hosts())?.unwrap_or_default();
    let trusted = lists::trusting(&trusted, &lists::pattern(&wanted.name), authority.public());
    let key = host_key(&identity, wanted, &revoked)?;
    let term = certificate(&identity, &key, &authority, wanted, store)?;
    authority.write_public(store)?;
    files::replace(&store.known_hosts(), &trusted, 0o600)?;
    // A list that is absent would make ssh refuse every host (ssh_config(5)).
    files::replace(&store.revoked_keys(), &revoked.contents, 0o600)?;
    fill(container, authority.public(), wanted, &term, &identity, store);
    Ok(())
}

/// Fills in what [`certify`] would, and makes and changes nothing.
pub fn foresee(container: &mut Container, wanted: &Wanted, store: &Store) -> Result<(), Error> {
    let authority = Authority::load(store)?;
    let revoked = revoked(&authority, store)?;
    let identity = Identity::of(wanted, store);
    let kept = kept_key(&identity, wanted, &revoked)?;
    let old = identity.certificate()?.zip(kept).filter(|(old, key)| {
        wanted.is_met_by(old, key.public_key().key_data(), authority.public())
    });
    let term = match old {
        Some((good, _)) => Term::of(&good),
        None => wanted.term(store.last_serial()?.saturating_add(1)),
    };
    fill(container, authority.public(), wanted, &term, &identity, store);
    Ok(())
}

/// Returns the list of revoked keys, on which the authority is not.
fn revoked(authority: &Authority, store: &Store) -> Result<Revoked, Error> {
    let revoked = store.revoked()?;
    match revoked.contains(authority.public()) {
        true => Err(Error::AuthorityRevoked { path: store.revoked_keys() }),
        false => Ok(revoked),
    }
}

/// Returns the container's host key, unless there is none, it is broken, it is
/// revoked, or a new one is wanted.
fn kept_key(
    identity: &Identity,
    wanted: &Wanted,
    revoked: &Revoked,
) -> Result<Option<PrivateKey>, Error> {
    let is_kept =
        |key: &PrivateKey| !wanted.new_key && !revoked.contains(key.public_key().key_data());
    Ok(identity.key()?.filter(is_kept))
}

/// Returns the container's host key, a new one where none is kept.
fn host_key(identity: &Identity, wanted: &Wanted, revoked: &Revoked) -> Result<PrivateKey, Error> {
    let key = match kept_key(identity, wanted, revoked)? {
        Some(key) => key,
        None => identity.make_key()?,
    };
    identity.write_public(key.public_key())?;
    Ok(key)
}

/// Returns the certificate of `key`, a new one unless the old one is good.
fn certificate(
    identity: &Identity,
    key: &PrivateKey,
    authority: &Authority,
    wanted: &Wanted,
    store: &Store,
) -> Result<Term, Error> {
    let key = key.public_key().key_data();
    let old = identity.certificate()?;
    if let Some(good) = old.filter(|old| wanted.is_met_by(old, key, authority.public())) {
        return Ok(Term::of(&good));
    }
    let term = wanted.term(store.next_serial()?);
    let certificate = wanted.issue(key, &term, &authority.key).map_err(Error::Sign)?;
    // The record comes first: what is in use can always be revoked.
    issued::record(&certificate, store)?;
    identity.write_certificate(&certificate)?;
    Ok(term)
}

fn fill(
    container: &mut Container,
    authority: &KeyData,
    wanted: &Wanted,
    term: &Term,
    identity: &Identity,
    store: &Store,
) {
    container.set_label(labels::AUTHORITY, authority.fingerprint(HashAlg::Sha256).to_string());
    let ssh = container.ssh.get_or_insert_default();
    ssh.known_hosts = Some(store.known_hosts());
    ssh.revoked_host_keys = Some(store.revoked_keys());
    ssh.authority = Some(store.authority_public());
    ssh.certificate = Some(identity.certificate_path());
    ssh.serial = Some(term.serial);
    ssh.valid_after = certificate::moment(term.after);
    ssh.valid_before = certificate::moment(term.before);
    // Said on the command line, it must hold for the next run as well.
    ssh.validity_days = wanted.said.or(ssh.validity_days);
    for (source, target, mode) in identity.files() {
        container.set_inject(inject(source, target, mode));
    }
}

fn inject(source: PathBuf, target: &str, mode: &str) -> Inject {
    Inject {
        source: Some(source),
        target: target.to_owned(),
        mode: mode.to_owned(),
        owner: "root".to_owned(),
        keep_edited: false,
        extra: Extra::new(),
    }
}

/// Reads the text of the file at `path`; one that is not UTF-8 counts as one
/// that is not there, because all that is read so can be made again.
fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    Ok(files::read(path)?.and_then(|contents| String::from_utf8(contents).ok()))
}

/// Returns `now` in seconds since 1970-01-01T00:00:00Z, the unit of
/// certificates; a clock that is set to a time before counts as that moment.
fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
