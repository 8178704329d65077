//! The one tar stream that carries all files into the container.
//!
//! Entries for directories that the image has would change them, so only
//! those are written that are new, or whose mode and owner are wanted.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    path::Path,
};

use tar::{Builder, EntryType, Header};

/// Who owns an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// The account that owns the system's files.
    Root,
    /// The document's user.
    User,
}

/// The numbers of an account in the container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    /// The user id.
    pub(crate) uid: u64,
    /// The group id.
    pub(crate) gid: u64,
}

impl Account {
    pub(crate) const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// What an entry holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// A directory.
    Directory,
    /// A regular file with these bytes.
    File(Vec<u8>),
}

/// One entry of the stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// The absolute path in the container.
    pub(crate) target: String,
    /// The permission bits.
    pub(crate) mode: u32,
    /// The owner.
    pub(crate) owner: Owner,
    /// The contents.
    pub(crate) content: Content,
}

impl Entry {
    /// Returns a file of root's that everybody may read.
    pub(crate) fn file(target: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let content = Content::File(bytes.into());
        Self { target: target.into(), mode: 0o644, owner: Owner::Root, content }
    }

    /// Returns a directory that everybody may read.
    pub(crate) fn directory(target: impl Into<String>, owner: Owner) -> Self {
        Self { target: target.into(), mode: 0o755, owner, content: Content::Directory }
    }
}

/// Adds the directories that lie between `home` and its entries, so that
/// they are the user's and not root's.
#[must_use]
pub(crate) fn with_parents(entries: Vec<Entry>, home: &str) -> Vec<Entry> {
    let mut there: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.content == Content::Directory)
        .map(|entry| entry.target.clone())
        .collect();
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut parents: Vec<_> = Path::new(&entry.target)
            .ancestors()
            .skip(1)
            .take_while(|path| path.starts_with(home) && *path != Path::new(home))
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        parents.reverse();
        for parent in parents {
            if there.insert(parent.clone()) {
                all.push(Entry::directory(parent, Owner::User));
            }
        }
        all.push(entry);
    }
    all
}

/// Writes the stream: the numbers of `user` for what is the user's, and
/// `time`, in seconds since the epoch, for every entry.
pub(crate) fn write(
    entries: &[Entry],
    user: Account,
    time: u64,
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut builder = Builder::new(to);
    for entry in entries {
        let owner = match entry.owner {
            Owner::Root => Account::ROOT,
            Owner::User => user,
        };
        let (kind, bytes) = match &entry.content {
            Content::Directory => (EntryType::Directory, &[][..]),
            Content::File(bytes) => (EntryType::Regular, bytes.as_slice()),
        };
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(entry.mode);
        header.set_uid(owner.uid);
        header.set_gid(owner.gid);
        header.set_mtime(time);
        header.set_size(bytes.len().try_into().map_err(io::Error::other)?);
        builder.append_data(&mut header, entry.target.trim_start_matches('/'), bytes)?;
    }
    builder.finish()
}

/// Returns the numbers of `user` in the passwd(5) file that is the only
/// entry of the tar stream `stream`.
pub(crate) fn account(stream: &[u8], user: &str) -> io::Result<Option<Account>> {
    let mut archive = tar::Archive::new(stream);
    let mut contents = Vec::new();
    for entry in archive.entries()? {
        entry?.read_to_end(&mut contents)?;
    }
    // People's full names need not be UTF-8; accounts' names and numbers are.
    let text = String::from_utf8_lossy(&contents);
    Ok(text.lines().find_map(|line| account_of(line, user)))
}

fn account_of(line: &str, user: &str) -> Option<Account> {
    let fields: Vec<_> = line.split(':').collect();
    let [name, _, uid, gid, ..] = fields[..] else { return None };
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    (name == user).then_some(Account { uid, gid })
}
