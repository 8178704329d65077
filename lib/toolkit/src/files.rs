//! Files that are replaced whole, directories that are private, locks.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl},
};
use tempfile::NamedTempFile;

use crate::{Exit, Failure};

/// A file or directory could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It could not be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("cannot write '{}'", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds the lock for too long.
    #[error("cannot lock '{}': another process has held it for {seconds} s", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
}

impl FileError {
    /// Returns a function that makes a read error at `path`, for `map_err`.
    pub fn reading(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Read { path: path.clone(), source }
    }

    /// Returns a function that makes a write error at `path`, for `map_err`.
    pub fn writing(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Write { path: path.clone(), source }
    }
}

impl Failure for FileError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Read { .. } => "cannot-read-file",
            Self::Write { .. } => "cannot-write-file",
            Self::Locked { .. } => "lock-held",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } => Exit::of_reading(source),
            Self::Write { source, .. } => Exit::of_writing(source),
            Self::Locked { .. } => Exit::TempFail,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { path, .. } => {
                Some(format!("see who holds it: fuser -v {}", path.display()))
            }
            _ => None,
        }
    }
}

/// Returns the contents of the file at `path`, or `None` where there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut contents));
    match read {
        Ok(_) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::reading(path)(error)),
    }
}

/// Makes the file at `path` have exactly `contents`, by rename.
///
/// Whoever opens the file, also after a crash, finds all of the old contents
/// or all of the new. A symbolic link is followed and stays. An existing file
/// keeps its permission bits and, as far as the caller may give it away, its
/// owner; a new one gets `mode`. Returns whether anything was written.
pub fn replace(path: &Path, contents: &[u8], mode: u32) -> Result<bool, FileError> {
    replace_synced(path, contents, mode, Sync::Now)
}

/// Does what [`replace`] does, and leaves it to the system when the contents
/// reach the disk, which is much faster.
///
/// A process that is killed still leaves the old file or the new one; a
/// machine that loses power may leave an empty one. For what is checked when
/// it is read and can be made again.
pub fn replace_lazily(path: &Path, contents: &[u8], mode: u32) -> Result<bool, FileError> {
    replace_synced(path, contents, mode, Sync::Later)
}

/// When a file's contents must be on the disk.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Sync {
    Now,
    Later,
}

fn replace_synced(path: &Path, contents: &[u8], mode: u32, sync: Sync) -> Result<bool, FileError> {
    if read(path)?.is_some_and(|old| old == contents) {
        return Ok(false);
    }
    let target = follow(path).map_err(FileError::writing(path))?;
    write_beside(&target, contents, mode, sync).map_err(FileError::writing(path))?;
    Ok(true)
}

/// Returns the file that `path` leads to, which need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    /// As many links in a chain as Linux follows (path_resolution(7)).
    const LINKS: usize = 40;

    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(target) => {
                path = path.parent().map_or(target.clone(), |parent| parent.join(&target));
            }
            Err(_) => return Ok(path),
        }
    }
    Err(Errno::ELOOP.into())
}

fn write_beside(target: &Path, contents: &[u8], mode: u32, sync: Sync) -> io::Result<()> {
    let directory = target.parent().ok_or(Errno::EISDIR)?;
    let old = fs::metadata(target).ok();
    let mut file = NamedTempFile::with_prefix_in(temporary_prefix(target), directory)?;
    file.write_all(contents)?;
    if let Some(old) = &old {
        // Only root may give a file away; for others the owner is right already.
        let _ = std::os::unix::fs::chown(file.path(), Some(old.uid()), Some(old.gid()));
    }
    let mode = old.map_or(mode, |old| old.mode() & 0o7777);
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    if sync == Sync::Now {
        file.as_file().sync_all()?;
    }
    file.persist(target)?;
    match sync {
        Sync::Now => File::open(directory)?.sync_all(),
        Sync::Later => Ok(()),
    }
}

/// Returns what the names of the files begin with that become `target`.
fn temporary_prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".ctrkit-");
    prefix
}

/// Removes what writers of `path` left beside it when they were killed.
///
/// Only for a caller that holds the lock which every writer of `path` takes:
/// it would remove the file that another one is about to rename. What cannot
/// be removed stays; it harms nobody.
pub fn sweep(path: &Path) {
    let Ok(target) = follow(path) else { return };
    let prefix = temporary_prefix(&target);
    let entries = target.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in entries.into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Says whether nothing is at `path`, and not merely nothing to be seen: what is out
/// of reach may be there.
#[must_use]
pub fn is_gone(path: &Path) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};

    let found = path.symlink_metadata();
    found.is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

/// Removes the file at `path`; one that is gone already is no error.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::writing(path)(error)),
    }
}

/// Makes the directory at `path`, and its parents, for the user alone (0700).
///
/// Directories that exist are left as they are.
pub fn create_private_dir(path: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(FileError::writing(path))
}

/// An exclusive advisory lock (flock(2)), held until it is dropped.
///
/// The kernel takes it away from a process that dies, however it dies.
#[derive(Debug)]
pub struct Lock {
    held: Flock<File>,
}

