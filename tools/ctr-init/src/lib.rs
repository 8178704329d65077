//! Set ctrkit up: where the engine is, the keys, the token.
//!
//! [`Plan`] is what is wanted, from the command line, from a [`Dialogue`] or
//! from the configuration as it is. [`Machine::facts`] asks the machine of the
//! engine, [`judge`] says what is missing there. Only then is anything done:
//! the authority, the token, and last of all the configuration, each by one
//! rename.

pub mod apply;
mod dialogue;
mod error;
pub mod facts;
mod judge;
mod plan;
mod test;
mod token;

pub use crate::{
    dialogue::Dialogue,
    error::Error,
    judge::{Complaint, Place, judge},
    plan::{Plan, Wishes, kind},
    test::Machine,
    token::{RECIPE, Source, Token},
};

#[cfg(test)]
mod tests;
