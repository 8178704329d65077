//! What goes into a new container.

use std::{fs, io, path::Path};

use document::{Container, container::Inject};

use crate::{
    Error,
    archive::{self, Content, Entry, Owner},
    check, place, sshd,
};

/// The files of a new container.
#[derive(Debug)]
pub struct Files {
    /// What is ctrkit's, and what is always put where it belongs.
    system: Vec<Entry>,
    /// The user's files below the home, which they may have edited.
    home: Vec<Entry>,
}

/// The entries of the tar stream, and whether some are to be placed by a
/// script once the container runs.
#[derive(Debug)]
pub(crate) struct Cargo {
    pub(crate) entries: Vec<Entry>,
    pub(crate) to_place: bool,
}

impl Files {
    /// Reads the files of `inject` and writes the sshd configuration, before
    /// anything is made.
    ///
    /// `authorized_keys` is what may log in.
    pub fn new(container: &Container, authorized_keys: String) -> Result<Self, Error> {
        let mut system = vec![
            Entry::directory("/run/sshd", Owner::Root),
            Entry::directory("/etc/ssh/ctrkit", Owner::Root),
            Entry::file(sshd::CONFIG, sshd::config(container)?),
            Entry::file(sshd::AUTHORIZED_KEYS, authorized_keys),
        ];
        let (edited, other): (Vec<_>, Vec<_>) =
            container.inject.iter().partition(|inject| inject.keep_edited);
        system.extend(other.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?);
        let home = edited.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { system, home })
    }

    /// Returns the tar stream's entries, for a container whose volumes `fresh`
    /// hold nothing of anybody's yet.
    pub(crate) fn cargo(self, container: &Container, fresh: &[String]) -> Result<Cargo, Error> {
        let home = home(container.user()?);
        let kept = is_kept(container, &home, fresh);
        let mut entries = fresh_roots(container, fresh);
        let Self { mut system, home: mut own } = self;
        let to_place = kept && !own.is_empty();
        if kept {
            entries.extend(system);
            entries.extend(place::staged(&own, &home));
        } else {
            if !own.is_empty() {
                own.push(place::manifest_entry(&own, &home));
            }
            system.append(&mut own);
            entries.extend(archive::with_parents(system, &home));
        }
        Ok(Cargo { entries, to_place })
    }
}

/// Returns the entries of the host's key and certificate alone.
pub(crate) fn host_keys(container: &Container) -> Result<Vec<Entry>, Error> {
    let is_key = |inject: &&Inject| inject.target.starts_with("/etc/ssh/ssh_host_");
    container.inject.iter().filter(is_key).map(entry).collect()
}

/// Returns the home directory of `user`, as the base image has it.
pub(crate) fn home(user: &str) -> String {
    if user == "root" { "/root".to_owned() } else { format!("/home/{user}") }
}

/// Says whether `home` lies in what was there before: in a volume that is not
/// fresh, or in a directory of the host.
fn is_kept(container: &Container, home: &str, fresh: &[String]) -> bool {
    let holds = |target: &str| Path::new(home).starts_with(target);
    let is_old = |name: &String| !fresh.contains(name);
    container.volumes.iter().any(|volume| holds(&volume.target) && is_old(&volume.name))
        || container.mounts.iter().any(|mount| holds(&mount.target))
}

/// Gives the top directories of new volumes to the user: those alone, and
/// never again, whatever is in the volume later.
fn fresh_roots(container: &Container, fresh: &[String]) -> Vec<Entry> {
    let made = container.volumes.iter().filter(|volume| fresh.contains(&volume.name));
    made.map(|volume| Entry::directory(&volume.target, Owner::User)).collect()
}

fn entry(inject: &Inject) -> Result<Entry, Error> {
    let content = match &inject.source {
        Some(source) => Content::File(
            contents(source)
                .map_err(|error| Error::Unreadable { path: source.clone(), source: error })?,
        ),
        None => Content::Directory,
    };
    let owner = if inject.owner == "root" { Owner::Root } else { Owner::User };
    // A mode that is none was refused before.
    let mode = check::mode(&inject.mode).unwrap_or(0o600);
    Ok(Entry { target: inject.target.clone(), mode, owner, content })
}

/// Reads a regular file: a device or a pipe could go on for ever.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() {
        return Err(if kind.is_dir() {
            io::ErrorKind::IsADirectory.into()
        } else {
            io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
        });
    }
    fs::read(path)
}
