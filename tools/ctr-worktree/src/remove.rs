//! Removing a worktree, and first what would be lost by it.

use std::{ffi::OsStr, fs, path::Path};

use document::{Ports, ports::Reservation};
use toolkit::{
    Events, Interrupt, Places, SiblingError, Siblings,
    files::{self, FileError},
};

use crate::{
    Error, Linked, Repository,
    add::{Branches, Mark, remove_line, target},
    linked::containers_of,
    place,
    repository::Manner,
};

/// How many files an error names.
pub(crate) const FILES: usize = 5;

/// What git keeps in a worktree's own directory while something is under way
/// that a commit or `--abort` ends (gitrepository-layout(5), git-status(1)).
const UNDER_WAY: [(&str, &str); 6] = [
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
];

/// A file in a worktree's own directory that says that files may be missing of
/// it, which nobody has removed: its removal has begun, or it is being completed.
pub(crate) const GOING: &str = "ctrkit-going";

/// How a worktree is removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Whether work may be lost.
    pub force: bool,
    /// Whether a branch stays that was made with the worktree.
    pub keep_branch: bool,
}

/// Where else a worktree is known.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Where ctrkit keeps its files.
    pub places: &'a Places,
    /// The ledger, which knows the containers.
    pub ledger: &'a Ports,
    /// How the other tools are run.
    pub siblings: &'a Siblings,
    /// Whether to end.
    pub interrupt: &'a Interrupt,
}

impl Repository {
    /// Removes the worktree that `name` means, its container with the volumes,
    /// and the branch if it was made with it. Everything is looked at before
    /// anything is removed.
    pub fn remove(
        &self,
        name: &str,
        terms: Terms,
        around: &Surroundings<'_>,
        events: &mut Events,
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        let worktrees = self.worktrees()?;
        let branches = Branches { repository: self, state: around.places.state()? };
        let found = match find(&worktrees, name) {
            Err(Error::NoSuchWorktree { .. }) if branches.mark(name)? == Some(Mark::Going) => {
                tidy(worktrees.first().map(|main| place::parent(&main.path, None)).as_deref());
                return self.end_orphan(name, terms, &branches, around.ledger);
            }
            found => found?,
        };
        if let Some(reason) = found.locked.as_ref().filter(|reason| *reason != "initializing") {
            let (path, reason) = (found.path.clone(), reason.clone());
            return Err(Error::Locked { path, reason });
        }
        let branch = self.doomed(found, &worktrees, terms, &branches)?;
        let again = self.is_begun(found)?;
        if !terms.force {
            // What git had removed is no work, and what somebody did since is.
            let fine: &[_] = if again { &[" D"] } else { &[] };
            events.step("look", || self.check(found, branch.as_deref(), fine, around.ledger))?;
        }
        // One here, say, and one on a server.
        for container in containers_of(around.ledger, &found.path) {
            around.interrupt.check()?;
            events.step("remove-container", || remove_container(container, terms, around))?;
        }
        around.interrupt.check()?;
        events
            .step("remove-worktree", || self.clear(found, terms, branch.as_deref(), &branches))?;
        Ok(())
    }

    /// Says whether its removal was begun, and has git know it again if so.
    fn is_begun(&self, found: &Linked) -> Result<bool, Error> {
        let is_begun = self.own_directory(&found.path).is_ok_and(|own| own.join(GOING).exists());
        if is_begun && found.path.exists() && !found.path.join(".git").exists() {
            self.link(&found.path)?;
        }
        Ok(is_begun)
    }

    /// Returns the branch that goes with the worktree: one that was made with it
    /// and that no other worktree has.
    fn doomed(
        &self,
        found: &Linked,
        worktrees: &[Linked],
        terms: Terms,
        branches: &Branches<'_>,
    ) -> Result<Option<String>, Error> {
        let Some(branch) = found.branch.clone().filter(|_| !terms.keep_branch) else {
            return Ok(None);
        };
        let is_elsewhere =
            worktrees.iter().any(|each| each.path != found.path && each.branch == found.branch);
        let is_ours =
            matches!(branches.mark(&branch)?, Some(Mark::Making | Mark::Made | Mark::Going));
        Ok(Some(branch).filter(|_| is_ours && !is_elsewhere))
    }

