//! The numbers of PulseAudio's native protocol.
//!
//! They are those of `src/pulsecore/native-common.h`, `src/pulsecore/tagstruct.h`,
//! `src/pulsecore/pstream.c` and `src/pulse/def.h` of PulseAudio; its file `PROTOCOL`
//! says which version brought what. They have not changed since version 8 and
//! cannot, because a client and a server of different years must understand
//! each other.

/// The newest version that is spoken here.
///
/// From version 30 on two ends may agree on rings and files in shared memory;
/// what is newer than 29 besides is of no use for playing.
pub(crate) const NEWEST: u32 = 29;

/// The oldest one: before it, streams had names and no properties.
pub(crate) const OLDEST: u32 = 13;

/// What is left of a version when the flags for shared memory are taken off.
pub(crate) const VERSION_MASK: u32 = 0xFFFF;

/// The length of a cookie in bytes.
pub(crate) const COOKIE: usize = 256;

/// Stands for no index, no channel, and for a value that the server shall choose.
pub(crate) const NONE: u32 = u32::MAX;

/// The volume that changes nothing.
pub(crate) const VOLUME_NORM: u32 = 0x10000;

/// The most channels that a stream has.
pub(crate) const CHANNELS: u8 = 32;

/// The encoding that is samples, and no stream for a decoder behind the sink.
pub(crate) const ENCODING_PCM: u8 = 1;

/// The length of what precedes each frame, in bytes.
pub(crate) const DESCRIPTOR: usize = 20;

/// The bits of a frame's flags that say from where its offset counts.
pub(crate) const SEEK_MASK: u32 = 0xFF;

/// Two of these: relative to what was sent last, and to the beginning.
pub(crate) const SEEK_RELATIVE: u32 = 0;
pub(crate) const SEEK_ABSOLUTE: u32 = 1;

/// The last of these: relative to the end.
pub(crate) const SEEK_LAST: u32 = 3;

/// The operations and events.
pub(crate) mod command {
    pub(crate) const ERROR: u32 = 0;
    pub(crate) const REPLY: u32 = 2;
    pub(crate) const CREATE_PLAYBACK_STREAM: u32 = 3;
    pub(crate) const DELETE_PLAYBACK_STREAM: u32 = 4;
    pub(crate) const AUTH: u32 = 8;
    pub(crate) const SET_CLIENT_NAME: u32 = 9;
    pub(crate) const LOOKUP_SINK: u32 = 10;
    pub(crate) const DRAIN_PLAYBACK_STREAM: u32 = 12;
    pub(crate) const GET_PLAYBACK_LATENCY: u32 = 14;
    pub(crate) const GET_SERVER_INFO: u32 = 20;
    pub(crate) const GET_SINK_INFO: u32 = 21;
    pub(crate) const GET_SINK_INFO_LIST: u32 = 22;
    pub(crate) const SUBSCRIBE: u32 = 35;
    pub(crate) const SET_SINK_INPUT_VOLUME: u32 = 37;
    pub(crate) const CORK_PLAYBACK_STREAM: u32 = 41;
    pub(crate) const FLUSH_PLAYBACK_STREAM: u32 = 42;
    pub(crate) const TRIGGER_PLAYBACK_STREAM: u32 = 43;
    pub(crate) const SET_PLAYBACK_STREAM_NAME: u32 = 46;
    pub(crate) const PREBUF_PLAYBACK_STREAM: u32 = 60;
    pub(crate) const REQUEST: u32 = 61;
    pub(crate) const OVERFLOW: u32 = 62;
    pub(crate) const UNDERFLOW: u32 = 63;
    pub(crate) const PLAYBACK_STREAM_KILLED: u32 = 64;
    pub(crate) const SET_SINK_INPUT_MUTE: u32 = 69;
    pub(crate) const SET_PLAYBACK_STREAM_BUFFER_ATTR: u32 = 72;
    pub(crate) const UPDATE_PLAYBACK_STREAM_SAMPLE_RATE: u32 = 74;
    pub(crate) const PLAYBACK_STREAM_SUSPENDED: u32 = 76;
    pub(crate) const PLAYBACK_STREAM_MOVED: u32 = 78;
    pub(crate) const UPDATE_PLAYBACK_STREAM_PROPLIST: u32 = 81;
    pub(crate) const UPDATE_CLIENT_PROPLIST: u32 = 82;
    pub(crate) const REMOVE_PLAYBACK_STREAM_PROPLIST: u32 = 84;
    pub(crate) const REMOVE_CLIENT_PROPLIST: u32 = 85;
    pub(crate) const STARTED: u32 = 86;
    pub(crate) const PLAYBACK_STREAM_EVENT: u32 = 92;
    pub(crate) const PLAYBACK_BUFFER_ATTR_CHANGED: u32 = 94;
    pub(crate) const ENABLE_SRBCHANNEL: u32 = 101;
    pub(crate) const DISABLE_SRBCHANNEL: u32 = 102;
    pub(crate) const REGISTER_MEMFD_SHMID: u32 = 103;
}

/// Why something was refused.
pub(crate) mod code {
    pub(crate) const ACCESS: u32 = 1;
    pub(crate) const NOENTITY: u32 = 5;
    pub(crate) const CONNECTIONREFUSED: u32 = 6;
    pub(crate) const TIMEOUT: u32 = 8;
    pub(crate) const AUTHKEY: u32 = 9;
    pub(crate) const VERSION: u32 = 17;
    pub(crate) const TOOLARGE: u32 = 18;
    pub(crate) const NOTSUPPORTED: u32 = 19;
    pub(crate) const BUSY: u32 = 26;
}

/// What each value begins with.
pub(crate) mod tag {
    pub(crate) const STRING: u8 = b't';
    pub(crate) const STRING_NULL: u8 = b'N';
    pub(crate) const U32: u8 = b'L';
    pub(crate) const U8: u8 = b'B';
    pub(crate) const U64: u8 = b'R';
    pub(crate) const S64: u8 = b'r';
    pub(crate) const SAMPLE_SPEC: u8 = b'a';
    pub(crate) const ARBITRARY: u8 = b'x';
    pub(crate) const TRUE: u8 = b'1';
    pub(crate) const FALSE: u8 = b'0';
    pub(crate) const TIMEVAL: u8 = b'T';
    pub(crate) const USEC: u8 = b'U';
    pub(crate) const CHANNEL_MAP: u8 = b'm';
    pub(crate) const CVOLUME: u8 = b'v';
    pub(crate) const PROPLIST: u8 = b'P';
    pub(crate) const VOLUME: u8 = b'V';
    pub(crate) const FORMAT_INFO: u8 = b'f';
}
