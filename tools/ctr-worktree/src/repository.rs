//! The repository, and git on the host.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStringExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use document::{Extra, error::FailedCommand};
use toolkit::files::Lock;

use crate::{Error, Linked, linked};

/// A variable that is set to nothing, for `--config-env`.
const EMPTY: &str = "CTR_WORKTREE_EMPTY";

/// How long others that add or remove a worktree are waited for: one of them
/// may be checking a large tree out.
const PATIENCE: Duration = Duration::from_secs(600);

/// A git repository.
#[derive(Debug)]
pub struct Repository {
    /// The directory that was asked about.
    pub(crate) directory: PathBuf,
    /// What all of its worktrees have in common.
    pub(crate) common: PathBuf,
}

/// How a git command is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// It fetches nothing.
    Alone,
    /// It may fetch what is missing in a partial clone.
    Checkout,
}

impl Repository {
    /// Finds the repository that `directory` lies in.
    pub fn find(directory: &Path) -> Result<Self, Error> {
        let directory = directory.to_owned();
        let mut found = Self { common: directory.clone(), directory };
        let args = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
        let output = found.run(&found.directory, Manner::Alone, args)?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let path = found.directory;
            return Err(match words.contains("dubious ownership") {
                true => Error::ForeignRepository { path },
                false => Error::NotARepository { path },
            });
        }
        let common = path_of(output.stdout);
        let reading = |source| Error::Directory { path: common.clone(), source };
        found.common = common.canonicalize().map_err(reading)?;
        Ok(found)
    }

    /// Lists its worktrees, the main one first.
    pub fn worktrees(&self) -> Result<Vec<Linked>, Error> {
        let list = self.must(&self.common, ["worktree", "list", "--porcelain", "-z"])?;
        Ok(linked::parse(&list.stdout))
    }

    /// Keeps other runs out, until this one and the programs that it started
    /// have ended: git takes no lock of its own where two add worktrees at once.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        let lock = Lock::take(&self.common.join("ctrkit-worktrees.lock"), PATIENCE)?;
        Ok(lock.inherited())
    }

    /// Returns the commit of `name`, as seen from the directory asked about.
    pub(crate) fn commit(&self, name: &str) -> Result<Option<String>, Error> {
        let name = format!("{name}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
        let output = self.run(&self.directory, Manner::Alone, args)?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        // Where it is no commit, git repeats what it was asked.
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(Some(id).filter(|_| output.status.success() && is_id))
    }

    /// Returns the options that turn all filters off that hold in `directory`:
    /// with commands that are empty, and `required` that is, which means no
    /// (git-config(1), Values).
    pub(crate) fn filters_off(&self, directory: &Path) -> Result<Vec<String>, Error> {
        let list = self.must(directory, ["config", "--list", "-z"])?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let keys = toolkit::git::settings(&list).map(|(key, _)| key);
        let filters = keys.filter(|key| key.starts_with("filter."));
        Ok(filters.map(|key| format!("--config-env={key}={EMPTY}")).collect())
    }

    /// Returns the value of the setting `key` of this repository.
    pub(crate) fn setting(&self, key: &str) -> Result<Option<String>, Error> {
        let output = self.run(&self.common, Manner::Alone, ["config", "--local", "--get", key])?;
        let value = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        Ok(Some(value).filter(|_| output.status.success()))
    }

    /// Runs git in `at`, which must succeed.
    pub(crate) fn must<S: AsRef<OsStr>>(
        &self,
        at: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Output, Error> {
        self.must_as(at, Manner::Alone, args)
    }

    /// Runs git in `at`, which must succeed.
    pub(crate) fn must_as<S: AsRef<OsStr>>(
        &self,
        at: &Path,
        manner: Manner,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Output, Error> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let output = self.run(at, manner, &args)?;
        if output.status.success() { Ok(output) } else { Err(failed(at, &args, &output)) }
    }

    /// Runs git in `at`, out of reach of Ctrl-C, which would leave its work half
    /// done.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        at: &Path,
        manner: Manner,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Output, Error> {
        let mut git = git(at, manner);
        git.args(args).stdin(Stdio::null()).process_group(0);
        git.output().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::GitAbsent,
            _ => Error::CannotRun { source },
        })
    }
}

fn git(at: &Path, manner: Manner) -> Command {
    let mut git = toolkit::git::git();
    git.arg("-C").arg(at);
    for setting in toolkit::git::ALONE {
        git.args(["-c", setting]);
    }
    for (name, value) in [
        (EMPTY, ""),
        ("GIT_ASKPASS", ""),
        ("GIT_EDITOR", "false"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        ("GIT_SSH_VARIANT", "ssh"),
    ] {
        git.env(name, value);
    }
    match manner {
        Manner::Alone => git.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1"),
        Manner::Checkout => git.env("GIT_ALLOW_PROTOCOL", "ssh:https"),
    };
    git
}

/// Describes a call without the settings that all calls have.
fn failed(at: &Path, args: &[OsString], output: &Output) -> Error {
    let shown = args.iter().map(|arg| arg.to_string_lossy());
    let shown = shown.filter(|arg| !arg.starts_with("--config-env="));
    let line = shell_words::join(std::iter::once("git".into()).chain(shown));
    let last_words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let command =
        FailedCommand { line, status: output.status.code(), last_words, extra: Extra::new() };
    Error::Git { path: at.to_owned(), command: Box::new(command) }
}

/// Returns the path that git has answered, without the newline at its end.
fn path_of(mut answer: Vec<u8>) -> PathBuf {
    if answer.last() == Some(&b'\n') {
        answer.pop();
    }
    PathBuf::from(OsString::from_vec(answer))
}
