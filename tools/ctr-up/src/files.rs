//! What goes into a new container.

use std::path::{Component, Path};

use document::{Container, container::Inject};

use crate::{
    Error,
    archive::{self, Account, Content, Entry},
    place, sshd,
};

/// The files of a new container, read and checked.
#[derive(Debug)]
pub struct Files {
    /// What is ctrkit's, at fixed places outside of the volumes.
    system: Vec<Inject>,
    /// The user's files, below the home.
    home: Vec<Inject>,
    sshd_config: String,
    authorized_keys: String,
}

/// The entries of the tar stream, and whether some are to be placed by a
/// script once the container runs.
#[derive(Debug)]
pub(crate) struct Cargo {
    pub(crate) entries: Vec<Entry>,
    pub(crate) to_place: bool,
}

impl Files {
    /// Checks the document's `inject` and writes the sshd configuration.
    ///
    /// `authorized_keys` is what may log in.
    pub fn new(container: &Container, authorized_keys: String) -> Result<Self, Error> {
        for entry in &container.inject {
            check(entry, container.user()?)?;
        }
        let sshd_config = sshd::config(container)?;
        let (home, system) = container.inject.iter().cloned().partition(|entry| entry.keep_edited);
        Ok(Self { system, home, sshd_config, authorized_keys })
    }

    /// Returns the tar stream's entries, for a container whose volumes
    /// `fresh` were made just now and whose user has the numbers `account`.
    pub(crate) fn cargo(
        self,
        container: &Container,
        account: Account,
        fresh: &[String],
    ) -> Result<Cargo, Error> {
        let home = home(container.user()?);
        let entry = |inject: &Inject| entry(inject, account);
        let mut entries = fresh_roots(container, account, fresh);
        entries.push(Entry::directory("/run/sshd", 0o755, Account::ROOT));
        entries.push(Entry::directory("/etc/ssh/ctrkit", 0o755, Account::ROOT));
        entries.push(Entry::file(sshd::CONFIG, 0o644, self.sshd_config));
        entries.push(Entry::file(sshd::AUTHORIZED_KEYS, 0o644, self.authorized_keys));
        entries.extend(self.system.iter().map(entry));
        let mut own: Vec<_> = self.home.iter().map(entry).collect();
        archive::load(&mut own)?;
        let to_place = !own.is_empty() && is_kept(container, &home, fresh);
        if to_place {
            let staged = place::staged(&own, &home).into_iter();
            entries.extend(staged.map(|entry| Entry { owner: to_whom(&entry, account), ..entry }));
        } else if !own.is_empty() {
            own.push(place::manifest_entry(&own, &home, account));
            entries.extend(archive::with_parents(own, &home, account));
        }
        archive::load(&mut entries)?;
        Ok(Cargo { entries, to_place })
    }
}

/// Returns the entries of the host's key and certificate alone.
pub(crate) fn host_keys(container: &Container) -> Result<Vec<Entry>, Error> {
    let keys =
        container.inject.iter().filter(|entry| entry.target.starts_with("/etc/ssh/ssh_host_"));
    let mut entries: Vec<_> = keys.map(|inject| entry(inject, Account::ROOT)).collect();
    archive::load(&mut entries)?;
    Ok(entries)
}

/// The script that places files runs as the user and has to read them.
fn to_whom(entry: &Entry, account: Account) -> Account {
    if entry.content == Content::Directory { entry.owner } else { account }
}

/// Returns the home directory of `user`, as the base image has it.
pub(crate) fn home(user: &str) -> String {
    if user == "root" { "/root".to_owned() } else { format!("/home/{user}") }
}

/// Says whether `home` lies in a volume that was there before.
fn is_kept(container: &Container, home: &str, fresh: &[String]) -> bool {
    let volume = container.volumes.iter().find(|volume| volume.target == home);
    volume.is_some_and(|volume| !fresh.contains(&volume.name))
}

/// Gives the top directories of new volumes to the user: those alone, and
/// never again, whatever is in the volume later.
fn fresh_roots(container: &Container, account: Account, fresh: &[String]) -> Vec<Entry> {
    let made = container.volumes.iter().filter(|volume| fresh.contains(&volume.name));
    made.map(|volume| Entry::directory(&volume.target, 0o755, account)).collect()
}

/// Refuses an entry that could land elsewhere than it says.
fn check(entry: &Inject, user: &str) -> Result<(), Error> {
    let bad = |rule| Err(Error::BadEntry { target: entry.target.clone(), rule });
    let normal = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !entry.target.starts_with('/') || !Path::new(&entry.target).components().all(normal) {
        return bad("the target must be absolute, without '..'");
    }
    if entry.target.chars().any(char::is_control) {
        return bad("the target must have no control characters");
    }
    if entry.source.as_ref().is_some_and(|source| !source.is_absolute()) {
        return bad("the source must be absolute");
    }
    if u32::from_str_radix(&entry.mode, 8).map_or(true, |mode| mode > 0o777) {
        return bad("the mode must be octal, at most 0777");
    }
    if entry.owner != "root" && entry.owner != user {
        return bad("the owner must be root or the document's user");
    }
    if entry.keep_edited && !entry.target.starts_with(&(home(user) + "/")) {
        return bad("a file that may be edited must lie in the user's home");
    }
    Ok(())
}

fn entry(inject: &Inject, account: Account) -> Entry {
    let content = inject.source.clone().map_or(Content::Directory, Content::File);
    Entry {
        target: inject.target.clone(),
        mode: u32::from_str_radix(&inject.mode, 8).unwrap_or(0o600),
        owner: if inject.owner == "root" { Account::ROOT } else { account },
        content,
    }
}
