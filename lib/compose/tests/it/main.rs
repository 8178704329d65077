//! With the real docker compose and the real podman-compose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it chose at random"
)]

mod judge;
mod overrides;
mod own;
mod random;
mod tools;
mod written;
