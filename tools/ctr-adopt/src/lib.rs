//! Reach a container of a predecessor's by its name, without touching it.
//!
//! [`describe`] makes a document out of what the engine says, and [`hostkey`]
//! reads the public host key; both only ask. [`Adoption`] reserves, pins,
//! configures and keeps, and takes back what it did where it fails.

mod adopt;
mod describe;
mod error;
pub mod hostkey;

pub use crate::{
    adopt::{Adoption, revoked},
    describe::{Wishes, describe},
    error::Error,
};

#[cfg(test)]
mod tests;
