//! Tell all about one container.
//!
//! [`combine`] joins what the engine lists with what it says when it is asked
//! about the one container, [`Looker::look`] measures what isolates it, and
//! [`text`] puts it all into lines for people.

mod error;
mod filter;
mod isolation;
mod kernel;
mod size;
mod text;

use document::containers::Listed;
use engine::{Inspection, Published, Summary};

pub use crate::{error::Error, isolation::Looker, text::text};

/// Returns the container as an element of `containers/1` with all its keys but
/// `isolation`. Its ports are those that `published` has, which may be its
/// ingress's.
#[must_use]
pub fn combine(summary: &Summary, inspection: Inspection, published: &[Published]) -> Listed {
    let Inspection { volumes, mounts, limits, restart, .. } = inspection;
    let published = [&inspection.published, published].concat();
    Listed {
        ports: summary.services(&published),
        volumes,
        mounts,
        limits: Some(limits),
        restart,
        ..summary.listed()
    }
}

#[cfg(test)]
mod tests;
