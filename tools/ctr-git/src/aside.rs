//! The container's branch in a repository of its own, where nobody works.

use std::{fs, os::unix::ffi::OsStrExt, path::Path};

use toolkit::{Events, files::FileError};

use crate::{Cargo, Error, Target, Worktree, WorktreeError, worktree::Manner};

/// The commit that the worktree has, in the repository that is made.
const HERE: &str = "refs/ctrkit/here";

/// What is fetched: no file with more bytes, where the container's git can
/// leave something out. Its own setting is overridden for this one call.
const FILTER: &str = "--filter=blob:limit=1m";
const SENDER: &str = "--upload-pack=git -c uploadpack.allowFilter=true upload-pack";

impl Worktree<'_> {
    /// Fetches the branch from the container into the bare repository
    /// `directory`, which is made. It has the branch as its only one, and the
    /// worktree's commit as `refs/ctrkit/here`; the objects that the worktree
    /// has are used from there. Neither it nor its repository is changed.
    pub fn set_aside(
        &self,
        cargo: Cargo<'_>,
        target: &Target,
        directory: &Path,
        events: &mut Events,
    ) -> Result<(), Error> {
        let aside = self.make(cargo.branch, directory)?;
        aside.must(Manner::Local, ["update-ref", HERE, cargo.commit])?;
        let key = |name: &str| format!("remote.{}.{name}", cargo.name);
        // What is left out is known to be missing, as long as this is there.
        for (name, value) in [("url", &*target.url()), ("promisor", "true")] {
            aside.must(Manner::Local, ["config", "--local", "--", &key(name), value])?;
        }
        let branch = format!("+refs/heads/{0}:refs/heads/{0}", cargo.branch);
        events.step("fetch", || aside.fetch(cargo, &branch, &[FILTER, SENDER]))?;
        let section = format!("remote.{}", cargo.name);
        aside.must(Manner::Local, ["config", "--local", "--remove-section", &section])?;
        Ok(())
    }

    fn make(&self, branch: &str, directory: &Path) -> Result<Self, Error> {
        let path = std::path::absolute(directory).map_err(FileError::writing(directory))?;
        if fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(WorktreeError::NotEmpty { path }.into());
        }
        fs::create_dir_all(&path).map_err(FileError::writing(&path))?;
        let (ssh, interrupt, format) = (self.ssh, self.interrupt, self.format.clone());
        let aside = Self { path, format, ssh, interrupt, limit: self.limit };
        let format = format!("--object-format={}", self.format);
        let branch = format!("--initial-branch={branch}");
        aside
            .must(Manner::Local, ["init", "--quiet", "--bare", "--template=", &format, &branch])?;
        self.share(&aside)?;
        Ok(aside)
    }

    /// Lets `aside` use the objects that are here, as far back as they go.
    fn share(&self, aside: &Self) -> Result<(), Error> {
        let at = |path: &str| {
            let args = ["rev-parse", "--path-format=absolute", "--git-path", path];
            self.must(Manner::Ask, args).map(|found| found.stdout)
        };
        let info = aside.path.join("objects/info");
        let alternates = info.join("alternates");
        let objects = at("objects")?;
        let written = fs::create_dir_all(&info).and_then(|()| fs::write(&alternates, objects));
        written.map_err(FileError::writing(&alternates))?;
        let shallow = at("shallow")?;
        let shallow = Path::new(std::ffi::OsStr::from_bytes(shallow.trim_ascii_end()));
        if shallow.exists() {
            let to = aside.path.join("shallow");
            fs::copy(shallow, &to).map_err(FileError::writing(&to))?;
        }
        Ok(())
    }
}
