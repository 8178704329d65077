//! The names that follow from a worktree.

use std::path::Path;

use sha2::{Digest, Sha256};
use slug::slugify;

/// How many hex digits of the hash are in a name.
pub(crate) const SHORT: usize = 6;

/// How many hex digits identify a worktree.
const LONG: usize = 12;

/// The longest label of a host name (RFC 1123 section 2.1), and one less
/// than Linux's limit for a host name (gethostname(2)).
const LABEL: usize = 63;

/// What a name that has no letter or digit becomes.
const NAMELESS: &str = "project";

/// Returns the 12 hex digits that identify the worktree at `path`, which is
/// absolute and without symbolic links.
#[must_use]
pub fn hash(path: &str) -> String {
    let digest = Sha256::digest(path.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..LONG].to_owned()
}

/// Returns `<prefix>-<repository>-<hash6>`: a valid host name, whatever the
/// repository is called.
#[must_use]
pub fn container_name(prefix: &str, repository: &str, hash: &str) -> String {
    let hash = &hash[..SHORT];
    let room = LABEL - prefix.len() - hash.len() - 2;
    format!("{prefix}-{}-{hash}", label(repository, room))
}

/// Returns the name of the directory of the code in the container.
///
/// It follows from the worktree's path alone, like the hash.
#[must_use]
pub fn workspace_name(path: &Path) -> String {
    label(&path.file_name().unwrap_or_default().to_string_lossy(), LABEL)
}

/// Returns `text` as at most `room` lower-case letters, digits and hyphens.
fn label(text: &str, room: usize) -> String {
    let mut label = slugify(text);
    label.truncate(room);
    let label = label.trim_end_matches('-');
    if label.is_empty() { NAMELESS.to_owned() } else { label.to_owned() }
}
