//! Whether the files in the container are more than its own.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use ::secrets::delivery;
use document::{compose::Names, labels};

use super::{Finding, Row, Sight, When, out, untested};

/// What of the machine is the machine, wherever it is mounted.
const MACHINE: [&str; 12] = [
    "/",
    "/boot",
    "/dev",
    "/etc",
    "/lib/modules",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/usr",
    "/var/lib/containers",
    "/var/lib/docker",
];

/// Where in a home people keep what opens other doors.
const KEYS: [&str; 9] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".kube",
    ".docker",
    ".config/gh",
    ".config/gcloud",
    ".netrc",
    ".git-credentials",
];

pub(super) const ALL: &[Row] = &[
    Row {
        id: "engine-socket",
        proves: "no socket in the container leads to an engine",
        cure: "make the container without the engine's socket; who speaks to it has the machine",
        when: When::Inside,
        judge: |sight| {
            let slow: &[&str] = if sight.extent.quick { &[] } else { &["engine-sockets"] };
            sight.nothing(&[&["engine-paths"], slow].concat())
        },
    },
    Row {
        id: "authority-key",
        proves: "the private key of the proxy's authority is nowhere in the container",
        cure: "mount its certificate alone; then make the authority anew: remove the proxy's \
               volume, and ctrkit create",
        when: When::Inside,
        judge: authority_key,
    },
    Row {
        id: "ssh-authority-key",
        proves: "the private key of the ssh authority is nowhere in the container",
        cure: "take it out, and make another authority: sshca init",
        when: When::Inside,
        judge: |sight| match sight.target.authority {
            Some(_) => key(sight, "ssh "),
            None => Finding::None,
        },
    },
    Row {
        id: "policy-mounted",
        proves: "what decides over the container is out of its reach",
        cure: "mount neither ctrkit's configuration nor its state, nor a directory above them",
        when: When::Inside,
        judge: policy_mounted,
    },
    Row {
        id: "host-mounts",
        proves: "no directory of the machine's own, or with a person's keys, is mounted",
        cure: "mount the directory of the project alone, or nothing",
        when: When::Inside,
        judge: host_mounts,
    },
];

/// The volume of the proxy has its authority, whether it can be read or not.
fn authority_key(sight: &Sight<'_>) -> Finding {
    let volume = names(sight, |names| names.proxy_volume());
    let mounts = sight.target.inspection.apart.mounts.iter();
    let mut mounted = mounts.filter(|mount| mount.source.is_some() && mount.source == volume);
    match mounted.next() {
        Some(mount) => {
            let at = &mount.destination;
            Finding::Out(format!("the proxy's own volume is mounted at {at}"))
        }
        None => key(sight, "proxy "),
    }
}

/// Judges the keys that were found behind one label.
fn key(sight: &Sight<'_>, label: &str) -> Finding {
    let seen = match sight.root.get("keys") {
        Ok(seen) => seen,
        Err(why) => return untested(&why),
    };
    let user = sight.user.as_ref().and_then(|user| user.get("keys").ok()).unwrap_or_default();
    let paths = seen.iter().chain(user).filter_map(|seen| seen.strip_prefix(label));
    let mut found: Vec<_> = paths.map(str::to_owned).collect();
    found.sort();
    found.dedup();
    out(&found)
}

/// Returns the name of something that stands around a container of ctrkit's.
fn names(sight: &Sight<'_>, name: impl Fn(Names<'_>) -> String) -> Option<String> {
    sight.target.summary.label(labels::PROJECT_HASH).map(|hash| name(Names::of(hash)))
}

fn policy_mounted(sight: &Sight<'_>) -> Finding {
    let trust = names(sight, |names| names.trust_volume());
    let mut found = Vec::new();
    for mount in &sight.target.inspection.apart.mounts {
        let (kind, at) = (mount.kind.as_str(), &mount.destination);
        let Some(source) = &mount.source else { continue };
        // Its own secrets are in its reach, and the rest of its state is not.
        let is_secrets = Path::new(source) == sight.target.secrets && at == delivery::DIRECTORY;
        if kind == "bind" && is_secrets && mount.read_only {
            continue;
        }
        let writable = if mount.read_only { "" } else { ", and can be written" };
        if kind == "bind" && sight.target.ours.iter().any(|ours| meet(Path::new(source), ours)) {
            found.push(format!("'{source}' is mounted at {at}{writable}"));
        }
        if kind == "volume" && Some(source) == trust.as_ref() && !mount.read_only {
            found.push(format!("the proxy's certificate at {at} can be written"));
        }
    }
    out(&found)
}

/// Says whether one of the paths is in the other.
fn meet(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (one, other) = (real(one), real(other));
    one.starts_with(&other) || other.starts_with(&one)
}

fn host_mounts(sight: &Sight<'_>) -> Finding {
    let home = sight.target.home.as_deref();
    let binds = sight.target.inspection.apart.mounts.iter().filter(|mount| mount.kind == "bind");
    let bad = binds.filter(|mount| {
        mount.source.as_deref().is_some_and(|source| is_machines(Path::new(source), home))
    });
    let told = |mount: &document::containers::ListedMount| {
        format!(
            "'{}' is mounted at {}",
            mount.source.as_deref().unwrap_or_default(),
            mount.destination
        )
    };
    let mut found: Vec<_> = bad.map(told).collect();
    found.extend(open_configuration(sight));
    out(&found)
}

/// Tells where others on this machine get at what the container writes as its
/// agent's configuration, set-uid programs among it.
fn open_configuration(sight: &Sight<'_>) -> Option<String> {
    let document = sight.target.document.as_ref()?;
    let directory = document.claude.as_ref()?.directory.as_deref()?;
    let parent = directory.parent()?;
    let mode = parent.metadata().ok()?.mode();
    let parent = parent.display();
    (mode & 0o077 != 0).then(|| format!("others may enter '{parent}', to which it writes"))
}

/// Says whether a path is the machine's, or has a person's keys in it.
fn is_machines(source: &Path, home: Option<&Path>) -> bool {
    let is_whole = MACHINE.iter().any(|own| Path::new(own) == source);
    // What is mounted from there one by one is looked at by other probes.
    let is_part = ["/etc", "/boot", "/root/.ssh"].iter().any(|own| source.starts_with(own));
    let keys = home.into_iter().flat_map(|home| KEYS.iter().map(|key| home.join(key)));
    let mut keys: Vec<PathBuf> = keys.collect();
    keys.retain(|key| key.starts_with(source) || source.starts_with(key));
    is_whole || is_part || !keys.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_machines_is_told_from_what_is_a_projects() {
        let home = Some(Path::new("/home/me"));
        for bad in
            ["/", "/etc", "/etc/ssh", "/home", "/home/me", "/home/me/.ssh", "/home/me/.aws/x"]
        {
            assert!(is_machines(Path::new(bad), home), "{bad}");
        }
        for good in ["/home/me/project", "/srv/data", "/home/you", "/run/user/1000/pulse"] {
            assert!(!is_machines(Path::new(good), home), "{good}");
        }
        assert!(
            meet(Path::new("/a/b"), Path::new("/a")) && meet(Path::new("/a"), Path::new("/a/b"))
        );
        assert!(!meet(Path::new("/a/b"), Path::new("/a/c")));
    }
}
