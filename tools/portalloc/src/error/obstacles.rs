//! What an error says of a range without a free block.

use std::fmt;

/// The ports that a service may have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Range {
    /// The service.
    pub service: String,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// What is in the way of a block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// A reservation.
    Held {
        /// Whose it is.
        name: String,
        /// The port.
        port: u16,
    },
    /// A listener that is no container of ctrkit's.
    Listens {
        /// The port.
        port: u16,
    },
}

/// Ranges, as an error names them.
pub(super) struct Ranges<'a>(pub(super) &'a [Range]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Range { service, first, last }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{first}-{last} ({service})")?;
        }
        Ok(())
    }
}

/// Obstacles, as an error names them.
pub(super) struct Obstacles<'a>(pub(super) &'a [(u16, Obstacle)]);

impl fmt::Display for Obstacles<'_> {
    /// Names all holders, or the first of many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More than these fill the screen and help nobody.
        const SHOWN: usize = 8;

        for (index, (offset, obstacle)) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match obstacle {
                Obstacle::Held { name, .. } => write!(f, "{comma}'{name}' holds offset {offset}")?,
                Obstacle::Listens { port } => {
                    write!(f, "{comma}a program listens on {port} at offset {offset}")?;
                }
            }
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
