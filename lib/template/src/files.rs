//! The files of a template's directory.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use toolkit::files::FileError;

use crate::TemplateError;

/// How many files and directories a template can have.
const FILES: usize = 4000;

/// How many bytes there can be in them.
const BYTES: u64 = 32 << 20;

/// The mode of a directory that need not be mentioned.
const DIRECTORY_MODE: u32 = 0o755;

/// A file of a template, or a directory of the home with a mode of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// The permission bits.
    pub mode: u32,
    /// What is in it; a directory has none.
    pub contents: Option<Vec<u8>>,
}

/// Reads all files in `directory`.
///
/// Symbolic links are followed as long as they lead to something in it: a
/// template that somebody has passed on must not bring in a person's keys.
pub(crate) fn read(directory: &Path) -> Result<BTreeMap<String, File>, TemplateError> {
    let root = fs::canonicalize(directory).map_err(FileError::reading(directory))?;
    let mut reader = Reader { root: root.clone(), files: BTreeMap::new(), seen: 0, bytes: 0 };
    reader.directory(&root, "", &mut Vec::new())?;
    Ok(reader.files)
}

struct Reader {
    root: PathBuf,
    files: BTreeMap<String, File>,
    seen: usize,
    bytes: u64,
}

impl Reader {
    fn directory(
        &mut self,
        real: &Path,
        relative: &str,
        within: &mut Vec<PathBuf>,
    ) -> Result<(), TemplateError> {
        if within.iter().any(|outer| outer == real) {
            let problem = "it is a link that leads in a circle";
            return Err(TemplateError::BadFile { path: self.root.join(relative), problem });
        }
        within.push(real.to_owned());
        for entry in fs::read_dir(real).map_err(FileError::reading(real))? {
            let entry = entry.map_err(FileError::reading(real))?;
            let (path, name) = (entry.path(), entry.file_name());
            let Some(name) = name.to_str().filter(|name| !name.contains(|c: char| c.is_control()))
            else {
                let problem = "its name is not UTF-8 or has control characters";
                return Err(TemplateError::BadFile { path, problem });
            };
            if is_left_out(name) {
                continue;
            }
            let relative =
                if relative.is_empty() { name.into() } else { format!("{relative}/{name}") };
            self.entry(&path, &relative, within)?;
        }
        within.pop();
        Ok(())
    }

    fn entry(
        &mut self,
        path: &Path,
        relative: &str,
        within: &mut Vec<PathBuf>,
    ) -> Result<(), TemplateError> {
        self.seen += 1;
        self.bound()?;
        let real = self.follow(path)?;
        let found = fs::symlink_metadata(&real).map_err(FileError::reading(path))?;
        if found.is_dir() {
            let mode = found.mode() & 0o777;
            if mode != DIRECTORY_MODE && relative.starts_with("home/") {
                self.files.insert(relative.to_owned(), File { mode, contents: None });
            }
            return self.directory(&real, relative, within);
        }
        if !found.is_file() {
            let problem = "it is neither a plain file nor a directory";
            return Err(TemplateError::BadFile { path: path.to_owned(), problem });
        }
        let contents = self.contents(&real)?;
        let mode = mode(relative, &found);
        self.files.insert(relative.to_owned(), File { mode, contents: Some(contents) });
        Ok(())
    }

    /// Returns what `path` leads to, without links.
    fn follow(&self, path: &Path) -> Result<PathBuf, TemplateError> {
        let outside = |target| TemplateError::Outside { path: path.to_owned(), target };
        match fs::canonicalize(path) {
            Ok(real) if real.starts_with(&self.root) => Ok(real),
            Ok(real) => Err(outside(real)),
            Err(_) if path.is_symlink() => Err(outside(fs::read_link(path).unwrap_or_default())),
            Err(error) => Err(FileError::reading(path)(error).into()),
        }
    }

    fn contents(&mut self, path: &Path) -> Result<Vec<u8>, TemplateError> {
        // It may have become a link or a FIFO meanwhile: neither is followed or waited for.
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let mut contents = Vec::new();
        let limit = BYTES - self.bytes + 1;
        OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut contents))
            .map_err(|error: io::Error| FileError::reading(path)(error))?;
        self.bytes += contents.len() as u64;
        self.bound()?;
        Ok(contents)
    }

    fn bound(&self) -> Result<(), TemplateError> {
        if self.seen <= FILES && self.bytes <= BYTES {
            return Ok(());
        }
        let bounds = format!("{FILES} files or {} MiB", BYTES >> 20);
        Err(TemplateError::TooMuch { path: self.root.clone(), bounds })
    }
}

/// Returns the mode that counts: in the home that of the file, elsewhere
/// whether it is executable. The rest is the umask's of whoever checked it out.
fn mode(relative: &str, found: &Metadata) -> u32 {
    match found.mode() {
        mode if relative.starts_with("home/") => mode & 0o777,
        mode if mode & 0o111 != 0 => 0o755,
        _ => 0o644,
    }
}

/// Says whether a name is git's, or what editors and file managers leave behind.
fn is_left_out(name: &str) -> bool {
    [".git", ".DS_Store"].contains(&name) || name.ends_with('~') || name.ends_with(".swp")
}
