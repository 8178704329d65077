//! Choose the address at which the server is reached.
//!
//! The configuration says which connection is in force. [`Switcher`] changes
//! that, and then makes follow what was made with the old address: the
//! containers' last documents, and through them their ssh entries. `way`
//! says what of a document an address has a bearing on.

mod edit;
mod error;
mod sockets;
mod switch;
mod view;
mod way;

pub use crate::{
    edit::{add, name, remove},
    error::Error,
    switch::Switcher,
    view::{list, show, table, text},
};

#[cfg(test)]
mod tests;
