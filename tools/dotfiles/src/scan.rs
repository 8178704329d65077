//! What is in a source.

mod tally;

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{errno::Errno, fcntl::OFlag};
use toolkit::files::FileError;

use crate::{
    Dotfile, Error, Found, Warning,
    rules::{self, HEAD},
    scan::tally::Tally,
    warning::Reason,
};

/// How much a source may have. More than this is a mistake, such as a whole
/// home directory with its caches.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Files and directories that are listed.
    pub files: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Directory entries that are looked at.
    pub entries: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { files: 10_000, bytes: 64 << 20, entries: 200_000 }
    }
}

/// The mode of a directory that need not be listed, as `ctr-up` makes it.
const DIRECTORY_MODE: u32 = 0o755;

/// Returns the dotfiles in `source`, sorted by path.
///
/// Every path with a component that starts with a dot is taken. Symbolic
/// links are followed as long as they lead to something in the source; the
/// files in the result are reached without any link.
pub fn scan(source: &Path, bounds: Bounds) -> Result<Found, Error> {
    let root = root(source)?;
    let mut scan = Scan {
        tally: Tally::new(bounds),
        root: root.clone(),
        found: Found::default(),
        names: Vec::new(),
        within: Vec::new(),
    };
    scan.directory(&root, Path::new(""))?;
    scan.tally.check(source)?;
    if !scan.names.is_empty() {
        return Err(Error::Names { names: names(&scan.names) });
    }
    let mut found = scan.found;
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Returns `source` without links, if it is a directory that a document can name.
fn root(source: &Path) -> Result<PathBuf, Error> {
    let path = source.to_owned();
    let root = match fs::canonicalize(source) {
        Ok(root) => root,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::SourceAbsent { path });
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Error::SourceNotADirectory { path });
        }
        Err(error) => return Err(FileError::reading(source)(error).into()),
    };
    if !root.is_dir() {
        return Err(Error::SourceNotADirectory { path });
    }
    match (root.to_str(), source.to_str()) {
        (Some(_), Some(_)) => Ok(root),
        _ => Err(Error::SourceNotUtf8 { path }),
    }
}

struct Scan {
    tally: Tally,
    root: PathBuf,
    found: Found,
    /// The paths that cannot be listed.
    names: Vec<PathBuf>,
    /// The directories that the walk is in, without links.
    within: Vec<PathBuf>,
}

/// The two names of what the walk has come to.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Where it is, below the root and without links.
    real: &'a Path,
    /// Where it is to be, relative to the home directory.
    relative: &'a Path,
}

impl Scan {
    fn directory(&mut self, real: &Path, relative: &Path) -> Result<(), Error> {
        let Some(names) = self.unless_gone(real, relative, list(real))? else { return Ok(()) };
        self.within.push(real.to_owned());
        for name in names {
            if self.tally.is_exceeded() {
                break;
            }
            self.tally.entry(relative);
            if !rules::is_left_out(name.as_bytes()) {
                self.entry(Place { real: &real.join(&name), relative: &relative.join(&name) })?;
            }
        }
        self.within.pop();
        Ok(())
    }

    fn entry(&mut self, place: Place<'_>) -> Result<(), Error> {
        let Place { real, relative } = place;
        let is_hidden = rules::is_hidden(relative);
        let carried = |name: &str| !name.contains(|c: char| c.is_control());
        if is_hidden && !relative.to_str().is_some_and(carried) {
            self.names.push(relative.to_owned());
            return Ok(());
        }
        let found = fs::symlink_metadata(real);
        let Some(metadata) = self.unless_gone(real, relative, found)? else { return Ok(()) };
        if !metadata.is_symlink() {
            return self.resolved(place, &metadata);
        }
        match self.follow(real) {
            Ok((target, metadata)) => self.resolved(Place { real: &target, relative }, &metadata),
            Err(reason) => {
                self.leave_out(relative, reason);
                Ok(())
            }
        }
    }

