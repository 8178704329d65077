//! Say what is well and what is not, and remove what belongs to nothing.
//!
//! [`Sources`] gathers the facts, [`judge::orphans`] and [`holes::of`] say
//! what they mean, both without touching anything. [`Fixer`] takes a lock,
//! gathers the facts once more, and removes what is an orphan still.

mod checks;
mod choose;
mod error;
mod facts;
mod fix;
pub mod holes;
pub mod judge;
mod machine;
mod sources;
mod table;

pub use crate::{
    checks::{engine, orphans, things},
    choose::{Chosen, choose},
    error::Error,
    facts::{Elsewhere, Entry, Facts, Kept},
    fix::Fixer,
    machine::{Machine, checks as machine},
    sources::Sources,
    table::render,
};

#[cfg(test)]
mod tests;
