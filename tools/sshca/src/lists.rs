//! The two lists that ssh reads: of trusted authorities, of revoked keys.
//!
//! Both may hold lines of the person's own, which stay as they are.

use ssh_key::{PublicKey, public::KeyData};

/// What a Key Revocation List begins with (OpenSSH's PROTOCOL.krl, section 1).
const KRL: &[u8] = b"SSHKRL\n\0";

/// Returns a key as the lists have it: its type and itself in base64.
pub(crate) fn key(key: &KeyData) -> String {
    // Writing a key into memory does not fail.
    PublicKey::from(key.clone()).to_openssh().unwrap_or_default()
}

/// Returns the pattern of the names that begin as `name` does: up to the
/// first hyphen. A name without one is its own pattern.
pub(crate) fn pattern(name: &str) -> String {
    match name.split_once('-') {
        Some((prefix, _)) => format!("{prefix}-*"),
        None => name.to_owned(),
    }
}

/// Returns a known_hosts file (sshd(8)) with the line that makes `authority`
/// vouch for the hosts of `pattern`, once.
pub(crate) fn trusting(contents: &[u8], pattern: &str, authority: &KeyData) -> Vec<u8> {
    let authority = key(authority);
    let line = format!("@cert-authority {pattern} {authority} ctrkit");
    if lines(contents).any(|found| trusts(&found, pattern, &authority)) {
        return contents.to_owned();
    }
    appended(contents, &line)
}

/// Says whether a line of known_hosts is a trust line of `pattern`, perhaps
/// among others, for `authority`.
fn trusts(line: &str, pattern: &str, authority: &str) -> bool {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let [marker, patterns, kind, key, ..] = words.as_slice() else { return false };
    *marker == "@cert-authority"
        && patterns.split(',').any(|found| found == pattern)
        && authority.split_once(' ') == Some((*kind, *key))
}

/// The list of revoked keys: plain public keys, one a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revoked {
    pub(crate) contents: Vec<u8>,
}

impl Revoked {
    /// Checks the list, or returns the number of the first wrong line.
    ///
    /// ssh accepts no host at all with a list that it cannot read.
    pub(crate) fn parse(contents: Vec<u8>) -> Result<Self, usize> {
        if contents.starts_with(KRL) {
            return Err(1);
        }
        let wrong = |line: &str| !is_comment(line) && blob(line).is_none();
        let wrong = lines(&contents).position(|line| wrong(&line));
        match wrong {
            Some(index) => Err(index + 1),
            None => Ok(Self { contents }),
        }
    }

    /// Says whether `wanted` is on the list.
    pub(crate) fn contains(&self, wanted: &KeyData) -> bool {
        let wanted = key(wanted);
        let wanted = blob(&wanted);
        lines(&self.contents).any(|line| !is_comment(&line) && blob(&line) == wanted)
    }

    /// Puts `revoked` on the list with a comment.
    pub(crate) fn add(&mut self, revoked: &KeyData, comment: &str) {
        self.contents = appended(&self.contents, &format!("{} {comment}", key(revoked)));
    }
}

/// Returns the key in a line of the form `TYPE BASE64 COMMENT`.
fn blob(line: &str) -> Option<&str> {
    // The blob begins with the length of the type's name, which is below 2^16.
    line.split_ascii_whitespace().nth(1).filter(|blob| blob.starts_with("AAA"))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().is_empty() || line.trim_start().starts_with('#')
}

fn lines(contents: &[u8]) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    contents.split(|&byte| byte == b'\n').map(String::from_utf8_lossy)
}

fn appended(contents: &[u8], line: &str) -> Vec<u8> {
    let mut contents = contents.to_owned();
    if contents.last().is_some_and(|&last| last != b'\n') {
        contents.push(b'\n');
    }
    contents.extend(line.as_bytes());
    contents.push(b'\n');
    contents
}
