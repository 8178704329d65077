//! A client that says whatever it is told to: it shares no line with the guard.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// No index, no channel, and a default of the server's.
pub const NONE: u32 = u32::MAX;

pub const ERROR: u32 = 0;
pub const REPLY: u32 = 2;
pub const CREATE: u32 = 3;
pub const DELETE: u32 = 4;
pub const AUTH: u32 = 8;
pub const NAME: u32 = 9;
pub const DRAIN: u32 = 12;
pub const LATENCY: u32 = 14;
pub const KILL_CLIENT: u32 = 48;
pub const KILL_SINK_INPUT: u32 = 49;
pub const SET_SINK_INPUT_VOLUME: u32 = 37;
pub const OVERFLOW: u32 = 62;
pub const SET_SINK_INPUT_MUTE: u32 = 69;

/// The commands of a client at level play, from PulseAudio's native-common.h.
pub const ALLOWED: [u32; 22] =
    [3, 4, 9, 10, 12, 14, 20, 21, 22, 35, 37, 41, 42, 43, 46, 60, 69, 72, 74, 81, 82, 84];

/// One more of them.
pub const REMOVE_CLIENT_PROPLIST: u32 = 85;

/// A packet in the making.
#[derive(Clone, Debug, Default)]
pub struct Packet(pub Vec<u8>);

impl Packet {
    pub fn new(command: u32, tag: u32) -> Self {
        Self::default().u32(command).u32(tag)
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn u32(self, value: u32) -> Self {
        self.bytes(b"L").bytes(&value.to_be_bytes())
    }

    pub fn string(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.bytes(b"t").bytes(value.as_bytes()).bytes(&[0]),
            None => self.bytes(b"N"),
        }
    }

    pub fn booleans(self, values: &str) -> Self {
        self.bytes(values.as_bytes())
    }

    pub fn properties(mut self, properties: &[(&str, &str)]) -> Self {
        self = self.bytes(b"P");
        for (key, value) in properties {
            let length = u32::try_from(value.len() + 1).unwrap();
            self = self.string(Some(key)).u32(length).bytes(b"x");
            self = self.bytes(&length.to_be_bytes()).bytes(value.as_bytes()).bytes(&[0]);
        }
        self.bytes(b"N")
    }

    pub fn volumes(self, volumes: [u32; 2]) -> Self {
        let [left, right] = volumes.map(u32::to_be_bytes);
        self.bytes(b"v").bytes(&[2]).bytes(&left).bytes(&right)
    }

    /// The first packet of a connection.
    pub fn auth(version: u32, cookie: &[u8]) -> Self {
        let length = u32::try_from(cookie.len()).unwrap().to_be_bytes();
        Self::new(AUTH, 0).u32(version).bytes(b"x").bytes(&length).bytes(cookie)
    }

    /// Asks for a stream of 16 bit, two channels, 48 kHz, as version 29 does.
    pub fn stream(tag: u32, sink: Option<&str>, properties: &[(&str, &str)]) -> Self {
        let packet = Self::new(CREATE, tag).spec(3, 2, 48_000).u32(NONE).string(sink);
        let packet = packet.u32(NONE).booleans("0").u32(NONE).u32(NONE).u32(NONE).u32(tag);
        let packet = packet.volumes([0x10000; 2]).booleans("000001000").properties(properties);
        packet.booleans("1000000").bytes(b"B\0")
    }

    /// Asks for one that does not play, in as large a buffer as there is.
    pub fn silent_stream(tag: u32, format: u8, channels: u8, rate: u32) -> Self {
        let packet = Self::new(CREATE, tag).spec(format, channels, rate).u32(NONE).string(None);
        let packet = packet.u32(NONE).booleans("1").u32(NONE).u32(NONE).u32(NONE).u32(tag);
        let volumes = [0, 1, 0, 0].repeat(channels.into());
        let packet = packet.bytes(b"v").bytes(&[channels]).bytes(&volumes);
        packet.booleans("000001000").properties(&[]).booleans("1000000").bytes(b"B\0")
    }

    /// Asks for one whose samples are like those of the sink.
    pub fn fitting_stream(tag: u32) -> Self {
        let packet = Self::new(CREATE, tag).spec(3, 2, 48_000).u32(NONE).string(None);
        let packet = packet.u32(NONE).booleans("1").u32(NONE).u32(NONE).u32(NONE).u32(tag);
        let packet = packet.volumes([0x10000; 2]).booleans("001111000").properties(&[]);
        packet.booleans("1000000").bytes(b"B\0")
    }

    /// Asks for one of which this alone is said.
    pub fn formatted_stream(tag: u32, properties: &[(&str, &str)]) -> Self {
        let packet = Self::new(CREATE, tag).bytes(b"a\xff\0\0\0\0\0m\0").u32(NONE).string(None);
        let packet = packet.u32(NONE).booleans("1").u32(NONE).u32(NONE).u32(NONE).u32(tag);
        // As many volumes as there can be; they mean nothing.
        let packet = packet.bytes(b"v\x20").bytes(&[0, 1, 0, 0].repeat(32));
        let packet = packet.booleans("000001000").properties(&[]);
        packet.booleans("0000000").bytes(b"B\x01fB\x01").properties(properties)
    }

    /// Samples of some kind, and channels in the order of their numbers.
    pub fn spec(self, format: u8, channels: u8, rate: u32) -> Self {
        let map: Vec<u8> = if channels == 1 { vec![0] } else { (1..=channels).collect() };
        let spec = self.bytes(&[b'a', format, channels]).bytes(&rate.to_be_bytes());
        spec.bytes(&[b'm', channels]).bytes(&map)
    }

