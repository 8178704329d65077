//! Streams, and how much of the server's memory they may take.
//!
//! A server keeps the sound of a stream until it is played, and PulseAudio 16.1 some 150
//! bytes more for each frame. So buffers have an end, frames must not be short on
//! average, and all streams of a guard share what there is.

use std::{cell::Cell, rc::Rc};

use crate::{
    frames::{Descriptor, SOUND},
    packet::{Copier, Malformed, SampleSpec},
    protocol::{NONE, SEEK_ABSOLUTE, SEEK_RELATIVE},
};

/// The longest buffer, in milliseconds: twice what libpulse asks for by default, since
/// a server takes back what it has mixed ahead when something else begins to play.
const LONGEST: u32 = 4000;

/// The largest buffer, in bytes; PulseAudio has no larger one (`MAX_MEMBLOCKQ_LENGTH`).
const LARGEST: u32 = 4 * 1024 * 1024;

/// The buffer where the kind of samples is left to the server, in bytes: as long, for
/// two channels of 32 bit at 48 kHz.
const USUAL: u32 = 48 * LONGEST * 2 * 4;

/// What a frame takes of the credit of its stream, to which its length is added: a
/// third of a millisecond of the usual kind. Programs write more at once.
const FRAME: u32 = 64;

/// The most credit of a stream, in bytes: 4096 frames that are as good as empty.
const CREDIT: u32 = 4096 * FRAME;

/// What all streams of a guard have together, in bytes: more than thirty of the usual
/// kind. With all its frames as short as can be PulseAudio holds up to four times as much.
const ROOM: u32 = 32 * 1024 * 1024;

/// What the streams of a guard have taken of the server's memory, in bytes.
#[derive(Debug, Default)]
pub struct Room(Rc<Cell<u32>>);

/// A part of it, which is given back when this is dropped.
#[derive(Debug)]
struct Share {
    taken: Rc<Cell<u32>>,
    bytes: u32,
}

impl Room {
    fn share(&self, bytes: u32) -> Option<Share> {
        let sum = self.0.get().checked_add(bytes).filter(|&sum| sum <= ROOM)?;
        self.0.set(sum);
        Some(Share { taken: Rc::clone(&self.0), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.set(self.taken.get() - self.bytes);
    }
}

/// A stream that plays.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its index among the inputs of sinks.
    pub(crate) input: u32,
    /// Its longest buffer, in bytes.
    longest: u32,
    /// What may still be sent in short frames, in bytes.
    credit: u32,
    /// Where the server writes next, in bytes; or before that, for it has been flushed.
    position: i64,
    _share: Share,
}

impl Stream {
    /// Begins one for samples of this kind, if there is room for it.
    ///
    /// Its buffer is long enough for `latency`, in milliseconds.
    pub(crate) fn new(room: &Room, spec: SampleSpec, latency: Option<u32>) -> Option<Self> {
        let milliseconds = latency.unwrap_or_default().saturating_mul(2).max(LONGEST);
        let longest = spec.bytes(milliseconds).unwrap_or(USUAL).min(LARGEST);
        // One frame that is begun is held to its end.
        let share = room.share((longest + CREDIT).max(SOUND))?;
        Some(Self { input: NONE, longest, credit: CREDIT, position: 0, _share: share })
    }

    /// Copies the most that is buffered.
    pub(crate) fn most(&self, copy: &mut Copier) -> Result<(), Malformed> {
        let most = copy.from.u32()?;
        copy.to.u32(most.min(self.longest));
        Ok(())
    }

    /// Copies how much is to be buffered; who asks for nothing gets `ours`.
    pub(crate) fn target(&self, copy: &mut Copier, ours: u32) -> Result<(), Malformed> {
        let target = match copy.from.u32()? {
            NONE => ours,
            target => target,
        };
        copy.to.u32(if target == NONE { NONE } else { target.min(self.longest / 2) });
        Ok(())
    }

    /// Forgets what has been sent, as the server does.
    pub(crate) fn flush(&mut self) {
        self.position = 0;
    }

    /// Returns a frame as the server may have it: behind what was sent before, at once or
    /// after a gap. What is written in the same place again and again is worth no credit.
    pub(crate) fn behind(&self, frame: Descriptor) -> Descriptor {
        match self.gap(frame) {
            Some(_) => frame,
            None => Descriptor { offset: 0, flags: SEEK_RELATIVE, ..frame },
        }
    }

    /// Returns the length of the gap before a frame, unless it leads back.
    fn gap(&self, frame: Descriptor) -> Option<i64> {
        let to = match frame.flags {
            SEEK_RELATIVE => self.position.checked_add(frame.offset)?,
            SEEK_ABSOLUTE => frame.offset,
            // It counts from where the server is.
            _ => return None,
        };
        // With sums that are too large the server would come to be before its beginning.
        (self.position..=i64::MAX / 2).contains(&to).then(|| to - self.position)
    }

    /// Says whether much of the credit is used: then short frames should be waited for
    /// until there are more, and joined.
    pub(crate) fn is_short(&self) -> bool {
        self.credit < CREDIT / 2
    }

    /// Says whether the server may have a frame that was put behind the others, and if
    /// so takes what it costs. One that is joined to another costs nothing.
    pub(crate) fn takes(&mut self, frame: Descriptor, is_joined: bool) -> bool {
        let cost = if is_joined { 0 } else { FRAME };
        let Some(credit) = (self.credit + frame.length).checked_sub(cost) else { return false };
        self.credit = credit.min(CREDIT);
        self.position += self.gap(frame).unwrap_or_default() + i64::from(frame.length);
        true
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
