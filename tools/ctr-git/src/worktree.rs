//! The worktree, and git on the host.

use std::{
    ffi::{OsStr, OsString},
    os::unix::{ffi::OsStringExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use toolkit::{Interrupt, git};

use crate::{
    Error, Ssh, WorktreeError,
    error::{Words, failed_command},
    run::{self, Captured, Terms},
};

/// What git must not do on the host, whatever the user's and the repository's
/// configuration says: run programs, and trust what comes from a container.
///
/// Besides what keeps it [still](git::STILL) and [alone](git::ALONE).
const SAFE: &[&str] = &[
    "fetch.uriProtocols=",
    "fetch.writeCommitGraph=false",
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    "transfer.bundleURI=false",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.pushOption=",
];

/// A variable that is set to nothing, for `--config-env`.
pub(crate) const EMPTY: &str = "CTR_GIT_EMPTY";

/// How many MiB a container may send at once, unless the person says more.
pub const LIMIT: u32 = 4096;

/// The fixed script that a command which gets objects is run by: no file may
/// become longer than the limit, in the blocks of 512 bytes that POSIX counts
/// in, and no address space larger than 16 GiB, where that can be limited. A
/// few bytes can stand for an object of any size.
const BOUNDED: &str =
    "ulimit -f \"$1\" || exit; ulimit -v 16777216 2>/dev/null; shift; exec git \"$@\"";

/// What keeps large packs from being mapped as a whole.
const WINDOWS: [&str; 2] = ["core.packedGitWindowSize=64m", "core.packedGitLimit=1g"];

/// A worktree on the host.
#[derive(Debug)]
pub struct Worktree<'a> {
    pub(crate) path: PathBuf,
    /// The hash function of the repository: `sha1` or `sha256`.
    pub(crate) format: String,
    /// How many MiB a container may send at once.
    pub(crate) limit: u32,
    pub(crate) ssh: &'a Ssh,
    pub(crate) interrupt: &'a Interrupt,
}

/// How a git command is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// It reaches the container, and a signal ends it.
    Remote,
    /// It gets objects from the container, too.
    Fetch,
    /// It changes the worktree or the configuration.
    Local,
    /// It asks, and fetches nothing to find an answer.
    Ask,
}

impl<'a> Worktree<'a> {
    /// Finds the worktree that `directory` lies in.
    pub fn find(directory: &Path, ssh: &'a Ssh, interrupt: &'a Interrupt) -> Result<Self, Error> {
        let path = directory.to_owned();
        let mut worktree = Self { path, format: String::new(), limit: LIMIT, ssh, interrupt };
        let found =
            worktree.run(Manner::Ask, ["rev-parse", "--show-object-format", "--show-toplevel"])?;
        let newline = found.stdout.iter().position(|&byte| byte == b'\n');
        let (Some(newline), true) = (newline, found.status.success()) else {
            let (path, source) = (worktree.path, Words(found.words));
            return Err(WorktreeError::NotARepository { path, source }.into());
        };
        worktree.format = String::from_utf8_lossy(&found.stdout[..newline]).into_owned();
        let mut root = found.stdout[newline + 1..].to_vec();
        root.pop();
        worktree.path = PathBuf::from(OsString::from_vec(root));
        Ok(worktree)
    }

    /// Makes `limit` the number of MiB that a container may send at once.
    #[must_use]
    pub fn limited(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Takes the worktree whose root `path` is, and no other.
    pub fn at(path: &Path, ssh: &'a Ssh, interrupt: &'a Interrupt) -> Result<Self, Error> {
        let found = Self::find(path, ssh, interrupt)?;
        if path.canonicalize().ok().as_ref() == Some(&found.path) {
            return Ok(found);
        }
        let source = Words(format!("the nearest one is '{}'", found.path.display()));
        Err(WorktreeError::NotARepository { path: path.to_owned(), source }.into())
    }

    /// Returns the branch that is checked out.
    pub fn branch(&self) -> Result<String, Error> {
        let head = self.answer(["symbolic-ref", "--quiet", "HEAD"])?;
        let branch = head.as_deref().and_then(|head| head.strip_prefix("refs/heads/"));
        let detached = || WorktreeError::DetachedHead { path: self.path.clone() };
        Ok(branch.ok_or_else(detached)?.to_owned())
    }

    /// Refuses `branch` unless git takes it for the name of a branch.
    ///
    /// Git expands `@{-1}` to the branch before, and `@` means HEAD elsewhere:
    /// what is asked for must be the name itself.
    pub fn check_branch(&self, branch: &str) -> Result<(), Error> {
        let checked = self.run(Manner::Ask, ["check-ref-format", "--branch", branch])?;
        let is_itself = checked.stdout == format!("{branch}\n").as_bytes();
        if checked.status.success() && is_itself && branch != "@" {
            return Ok(());
        }
        Err(WorktreeError::BadBranch { branch: branch.to_owned() }.into())
    }

    /// Returns the commit of `branch`, and that of its counterpart at the
    /// remote `remote` as it was last seen.
    pub fn commits(&self, branch: &str, remote: &str) -> Result<(String, Option<String>), Error> {
        let (here, there) =
            (format!("refs/heads/{branch}"), format!("refs/remotes/{remote}/{branch}"));
        let format = "--format=%(objectname) %(refname)";
        let refs = self.must(Manner::Ask, ["for-each-ref", format, &here, &there])?.text();
        let find = |name: &str| {
            let lines = refs.lines().filter_map(|line| line.split_once(' '));
            lines.filter(|(_, found)| *found == name).map(|(id, _)| id.to_owned()).next()
        };
        let none =
            || WorktreeError::NoCommits { path: self.path.clone(), branch: branch.to_owned() };
        Ok((find(&here).ok_or_else(none)?, find(&there)))
    }

    /// Returns the paths, each ended by a NUL, that `commit` has and `base`
    /// has not; without a base, all paths.
    pub fn added(&self, base: Option<&str>, commit: &str) -> Result<Vec<u8>, Error> {
        let paths = match base {
            Some(base) => self.must(
                Manner::Ask,
                [
                    "diff-tree",
                    "-r",
                    "-z",
                    "--no-renames",
                    "--no-ext-diff",
                    "--diff-filter=A",
                    "--name-only",
                    base,
                    commit,
                ],
            ),
            None => self
                .must(Manner::Ask, ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit]),
        };
        Ok(paths?.stdout)
    }

