//! Compose files: the text that every tool which runs them reads alike.

mod path;
mod write;

pub use crate::write::{Unwritable, to_text};

#[cfg(test)]
mod tests;
