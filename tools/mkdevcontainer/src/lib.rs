//! Writes the devcontainer.json (containers.dev/implementors/json_reference)
//! from which the devcontainers CLI and editors make a container.
//!
//! [`Files::of`] decides what is in it, and [`Files::install`] writes it:
//! outside of the worktree, and never over what a person wrote. What the
//! repository's own file says is used as far as it reaches nothing of this
//! machine, and beyond that only where a person trusts it.

mod account;
mod error;
mod files;
mod isolated;
mod literal;
mod merge;
mod ours;
mod service;
mod trust;

pub use crate::{
    account::work_as,
    error::Error,
    files::{Files, remembered, trusted},
    isolated::{empty_model, model_in, refused, write_override},
};

/// The directory of the files, in the container's state directory.
pub const DIRECTORY: &str = "devcontainer";
