//! The sink that does not exist: what a client is told at level `play`.
//!
//! Programs want to know where they play before they do. What the person's
//! speakers are called, and what else there is, is none of their business.

use crate::{
    packet::{SampleSpec, Writer},
    protocol::{ENCODING_PCM, NONE, VOLUME_NORM},
};

/// Its index.
pub(crate) const INDEX: u32 = 0;

/// Its name.
pub(crate) const NAME: &[u8] = b"ctrkit";

/// What people see of it.
const DESCRIPTION: &[u8] = b"The speakers of whoever uses this container";

/// Signed 16 bit, little-endian (`PA_SAMPLE_S16LE`), two channels.
pub(crate) const SPEC: SampleSpec = SampleSpec { format: 3, channels: 2, rate: 48_000 };

/// The same as a property.
pub(crate) const FORMAT: &[u8] = b"\"s16le\"\0";

/// Left and right (`PA_CHANNEL_POSITION_FRONT_LEFT`, `…_RIGHT`).
const MAP: [u8; 2] = [1, 2];

/// It can tell how late it is, and its volume is in decibels
/// (`PA_SINK_LATENCY`, `PA_SINK_DECIBEL_VOLUME`).
const FLAGS: u32 = 0x22;

/// `PA_SINK_RUNNING`.
const RUNNING: u32 = 0;

/// Says whether a client that asks for the sink with this index or name means it.
pub(crate) fn is_meant(index: u32, name: Option<&[u8]>) -> bool {
    match name {
        None => index == INDEX || index == NONE,
        Some(name) => index == NONE && [NAME, b"@DEFAULT_SINK@"].contains(&name),
    }
}

/// Writes what `GET_SINK_INFO` asks for.
pub(crate) fn sink(to: &mut Writer, version: u32) {
    to.u32(INDEX);
    to.string(Some(NAME));
    to.string(Some(DESCRIPTION));
    to.sample_spec(SPEC);
    to.channel_map(&MAP);
    to.u32(NONE); // its module
    to.volumes(&[VOLUME_NORM; 2]);
    to.boolean(false); // muted
    to.u32(NONE); // its monitor
    to.string(None);
    to.usec(0); // latency
    to.string(Some(NAME)); // driver
    to.u32(FLAGS);
    to.properties([]);
    to.usec(0); // the latency that was asked for
    if version >= 15 {
        to.volume(VOLUME_NORM);
        to.u32(RUNNING);
        to.u32(VOLUME_NORM + 1); // steps of its volume
        to.u32(NONE); // its card
    }
    if version >= 16 {
        to.u32(0); // ports
        to.string(None);
    }
    if version >= 21 {
        to.u8(1);
        to.format(ENCODING_PCM, []);
    }
}

/// Writes what `GET_SERVER_INFO` asks for.
pub(crate) fn server(to: &mut Writer, version: u32, number: u32) {
    to.string(Some(b"audioguard"));
    to.string(Some(env!("CARGO_PKG_VERSION").as_bytes()));
    to.string(Some(NAME)); // user
    to.string(Some(NAME)); // host
    to.sample_spec(SPEC);
    to.string(Some(NAME)); // default sink
    to.string(None); // default source
    to.u32(number); // tells servers apart
    if version >= 15 {
        to.channel_map(&MAP);
    }
}
