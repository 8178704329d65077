//! Keep terminal sessions in containers.
//!
//! Each verb is one call of tmux in the container, by the engine, whose
//! arguments are words and never a line for a shell. What is sent and what is
//! asked ([`send`], [`capture`], [`create`]) are pure functions of the options;
//! [`Tmux`] calls. Following a pane is the exception: two fixed scripts in the
//! container pass on what its program writes, and [`Screen`] makes lines of it.

mod attach;
mod capture;
mod create;
mod error;
mod follow;
mod form;
mod keys;
mod list;
mod name;
mod place;
mod screen;
mod send;
mod table;
mod tmux;

pub use crate::{
    attach::{attach, attach_line},
    capture::{Capture, capture},
    create::{Absence, create},
    error::Error,
    follow::follow,
    form::Form,
    list::{all, one},
    name::SessionName,
    place::Place,
    screen::Screen,
    send::{Sending, send},
    tmux::{Tmux, kill, kill_all},
};

#[cfg(test)]
mod tests;
