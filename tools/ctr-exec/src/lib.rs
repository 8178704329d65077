//! Run a command in a container as its user in its workspace.
//!
//! [`Request`] is the engine's command line, a pure function of the options
//! and of what the engine says of the container. With a terminal the engine's
//! client takes this process's place ([`replace`]); without one it runs beside
//! it, because it passes no signals on ([`accompany`]).

mod accompany;
mod error;
mod options;
mod request;

pub use crate::{
    accompany::accompany,
    error::Error,
    options::{Options, Tty, Variable},
    request::{Request, replace, token},
};

#[cfg(test)]
mod tests;
