//! Policies: what a container may reach.
//!
//! A policy is read strictly ([`parse`]), found by name and composed
//! ([`Library`]), narrowed by a project ([`narrow`]) and asked ([`Decider`]).
//! The documents are in [`document::policy`].

mod address;
mod compose;
mod decide;
mod error;
mod library;
mod name;
pub mod packages;
mod read;
mod rule;
mod tree;

pub use crate::{
    address::Network,
    decide::{Decider, Decision, Reason, Request},
    error::PolicyError,
    library::{Library, is_file, narrow, split},
    name::{NameError, Pattern, normalise},
    read::{parse, parse_foreign},
    rule::{From, Manner, Policy, Rule},
};

#[cfg(test)]
mod tests;
