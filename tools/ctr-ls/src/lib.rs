//! List the containers.
//!
//! [`Form::text`] is a pure function of the containers, the moment and
//! whether a terminal shows it.

mod error;
mod form;
mod table;

pub use crate::{error::Error, form::Form};

#[cfg(test)]
mod tests;
