//! The container's host key, read by the engine and never over the network.

use std::io::Read;

use base64ct::{Base64, Encoding};
use engine::{Engine, EngineError};
use ssh_key::{
    PublicKey,
    public::{Ed25519PublicKey, KeyData},
};

use crate::Error;

/// Where sshd has its keys, the preferred first. Of a key with a certificate
/// the certificate is read: l8s puts its own key there and leaves the public
/// half that came with the image, which belongs to nothing any more.
const FILES: [&str; 4] = [
    "/etc/ssh/ssh_host_ed25519_key-cert.pub",
    "/etc/ssh/ssh_host_ed25519_key.pub",
    "/etc/ssh/ssh_host_ecdsa_key.pub",
    "/etc/ssh/ssh_host_rsa_key.pub",
];

/// The largest file that can be one, in bytes.
const LIMIT: u64 = 16 << 10;

/// Returns the line of known_hosts (sshd(8)) that pins the key of the
/// container `name`.
///
/// One key is pinned and no more: others that lie there may have come with
/// the image, and then whoever has the image has them too.
pub fn pin(engine: &Engine, name: &str) -> Result<String, Error> {
    for file in FILES {
        let from = format!("{name}:{file}");
        let stream = match engine.run(["cp", &from, "-"]) {
            Ok(stream) => stream,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        let unreadable = || Error::BadHostKey { name: name.to_owned(), file };
        return line(name, stream.as_bytes()).ok_or_else(unreadable);
    }
    Err(Error::NoHostKey { name: name.to_owned() })
}

/// Says whether the engine says that there is no such file: podman and docker
/// have no other way to say it.
fn is_absent(error: &EngineError) -> bool {
    let EngineError::Failed(call) = error else { return false };
    let words = call.last_words.to_lowercase();
    ["could not be found", "could not find the file", "no such file"]
        .iter()
        .any(|part| words.contains(part))
}

/// Returns the line, out of the tar stream that the engine writes.
pub(crate) fn line(name: &str, stream: &[u8]) -> Option<String> {
    let mut archive = tar::Archive::new(stream);
    let entry = archive.entries().ok()?.next()?.ok()?;
    let mut text = String::new();
    entry.take(LIMIT).read_to_string(&mut text).ok()?;
    let key = match certified(&text) {
        Some(key) => key,
        None => PublicKey::from_openssh(text.trim()).ok()?.key_data().clone(),
    };
    let key = PublicKey::from(key).to_openssh().ok()?;
    Some(format!("{name} {key}\n"))
}

/// Returns the key that an ed25519 certificate is for (OpenSSH's
/// PROTOCOL.certkeys): behind its type and a nonce.
///
/// Of the rest nothing is asked; and ssh-key refuses one that is valid for
/// ever, as those are that nobody gave a term.
fn certified(text: &str) -> Option<KeyData> {
    const TYPE: &str = "ssh-ed25519-cert-v01@openssh.com";

    let mut words = text.split_ascii_whitespace();
    let blob = Base64::decode_vec(words.next().filter(|kind| *kind == TYPE).and(words.next())?);
    let blob = blob.ok()?;
    let (kind, rest) = string(&blob)?;
    let (_nonce, rest) = string(rest)?;
    let (key, _) = string(rest)?;
    let key = Ed25519PublicKey(key.try_into().ok()?);
    (kind == TYPE.as_bytes()).then_some(KeyData::Ed25519(key))
}

/// Takes a string off, whose length is in the four bytes before it (RFC 4251
/// section 5).
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)
}
