//! Bringing the container's commits into the worktree.

use std::{collections::BTreeSet, ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path};

use toolkit::{Events, files::FileError};

use crate::{
    Cargo, Config, Error, ThereError, Trust, Worktree, WorktreeError,
    report::FILES,
    run::Captured,
    worktree::{EMPTY, Manner},
};

/// The status with which `git ls-remote --exit-code` says that there is no
/// such ref (git-ls-remote(1)).
const NO_SUCH_REF: i32 = 2;

impl Worktree<'_> {
    /// Fetches the branch from the container and moves the worktree's forward
    /// to it, if nothing is lost by it; `cargo` is what the worktree has.
    ///
    /// Nothing comes that something here executes by itself, unless `trust` has it.
    pub fn pull(
        &self,
        cargo: Cargo<'_>,
        config: &Config,
        trust: Trust<'_>,
        events: &mut Events,
    ) -> Result<(), Error> {
        let Cargo { name, branch, .. } = cargo;
        let refspec = format!("+refs/heads/{branch}:refs/remotes/{name}/{branch}");
        events.step("fetch", || self.fetch(cargo, &refspec, &[]))?;
        self.interrupt.check()?;
        let (_, fetched) = self.commits(cargo.branch, cargo.name)?;
        let Some(fetched) = fetched.filter(|fetched| fetched != cargo.commit) else {
            return Ok(());
        };
        if self.leads_to(&fetched, cargo.commit)? {
            return Ok(());
        }
        if !self.leads_to(cargo.commit, &fetched)? {
            let (name, branch) = (cargo.name.to_owned(), cargo.branch.to_owned());
            return Err(ThereError::Diverged { name, branch, fetched: true }.into());
        }
        match trust {
            Trust::None => self.check_runs(cargo, &fetched, config)?,
            Trust::Commit(commit) if fetched != commit => {
                let (name, commit) = (cargo.name.to_owned(), commit.to_owned());
                return Err(ThereError::MovedOn { name, commit, fetched }.into());
            }
            Trust::Commit(_) | Trust::All => {}
        }
        events.step("merge", || self.merge(cargo, &fetched, config))
    }

    /// Fetches one branch, and nothing else that the container may offer.
    pub(crate) fn fetch(
        &self,
        cargo: Cargo<'_>,
        refspec: &str,
        more: &[&str],
    ) -> Result<(), Error> {
        let Cargo { name, branch, .. } = cargo;
        let mut args = vec![
            "fetch",
            "--quiet",
            "--no-progress",
            "--no-tags",
            "--no-prune",
            "--no-write-fetch-head",
            "--refmap=",
        ];
        args.extend(more.iter().copied().chain([name, refspec]));
        let output = self.run(Manner::Fetch, &args)?;
        if output.status.success() {
            return Ok(());
        }
        if is_too_long(&output) {
            self.clear()?;
            return Err(ThereError::TooLarge { name: name.to_owned(), limit: self.limit }.into());
        }
        if let Some(error) = self.ssh.explain(name, self.interrupt)? {
            return Err(error.into());
        }
        let reference = format!("refs/heads/{branch}");
        let listed = self.run(Manner::Remote, ["ls-remote", "--exit-code", name, &reference])?;
        if listed.status.code() == Some(NO_SUCH_REF) {
            let (name, branch) = (name.to_owned(), branch.to_owned());
            return Err(ThereError::NoBranch { name, branch }.into());
        }
        Err(self.failed(&args, &output))
    }

    /// Removes what a fetch has left that became too long.
    fn clear(&self) -> Result<(), Error> {
        let args = ["rev-parse", "--path-format=absolute", "--git-path", "objects/pack"];
        let path = self.must(Manner::Ask, args)?.stdout;
        let path = Path::new(OsStr::from_bytes(path.trim_ascii_end())).to_owned();
        let limit = u64::from(self.limit) << 20;
        let is_left = |entry: &fs::DirEntry| {
            let name = entry.file_name();
            let is_temporary = name.as_encoded_bytes().starts_with(b"tmp_pack_");
            is_temporary && entry.metadata().is_ok_and(|metadata| metadata.len() == limit)
        };
        let entries = fs::read_dir(&path).map_err(FileError::reading(&path))?;
        for entry in entries.filter_map(Result::ok).filter(is_left) {
            fs::remove_file(entry.path()).map_err(FileError::writing(&entry.path()))?;
        }
        Ok(())
    }

    /// Says whether the worktree is at `new` already. It is an error if it is
    /// neither there nor where it was, at `cargo`: during a long fetch somebody may
    /// have switched to another branch, which is not to be moved, or committed.
    fn has_come_to(&self, cargo: Cargo<'_>, new: &str) -> Result<bool, Error> {
        let branch = self.branch()?;
        let (commit, _) = self.commits(&branch, cargo.name)?;
        if branch != cargo.branch || ![cargo.commit, new].contains(&&*commit) {
            let (path, branch) = (self.path.clone(), cargo.branch.to_owned());
            return Err(WorktreeError::Changed { path, branch }.into());
        }
        Ok(commit == new)
    }

    /// Moves the worktree, which has `cargo`, to its descendant `new`.
    ///
    /// Git does it only if no file with changes is touched; ignored files
    /// count as such here. Filters are off: one may be a file that came with
    /// the commits, or read one, as Git LFS does.
    fn merge(&self, cargo: Cargo<'_>, new: &str, config: &Config) -> Result<(), Error> {
        if self.has_come_to(cargo, new)? {
            return Ok(());
        }
        let merge = [
            "merge",
            "--quiet",
            "--ff-only",
            "--no-overwrite-ignore",
            "--no-autostash",
            "--no-stat",
            new,
        ];
        let args: Vec<_> =
            filters_off(config).into_iter().chain(merge.map(str::to_owned)).collect();
        let output = self.run(Manner::Local, &args)?;
        if output.status.success() {
            return Ok(());
        }
        let files = self.in_the_way(cargo.commit, new, config)?;
        if files.is_empty() {
            return Err(self.failed(&merge, &output));
        }
        Err(WorktreeError::Dirty { path: self.path.clone(), files }.into())
    }

    /// Names the files with changes, ignored ones included, that are
    /// different in `new`; at most one more than an error names.
    fn in_the_way(&self, old: &str, new: &str, config: &Config) -> Result<Vec<String>, Error> {
        let changed =
            ["diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--name-only", old, new];
        let changed = self.must(Manner::Ask, changed)?.text();
        let changed: BTreeSet<_> = changed.split_terminator('\0').collect();
        let status = [
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignored=traditional",
            "--ignore-submodules=all",
        ];
        let args: Vec<_> =
            filters_off(config).into_iter().chain(status.map(str::to_owned)).collect();
        let status = self.must(Manner::Ask, &args)?.text();
        // `XY PATH`, a directory with a slash at its end.
        let paths = status.split_terminator('\0').filter_map(|entry| entry.get(3..));
        let hits = paths.filter(|path| touches(&changed, path.trim_end_matches('/')));
        Ok(hits.take(FILES + 1).map(str::to_owned).collect())
    }
}