    /// Says whether `old` is an ancestor of `new`, or the same; a commit that
    /// is not here is none.
    pub fn leads_to(&self, old: &str, new: &str) -> Result<bool, Error> {
        let asked = self.run(Manner::Ask, ["merge-base", "--is-ancestor", old, new])?;
        Ok(asked.status.success())
    }

    /// Runs git and returns its output without the last newline; `None` if it
    /// says no, which is status 1.
    pub(crate) fn answer<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Option<String>, Error> {
        let args: Vec<_> = args.into_iter().collect();
        let output = self.run(Manner::Ask, &args)?;
        match output.status.code() {
            Some(0) => Ok(Some(output.text().trim_end_matches('\n').to_owned())),
            Some(1) => Ok(None),
            _ => Err(self.failed(&args, &output)),
        }
    }

    /// Runs git, which must succeed.
    pub(crate) fn must<S: AsRef<OsStr>>(
        &self,
        manner: Manner,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Captured, Error> {
        let args: Vec<_> = args.into_iter().collect();
        let output = self.run(manner, &args)?;
        if output.status.success() { Ok(output) } else { Err(self.failed(&args, &output)) }
    }

    /// Runs git in the worktree.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        manner: Manner,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Captured, Error> {
        let mut git = self.git(manner);
        git.args(args);
        if matches!(manner, Manner::Remote | Manner::Fetch) {
            let (interrupt, kept) = (Some(self.interrupt), Some(run::FEW));
            return run::capture(&mut git, Terms { interrupt, kept, ..Terms::default() });
        }
        // Out of reach of Ctrl-C, which would look like an answer, or leave
        // files half changed.
        run::capture(git.process_group(0), Terms::default())
    }

    pub(crate) fn git(&self, manner: Manner) -> Command {
        let mut git = self.bounded(manner);
        git.arg("-C").arg(&self.path).arg("--no-pager");
        for setting in git::STILL.iter().chain(&git::ALONE).chain(SAFE) {
            git.args(["-c", setting]);
        }
        git::deafen(&mut git);
        for (name, value) in [
            ("LC_ALL", "C"),
            (EMPTY, ""),
            // https is for the missing objects of a partial clone.
            ("GIT_ALLOW_PROTOCOL", "ssh:https"),
            ("GIT_ASKPASS", ""),
            ("GIT_EDITOR", "false"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_REFLOG_ACTION", "ctr-git"),
            ("GIT_SSH_COMMAND", &self.ssh.line()),
            ("GIT_SSH_VARIANT", "ssh"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ] {
            git.env(name, value);
        }
        if manner == Manner::Ask {
            git.env("GIT_NO_LAZY_FETCH", "1");
        }
        git
    }

    /// Returns git without arguments, within bounds where it gets objects.
    fn bounded(&self, manner: Manner) -> Command {
        if manner != Manner::Fetch {
            return Command::new("git");
        }
        let mut shell = Command::new("sh");
        let blocks = u64::from(self.limit) * 2048;
        shell.args(["-c", BOUNDED, "ctr-git", &blocks.to_string()]);
        for setting in WINDOWS {
            shell.args(["-c", setting]);
        }
        shell
    }

    /// Describes a call without the settings that all calls have.
    pub(crate) fn failed<S: AsRef<OsStr>>(&self, args: &[S], output: &Captured) -> Error {
        let args = args.iter().map(|arg| arg.as_ref().to_string_lossy());
        let line = shell_words::join(std::iter::once("git".into()).chain(args));
        let command = failed_command(line, output.status.code(), &output.words);
        WorktreeError::Git { path: self.path.clone(), command }.into()
    }
}
