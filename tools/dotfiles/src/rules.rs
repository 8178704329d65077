//! Which names are taken, and which are left out.

use std::path::{Component, Path};

use crate::warning::Reason;

/// Says whether a component of `relative` starts with a dot.
pub(crate) fn is_hidden(relative: &Path) -> bool {
    relative.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

/// Says whether a name is never a dotfile: git's own, or what editors and
/// file managers leave behind.
///
/// `4913` is the file with which vim tries whether it can write to a
/// directory; `.#x` and `#x#` are Emacs's lock and auto-save files.
pub(crate) fn is_left_out(name: &[u8]) -> bool {
    let exact: [&[u8]; 4] = [b".git", b".gitmodules", b".DS_Store", b"4913"];
    let endings: [&[u8]; 4] = [b"~", b".swp", b".swo", b".swn"];
    exact.contains(&name)
        || endings.iter().any(|ending| name.ends_with(ending))
        || name.starts_with(b".#")
        || (name.len() > 1 && name.starts_with(b"#") && name.ends_with(b"#"))
}

/// Says whether a component of `relative` is left out.
pub(crate) fn leads_into_left_out(relative: &Path) -> bool {
    relative.components().any(|part| is_left_out(part.as_os_str().as_encoded_bytes()))
}

/// Returns why the file at `relative` must not travel, going by its name.
///
/// The names are those of ssh(1) and gpg-agent(1).
pub(crate) fn private_name(relative: &Path) -> Option<Reason> {
    let mut parts = relative.components().rev().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let (name, directory) = (parts.next()?, parts.next()?);
    match directory {
        ".ssh" if matches!(name, "authorized_keys" | "authorized_keys2") => {
            Some(Reason::AuthorizedKeys)
        }
        ".ssh" if name.starts_with("id_") && !name.ends_with(".pub") => Some(Reason::PrivateKey),
        "private-keys-v1.d" => Some(Reason::PrivateKey),
        ".gnupg" if name == "secring.gpg" => Some(Reason::PrivateKey),
        _ => None,
    }
}

/// How much of a file [`is_private_key`] wants to see, in bytes.
pub(crate) const HEAD: usize = 128;

/// Says whether a file that begins with `head` is a private key in one of
/// the textual encodings of RFC 7468 and RFC 9580, or OpenSSH's.
pub(crate) fn is_private_key(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let wanted = b"PRIVATE KEY";
    line.starts_with(b"-----BEGIN ") && line.windows(wanted.len()).any(|part| part == wanted)
}
