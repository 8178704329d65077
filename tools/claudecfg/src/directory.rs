//! The project's own directory of Claude Code's configuration.
//!
//! Whoever is in the container writes to it, and need not be trusted. So
//! nothing here follows a link in it: every step goes from an open directory to
//! a name in it, and what is no directory is not entered. Nobody but its owner
//! gets as far as the directory that it is in, whatever modes are in it.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, Permissions},
    io::{self, ErrorKind, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown},
    },
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, AtFlags, OFlag, openat},
    sys::stat::{Mode, fstatat, mkdirat},
    unistd::{UnlinkatFlags, geteuid, linkat, unlinkat},
};
use toolkit::files::{self, FileError};

use crate::Error;

/// A file or directory that is to be in the directory where nothing is yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seed {
    /// Its path in the directory.
    pub path: PathBuf,
    /// The file with the contents; absent for a directory.
    pub source: Option<PathBuf>,
    /// The permission bits.
    pub mode: u32,
}

/// Makes the directory at `path`, in one that is its owner's alone, and puts
/// `seeds` into it where nothing is there. Returns the paths that have no place.
pub(crate) fn make(path: &Path, seeds: &[Seed]) -> Result<Vec<PathBuf>, Error> {
    let parent = path.parent().unwrap_or(path);
    files::create_private_dir(parent)?;
    close(parent).map_err(FileError::writing(parent))?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(FileError::writing(path)(error).into());
        }
        _ => {}
    }
    let top = openat(AT_FDCWD, path, ENTER, Mode::empty());
    let top = top.map_err(|_| Error::NotADirectory { path: path.to_owned() })?;
    let garden = Garden { owner: owner(&top).map_err(FileError::reading(path))?, top };
    let mut unplaced = Vec::new();
    for seed in seeds {
        match garden.plant(seed) {
            Err(Unplanted::Source(error)) => return Err(error.into()),
            Err(Unplanted::Place) => unplaced.push(seed.path.clone()),
            Ok(()) => {}
        }
    }
    Ok(unplaced)
}

/// How a directory is opened that must be one itself.
const ENTER: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Takes away from everybody else what lets them into `directory`: a program
/// with a set-uid bit that somebody in a container leaves below it must be out
/// of the reach of everybody on this machine.
fn close(directory: &Path) -> io::Result<()> {
    let mode = fs::metadata(directory)?.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(directory, Permissions::from_mode(mode & 0o700))
}

/// Returns who is to own what is planted, if it is another than this process.
fn owner(top: &OwnedFd) -> io::Result<Option<(u32, u32)>> {
    let metadata = File::from(top.try_clone()?).metadata()?;
    let is_root = geteuid().is_root();
    Ok(is_root.then_some((metadata.uid(), metadata.gid())))
}

struct Garden {
    top: OwnedFd,
    owner: Option<(u32, u32)>,
}

/// Why something was not planted.
enum Unplanted {
    /// What is there is not what would be needed.
    Place,
    /// It cannot be read.
    Source(FileError),
}

impl From<io::Error> for Unplanted {
    fn from(_: io::Error) -> Self {
        Self::Place
    }
}

impl From<Errno> for Unplanted {
    fn from(_: Errno) -> Self {
        Self::Place
    }
}

impl Garden {
    fn plant(&self, seed: &Seed) -> Result<(), Unplanted> {
        let mut names: Vec<&OsStr> = Vec::new();
        for component in seed.path.components() {
            let Component::Normal(name) = component else { return Err(Unplanted::Place) };
            names.push(name);
        }
        let Some((last, parents)) = names.split_last() else { return Ok(()) };
        let mut directory = self.top.try_clone()?;
        for name in parents {
            directory = self.enter(&directory, name, 0o700)?;
        }
        match &seed.source {
            None => self.enter(&directory, last, seed.mode).map(drop)?,
            Some(source) => self.put(&directory, last, source, seed.mode)?,
        }
        Ok(())
    }

