//! Whose containers they are.

use std::fs;

use ssh_key::{HashAlg, PublicKey};
use toolkit::Places;

/// Returns the fingerprint of the SSH certificate authority of `places`, as
/// `ssh-keygen -l` shows it and the label `ctrkit.authority` has it; nothing
/// where there is none that can be read: sshca(1) is the one to complain.
#[must_use]
pub fn of(places: &Places) -> Option<String> {
    let path = places.authority().ok()?;
    let key = PublicKey::from_openssh(&fs::read_to_string(path).ok()?).ok()?;
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}
