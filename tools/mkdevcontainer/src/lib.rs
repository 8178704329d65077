//! Writes the devcontainer.json (containers.dev/implementors/json_reference)
//! from which the devcontainers CLI and editors make a container.
//!
//! [`Files::of`] decides what is in it, and [`Files::install`] writes it:
//! outside of the worktree, and never over what a person wrote.

mod error;
mod files;
mod literal;
mod ours;

pub use crate::{error::Error, files::Files};
