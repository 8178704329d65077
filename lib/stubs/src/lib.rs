//! For tests only: a world in which a tool runs alone.
//!
//! Its home and ctrkit's directories are temporary, and the programs that it
//! calls are stand-ins that write down their arguments, answer as they were
//! told and fail when they are told to. What a real engine does is seen in
//! the end-to-end tests.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

pub use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

/// The tester's own programs that scripts and tools call.
const BORROWED: [&str; 10] =
    ["sh", "cat", "cp", "git", "grep", "ls", "rm", "sed", "sleep", "xargs"];

/// A temporary home, ctrkit's directories, and stand-ins first on `PATH`.
#[derive(Debug)]
pub struct World {
    _directory: TempDir,
    root: PathBuf,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Makes a world whose engines are stand-ins that answer nothing.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let world = Self { _directory: directory, root };
        for name in ["home", "config", "state", "bin", "stub"] {
            fs::create_dir(world.path(name)).unwrap();
        }
        world.program("podman");
        world.program("docker");
        for name in BORROWED {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|directory| directory.join(name))
                .find(|path| path.exists());
            symlink(found.unwrap(), world.path("bin").join(name)).unwrap();
        }
        world
    }

    /// Returns the path of `name` in the world's directory: `home`, `config`,
    /// `state`, or what a test puts there.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Writes `text` to the file `name`, making the directories above it.
    pub fn write(&self, name: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Puts one more stand-in on `PATH`.
    pub fn program(&self, name: &str) -> PathBuf {
        let stub = self.path("stub");
        let script = include_str!("stub.sh").replace("STUB_DIRECTORY", stub.to_str().unwrap());
        let path = self.write(Path::new("bin").join(name), &script);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Copies the tool at `program` to where the stand-ins are, and returns
    /// the copy: tools that it looks for beside itself are then stand-ins too.
    #[must_use]
    pub fn install(&self, program: &str) -> PathBuf {
        let name = Path::new(program).file_name().unwrap();
        let copy = self.path("bin").join(name);
        // Not by this process: what it has open for writing while a test
        // beside this one forks could not be run.
        assert!(
            std::process::Command::new("cp").arg(program).arg(&copy).status().unwrap().success()
        );
        copy
    }

    /// Makes `call` answer with `text`; a call is the program and the first
    /// argument (`podman-ps`), or two of them where the first names a kind of
    /// thing (`docker-volume-ls`).
    pub fn answer(&self, call: &str, text: &str) -> &Self {
        self.write(format!("stub/{call}.out"), text);
        self
    }

    /// Makes `call` fail with `status` and `words` on standard error.
    pub fn refuse(&self, call: &str, status: u8, words: &str) -> &Self {
        self.write(format!("stub/{call}.err"), &format!("{words}\n"));
        self.write(format!("stub/{call}.status"), &format!("{status}\n"));
        self
    }

    /// Makes `call` run `script`, which finds the answers in `$stub` and its
    /// arguments in `$@`.
    pub fn on(&self, call: &str, script: &str) -> &Self {
        self.write(format!("stub/{call}.do"), script);
        self
    }

    /// Returns the calls of all stand-ins, in order, the program first.
    #[must_use]
    pub fn calls(&self) -> Vec<Vec<String>> {
        let log = fs::read_to_string(self.path("stub/calls")).unwrap_or_default();
        let calls = log.split_terminator("\u{1e}\0");
        calls.map(|call| call.split_terminator('\0').map(str::to_owned).collect()).collect()
    }

    /// Returns the calls as lines, without those that only ask (`ps`, `ls`,
    /// `inspect`).
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let asks = |call: &&Vec<String>| {
            call.iter().skip(1).take(2).any(|word| ["ps", "ls", "inspect"].contains(&&**word))
        };
        self.calls().iter().filter(|call| !asks(call)).map(|call| call.join(" ")).collect()
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.path("stub/calls"));
    }

    /// Returns `program` in an environment that holds nothing of the tester's;
    /// its engine is the stand-in for podman.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", self.search_path())
            .env("HOME", self.path("home"))
            .env("CTRKIT_CONFIG_DIR", self.path("config"))
            .env("CTRKIT_STATE_DIR", self.path("state"))
            .env("CTRKIT_ENGINE", "podman");
        command
    }

    /// Returns the world's `PATH`: no engine of the tester's is on it.
    #[must_use]
    pub fn search_path(&self) -> PathBuf {
        self.path("bin")
    }
}

/// Returns once somebody waits for the lock (flock(2)) of the file at `path`.
#[track_caller]
pub fn until_waited_for(path: &Path) {
    let inode = format!(":{} ", fs::metadata(path).unwrap().ino());
    let begun = Instant::now();
    // `1: -> FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF` (proc_locks(5)).
    let is_it = |line: &str| line.contains(" -> ") && line.contains(&inode);
    while !fs::read_to_string("/proc/locks").unwrap().lines().any(is_it) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody waits for {}", path.display());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Asserts that the tool fails with `status` and `kind`, and writes nothing to
/// standard output; returns the `error/1` document.
#[track_caller]
pub fn refused(command: &mut Command, status: i32, kind: &str) -> Value {
    let run: Assert = command.env("CTRKIT_ERROR_FORMAT", "json").assert().stdout("");
    let error: Value = serde_json::from_slice(&run.get_output().stderr).unwrap();
    assert_eq!(error["kind"], kind, "{error}");
    assert_eq!(run.get_output().status.code(), Some(status), "{error}");
    error
}
