//! What something on the host executes, or obeys, of a worktree.
//!
//! [`RULES`] is a table of files: which program takes them for its own, and
//! when. [`Touched::judge`] holds a change to it, [`compare`] all that git says
//! of two commits. Whoever asks brings the git that is asked ([`Git`]). What
//! comes in may have been written by somebody who knows this page.

mod compare;
mod config;
mod judge;
mod link;
mod name;
mod rule;
mod table;
mod touched;

pub use crate::{
    compare::{Found, Git, compare, contents, entries, follow},
    config::{Obeyed, is_obeyed},
    judge::{Finding, names_drivers},
    link::{Leads, leads},
    name::{Name, names},
    rule::{Rule, rule_of},
    table::RULES,
    touched::{Entry, Kind, Touched, parse},
};

#[cfg(test)]
mod tests;