/// Says whether git was ended because a file became too long: by SIGXFSZ, which
/// is 25 where Linux, macOS or a BSD runs, or by EFBIG.
fn is_too_long(output: &Captured) -> bool {
    output.words.contains("died of signal 25") || output.words.contains("File too large")
}

/// Says whether one of `changed` is `path`, or above it, or below it.
fn touches(changed: &BTreeSet<&str>, path: &str) -> bool {
    let mut above = path;
    while let Some((parent, _)) = above.rsplit_once('/') {
        above = parent;
        if changed.contains(above) {
            return true;
        }
    }
    let below = format!("{path}/");
    changed.contains(path)
        || changed.range(&*below..).next().is_some_and(|it| it.starts_with(&below))
}

/// Returns the options that turn all filters off: with commands that are
/// empty, and `required` that is, which means no (git-config(1), Values).
///
/// A filter may have any name, and only this form of the option takes one
/// with `=` in it.
fn filters_off(config: &Config) -> Vec<String> {
    config.filters().map(|key| format!("--config-env={key}={EMPTY}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_touched_by_what_is_above_and_below_it() {
        let changed = BTreeSet::from(["a/b", "a/b.c", "d", "e-f/g"]);
        for path in ["a/b", "a", "d", "d/x/y", "e-f"] {
            assert!(touches(&changed, path), "{path}");
        }
        for path in ["a/bc", "a/c", "e", "dd", "e-f/h"] {
            assert!(!touches(&changed, path), "{path}");
        }
    }
}
