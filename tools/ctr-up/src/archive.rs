//! The one tar stream that carries all files into the container.
//!
//! Entries for directories that the image has would change them, so only
//! those are written that are new, or whose mode and owner are wanted.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tar::{Builder, EntryType, Header};

/// The numbers of an account in the container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    /// The user id.
    pub(crate) uid: u64,
    /// The group id.
    pub(crate) gid: u64,
}

impl Account {
    /// The account that owns the system's files.
    pub(crate) const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// What an entry holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// A directory.
    Directory,
    /// A regular file with these bytes.
    Bytes(Vec<u8>),
    /// A regular file with the contents of a file on the host.
    File(PathBuf),
}

/// One entry of the stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// The absolute path in the container.
    pub(crate) target: String,
    /// The permission bits.
    pub(crate) mode: u32,
    /// The owner.
    pub(crate) owner: Account,
    /// The contents.
    pub(crate) content: Content,
}

impl Entry {
    /// Returns a file of root's with `bytes`.
    pub(crate) fn file(target: impl Into<String>, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        let content = Content::Bytes(bytes.into());
        Self { target: target.into(), mode, owner: Account::ROOT, content }
    }

    /// Returns a directory of `owner`'s.
    pub(crate) fn directory(target: impl Into<String>, mode: u32, owner: Account) -> Self {
        Self { target: target.into(), mode, owner, content: Content::Directory }
    }
}

/// A file on the host that cannot be sent.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// The file.
    pub(crate) path: PathBuf,
    /// Why.
    pub(crate) source: io::Error,
}

/// Reads the files on the host into memory, so that one that is missing is
/// found before anything is made.
pub(crate) fn load(entries: &mut [Entry]) -> Result<(), Unreadable> {
    for entry in entries {
        if let Content::File(path) = &entry.content {
            let mut bytes = Vec::new();
            let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
            read.map_err(|source| Unreadable { path: path.clone(), source })?;
            entry.content = Content::Bytes(bytes);
        }
    }
    Ok(())
}

/// Adds the directories that lie between `home` and its entries, so that
/// they are the user's and not root's.
#[must_use]
pub(crate) fn with_parents(entries: Vec<Entry>, home: &str, owner: Account) -> Vec<Entry> {
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
                all.push(Entry::directory(parent, 0o755, owner));
            }
        }
        all.push(entry);
    }
    all
}

/// Writes the stream: numbers for owners, and `time`, in seconds since the
/// epoch, for every entry.
pub(crate) fn write(entries: &[Entry], time: u64, to: &mut dyn Write) -> io::Result<()> {
    let mut builder = Builder::new(to);
    for entry in entries {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.uid);
        header.set_gid(entry.owner.gid);
        header.set_mtime(time);
        let path = entry.target.trim_start_matches('/');
        let bytes: &[u8] = match &entry.content {
            Content::Directory => {
                header.set_entry_type(EntryType::Directory);
                &[]
            }
            Content::Bytes(bytes) => {
                header.set_entry_type(EntryType::Regular);
                bytes
            }
            Content::File(_) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        header.set_size(bytes.len().try_into().map_err(io::Error::other)?);
        builder.append_data(&mut header, path, bytes)?;
    }
    builder.finish()
}

/// Returns the numbers of `user` in the passwd(5) file that is the only
/// entry of the tar stream `stream`.
pub(crate) fn account(stream: &[u8], user: &str) -> io::Result<Option<Account>> {
    let mut archive = tar::Archive::new(stream);
    let mut text = String::new();
    for entry in archive.entries()? {
        entry?.read_to_string(&mut text)?;
    }
    Ok(text.lines().find_map(|line| account_of(line, user)))
}

fn account_of(line: &str, user: &str) -> Option<Account> {
    let fields: Vec<_> = line.split(':').collect();
    let [name, _, uid, gid, ..] = fields[..] else { return None };
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    (name == user).then_some(Account { uid, gid })
}