impl Lock {
    /// Takes the lock on the file at `path`, which is made if need be.
    ///
    /// Waits for as long as `patience` for a process that holds it. One that has
    /// removed the file meanwhile left a lock that nobody else would see: then it
    /// is taken once more, on the file that is there by now, or made.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, FileError> {
        let until = Instant::now() + patience;
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            match Self::take_what_is_there(path, rest)? {
                Some(lock) if lock.is_at(path)? => return Ok(lock),
                Some(_) => {}
                None => {
                    let (path, seconds) = (path.to_owned(), patience.as_secs());
                    return Err(FileError::Locked { path, seconds });
                }
            }
        }
    }

    /// Takes the lock on the file that is at `path` now; `None` if others have it
    /// for all that time.
    fn take_what_is_there(path: &Path, patience: Duration) -> Result<Option<Self>, FileError> {
        if let Some(directory) = path.parent() {
            create_private_dir(directory)?;
        }
        let options =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = options.map_err(FileError::writing(path))?;
        let held = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Err((file, Errno::EWOULDBLOCK)) => wait(file, patience),
            done => Some(done),
        };
        match held {
            Some(Ok(held)) => Ok(Some(Self { held })),
            Some(Err((_, error))) => Err(FileError::writing(path)(error.into())),
            None => Ok(None),
        }
    }

    /// Says whether it is the lock of the file that is at `path` now.
    fn is_at(&self, path: &Path) -> Result<bool, FileError> {
        let held = self.held.metadata().map_err(FileError::writing(path))?;
        match fs::metadata(path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(FileError::writing(path)(error)),
        }
    }

    /// Lets programs that are started from now on hold it as well, to their end:
    /// if this process is killed, nobody else finds their work half done.
    #[must_use]
    pub fn inherited(self) -> Self {
        // Where it cannot be passed on it is held by this process, as before.
        let _ = fcntl(&*self.held, FcntlArg::F_SETFD(FdFlag::empty()));
        self
    }
}

/// Waits for the lock in the kernel's queue, or returns `None` after `patience`.
///
/// flock(2) knows no time limit, so a thread waits. Asking again and again
/// instead would keep the processors busy that the holder needs.
fn wait(file: File, patience: Duration) -> Option<Result<Flock<File>, (File, Errno)>> {
    let (sender, receiver) = mpsc::channel();
    // A lock that comes too late is not received, and so dropped at once.
    thread::spawn(move || sender.send(Flock::lock(file, FlockArg::LockExclusive)));
    receiver.recv_timeout(patience).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_gets_the_mode_and_an_old_one_keeps_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(replace(&path, b"one", 0o600).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        assert!(replace(&path, b"two", 0o600).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o440);
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn a_lazy_replacement_is_a_replacement() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(replace_lazily(&path, b"one", 0o600).unwrap());
        assert!(!replace_lazily(&path, b"one", 0o600).unwrap());
        assert!(replace_lazily(&path, b"two", 0o644).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_same_contents_are_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        replace(&path, b"one", 0o600).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        assert!(!replace(&path, b"one", 0o600).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    }

    #[test]
    fn a_symbolic_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (link, file) = (directory.path().join("link"), directory.path().join("file"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"dangling", 0o600).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"dangling");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("link", &link).unwrap();
        assert!(replace(&link, b"x", 0o600).is_err());
    }

    #[test]
    fn what_killed_writers_left_is_swept_away_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let left = directory.path().join(".file.ctrkit-a1b2c3");
        let others =
            [".file2.ctrkit-a1b2c3", "file", "file.ctrkit-x"].map(|n| path.with_file_name(n));
        for file in others.iter().chain([&left]) {
            fs::write(file, "x").unwrap();
        }
        sweep(&path);
        assert!(!left.exists());
        assert!(others.iter().all(|file| file.exists()));
    }

    #[test]
    fn those_who_wait_for_a_lock_get_it_one_after_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let inside = std::sync::atomic::AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _held = Lock::take(&path, Duration::from_secs(20)).unwrap();
                    assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    thread::sleep(Duration::from_millis(1));
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
        });
    }

    #[test]
    fn whoever_waits_for_a_lock_that_is_removed_gets_the_one_that_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("container/lock");
        let held = Lock::take(&path, Duration::ZERO).unwrap();
        let inode = format!(":{} ", fs::metadata(&path).unwrap().ino());
        let is_waited_for = || {
            let locks = fs::read_to_string("/proc/locks").unwrap();
            locks.lines().any(|line| line.contains("->") && line.contains(&inode))
        };
        thread::scope(|scope| {
            let waiter = scope.spawn(|| Lock::take(&path, Duration::from_secs(20)).unwrap());
            let begun = Instant::now();
            while !is_waited_for() {
                assert!(begun.elapsed() < Duration::from_secs(20), "nobody waits");
                thread::sleep(Duration::from_millis(1));
            }
            fs::remove_dir_all(path.parent().unwrap()).unwrap();
            drop(held);
            let _held = waiter.join().unwrap();
            assert_eq!(Lock::take(&path, Duration::ZERO).unwrap_err().kind(), "lock-held");
        });
    }

    #[test]
    fn a_lock_that_is_passed_on_is_held_until_the_program_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = Lock::take(&path, Duration::ZERO).unwrap().inherited();
        let mut program = std::process::Command::new("cat");
        let program = program.stdin(std::process::Stdio::piped());
        let mut program = program.spawn().unwrap();
        // What a kill does: the file is closed, and nothing is unlocked.
        let held = std::mem::ManuallyDrop::new(held);
        nix::unistd::close(std::os::fd::AsRawFd::as_raw_fd(&*held.held)).unwrap();
        let error = Lock::take(&path, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), "lock-held");
        drop(program.stdin.take());
        program.wait().unwrap();
        Lock::take(&path, Duration::from_secs(20)).unwrap();
    }

    #[test]
    fn a_held_lock_is_waited_for_and_then_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = Lock::take(&path, Duration::ZERO).unwrap();
        let error = Lock::take(&path, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), "lock-held");
        drop(held);
        // The thread that waited in vain has it for an instant first.
        Lock::take(&path, Duration::from_secs(20)).unwrap();
    }
}
