//! Remove containers and what was made for them.
//!
//! [`hold`] keeps others away and finds what there is by a name: on the engine,
//! in ctrkit's own files, in the ssh configuration. [`Remover::check`] says whether
//! it may go, and [`Remover::remove`] removes it: the container first, and last of
//! all the state that a further run would find the rest by.

mod error;
mod look;
mod remove;
mod tools;
mod work;
mod worktree;

pub use crate::{
    error::{Error, FailedStep},
    look::{Found, hold},
    remove::{Remover, Wishes},
    tools::Tools,
};

#[cfg(test)]
mod tests;
