//! The program as its callers see it, with a real git, a real ssh and a real
//! sshd; only the engine is a stand-in.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod aside;
mod carrying;
mod conflicts;
mod hostile;
mod input;
mod interrupted;
mod names;
mod pulling;
mod reaching;
mod world;
