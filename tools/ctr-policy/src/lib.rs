//! Change and show what a running container may reach.
//!
//! [`Applier`] replaces a policy and waits until the proxy says that it is in
//! force, [`Shown`] is the policy that is. What a policy is and allows is known
//! to filtergen(1), which is run for it.

mod apply;
mod error;
mod filtergen;
mod show;
mod table;

use engine::{Engine, Managed, Summary};

pub use crate::{
    apply::{Applied, Applier, Outcome},
    error::Error,
    filtergen::{check, diff},
    show::Shown,
};

/// Returns the isolated container called `name`, and its proxy.
pub(crate) fn find<'a>(
    managed: &'a Managed,
    name: &str,
) -> Result<(&'a Summary, &'a Summary), Error> {
    let name = || name.to_owned();
    match (managed.get(&name()), managed.proxy(&name())) {
        (Some(app), Some(proxy)) if app.is_isolated() => Ok((app, proxy)),
        (Some(app), None) if app.is_isolated() => Err(Error::NoProxy { name: name() }),
        _ => Err(Error::NotIsolated { name: name() }),
    }
}

/// Lists what is ctrkit's, the container called `name` among it.
pub(crate) fn managed(engine: &Engine, name: &str) -> Result<Managed, Error> {
    Ok(engine.all_managed_with(&[name.to_owned()])?)
}
