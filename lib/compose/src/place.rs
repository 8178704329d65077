//! Host paths that a container may see: beneath the project, through no link.

use std::{
    fs::{self, FileType},
    io,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt},
    path::{Component, Path, PathBuf},
};

/// How many files a directory may have that is looked through.
const FILES: usize = 50_000;

/// A path that no container may see.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct OutOfReach {
    /// Why not.
    pub reason: String,
    /// What can be done.
    pub cure: String,
}

impl OutOfReach {
    fn new(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { reason: reason.into(), cure: cure.into() }
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("'{}' cannot be read: {error}", path.display()), "make it readable")
    }
}

const INSIDE: &str = "name a file or a directory of the project, from its root: ./data";

/// Returns the absolute path that `source` names, which lies beneath the
/// directory `project`.
///
/// It is there, no part of it is a symbolic link, and it gives away neither
/// git's nor ctrkit's own files, nor a way to a program of the host: a socket
/// can be spoken to through a mount that is read only. An engine resolves the
/// path anew at each start of a container, and links may have come by then:
/// ask again before.
pub fn beneath(project: &Path, source: &str) -> Result<PathBuf, OutOfReach> {
    let root = fs::canonicalize(project).map_err(|e| OutOfReach::unreadable(project, &e))?;
    let source = relative(&[project, &root], source)?;
    let (mut path, mut found) = (root, None);
    for part in source.components() {
        match part {
            Component::Normal(name) => {
                if is_own(name.as_bytes()) {
                    return Err(OutOfReach::new(
                        format!(
                            "'{}' holds hooks, credentials or policies",
                            name.to_string_lossy()
                        ),
                        "what the container needs of the code goes there by git",
                    ));
                }
                path.push(name);
                found = Some(plain(&path)?);
            }
            Component::CurDir => {}
            _ => return Err(OutOfReach::new("'..' leads out, or through links", INSIDE)),
        }
    }
    match found {
        Some(kind) if kind.is_dir() => look_through(&path)?,
        Some(_) => {}
        None => {
            return Err(OutOfReach::new(
                "the project's root has all of it, .git and secrets included",
                "name the directories that are needed",
            ));
        }
    }
    Ok(path)
}

/// Returns `source` as seen from the project's root, which has several names.
fn relative<'a>(roots: &[&Path], source: &'a str) -> Result<&'a Path, OutOfReach> {
    if source.starts_with('~') {
        return Err(OutOfReach::new("'~' lies outside of the project", INSIDE));
    }
    let path = Path::new(source);
    if path.is_relative() {
        return Ok(path);
    }
    let inside = roots.iter().find_map(|root| path.strip_prefix(root).ok());
    inside.ok_or_else(|| OutOfReach::new(format!("'{source}' lies outside of the project"), INSIDE))
}

/// Says whether a name is that of git's or ctrkit's own directory; on some
/// machines case makes no difference.
fn is_own(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git") || name.eq_ignore_ascii_case(b".ctrkit")
}

/// Returns the kind of the file at `path`, which is plain or a directory.
fn plain(path: &Path) -> Result<FileType, OutOfReach> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() || found.is_dir() => Ok(found.file_type()),
        Ok(found) if found.is_symlink() => Err(OutOfReach::new(
            format!("'{shown}' is a symbolic link, and may lead elsewhere when it is used"),
            "name what it leads to, if that is in the project",
        )),
        Ok(_) => Err(OutOfReach::new(
            format!("'{shown}' is no file and no directory: whoever has it speaks to the host"),
            "take it out",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OutOfReach::new(format!("there is no '{shown}'"), "make it, or take this out"))
        }
        Err(error) => Err(OutOfReach::unreadable(path, &error)),
    }
}

/// Makes sure that a directory has nothing in it that gives more away.
fn look_through(directory: &Path) -> Result<(), OutOfReach> {
    no_mounts_below(directory)?;
    let (mut waiting, mut count) = (vec![directory.to_owned()], 0);
    while let Some(directory) = waiting.pop() {
        let unreadable = |error: io::Error| OutOfReach::unreadable(&directory, &error);
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            count += 1;
            if count > FILES {
                return Err(OutOfReach::new(
                    format!("it has more than {FILES} files, too many to look through"),
                    "name directories below it",
                ));
            }
            harmless(&entry.path(), kind)?;
            if kind.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(())
}

fn harmless(path: &Path, kind: FileType) -> Result<(), OutOfReach> {
    let is_own = path.file_name().is_some_and(|name| is_own(name.as_bytes()));
    let what = match () {
        () if is_own && kind.is_dir() => "which holds hooks, credentials or policies",
        () if kind.is_socket() => "a socket, by which the host can be spoken to",
        () if kind.is_fifo() => "a pipe, by which the host can be spoken to",
        () if kind.is_block_device() || kind.is_char_device() => "a device",
        () => return Ok(()),
    };
    Err(OutOfReach::new(
        format!("in it is '{}', {what}", path.display()),
        "remove that, or name what is needed beside it",
    ))
}

/// A mount below a directory is in the container too, and not read only.
fn no_mounts_below(directory: &Path) -> Result<(), OutOfReach> {
    // Only Linux has the list; elsewhere engines see no mounts of the host.
    let Ok(mounts) = fs::read("/proc/self/mountinfo") else { return Ok(()) };
    for line in mounts.split(|byte| *byte == b'\n') {
        let Some(field) = line.split(|byte| *byte == b' ').nth(4) else { continue };
        let point = PathBuf::from(std::ffi::OsStr::from_bytes(&unescaped(field)));
        if point != directory && point.starts_with(directory) {
            return Err(OutOfReach::new(
                format!(
                    "below it '{}' is mounted, which the container could write",
                    point.display()
                ),
                "unmount that, or name what is needed beside it",
            ));
        }
    }
    Ok(())
}

/// Replaces the octal escapes of proc(5).
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) if byte == b'\\' => {
                out.push(code);
                rest = &after[3..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}
