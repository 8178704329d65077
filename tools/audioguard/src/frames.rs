//! Frames: what the bytes of a connection are divided into.

use crate::protocol::{DESCRIPTOR, NONE, SEEK_LAST, SEEK_MASK, SEEK_RELATIVE};

/// The longest packet that is taken, in bytes. Those of PulseAudio's clients are
/// below a thousand; one may bring along an icon or the words of a song.
const PACKET: u32 = 256 * 1024;

/// The longest frame of sound, in bytes: five seconds of the usual kind.
/// PulseAudio takes sixteen times as much, and makes room for it before it has come.
pub(crate) const SOUND: u32 = 1024 * 1024;

/// The longest frame that shorter ones are joined to, in bytes.
const JOINED: u32 = 32 * 1024;

/// The connection is not one of the native protocol, or breaks a rule of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Broken;

impl From<crate::packet::Malformed> for Broken {
    fn from(_: crate::packet::Malformed) -> Self {
        Self
    }
}

/// Bytes that wait, first in, first out.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    start: usize,
    /// Where the frame of sound begins that is at the end and has not been sent.
    last: Option<usize>,
}

impl Queue {
    /// Returns what waits.
    #[must_use]
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Returns how much waits, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Says whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how much memory is held, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes the first `count` bytes away.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        self.last = self.last.filter(|&last| last >= self.start && last < self.bytes.len());
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // Moved only when most of it is gone, so that moving costs little.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.last = self.last.map(|last| last - self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a packet with its descriptor.
    pub(crate) fn push_packet(&mut self, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        self.push(&Descriptor { length, channel: NONE, offset: 0, flags: 0 }.bytes());
        self.push(packet);
        self.last = None;
    }

    /// Begins a frame of sound, which is pushed as it comes.
    pub(crate) fn begin_sound(&mut self, frame: Descriptor) {
        self.push(&frame.bytes());
        self.last = Some(self.bytes.len() - DESCRIPTOR);
    }

    /// Makes the last frame longer by what another one has, where that comes to the
    /// same; says whether it does.
    pub(crate) fn join_sound(&mut self, frame: Descriptor) -> bool {
        let Some(bytes) = self.last.and_then(|last| self.bytes.get_mut(last..)) else {
            return false;
        };
        let Some((first, _)) = bytes.split_first_chunk_mut::<DESCRIPTOR>() else { return false };
        let last = Descriptor::parse(*first);
        let length = last.length.saturating_add(frame.length);
        let is_next =
            (frame.channel, frame.flags, frame.offset) == (last.channel, SEEK_RELATIVE, 0);
        if is_next && length <= JOINED {
            *first = Descriptor { length, ..last }.bytes();
        }
        is_next && length <= JOINED
    }

    /// Gives the memory of a burst back once it is over.
    pub(crate) fn shrink(&mut self) {
        const KEPT: usize = 64 * 1024;
        if self.is_empty() && self.bytes.capacity() > KEPT {
            *self = Self::default();
        }
    }
}

/// What precedes each frame: five numbers of 32 bits, the third and fourth of
/// which are one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Descriptor {
    pub(crate) length: u32,
    pub(crate) channel: u32,
    pub(crate) offset: i64,
    pub(crate) flags: u32,
}

impl Descriptor {
    fn parse(bytes: [u8; DESCRIPTOR]) -> Self {
        let number = |at: usize| {
            let [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            u32::from_be_bytes([a, b, c, d])
        };
        let mut offset = [0; 8];
        offset.copy_from_slice(&bytes[8..16]);
        let offset = i64::from_be_bytes(offset);
        Self { length: number(0), channel: number(4), offset, flags: number(16) }
    }

    fn bytes(self) -> [u8; DESCRIPTOR] {
        let mut bytes = [0; DESCRIPTOR];
        bytes[..4].copy_from_slice(&self.length.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.channel.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_be_bytes());
        bytes[16..].copy_from_slice(&self.flags.to_be_bytes());
        bytes
    }

    /// Returns the length of a frame that keeps to the rules.
    ///
    /// Flags beyond the seek mode are about shared memory, which nobody has
    /// agreed on.
    fn checked_length(self) -> Result<usize, Broken> {
        let (flags, limit) = match self.channel {
            NONE => (0, PACKET),
            _ => (self.flags & SEEK_MASK, SOUND),
        };
        let is_right = flags == self.flags && flags <= SEEK_LAST;
        if !is_right || !(1..=limit).contains(&self.length) {
            return Err(Broken);
        }
        usize::try_from(self.length).map_err(|_| Broken)
    }
}

/// A part of what has come.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    /// A whole packet.
    Packet(Vec<u8>),
    /// Some sound; with a descriptor where a frame of it begins.
    Sound { frame: Option<Descriptor>, count: usize },
}

/// Divides what comes into packets, which are kept until they are whole, and
/// sound, which is passed on as it comes.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    queue: Queue,
    /// How much of a frame of sound is still to come, in bytes.
    sound: usize,
}

impl Inbox {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.queue.push(bytes);
    }

    pub(crate) fn held(&self) -> usize {
        self.queue.held()
    }

    /// Returns what comes next. Of sound, `count` bytes must be taken by
    /// [`Inbox::take`] before the next call.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Broken> {
        if self.sound > 0 {
            return Ok(self.sound_of(self.sound, None));
        }
        let Some((first, rest)) = self.queue.waiting().split_first_chunk::<DESCRIPTOR>() else {
            return Ok(None);
        };
        let descriptor = Descriptor::parse(*first);
        let length = descriptor.checked_length()?;
        if descriptor.channel != NONE {
            self.queue.consume(DESCRIPTOR);
            return Ok(self.sound_of(length, Some(descriptor)));
        }
        let Some(packet) = rest.get(..length) else { return Ok(None) };
        let packet = packet.to_vec();
        self.queue.consume(DESCRIPTOR + length);
        self.queue.shrink();
        Ok(Some(Piece::Packet(packet)))
    }

    fn sound_of(&mut self, left: usize, frame: Option<Descriptor>) -> Option<Piece> {
        let count = left.min(self.queue.len());
        self.sound = left - count;
        (count > 0 || frame.is_some()).then_some(Piece::Sound { frame, count })
    }

    /// Takes `count` bytes of sound, and appends them to `to` if there is one.
    pub(crate) fn take(&mut self, count: usize, to: Option<&mut Queue>) {
        let sound = self.queue.waiting().get(..count).unwrap_or_default();
        if let Some(to) = to {
            to.push(sound);
        }
        self.queue.consume(count);
    }

    /// Returns all that is left, for a connection that is not looked at any further.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let rest = self.queue.waiting().to_vec();
        *self = Self::default();
        rest
    }
}