    pub fn framed(&self) -> Vec<u8> {
        frame(u32::try_from(self.0.len()).unwrap(), NONE, 0, &self.0)
    }
}

/// Sound for some place in a stream: from where `offset` counts is in `seek`.
pub fn frame_at(channel: u32, seek: u32, offset: u32, bytes: &[u8]) -> Vec<u8> {
    let mut frame = frame(u32::try_from(bytes.len()).unwrap(), channel, seek, bytes);
    frame[12..16].copy_from_slice(&offset.to_be_bytes());
    frame
}

/// Bytes with a descriptor, which may be false.
pub fn frame(length: u32, channel: u32, flags: u32, bytes: &[u8]) -> Vec<u8> {
    let numbers = [length, channel, 0, 0, flags];
    let mut frame: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    frame.extend_from_slice(bytes);
    frame
}

/// The numbers with the tag L at the beginning of a packet.
pub fn numbers(packet: &[u8]) -> Vec<u32> {
    let parts = packet.chunks_exact(5).take_while(|part| part[0] == b'L');
    parts.map(|part| u32::from_be_bytes(part[1..].try_into().unwrap())).collect()
}

/// A connection to a guard or a server.
#[derive(Debug)]
pub struct Raw(pub UnixStream);

impl Raw {
    pub fn connect(path: &Path) -> Self {
        let socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(socket)
    }

    /// Connects, shows the cookie and says a name.
    pub fn enter(path: &Path, cookie: &[u8]) -> Self {
        let mut raw = Self::connect(path);
        assert_eq!(raw.ask(&Packet::auth(29, cookie))[0], REPLY);
        assert_eq!(raw.ask(&Packet::new(NAME, 1).properties(&[]))[0], REPLY);
        raw
    }

    /// Connects and shows the cookie.
    pub fn unlock(path: &Path, cookie: &[u8]) -> Self {
        let mut raw = Self::connect(path);
        assert_eq!(raw.ask(&Packet::auth(29, cookie))[0], REPLY);
        raw
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next packet, or nothing where the connection has ended.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut descriptor = [0; 20];
        match self.0.read_exact(&mut descriptor) {
            Err(error) if is_end(&error) => return None,
            other => other.unwrap(),
        }
        let length = u32::from_be_bytes(descriptor[..4].try_into().unwrap());
        assert_eq!(descriptor[4..8], NONE.to_be_bytes(), "sound came");
        let mut packet = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut packet).unwrap();
        Some(packet)
    }

    /// Sends a request, and returns the numbers of its answer; events are skipped.
    pub fn ask(&mut self, packet: &Packet) -> Vec<u32> {
        numbers(&self.answer(packet))
    }

    /// Sends a request, and returns its answer.
    pub fn answer(&mut self, packet: &Packet) -> Vec<u8> {
        let tag = numbers(&packet.0)[1];
        self.send(&packet.framed());
        loop {
            let answer = self.receive().expect("an answer");
            let numbers = numbers(&answer);
            if numbers[0] <= REPLY && numbers[1] == tag {
                return answer;
            }
        }
    }

    /// Waits for the end of the connection.
    pub fn ends(&mut self) {
        while self.receive().is_some() {}
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// Numbers that are the same each time (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A frame of a client that means no good; a patient one keeps to the rules of
    /// the protocol, so that its connection lasts.
    pub fn frame(&mut self, is_patient: bool) -> Vec<u8> {
        match self.below(10) {
            0..=3 if is_patient => self.packet().framed(),
            0 => self.noise(),
            1 | 2 => {
                let length = self.one(&[0, 1, 7, 1024, 1 << 20, 1 << 24, u32::MAX]);
                let flags = self.one(&[0, 1, 3, 4, 0x8000_0000, 0xC000_0000, 0x2000_0000]);
                let channel = self.one(&[0, 1, 2, 77, NONE]);
                let noise = self.noise();
                frame(length, channel, flags, &noise)
            }
            3 => {
                let sound = self.noise();
                frame(u32::try_from(sound.len()).unwrap(), self.one(&[0, 1, 5]), 0, &sound)
            }
            _ => {
                let packet = self.packet();
                let bytes = if is_patient { packet.0 } else { self.change(packet.0) };
                Packet(bytes).framed()
            }
        }
    }

    /// A packet that may be right.
    fn packet(&mut self) -> Packet {
        let tag = u32::try_from(self.below(1 << 20)).unwrap() + 100;
        let channel = self.one(&[0, 1, 2, NONE]);
        match self.below(6) {
            0 => Packet::stream(
                tag,
                self.one(&[None, Some("x"), Some("@DEFAULT_SINK@")]),
                &[("media.role", "phone")],
            ),
            1 => Packet::new(NAME, tag).properties(&[("application.name", "\u{1b}]0;x\u{7}")]),
            2 => Packet::new(SET_SINK_INPUT_VOLUME, tag).u32(channel).volumes([NONE; 2]),
            3 => Packet::new(self.one(&ALLOWED), tag).u32(channel).booleans("1"),
            4 => Packet::new(self.one(&ALLOWED), tag).u32(channel),
            _ => {
                Packet::new(u32::try_from(self.below(110)).unwrap(), tag).u32(channel).string(None)
            }
        }
    }

    /// Changes, takes out or puts in bytes, in three of four cases.
    fn change(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let at = self.below(bytes.len());
        let byte = self.next().to_be_bytes()[0];
        match self.below(4) {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at.max(1)),
            2 => bytes.insert(at, byte),
            _ => {}
        }
        bytes
    }

    fn noise(&mut self) -> Vec<u8> {
        (0..=self.below(64)).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}
