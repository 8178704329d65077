//! A guard before a sound server: what runs in a container can play, and can do
//! nothing else.
//!
//! It speaks the native protocol of PulseAudio, which PipeWire speaks too. [`Session`]
//! decides about one client and knows no sockets; [`Guard`] has these.

mod cookie;
mod error;
mod formats;
mod frames;
mod listen;
mod packet;
mod play;
mod probe;
mod properties;
mod protocol;
mod serve;
mod session;
mod sink;
mod stream;

pub use crate::{
    cookie::Cookie,
    error::Error,
    frames::Queue,
    listen::Listener,
    probe::{number, probe},
    properties::Label,
    serve::Guard,
    session::{Level, Rules, Session},
    stream::Room,
};
