//! The remote that leads to the container, and the settings of the host.

use std::time::Duration;

use toolkit::{Places, files::Lock, git};

use crate::{
    Error, Settings, Target, Worktree, WorktreeError, without_credentials, worktree::Manner,
};

/// How long another ctr-git may take to write to a repository's configuration.
const PATIENCE: Duration = Duration::from_secs(30);

/// All settings that hold in a worktree.
#[derive(Clone, Debug, Default)]
pub struct Config(Vec<(String, String)>);

impl Config {
    /// Reads the output of `git config --list -z`: `KEY<newline>VALUE<NUL>`.
    #[must_use]
    pub fn parse(output: &str) -> Self {
        let entries = git::settings(output);
        Self(entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// Returns the value that counts: the last.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.0.iter().rev();
        values.find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// Returns all of them, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the keys of all filters (gitattributes(5), section filter).
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        let keys = self.0.iter().map(|(key, _)| key.as_str());
        keys.filter(|key| key.starts_with("filter."))
    }
}

impl Worktree<'_> {
    /// Reads all settings.
    pub fn config(&self) -> Result<Config, Error> {
        Ok(Config::parse(&self.must(Manner::Ask, ["config", "--list", "-z"])?.text()))
    }

    /// Returns what the repository in the container takes over.
    pub fn settings(&self, config: &Config) -> Result<Settings, Error> {
        let value = |key: &str| config.get(key).unwrap_or_default().to_owned();
        let origin = match config.get("remote.origin.url") {
            // With what url.BASE.insteadOf makes of it, which is not there.
            Some(_) => self.answer(["remote", "get-url", "origin"])?,
            None => None,
        };
        Ok(Settings {
            format: self.format.clone(),
            user_name: value("user.name"),
            user_email: value("user.email"),
            origin: origin.as_deref().and_then(without_credentials).unwrap_or_default(),
        })
    }

    /// Says whether the remote of `target` is there; another one with its
    /// name is an error.
    pub fn has_remote(&self, config: &Config, target: &Target) -> Result<bool, Error> {
        let (name, url) = (target.name(), target.url());
        let keys = ["url", "pushurl"].map(|key| format!("remote.{name}.{key}"));
        let found: Vec<_> = config.0.iter().filter(|(key, _)| keys.contains(key)).collect();
        match found.iter().find(|(_, found)| *found != url) {
            Some((_, found)) => {
                let (path, name, found) = (self.path.clone(), name.to_owned(), found.clone());
                Err(WorktreeError::RemoteTaken { path, name, found, url }.into())
            }
            None => Ok(found.iter().any(|(key, _)| *key == keys[0])),
        }
    }

    /// Adds the remote of `target`. The URL is written last: with it, the rest
    /// is there too, whenever a run was killed.
    pub fn add_remote(&self, places: &Places, target: &Target) -> Result<(), Error> {
        let _lock = self.lock(places)?;
        let name = target.name();
        let refs = format!("+refs/heads/*:refs/remotes/{name}/*");
        // A tag from the container would stand for what the person released.
        for (key, value) in [("fetch", &*refs), ("tagOpt", "--no-tags"), ("url", &target.url())] {
            let key = format!("remote.{name}.{key}");
            self.must(Manner::Local, ["config", "--local", "--replace-all", "--", &key, value])?;
        }
        Ok(())
    }

    /// Takes the remote of `target` away again, with its branches.
    pub fn remove_remote(&self, places: &Places, target: &Target) -> Result<(), Error> {
        let _lock = self.lock(places)?;
        let branches = format!("refs/remotes/{}/", target.name());
        let refs = ["for-each-ref", "--format=%(refname)", &branches];
        let refs = self.must(Manner::Ask, refs)?.text();
        let list = self.must(Manner::Ask, ["config", "--local", "--list", "-z"])?.text();
        for call in git::removal(target.name(), &refs, &list) {
            self.must(Manner::Local, call)?;
        }
        Ok(())
    }

    /// Keeps other runs out: git gives up at once where two write to one
    /// configuration, and linked worktrees share theirs.
    fn lock(&self, places: &Places) -> Result<Lock, Error> {
        Ok(Lock::take(&places.state()?.join("remotes.lock"), PATIENCE)?)
    }
}
