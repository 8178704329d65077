//! The digest of what a container is made from.
//!
//! It is kept as the label `ctrkit.spec`, section by section, so that a later
//! run can tell from the label alone what has changed. What may change
//! without another container is not in it: the branch, the repository's name,
//! the contents of files, and the dotfiles, which the next container gets.

use std::path::Path;

use document::{
    Container,
    container::{Inject, Limits, Mount},
    labels,
};
use engine::options;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{devcontainer::Devcontainer, isolated::Isolated};

/// How many hex digits of each section's digest are kept.
const DIGITS: usize = 8;

/// Labels whose values may change during the life of a container, and the
/// one that this is the value of.
const VOLATILE: [&str; 4] = [labels::AUTHORITY, labels::BRANCH, labels::PROJECT_NAME, labels::SPEC];

/// The section of what stands around an isolated container.
const ISOLATION: &str = "isolation";

/// The section of what the devcontainers CLI makes a container from.
const DEVCONTAINER: &str = "devcontainer";

/// The digests of the sections, in the order in which they are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Spec(Vec<(&'static str, String)>);

impl Spec {
    /// Returns the digest of `container`: of what is made of its sections, so
    /// that a key which this version does not know changes nothing.
    #[must_use]
    pub(crate) fn of(
        container: &Container,
        isolated: Option<&Isolated>,
        devcontainer: Option<&Devcontainer>,
    ) -> Self {
        let published: Vec<_> = container.ports.iter().filter_map(options::published).collect();
        let volumes: Vec<_> = container.volumes.iter().map(|v| (&v.name, &v.target)).collect();
        let mounts: Vec<_> = container.mounts.iter().map(mounted).collect();
        let env: Vec<_> = container.env.iter().map(|v| (&v.name, &v.value)).collect();
        let is_fixed = |name: &str| !VOLATILE.contains(&name);
        let fixed = container.labels.iter().filter(|label| is_fixed(&label.name));
        let fixed: Vec<_> = fixed.map(|label| (&label.name, &label.value)).collect();
        let files = container.inject.iter().filter(|entry| !entry.keep_edited);
        let mut sections = vec![
            ("image", digest(&container.image)),
            ("user", digest(&container.user)),
            ("workspace", digest(&container.workspace)),
            ("restart", digest(&container.restart())),
            ("ports", digest(&published)),
            ("volumes", digest(&volumes)),
            ("mounts", digest(&mounts)),
            ("env", digest(&env)),
            ("limits", digest(&container.limits.as_ref().map(limited).unwrap_or_default())),
            ("labels", digest(&fixed)),
            ("inject", digest(&files.map(placed).collect::<Vec<_>>())),
        ];
        sections.extend(isolated.map(|isolated| (ISOLATION, digest(&isolated.essence()))));
        sections.extend(devcontainer.map(|by| (DEVCONTAINER, digest(by.essence()))));
        Self(sections)
    }

    /// Returns the value of the label: `image:0a1b2c3d user:…`.
    #[must_use]
    pub(crate) fn to_label(&self) -> String {
        let sections: Vec<_> =
            self.0.iter().map(|(name, digest)| format!("{name}:{digest}")).collect();
        sections.join(" ")
    }

    /// Returns the sections in which the label `applied` differs.
    #[must_use]
    pub(crate) fn changes(&self, applied: &str) -> Vec<&'static str> {
        let before = |name: &str| {
            let sections = applied.split(' ').filter_map(|section| section.split_once(':'));
            sections.filter(|(section, _)| *section == name).map(|(_, digest)| digest).next()
        };
        let changed = |(name, digest): &&(&'static str, String)| before(name) != Some(digest);
        let mut changes: Vec<_> = self.0.iter().filter(changed).map(|(name, _)| *name).collect();
        // Only these sections may be there or not.
        for optional in [ISOLATION, DEVCONTAINER] {
            let is_gone = self.0.iter().all(|(name, _)| *name != optional);
            changes.extend((is_gone && before(optional).is_some()).then_some(optional));
        }
        changes
    }
}

fn mounted(mount: &Mount) -> (&str, Option<&Path>, &str, bool) {
    (&mount.kind, mount.source.as_deref(), &mount.target, mount.read_only)
}

fn limited(limits: &Limits) -> (Option<&str>, Option<&str>, Option<u32>, &[String]) {
    (limits.memory.as_deref(), limits.cpus.as_deref(), limits.pids, &limits.cap_drop)
}

fn placed(entry: &Inject) -> (&str, &str, &str) {
    (&entry.target, &entry.mode, &entry.owner)
}

/// Returns the first digits of the SHA-256 of `value` as JSON.
fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).unwrap_or_default();
    let hex: String = Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..DIGITS].to_owned()
}
