//! Deciding what is to be done in the container.

use crate::{Error, Report, ThereError};

/// What is to be done to bring a branch into the container.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The branch is to be pushed.
    pub push: bool,
    /// The branch is to be checked out.
    pub checkout: bool,
}

/// What is to be carried, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Cargo<'a> {
    /// The container's name.
    pub name: &'a str,
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The branch's commit on the host.
    pub commit: &'a str,
}

/// Decides what is to be done, or says whose work is in the way.
///
/// `leads_to` says whether a commit that the host may not even have is an
/// ancestor of the one that is carried. Nothing is in the way of a branch
/// that is there already and checked out, whatever else is in the container.
pub fn decide(
    cargo: Cargo<'_>,
    report: &Report,
    leads_to: impl FnOnce(&str) -> Result<bool, Error>,
) -> Result<Plan, Error> {
    let has_it = report.contains || report.tip.as_deref() == Some(cargo.commit);
    let is_head = report.head.as_deref() == Some(cargo.branch);
    let plan = Plan { push: !has_it, checkout: !is_head };
    if plan == Plan::default() {
        return Ok(plan);
    }
    if let (true, Some(tip)) = (plan.push, &report.tip) {
        if !leads_to(tip)? {
            let (name, branch) = (cargo.name.to_owned(), cargo.branch.to_owned());
            return Err(ThereError::Diverged { name, branch, fetched: false }.into());
        }
    }
    let busy = match report.busy {
        Some(what) => Some(format!("is in the middle of {what}")),
        None if report.loose && plan.checkout => {
            Some("has commits on no branch (detached HEAD)".to_owned())
        }
        None => None,
    };
    if let Some(what) = busy {
        return Err(ThereError::Busy { name: cargo.name.to_owned(), what }.into());
    }
    // A branch that is not checked out can be pushed whatever the files are,
    // and git itself sees to them when it is checked out afterwards.
    match plan.checkout {
        false => in_the_way(cargo.name, report).map_or(Ok(plan), Err),
        true => Ok(plan),
    }
}

/// Returns the error that names the files which would be overwritten, if the
/// report has any.
pub(crate) fn in_the_way(name: &str, report: &Report) -> Option<Error> {
    let files: Vec<_> = report.dirty.iter().chain(&report.blocked).cloned().collect();
    let (name, tracked) = (name.to_owned(), report.blocked.is_empty());
    (!files.is_empty()).then(|| ThereError::Dirty { name, files, tracked }.into())
}