    /// Fails if something is in the worktree, or on its branch, that would be
    /// nowhere else; files whose state is one of `fine` are not.
    fn check(
        &self,
        found: &Linked,
        doomed: Option<&str>,
        fine: &[&str],
        ledger: &Ports,
    ) -> Result<(), Error> {
        let path = &found.path;
        if path.exists() {
            let own = self.own_directory(path)?;
            if target(path).is_none_or(|target| target.real != own) {
                return Err(Error::Broken { path: path.clone() });
            }
            if let Some((_, what)) = UNDER_WAY.iter().find(|(file, _)| own.join(file).exists()) {
                return Err(Error::UnderWay { path: path.clone(), what });
            }
            if own.join("modules").exists() || self.has_submodules(path)? {
                return Err(Error::HasSubmodules { path: path.clone() });
            }
            let files = self.changed(path, fine)?;
            if !files.is_empty() {
                return Err(Error::Uncommitted { path: path.clone(), files });
            }
        }
        let Some(commit) = &found.commit else { return Ok(()) };
        match self.count_unmerged(commit, doomed, ledger)? {
            0 => Ok(()),
            commits => {
                let (path, branch) = (path.clone(), found.branch.clone());
                Err(Error::Unmerged { path, branch, commits })
            }
        }
    }

    fn has_submodules(&self, path: &Path) -> Result<bool, Error> {
        let list = self.must(path, ["ls-files", "--stage", "-z"])?.stdout;
        // The mode of a submodule (git-fast-import(1), filemodify).
        Ok(list.split(|&byte| byte == 0).any(|entry| entry.starts_with(b"160000 ")))
    }

    /// Names files that are changed or new, at most one more than an error
    /// names, but for those whose state is one of `fine` (git-status(1), Short
    /// Format). Ignored ones are not among them, as for git itself.
    pub(crate) fn changed(&self, path: &Path, fine: &[&str]) -> Result<Vec<String>, Error> {
        let mut args = self.filters_off(path)?;
        args.extend(
            ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"]
                .map(str::to_owned),
        );
        let status = self.must(path, &args)?.stdout;
        let status = String::from_utf8_lossy(&status).into_owned();
        // `XY PATH`.
        let entries = status.split_terminator('\0').filter_map(|entry| entry.split_at_checked(3));
        let paths = entries.filter(|(state, _)| !fine.contains(&&state[..2])).map(|(_, path)| path);
        Ok(paths.take(FILES + 1).map(str::to_owned).collect())
    }

    /// Counts the commits up to `commit` that no branch but `doomed` has, no tag,
    /// and no remote that is not a container.
    fn count_unmerged(
        &self,
        commit: &str,
        doomed: Option<&str>,
        ledger: &Ports,
    ) -> Result<usize, Error> {
        let mut args = vec!["rev-list".to_owned(), "--count".to_owned(), commit.to_owned()];
        args.push("--not".to_owned());
        args.extend(doomed.map(|branch| format!("--exclude={branch}")));
        args.push("--branches".to_owned());
        let containers: Vec<_> = ledger.reservations.iter().map(|held| &*held.name).collect();
        let list = self.must(&self.common, ["config", "--list", "-z"])?.stdout;
        let list = String::from_utf8_lossy(&list);
        // Whatever they are called: a remote goes with the container it leads to.
        let renamed = toolkit::git::settings(&list).filter_map(|(key, url)| {
            let remote = key.strip_prefix("remote.")?.strip_suffix(".url")?;
            let (host, _) = url.split_once(':')?;
            containers.contains(&host).then_some(remote)
        });
        let remotes = containers.iter().copied().chain(renamed);
        args.extend(remotes.map(|remote| format!("--exclude={remote}/*")));
        args.extend(["--remotes", "--tags", "--"].map(str::to_owned));
        let counted = self.must(&self.common, &args)?.stdout;
        let counted = String::from_utf8_lossy(&counted).trim().parse();
        counted.map_err(|_| Error::GitUnreadable)
    }

    /// Removes the worktree, then its branch. Before that it is written down that
    /// they go: files that a run which was killed has removed need no questions.
    fn clear(
        &self,
        found: &Linked,
        terms: Terms,
        branch: Option<&str>,
        branches: &Branches<'_>,
    ) -> Result<(), Error> {
        let going = self.own_directory(&found.path).ok().map(|own| own.join(GOING));
        let again = going.as_ref().is_some_and(|going| going.exists());
        branch.map_or(Ok(()), |branch| branches.set(branch, Some(Mark::Going)))?;
        if let Some(going) = &going {
            fs::write(going, "").map_err(FileError::writing(going))?;
        }
        if let Err(error) = self.take_away(&found.path, terms.force || again) {
            // Somebody has worked there meanwhile, say.
            let _ = branch.map(|branch| branches.set(branch, Some(Mark::Made)));
            let _ = going.as_deref().map(files::remove);
            return Err(error);
        }
        tidy(found.path.parent());
        match (branch, &found.branch) {
            (Some(branch), _) => self.end(branch, found.commit.as_deref(), branches),
            // From now on it is a branch like any other.
            (None, Some(branch)) if terms.keep_branch => branches.set(branch, None),
            _ => Ok(()),
        }
    }

