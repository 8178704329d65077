//! Draws progress events.
//!
//! [`Board`] knows how each step stands, [`Drawing`] shows it.

mod board;
mod drawing;
mod error;
mod lines;
mod text;

use std::{
    io::{self, BufRead, IsTerminal},
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use document::Event;
use signal_hook::consts::SIGINT;
use toolkit::DocumentError;

pub use crate::{
    board::{Board, State, Step},
    drawing::{Drawing, Look},
    error::Error,
    text::{duration, plain, rich, running},
};

/// Draws the events of `input` until it ends.
///
/// What is no event is ignored: the one who draws must not be the one who fails.
pub fn follow(input: impl BufRead + IsTerminal, mut drawing: Drawing) -> Result<(), Error> {
    if input.is_terminal() {
        return Err(DocumentError::Terminal("event/1").into());
    }
    let mut board = Board::default();
    let read = lines::each(input, |line| {
        if let Ok(event) = document::parse::<Event>(line) {
            if let Some(step) = board.take(&event, Instant::now()) {
                drawing.show(&step);
            }
        }
    });
    for step in board.abandon(Instant::now()) {
        drawing.show(&step);
    }
    drawing.finish();
    read.map_err(|error| DocumentError::Read(error).into())
}

/// Makes SIGINT not end the process.
///
/// A terminal sends it to all processes of a pipe; those that write events
/// then clean up, which is to be seen, and after them the input ends anyway.
pub fn outlive_interrupts() -> Result<(), Error> {
    let noted = Arc::new(AtomicBool::new(false));
    let registered: io::Result<_> = signal_hook::flag::register(SIGINT, noted);
    registered.map(|_| ()).map_err(Error::Signal)
}

#[cfg(test)]
mod tests;
