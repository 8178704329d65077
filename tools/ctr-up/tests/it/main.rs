//! The program as its callers see it, with stand-ins for the engines and ssh.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod answering;
mod devcontainer;
mod input;
mod interrupted;
mod isolated;
mod making;
mod output;
mod repeating;
mod replacing;
mod undoing;
mod world;