    /// Returns what the link at `link` leads to, if it may be taken.
    fn follow(&self, link: &Path) -> Result<(PathBuf, Metadata), Reason> {
        let target = fs::canonicalize(link).map_err(|error| {
            let is_circle = error.raw_os_error() == Some(Errno::ELOOP as i32);
            if is_circle { Reason::Circle } else { Reason::Dangling }
        })?;
        let Ok(below) = target.strip_prefix(&self.root) else {
            return Err(Reason::Outside(target));
        };
        if rules::leads_into_left_out(below) {
            return Err(Reason::LeftOut(below.to_owned()));
        }
        if self.within.contains(&target) {
            return Err(Reason::Circle);
        }
        let metadata = fs::symlink_metadata(&target).map_err(|_| Reason::Dangling)?;
        Ok((target, metadata))
    }

    /// Takes what is no link any more.
    fn resolved(&mut self, place: Place<'_>, metadata: &Metadata) -> Result<(), Error> {
        let Place { real, relative } = place;
        let is_hidden = rules::is_hidden(relative);
        if metadata.is_dir() {
            let mode = metadata.mode() & 0o777;
            if is_hidden && mode != DIRECTORY_MODE {
                self.take(relative, None, mode, 0);
            }
            return self.directory(real, relative);
        }
        // Sockets, devices and FIFOs are nothing that could be copied.
        match metadata.is_file() && is_hidden {
            true => self.file(place),
            false => Ok(()),
        }
    }

    fn file(&mut self, Place { real, relative }: Place<'_>) -> Result<(), Error> {
        let below = real.strip_prefix(&self.root).unwrap_or(real);
        let by_name = rules::private_name(relative).or_else(|| rules::private_name(below));
        if let Some(reason) = by_name {
            self.leave_out(relative, reason);
            return Ok(());
        }
        let Some((metadata, head)) = self.unless_gone(real, relative, look(real))? else {
            return Ok(());
        };
        if rules::is_private_key(&head) {
            self.leave_out(relative, Reason::PrivateKey);
            return Ok(());
        }
        self.take(relative, Some(real.to_owned()), metadata.mode() & 0o777, metadata.len());
        Ok(())
    }

    fn take(&mut self, relative: &Path, source: Option<PathBuf>, mode: u32, bytes: u64) {
        self.tally.file(relative, bytes);
        let path = relative.to_string_lossy().into_owned();
        self.found.files.push(Dotfile { path, source, mode });
    }

    fn leave_out(&mut self, relative: &Path, reason: Reason) {
        if rules::is_hidden(relative) {
            let path = relative.to_string_lossy().into_owned();
            self.found.warnings.push(Warning { path, reason });
        }
    }

    /// Returns what was found, or `None` if it is gone since it was listed,
    /// or is in a part of the source that would hardly be taken anyway.
    fn unless_gone<T>(
        &self,
        real: &Path,
        relative: &Path,
        result: io::Result<T>,
    ) -> Result<Option<T>, Error> {
        let matters = rules::is_hidden(relative) || relative.as_os_str().is_empty();
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error) if matters && error.kind() != ErrorKind::NotFound => {
                Err(FileError::reading(real)(error).into())
            }
            Err(_) => Ok(None),
        }
    }
}

/// Returns the names in the directory at `path`, sorted.
fn list(path: &Path) -> io::Result<Vec<OsString>> {
    let names: io::Result<Vec<_>> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let mut names = names?;
    names.sort();
    Ok(names)
}

/// Opens the file at `path` and returns what it is and how it begins.
fn look(path: &Path) -> io::Result<(Metadata, Vec<u8>)> {
    // It may have become a link or a FIFO meanwhile: neither is followed or waited for.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let mut head = Vec::with_capacity(HEAD);
    file.take(HEAD as u64).read_to_end(&mut head)?;
    Ok((metadata, head))
}

/// Renders `paths` for an error message.
fn names(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 3;

    let shown: Vec<_> = paths.iter().take(SHOWN).map(|path| quoted(path)).collect();
    match paths.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Renders `path` with what is not UTF-8 as `\xNN` and control characters escaped.
fn quoted(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text += &toolkit::printable(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    format!("'{text}'")
}

#[cfg(test)]
mod tests;
