//! Show what an isolated container has asked for.
//!
//! [`Source`] reads the lines of the proxy's log wherever they are, [`show`]
//! chooses among them and writes them. Names and paths in them are what the
//! container made up: nothing of them reaches a terminal as it is.

mod error;
mod select;
mod show;
mod source;
mod table;

use clap::Args;
use engine::{Managed, Summary};

pub use crate::{error::Error, select::Selection, show::show, source::Source};

/// The form of the records; without any of these, a table for people.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Form")]
pub struct Form {
    /// Write the records as they are, one line of JSON each
    #[arg(long)]
    pub json: bool,

    /// Write no colours, which only a terminal gets
    #[arg(
        long,
        env = "NO_COLOR",
        value_name = "ANY",
        num_args = 0,
        default_missing_value = "yes",
        hide_env_values = true
    )]
    pub no_color: Option<String>,
}

impl Form {
    /// Says whether there are colours, where `terminal` says whether a terminal
    /// shows them.
    #[must_use]
    pub fn has_colours(&self, terminal: bool) -> bool {
        // https://no-color.org: any value but the empty one.
        terminal && self.no_color.as_ref().is_none_or(String::is_empty)
    }
}

/// Returns the proxy of the container called `name`, which is among `managed`.
pub fn proxy<'a>(managed: &'a Managed, name: &str) -> Result<&'a Summary, Error> {
    let name = || name.to_owned();
    match (managed.get(&name()), managed.proxy(&name())) {
        (Some(app), Some(proxy)) if app.is_isolated() => Ok(proxy),
        (Some(app), None) if app.is_isolated() => Err(Error::NoProxy { name: name() }),
        _ => Err(Error::NotIsolated { name: name() }),
    }
}
