//! The public keys that may log in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use document::container::Ssh;
use nix::unistd::{Uid, User};

/// The usual files, in the order in which ssh(1) tries their private halves,
/// FIDO keys included.
const USUAL: [&str; 5] =
    ["id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_ecdsa_sk.pub", "id_rsa.pub"];

/// The types of keys that sshd(8) takes in authorized_keys.
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

/// Where keys may come from: the world, as far as this module sees it.
pub trait Sources {
    /// Returns the text of the file at `path`, or `None` where there is none.
    fn file(&self, path: &Path) -> Option<String>;
    /// Returns the agent's public keys, one a line (`ssh-add -L`).
    fn agent(&self) -> Option<String>;
    /// Returns the directory of the person's keys, `~/.ssh`.
    fn directory(&self) -> Option<PathBuf>;
}

/// Why there is no key.
#[derive(Debug, Eq, PartialEq)]
pub enum NoKey {
    /// The file that was named is absent or has no public key.
    InFile(PathBuf),
    /// Nothing was named, and nothing was found anywhere.
    Anywhere,
}

/// Returns the lines for authorized_keys: those of the first source that has
/// any of `asked`, the document, the agent, the usual files.
pub fn find(
    asked: Option<&Path>,
    ssh: Option<&Ssh>,
    sources: &impl Sources,
) -> Result<String, NoKey> {
    let identity = ssh.and_then(|ssh| ssh.identity_file.as_deref());
    let of_identity = identity.map(public_half);
    let configured = ssh.and_then(|ssh| ssh.authorized_key.as_deref());
    if let Some(path) = asked.or(configured).or(of_identity.as_deref()) {
        let text = sources.file(path).and_then(|text| keys(&text));
        return text.ok_or_else(|| NoKey::InFile(path.to_owned()));
    }
    let usual = || {
        let directory = sources.directory()?;
        let texts = USUAL.iter().filter_map(|name| sources.file(&directory.join(name)));
        keys(&texts.collect::<Vec<_>>().join("\n"))
    };
    let agent = sources.agent().and_then(|text| keys(&text));
    agent.or_else(usual).ok_or(NoKey::Anywhere)
}

/// Returns the file of the public key that goes with a private one.
fn public_half(identity: &Path) -> PathBuf {
    let mut name = identity.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Returns the lines of `text` that are public keys, if there are any.
///
/// Options before the type are not taken: a file that a person names is a
/// public key file, not an authorized_keys file.
fn keys(text: &str) -> Option<String> {
    let is_key = |line: &&str| {
        let mut words = line.split_whitespace();
        let known = words.next().is_some_and(|word| TYPES.contains(&word));
        known && words.next().is_some_and(|word| word.starts_with("AAAA"))
    };
    let lines: Vec<_> = text.lines().map(str::trim).filter(is_key).collect();
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

/// The person whose process this is.
#[derive(Clone, Copy, Debug)]
pub struct Person;

impl Sources for Person {
    fn file(&self, path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    fn agent(&self) -> Option<String> {
        let listed = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).output().ok()?;
        String::from_utf8(listed.stdout).ok().filter(|_| listed.status.success())
    }

    fn directory(&self) -> Option<PathBuf> {
        // ssh takes the home from the password database, not from HOME.
        let user = User::from_uid(Uid::current()).ok().flatten()?;
        Some(user.dir.join(".ssh"))
    }
}

#[cfg(test)]
mod tests;
