//! A repository's own devcontainer.json
//! (containers.dev/implementors/json_reference): found, read, and judged.
//!
//! Such a file was written by whoever wrote the repository. [`Own::dangers`]
//! lists what of it reaches the machine below, or more of it than a container
//! of ctrkit's does; nothing of that is used unless a person trusts it.

mod composed;
mod contents;
mod danger;
mod error;
mod feature;
mod find;
mod jsonc;
mod mount;
mod own;
mod run_args;
mod shape;
mod signed;
mod trust;

pub use crate::{
    composed::{compose_digest, directory},
    danger::{Danger, Scope, digest, of_label, of_metadata},
    error::OwnError,
    find::find,
    jsonc::{Malformed, parse},
    own::{Base, Own},
    signed::{is_ours, signed},
    trust::{Refusal, Untrusted, trust},
};

#[cfg(test)]
mod tests;
