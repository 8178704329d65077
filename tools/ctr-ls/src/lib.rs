//! List the containers.
//!
//! [`Form::text`] is a pure function of the containers, the moment and
//! whether a terminal shows it.

mod count;
mod error;
mod form;
mod table;

pub use crate::{count::count, error::Error, form::Form};

#[cfg(test)]
mod tests;
