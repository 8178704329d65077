//! Git on the host, to be asked about what came from a container.

use std::{
    io::{Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use guard::{Git, Obeyed};
use toolkit::{Interrupt, git};

use crate::Error;

/// How many bytes git may answer: a few trees can stand for more paths than
/// there is memory.
const MOST: u64 = 128 << 20;

/// The commit that the worktree has, as ctr-git calls it.
const HERE: &str = "refs/ctrkit/here";

/// The worktree's own git, which is asked for nothing but its settings.
pub(crate) struct Host<'a> {
    root: PathBuf,
    interrupt: &'a Interrupt,
}

/// The repository that the container's branch was fetched into. Its
/// configuration is ours, and no other is read.
pub(crate) struct Aside<'a> {
    directory: PathBuf,
    interrupt: &'a Interrupt,
    /// The branch.
    pub(crate) branch: String,
    /// The container's commit on it.
    pub(crate) commit: String,
    /// The worktree's commit.
    pub(crate) here: String,
}

impl<'a> Host<'a> {
    /// Finds the root of the worktree that `directory` lies in.
    pub(crate) fn at(directory: &Path, interrupt: &'a Interrupt) -> Result<Self, Error> {
        let here = Self { root: directory.to_owned(), interrupt };
        let found = here.ask(&["rev-parse", "--show-toplevel"])?;
        let root = found.strip_suffix(b"\n").unwrap_or(&found);
        let root = PathBuf::from(std::ffi::OsStr::from_bytes(root));
        Ok(Self { root, interrupt })
    }

    /// Returns the files that its configuration makes git run or obey.
    pub(crate) fn obeyed(&self) -> Result<Obeyed, Error> {
        let list = self.ask(&["config", "--list", "-z"])?;
        Ok(Obeyed::of(git::settings(&String::from_utf8_lossy(&list)), &self.root))
    }

    fn ask(&self, args: &[&str]) -> Result<Vec<u8>, Error> {
        let mut git = git();
        git.arg("-C").arg(&self.root).args(args);
        run(&mut git, args, Vec::new(), self.interrupt)
    }
}

impl<'a> Aside<'a> {
    /// Opens the repository at `directory`, which ctr-git has made.
    pub(crate) fn open(directory: &Path, interrupt: &'a Interrupt) -> Result<Self, Error> {
        let directory = directory.to_owned();
        let none = String::new;
        let mut aside = Self { directory, interrupt, branch: none(), commit: none(), here: none() };
        let head = aside.line(&["symbolic-ref", "HEAD"])?;
        aside.branch = head.strip_prefix("refs/heads/").unwrap_or_default().to_owned();
        aside.commit = aside.line(&["rev-parse", "--verify", "HEAD^{commit}"])?;
        aside.here = aside.line(&["rev-parse", "--verify", &format!("{HERE}^{{commit}}")])?;
        Ok(aside)
    }

    /// Returns the last commit that both sides have, if there is any.
    pub(crate) fn base(&self) -> Option<String> {
        let base = self.line(&["merge-base", &self.here, &self.commit]);
        base.ok().filter(|base| !base.is_empty())
    }

    /// Writes `content` as an object and returns its id.
    pub(crate) fn keep(&self, kind: &str) -> Result<String, Error> {
        self.line(&["hash-object", "-w", "-t", kind, "--stdin"])
    }

    /// Writes the files at `paths` as objects and returns their ids.
    pub(crate) fn keep_files(&self, paths: &[PathBuf]) -> Result<Vec<String>, Error> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = Vec::new();
        for path in paths {
            input.extend(path.as_os_str().as_bytes());
            input.push(b'\n');
        }
        let ids = self.ask(&["hash-object", "-w", "--no-filters", "--stdin-paths"], input)?;
        let ids: Vec<_> = String::from_utf8_lossy(&ids).lines().map(str::to_owned).collect();
        if ids.len() == paths.len() { Ok(ids) } else { Err(self.unreadable()) }
    }

    /// Returns the one line that git answers.
    pub(crate) fn line(&self, args: &[&str]) -> Result<String, Error> {
        let line = self.ask(args, Vec::new())?;
        Ok(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned())
    }
}

impl Git for Aside<'_> {
    type Error = Error;

    fn ask(&self, args: &[&str], input: Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut git = git();
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        git.env_remove("GIT_CONFIG_COUNT");
        git.env("GIT_ATTR_NOSYSTEM", "1").arg("--git-dir").arg(&self.directory).args(args);
        run(&mut git, args, input, self.interrupt)
    }

    fn unreadable(&self) -> Error {
        Error::GitUnreadable
    }
}

/// Returns git without arguments, which fetches nothing.
fn git() -> Command {
    let mut git = git::git();
    for (name, value) in
        [("GIT_ALLOW_PROTOCOL", "none"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_OPTIONAL_LOCKS", "0")]
    {
        git.env(name, value);
    }
    git
}

/// Runs `git`; an answer that is too long ends it.
fn run(
    git: &mut Command,
    args: &[&str],
    input: Vec<u8>,
    interrupt: &Interrupt,
) -> Result<Vec<u8>, Error> {
    interrupt.check()?;
    let cannot = |source| Error::CannotRun { source };
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn().map_err(cannot)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut answer = Vec::new();
    let words = thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
        let words = scope.spawn(move || {
            let mut words = Vec::new();
            let _ = stderr.map(|pipe| pipe.take(1 << 16).read_to_end(&mut words));
            words
        });
        let _ = stdout.map(|pipe| pipe.take(MOST).read_to_end(&mut answer));
        words.join().unwrap_or_default()
    });
    let status = child.wait().map_err(cannot)?;
    if answer.len() as u64 >= MOST {
        return Err(Error::TooMany);
    }
    match status.success() {
        true => Ok(answer),
        false => Err(Error::git(args, status.code(), &words)),
    }
}