    /// Removes a branch of which a run that was killed has removed the worktree.
    /// Somebody may have gone on with it since.
    fn end_orphan(
        &self,
        branch: &str,
        terms: Terms,
        branches: &Branches<'_>,
        ledger: &Ports,
    ) -> Result<(), Error> {
        if terms.keep_branch {
            return branches.set(branch, None);
        }
        let tip = self.commit(&format!("refs/heads/{branch}"))?;
        if let Some(tip) = tip.as_deref().filter(|_| !terms.force) {
            let commits = self.count_unmerged(tip, Some(branch), ledger)?;
            if commits > 0 {
                return Err(Error::UnmergedBranch { branch: branch.to_owned(), commits });
            }
        }
        self.end(branch, tip.as_deref(), branches)
    }

    /// Removes a branch, if it is at `tip`, and its settings.
    fn end(&self, branch: &str, tip: Option<&str>, branches: &Branches<'_>) -> Result<(), Error> {
        let reference = format!("refs/heads/{branch}");
        let args = ["update-ref", "-d", &reference];
        self.must(&self.common, args.into_iter().chain(tip))?;
        branches.set(branch, None)?;
        // There is none where nothing else was in it.
        let args = ["config", "--local", "--remove-section", &format!("branch.{branch}")];
        self.run(&self.common, Manner::Alone, args).map(drop)
    }

    /// Has git remove the worktree, which it looks at itself unless forced to:
    /// with filters, if they were not off.
    fn take_away(&self, path: &Path, force: bool) -> Result<(), Error> {
        let is_read = path.exists() && !force;
        let off = if is_read { self.filters_off(path)? } else { Vec::new() };
        let off = off.iter().map(OsStr::new);
        self.must(&self.common, off.chain(remove_line(path, force))).map(drop)
    }
}

/// Removes the directory that worktrees lie in if none is left.
fn tidy(parent: Option<&Path>) {
    let _ = parent.map(fs::remove_dir);
}

/// Finds the linked worktree that `name` means: its branch, its directory's
/// name, or the path itself.
fn find<'a>(worktrees: &'a [Linked], name: &str) -> Result<&'a Linked, Error> {
    let directory = place::directory_of(name);
    let path = place::real(&std::path::absolute(name).unwrap_or_default());
    let is_meant = |each: &&Linked| {
        each.branch.as_deref() == Some(name)
            || each.path == path
            || each.path.file_name().is_some_and(|last| last == name || last == &*directory)
    };
    let is_main = worktrees.first().is_some_and(|main| is_meant(&main));
    let mut meant = worktrees.iter().skip(1).filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(found), None) => Ok(found),
        (Some(one), Some(other)) => {
            // Its branch is what it is called by.
            let all = [one, other].into_iter().chain(meant);
            let mut called = all.filter(|each| each.branch.as_deref() == Some(name));
            called.next().ok_or_else(|| Error::Ambiguous { name: name.to_owned() })
        }
        (None, _) if is_main => Err(Error::IsMain { name: name.to_owned() }),
        (None, _) => Err(Error::NoSuchWorktree { name: name.to_owned() }),
    }
}

/// Has ctr-rm remove the container with its volumes, unless there is work in it.
fn remove_container(
    held: &Reservation,
    terms: Terms,
    around: &Surroundings<'_>,
) -> Result<(), Error> {
    let name = held.name.as_str();
    let host = held.host.as_deref().unwrap_or("local");
    let force = terms.force.then_some("--force");
    let args: Vec<_> =
        ["--volumes", "--host", host].into_iter().chain(force).chain(["--", name]).collect();
    match around.siblings.run("ctr-rm", &args, b"") {
        Ok(_) => Ok(()),
        Err(SiblingError::Failed(failed)) if failed.kind.as_deref() == Some("uncommitted-work") => {
            Err(Error::InContainer { message: failed.message, name: name.to_owned() })
        }
        Err(error) => {
            around.interrupt.check()?;
            Err(error.into())
        }
    }
}
