//! Making a worktree.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use toolkit::{
    Events, Interrupt, Places,
    files::{self, FileError, Lock},
};

use crate::{Error, Linked, Repository, place, remove::GOING, repository::Manner};

/// How long other tools may take to write to the repository's configuration.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The branch that is checked out; it is made if there is none.
    pub branch: &'a str,
    /// The commit that a branch begins at which is made: that of the worktree
    /// asked from, unless this says another.
    pub from: Option<&'a str>,
    /// The directory in which the worktree lies, unless beside the main one.
    pub directory: Option<&'a Path>,
}

/// What is known of a branch of which a worktree was made, as its setting
/// `branch.NAME.ctrkit`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// The branch is made, and its worktree is not yet whole.
    Making,
    /// The branch was there, and its worktree is not yet whole.
    Taking,
    /// The branch was made with its worktree, and goes with it.
    Made,
    /// Both are being removed.
    Going,
}

impl Mark {
    const ALL: [(Self, &str); 4] = [
        (Self::Making, "making"),
        (Self::Taking, "taking"),
        (Self::Made, "made"),
        (Self::Going, "going"),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(mark, _)| mark)
    }

    fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl Repository {
    /// Makes a worktree for a branch, and the branch if need be, and returns its
    /// root. One that is there already is left as it is; one that a run did not
    /// finish is finished. Between the steps `interrupt` is asked whether to end.
    ///
    /// No hook, filter or other program of anybody's configuration is run.
    pub fn add(
        &self,
        wanted: Wanted<'_>,
        places: &Places,
        interrupt: &Interrupt,
        events: &mut Events,
    ) -> Result<PathBuf, Error> {
        self.check_branch(wanted.branch)?;
        let _lock = self.lock()?;
        interrupt.check()?;
        let worktrees = self.worktrees()?;
        let Some(main) = worktrees.first() else { return Err(Error::NoWorktrees) };
        let parent = place::parent(&main.path, wanted.directory);
        place::check_outside(&parent, &self.common, &worktrees)?;
        let path = place::real(&parent).join(place::directory_of(wanted.branch));
        let branches = Branches { repository: self, state: places.state()? };
        let mark = branches.mark(wanted.branch)?;
        let there = self.there(&worktrees, wanted.branch, &path, mark)?;
        interrupt.check()?;
        match there {
            There::Whole => self.link(&path)?,
            There::Unfinished => events.step("checkout", || self.complete(&path))?,
            There::Nothing => {
                self.make(wanted, &path, &branches, mark, interrupt, events)?;
            }
        }
        branches.finish(wanted.branch)?;
        // It stays, but whoever ends us wants nothing to follow.
        interrupt.check()?;
        Ok(path)
    }

    /// Refuses `branch` unless git takes it for the name of a branch, and for
    /// nothing else.
    fn check_branch(&self, branch: &str) -> Result<(), Error> {
        let args = ["check-ref-format", "--branch", branch];
        let checked = self.run(&self.common, Manner::Alone, args)?;
        let is_itself = checked.stdout == format!("{branch}\n").as_bytes();
        if checked.status.success() && is_itself && !["@", "HEAD"].contains(&branch) {
            return Ok(());
        }
        Err(Error::BadBranch { branch: branch.to_owned() })
    }

    /// Says what there is of the worktree at `path`; what is in its way is an error.
    fn there(
        &self,
        worktrees: &[Linked],
        branch: &str,
        path: &Path,
        mark: Option<Mark>,
    ) -> Result<There, Error> {
        let at_path = worktrees.iter().find(|each| each.path == path);
        let of_branch = worktrees.iter().find(|each| each.branch.as_deref() == Some(branch));
        match (at_path, of_branch) {
            (Some(at), Some(of)) if at.path == of.path => {}
            (_, Some(of)) => {
                let (branch, path) = (branch.to_owned(), of.path.clone());
                return Err(Error::BranchInUse { branch, path });
            }
            (Some(_), None) => return Err(Error::Taken { path: path.to_owned() }),
            (None, None) if is_free(path) => return Ok(There::Nothing),
            (None, None) => return Err(Error::Taken { path: path.to_owned() }),
        }
        let has = |name| self.own_directory(path).is_ok_and(|own| own.join(name).exists());
        // A checkout ends with the index, and what comes after it is somebody's work.
        let begun = matches!(mark, Some(Mark::Making | Mark::Taking)) && !has("index");
        let is_unfinished = begun || has(GOING);
        let is_half = at_path.is_some_and(|at| at.locked.as_deref() == Some("initializing"));
        if !path.exists() || is_unfinished && is_half {
            // Git itself was killed, or somebody has removed the directory.
            if !is_bare(path) {
                return Err(Error::Taken { path: path.to_owned() });
            }
            self.must(&self.common, remove_line(path, true))?;
            return Ok(There::Nothing);
        }
        Ok(if is_unfinished { There::Unfinished } else { There::Whole })
    }

    /// Makes the worktree at `path`, where nothing is; takes back what it made
    /// if it fails.
    fn make(
        &self,
        wanted: Wanted<'_>,
        path: &Path,
        branches: &Branches<'_>,
        mark: Option<Mark>,
        interrupt: &Interrupt,
        events: &mut Events,
    ) -> Result<(), Error> {
        let Wanted { branch, from, .. } = wanted;
        let there = self.commit(&format!("refs/heads/{branch}"))?;
        // One that was made for a worktree may be there without it.
        let is_ours = matches!(mark, Some(Mark::Making | Mark::Made | Mark::Going));
        let from_commit = match from {
            Some(from) => Some(self.commit(from)?.ok_or_else(|| Error::no_commit(from))?),
            None => None,
        };
        if there.is_some() && mark != Some(Mark::Making) && from.is_some() && there != from_commit {
            return Err(Error::BranchExists { branch: branch.to_owned() });
        }
        let begin = match (&there, from_commit) {
            (Some(_), _) => None,
            (None, Some(commit)) => Some(commit),
            (None, None) => Some(self.commit("HEAD")?.ok_or_else(|| Error::no_commit("HEAD"))?),
        };
        let new = if begin.is_some() || is_ours { Mark::Making } else { Mark::Taking };
        let parent = path.parent().unwrap_or(path);
        let making = |source| Error::Directory { path: parent.to_owned(), source };
        fs::create_dir_all(parent).map_err(making)?;
        branches.set(branch, Some(new))?;
        let made = events
            .step("worktree", || self.add_empty(branch, begin.as_deref(), path))
            .and_then(|()| Ok(interrupt.check()?))
            .and_then(|()| events.step("checkout", || self.fill(path)));
        if made.is_err() {
            self.unmake(path, branch, begin.as_deref());
            let _ = branches.set(branch, mark.filter(|mark| *mark == Mark::Made));
        }
        made
    }

    fn add_empty(&self, branch: &str, begin: Option<&str>, path: &Path) -> Result<(), Error> {
        let new = begin.map(|_| ["--no-track", "-b", branch]);
        let mut args = ["worktree", "add", "--quiet", "--no-checkout"].map(OsStr::new).to_vec();
        args.extend(new.into_iter().flatten().chain(["--"]).map(OsStr::new));
        args.extend([path.as_os_str(), OsStr::new(begin.unwrap_or(branch))]);
        self.must(&self.common, args).map(drop)
    }

    /// Takes back what [`Self::make`] has made, as far as it came.
    fn unmake(&self, path: &Path, branch: &str, begin: Option<&str>) {
        let _ = self.run(&self.common, Manner::Alone, remove_line(path, true));
        if let Some(begin) = begin {
            let reference = format!("refs/heads/{branch}");
            let _ = self.run(&self.common, Manner::Alone, ["update-ref", "-d", &reference, begin]);
        }
        let _ = path.parent().map(fs::remove_dir);
    }

    /// Checks the files out of a worktree that has none. Filters are off: one may
    /// be a file that comes with the commit, or read one, as Git LFS does.
    fn fill(&self, path: &Path) -> Result<(), Error> {
        self.link(path)?;
        let mut args = self.filters_off(path)?;
        args.extend(["reset", "--quiet", "--hard", "--no-recurse-submodules"].map(str::to_owned));
        self.must_as(path, Manner::Checkout, args).map(drop)
    }

    /// Checks out what is missing of a worktree that a run did not finish, and no
    /// more: somebody may have worked in it since.
    fn complete(&self, path: &Path) -> Result<(), Error> {
        self.link(path)?;
        let own = self.own_directory(path)?;
        let going = own.join(GOING);
        // Before there is an index, which would say that it is whole.
        fs::write(&going, "").map_err(FileError::writing(&going))?;
        // Whoever had it was killed: the lock says that nobody is at work.
        files::remove(&own.join("index.lock"))?;
        if !own.join("index").exists() {
            self.must(path, ["read-tree", "HEAD"])?;
        }
        let files = self.changed(path, &[" D", "??"])?;
        if !files.is_empty() {
            return Err(Error::WorkedIn { path: path.to_owned(), files });
        }
        let off = self.filters_off(path)?;
        // What is there already counts as checked out, and is left alone.
        for words in [
            ["update-index", "-q", "--ignore-missing", "--refresh"].as_slice(),
            ["checkout-index", "--all", "--index"].as_slice(),
        ] {
            let words = words.iter().copied();
            let args = off.iter().map(String::as_str).chain(words);
            self.must_as(path, Manner::Checkout, args)?;
        }
        files::remove(&going)?;
        Ok(())
    }

    /// Returns git's own directory of the worktree at `path`: the one whose file
    /// `gitdir` names it (gitrepository-layout(5)).
    pub(crate) fn own_directory(&self, path: &Path) -> Result<PathBuf, Error> {
        let file = place::real(path).join(".git");
        let names_it = |own: &PathBuf| {
            let named = fs::read(own.join("gitdir")).unwrap_or_default();
            place::real(&own.join(OsStr::from_bytes(named.trim_ascii_end()))) == file
        };
        let all = fs::read_dir(self.common.join("worktrees"));
        let mut all = all.into_iter().flatten().flatten().map(|entry| entry.path());
        all.find(names_it).ok_or_else(|| Error::Broken { path: path.to_owned() })
    }

    /// Makes the worktree name its repository by a relative path, so that git
    /// works in it wherever both are, a container or another disk.
    ///
    /// What the repository says of the worktree stays absolute: git's own
    /// relative form is an extension, for which older gits and other
    /// implementations refuse the whole repository.
    pub(crate) fn link(&self, path: &Path) -> Result<(), Error> {
        let (own, file) = (self.own_directory(path)?, path.join(".git"));
        files::sweep(&file);
        match target(path) {
            Some(target) if target.real != own => {
                return Err(Error::Broken { path: path.to_owned() });
            }
            Some(target) if target.is_relative => return Ok(()),
            // It is gone where git was killed that removed the worktree.
            Some(_) | None => {}
        }
        let relative = place::relative(&place::real(path), &own);
        let line = [b"gitdir: ", relative.as_os_str().as_bytes(), b"\n"].concat();
        files::replace(&file, &line, 0o644)?;
        Ok(())
    }
}

