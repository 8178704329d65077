//! Chooses dotfiles and lists them in a document.
//!
//! [`Source`] says where they come from, [`scan`] what is there, and [`list`]
//! puts it into the document.

mod builtin;
mod error;
mod list;
mod rules;
mod scan;
mod source;
mod templated;
mod warning;

use std::path::PathBuf;

pub use crate::{
    builtin::built_in,
    error::Error,
    list::{home, list, record},
    scan::{Bounds, scan},
    source::Source,
    templated::{lay_under, of_template},
    warning::{Warning, summary},
};

/// A dotfile, or a directory of dotfiles.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dotfile {
    /// Its path relative to the home directory.
    pub path: String,
    /// The file with its contents, absolute; absent for a directory.
    pub source: Option<PathBuf>,
    /// The permission bits.
    pub mode: u32,
}

/// The dotfiles of a source, sorted by path, and what was left out of them.
#[derive(Debug, Default)]
pub struct Found {
    /// The dotfiles.
    pub files: Vec<Dotfile>,
    /// What a person may want to know.
    pub warnings: Vec<Warning>,
}

#[cfg(test)]
mod tests;
