//! Where a symbolic link leads.

use crate::{Name, names};

/// What is wrong with the place that a link leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leads {
    /// It is outside of the worktree.
    Outside,
    /// It is in a repository's own directory.
    IntoGit,
}

/// Says what is wrong with where the link at `path` leads, if anything is.
///
/// This is what the text of the link says; what is at the other end may be
/// another link, which has its own line.
#[must_use]
pub fn leads(path: &[u8], target: &[u8]) -> Option<Leads> {
    let is_absolute = target.first().is_some_and(|byte| matches!(byte, b'/' | b'\\'))
        || matches!(target, [letter, b':', ..] if letter.is_ascii_alphabetic());
    if is_absolute {
        return Some(Leads::Outside);
    }
    let mut depth = names(path).len().saturating_sub(1);
    for name in names(target) {
        match name.as_str() {
            "." => {}
            ".." if depth == 0 => return Some(Leads::Outside),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    names(target).iter().any(Name::is_git).then_some(Leads::IntoGit)
}