/// What a worktree's file `.git` leads to.
pub(crate) struct Target {
    /// It, without symbolic links.
    pub(crate) real: PathBuf,
    is_relative: bool,
}

/// Reads the file `.git` of the worktree at `path` (gitrepository-layout(5)).
pub(crate) fn target(path: &Path) -> Option<Target> {
    let contents = fs::read(path.join(".git")).ok()?;
    let named = contents.trim_ascii_end().strip_prefix(b"gitdir: ")?;
    let named = Path::new(OsStr::from_bytes(named));
    Some(Target { real: place::real(&path.join(named)), is_relative: named.is_relative() })
}

/// Returns the arguments that remove the worktree at `path`; by force also what
/// has changes, or is locked.
pub(crate) fn remove_line(path: &Path, force: bool) -> Vec<&OsStr> {
    let force = force.then_some(["-f", "-f"]);
    let words = ["worktree", "remove"].into_iter().chain(force.into_iter().flatten());
    words.chain(["--"]).map(OsStr::new).chain([path.as_os_str()]).collect()
}

/// What there is of a worktree.
enum There {
    Nothing,
    Unfinished,
    Whole,
}

/// Says whether nothing is in the worktree at `path` but what makes it one.
fn is_bare(path: &Path) -> bool {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).all(|name| name == ".git")
}