    /// Opens the directory `name`, which is made if nothing is there.
    fn enter(&self, parent: &OwnedFd, name: &OsStr, mode: u32) -> io::Result<OwnedFd> {
        let made = mkdirat(parent, name, Mode::from_bits_truncate(mode));
        let is_new = match made {
            Ok(()) => true,
            Err(Errno::EEXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let directory = openat(parent, name, ENTER, Mode::empty())?;
        if is_new {
            self.give(directory.try_clone()?.into())?;
        }
        Ok(directory)
    }

    /// Puts a file there, unless anything is: whole, and never over another's.
    fn put(
        &self,
        parent: &OwnedFd,
        name: &OsStr,
        source: &Path,
        mode: u32,
    ) -> Result<(), Unplanted> {
        if fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok() {
            return Ok(());
        }
        let contents = read(source).map_err(Unplanted::Source)?;
        let unfinished = unfinished();
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = openat(parent, unfinished.as_os_str(), flags, Mode::from_bits_truncate(0o600))?;
        let written = self.write(file.into(), &contents, mode);
        let linked = written.and_then(|()| {
            let none = AtFlags::empty();
            match linkat(parent.as_fd(), unfinished.as_os_str(), parent.as_fd(), name, none) {
                Ok(()) | Err(Errno::EEXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
        unlinkat(parent, unfinished.as_os_str(), UnlinkatFlags::NoRemoveDir)?;
        Ok(linked?)
    }

    fn write(&self, mut file: File, contents: &[u8], mode: u32) -> io::Result<()> {
        file.write_all(contents)?;
        file.set_permissions(Permissions::from_mode(mode & 0o777))?;
        self.give(file)
    }

    fn give(&self, file: File) -> io::Result<()> {
        match self.owner {
            Some((uid, gid)) => fchown(&file, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }
}

/// Returns a name that no other writer has at this moment.
fn unfinished() -> OsString {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".ctrkit-{}-{count}", std::process::id()).into()
}

/// Reads a regular file: a device or a pipe could go on for ever.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = FileError::reading(path);
    if !fs::metadata(path).map_err(&failed)?.is_file() {
        return Err(failed(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")));
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, thread};

    use super::*;

    fn seed(path: &str, source: Option<&Path>) -> Seed {
        Seed { path: path.into(), source: source.map(Path::to_owned), mode: 0o640 }
    }

    #[test]
    fn what_is_there_is_not_overwritten() {
        let world = tempfile::tempdir().unwrap();
        let (source, top) = (world.path().join("source"), world.path().join("claude/ab"));
        fs::write(&source, "new").unwrap();
        let seeds = [
            seed("agents", None),
            seed("agents/deep/a", Some(&source)),
            seed("settings.json", Some(&source)),
        ];
        assert_eq!(make(&top, &seeds).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read_to_string(top.join("agents/deep/a")).unwrap(), "new");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&top.join("settings.json")), 0o640);
        assert_eq!((mode(&top), mode(top.parent().unwrap())), (0o700, 0o700));
        fs::write(top.join("settings.json"), "edited").unwrap();
        fs::remove_file(top.join("agents/deep/a")).unwrap();
        make(&top, &seeds).unwrap();
        assert_eq!(fs::read_to_string(top.join("settings.json")).unwrap(), "edited");
        assert_eq!(fs::read_to_string(top.join("agents/deep/a")).unwrap(), "new");
        let left: Vec<_> = fs::read_dir(&top).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn no_link_is_followed() {
        let world = tempfile::tempdir().unwrap();
        let (source, top) = (world.path().join("source"), world.path().join("claude/ab"));
        let outside = world.path().join("outside");
        fs::write(&source, "new").unwrap();
        fs::create_dir(&outside).unwrap();
        fs::create_dir_all(&top).unwrap();
        symlink(&outside, top.join("commands")).unwrap();
        symlink(outside.join("planted"), top.join("settings.json")).unwrap();
        fs::write(top.join("file"), "x").unwrap();
        let seeds = [
            seed("commands/a", Some(&source)),
            seed("commands", None),
            seed("file/a", Some(&source)),
            seed("settings.json", Some(&source)),
            seed("../b", Some(&source)),
        ];
        let unplaced = make(&top, &seeds).unwrap();
        assert_eq!(unplaced, ["commands/a", "commands", "file/a", "../b"].map(PathBuf::from));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert!(!world.path().join("claude/b").exists());
        // Nor is the directory itself one.
        let link = world.path().join("claude/cd");
        symlink(&outside, &link).unwrap();
        assert!(matches!(make(&link, &[]), Err(Error::NotADirectory { .. })));
    }

    #[test]
    fn others_are_kept_out_of_the_directory_of_all() {
        let world = tempfile::tempdir().unwrap();
        let parent = world.path().join("claude");
        fs::create_dir(&parent).unwrap();
        fs::set_permissions(&parent, Permissions::from_mode(0o755)).unwrap();
        make(&parent.join("ab"), &[]).unwrap();
        assert_eq!(fs::metadata(&parent).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn those_who_plant_at_once_leave_one_whole_file_and_nothing_else() {
        let world = tempfile::tempdir().unwrap();
        let top = world.path().join("claude/ab");
        let sources: Vec<_> = (0..8).map(|n| world.path().join(format!("s{n}"))).collect();
        for (number, source) in sources.iter().enumerate() {
            fs::write(source, number.to_string().repeat(1 << 16)).unwrap();
        }
        thread::scope(|scope| {
            for source in &sources {
                scope.spawn(|| make(&top, &[seed("deep/er/file", Some(source))]).unwrap());
            }
        });
        let contents = fs::read_to_string(top.join("deep/er/file")).unwrap();
        assert_eq!(contents.len(), 1 << 16);
        assert!(contents.bytes().all(|byte| byte == contents.as_bytes()[0]));
        assert_eq!(fs::read_dir(top.join("deep/er")).unwrap().count(), 1);
    }
}
