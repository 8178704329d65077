//! Policies: what a container may reach.
//!
//! A policy is read strictly ([`parse`]), found by name and composed
//! ([`Library`]), narrowed by a project ([`narrow`]) and asked ([`Decider`]).
//! The documents are in [`document::policy`].

mod address;
mod compose;
mod decide;
mod diff;
mod error;
mod github;
mod glob;
mod library;
mod name;
pub mod packages;
mod path;
mod read;
mod rule;
mod secret;
mod tree;

pub use crate::{
    address::Network,
    decide::{Decider, Decision, Entry, Reason, Request},
    diff::diff,
    error::PolicyError,
    github::{Action, Github, Said},
    library::{Library, Supplied, is_file, narrow, split},
    name::{NameError, Pattern, normalise},
    path::{Template, clean, decoded, is_bare},
    read::{find_operation, parse, parse_foreign},
    rule::{From, Manner, Policy, Rule},
    secret::Secret,
};

#[cfg(test)]
mod tests;