/// Says whether a worktree can be made at `path`: nothing is there, or an empty
/// directory.
fn is_free(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        // What keeps anything from being there is told when it is made.
        Err(_) => true,
        Ok(metadata) => {
            metadata.is_dir()
                && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
        }
    }
}

/// What is written down of branches, in the repository's configuration.
pub(crate) struct Branches<'a> {
    pub(crate) repository: &'a Repository,
    /// ctrkit's state directory.
    pub(crate) state: PathBuf,
}

impl Branches<'_> {
    pub(crate) fn mark(&self, branch: &str) -> Result<Option<Mark>, Error> {
        let value = self.repository.setting(&key(branch))?;
        Ok(value.as_deref().and_then(Mark::parse))
    }

    /// Writes a mark down, or takes it away, with the others of ctrkit kept out:
    /// git gives up at once where two write to one configuration.
    pub(crate) fn set(&self, branch: &str, mark: Option<Mark>) -> Result<(), Error> {
        let _lock = Lock::take(&self.state.join("remotes.lock"), PATIENCE)?;
        let (repository, key) = (self.repository, key(branch));
        let args = match mark {
            Some(mark) => vec!["config", "--local", "--replace-all", "--", &key, mark.name()],
            None => vec!["config", "--local", "--unset-all", "--", &key],
        };
        match mark {
            None if repository.setting(&key)?.is_none() => Ok(()),
            _ => repository.must(&repository.common, args).map(drop),
        }
    }

    /// Writes down that the worktree of `branch` is whole.
    fn finish(&self, branch: &str) -> Result<(), Error> {
        match self.mark(branch)? {
            Some(Mark::Making | Mark::Going) => self.set(branch, Some(Mark::Made)),
            Some(Mark::Taking) => self.set(branch, None),
            Some(Mark::Made) | None => Ok(()),
        }
    }
}

fn key(branch: &str) -> String {
    format!("branch.{branch}.ctrkit")
}
