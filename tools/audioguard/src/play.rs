//! What a client may do at level `play`: an allow-list.
//!
//! A packet that is on the list is made anew, with what it must not say left out.
//! What is about the sink is answered here, with one that does not exist, so that
//! nothing is learned of the machine. All else is refused, and the connection goes
//! on: programs try one thing and then another.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    formats::Formats,
    frames::Broken,
    packet::{Copier, Malformed, Reader, Writer},
    protocol::{NONE, VOLUME_NORM, code, command},
    session::Rules,
    sink,
    stream::Stream,
};

/// The most streams of one connection.
const STREAMS: usize = 8;

/// The most requests of one connection that wait for their replies.
const PENDING: usize = 256;

/// The most channels and frames per second of a stream: what speakers at home have.
/// PulseAudio converts up to 32 and 768000, and what that costs it is its own time.
pub(crate) const LARGEST: (u32, u32) = (8, 192_000);

/// What is to be done with a packet of the client.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The server gets this.
    Forward(Vec<u8>),
    /// The client gets this.
    Answer(Vec<u8>),
}

/// What the reply to a request is like.
#[derive(Debug)]
enum Pending {
    /// A new stream, which the server is asked for.
    Stream(Stream),
    /// Nothing is left of the stream with this channel.
    Deleted(u32),
    /// Nothing but that it is done.
    Done,
    /// The client's index.
    Client,
    /// How far the stream has been played.
    Latency,
    /// Four lengths and a latency.
    Buffer,
}

/// What is known of one connection.
#[derive(Debug)]
pub(crate) struct Play {
    version: u32,
    rules: Rc<Rules>,
    /// The client's name as it is shown, if it has one.
    program: Option<Vec<u8>>,
    /// By their channels.
    streams: BTreeMap<u32, Stream>,
    pending: BTreeMap<u32, Pending>,
}

impl Play {
    /// Begins with a connection on which `version` is spoken.
    pub(crate) fn new(version: u32, rules: Rc<Rules>) -> Self {
        let (streams, pending) = (BTreeMap::new(), BTreeMap::new());
        Self { version, rules, program: None, streams, pending }
    }

    /// Returns the stream that sound for `channel` is for, if there is one.
    pub(crate) fn stream(&mut self, channel: u32) -> Option<&mut Stream> {
        self.streams.get_mut(&channel)
    }

    /// Says whether the client sends frames so short that they should be read together.
    pub(crate) fn is_short(&self) -> bool {
        self.streams.values().any(Stream::is_short)
    }

    fn has_stream(&self, channel: u32) -> bool {
        self.streams.contains_key(&channel)
    }

    /// Makes as if the server had given a stream, or had taken it away.
    #[cfg(test)]
    pub(crate) fn adopt(&mut self, channel: u32, input: u32) {
        let spec = crate::packet::SampleSpec { format: 3, channels: 2, rate: 48_000 };
        let mut stream = Stream::new(&self.rules.room, spec, None).unwrap();
        stream.input = input;
        self.streams.insert(channel, stream);
    }

    #[cfg(test)]
    pub(crate) fn forget(&mut self, channel: u32) {
        self.streams.remove(&channel);
    }

    /// Decides about a packet of the client.
    pub(crate) fn client(&mut self, packet: &[u8]) -> Result<Verdict, Broken> {
        let mut from = Reader::new(packet);
        let (command, tag) = (from.u32()?, from.u32()?);
        let request = Request { command, tag, from };
        if self.pending.contains_key(&tag) || self.pending.len() >= PENDING {
            return Err(Broken);
        }
        let (pending, forward) = match self.decide(request)? {
            Decision::Ask(pending, packet) => (pending, packet),
            Decision::Answer(packet) => return Ok(Verdict::Answer(packet)),
            Decision::Refuse(code) => return Ok(Verdict::Answer(Writer::refusal(tag, code))),
        };
        self.pending.insert(tag, pending);
        Ok(Verdict::Forward(forward))
    }

    fn decide(&mut self, request: Request) -> Result<Decision, Malformed> {
        match request.command {
            command::CREATE_PLAYBACK_STREAM => self.create(request),
            command::SET_CLIENT_NAME
            | command::UPDATE_CLIENT_PROPLIST
            | command::REMOVE_CLIENT_PROPLIST => self.about_client(request),
            command::SET_SINK_INPUT_VOLUME | command::SET_SINK_INPUT_MUTE => self.volume(request),
            command::GET_SERVER_INFO
            | command::GET_SINK_INFO
            | command::GET_SINK_INFO_LIST
            | command::LOOKUP_SINK
            | command::SUBSCRIBE => self.made_up(request),
            command::DELETE_PLAYBACK_STREAM
            | command::DRAIN_PLAYBACK_STREAM
            | command::GET_PLAYBACK_LATENCY
            | command::CORK_PLAYBACK_STREAM
            | command::FLUSH_PLAYBACK_STREAM
            | command::TRIGGER_PLAYBACK_STREAM
            | command::PREBUF_PLAYBACK_STREAM
            | command::SET_PLAYBACK_STREAM_NAME
            | command::SET_PLAYBACK_STREAM_BUFFER_ATTR
            | command::UPDATE_PLAYBACK_STREAM_SAMPLE_RATE
            | command::UPDATE_PLAYBACK_STREAM_PROPLIST
            | command::REMOVE_PLAYBACK_STREAM_PROPLIST => self.about_stream(request),
            _ => Ok(Decision::Refuse(code::ACCESS)),
        }
    }

    /// Opens a stream: on whichever sink the person has chosen, and one that can be
    /// moved, has no say over other streams, and is samples.
    fn create(&self, request: Request) -> Result<Decision, Malformed> {
        let made = self.pending.values().filter(|made| matches!(made, Pending::Stream(_))).count();
        if self.streams.len() + made >= STREAMS {
            return Ok(Decision::Refuse(code::TOOLARGE));
        }
        let mut copy = request.copy();
        let spec = copy.sample_spec()?;
        let is_large = u32::from(spec.channels) > LARGEST.0 || spec.rate > LARGEST.1;
        let Some(stream) = Stream::new(&self.rules.room, spec, self.rules.latency) else {
            return Ok(Decision::Refuse(code::TOOLARGE));
        };
        copy.channel_map()?;
        copy.from.u32()?;
        copy.from.string()?;
        copy.to.u32(NONE);
        copy.to.string(None);
        stream.most(&mut copy)?;
        copy.boolean()?; // corked
        let ours = self.rules.latency.and_then(|latency| spec.bytes(latency));
        let is_ours = copy.from.clone().u32()? == NONE && ours.is_some();
        stream.target(&mut copy, ours.unwrap_or(NONE))?;
        copy.u32s(3)?; // prebuf, minreq, syncid
        let volumes = copy.from.volumes()?;
        copy.to.volumes(&bounded(volumes));
        copy.booleans(2)?; // no_remap_channels, no_remix_channels
        for _ in ["fix_format", "fix_rate", "fix_channels", "no_move"] {
            copy.from.boolean()?;
            copy.to.boolean(false);
        }
        copy.booleans(2)?; // variable_rate, muted
        let adjusts = copy.from.boolean()?;
        copy.to.boolean(adjusts || is_ours);
        self.rules.label.properties(&mut copy, self.program.as_deref())?;
        match self.create_newer(copy, stream)? {
            Decision::Ask(..) if is_large => Ok(Decision::Refuse(code::NOTSUPPORTED)),
            decision => Ok(decision),
        }
    }

    /// Copies what versions after 13 have brought.
    fn create_newer(&self, mut copy: Copier, stream: Stream) -> Result<Decision, Malformed> {
        for (since, count) in [(14, 2), (15, 3), (17, 1)] {
            if self.version >= since {
                copy.booleans(count)?;
            }
        }
        // A stream for a decoder would have the sink for itself.
        let is_passthrough = self.version >= 18 && copy.boolean()?;
        let formats =
            if self.version >= 21 { Formats::read(&mut copy.from)? } else { Formats::Any };
        if self.version >= 21 {
            formats.write(&mut copy.to);
        }
        let packet = copy.finish()?;
        if is_passthrough || matches!(formats, Formats::None) {
            return Ok(Decision::Refuse(code::NOTSUPPORTED));
        }
        Ok(Decision::Ask(Pending::Stream(stream), packet))
    }

    fn about_client(&mut self, request: Request) -> Result<Decision, Malformed> {
        let mut copy = request.copy();
        let pending = match request.command {
            command::SET_CLIENT_NAME => Pending::Client,
            _ => Pending::Done,
        };
        if request.command == command::UPDATE_CLIENT_PROPLIST {
            copy.u32()?;
        }
        match request.command {
            command::REMOVE_CLIENT_PROPLIST => self.rules.label.removed(&mut copy)?,
            _ => {
                let named = self.rules.label.properties(&mut copy, self.program.as_deref())?;
                self.program = named.or(self.program.take());
            }
        }
        Ok(Decision::Ask(pending, copy.finish()?))
    }

    /// Sets the volume of a stream of this connection, up to what changes nothing.
    fn volume(&self, request: Request) -> Result<Decision, Malformed> {
        let mut copy = request.copy();
        let input = copy.u32()?;
        if request.command == command::SET_SINK_INPUT_VOLUME {
            let volumes = copy.from.volumes()?;
            copy.to.volumes(&bounded(volumes));
        } else {
            copy.boolean()?;
        }
        let packet = copy.finish()?;
        if self.streams.values().any(|own| own.input == input) {
            return Ok(Decision::Ask(Pending::Done, packet));
        }
        // Whether there is such a stream of somebody else is not told.
        Ok(Decision::Refuse(code::ACCESS))
    }

    fn about_stream(&mut self, request: Request) -> Result<Decision, Malformed> {
        let mut copy = request.copy();
        let channel = copy.u32()?;
        let Some(stream) = self.streams.get_mut(&channel) else {
            return Ok(Decision::Refuse(code::NOENTITY));
        };
        let mut pending = Pending::Done;
        match request.command {
            command::DELETE_PLAYBACK_STREAM => pending = Pending::Deleted(channel),
            command::GET_PLAYBACK_LATENCY => {
                copy.timeval()?;
                pending = Pending::Latency;
            }
            command::CORK_PLAYBACK_STREAM => drop(copy.boolean()?),
            command::FLUSH_PLAYBACK_STREAM => stream.flush(),
            command::SET_PLAYBACK_STREAM_NAME => self.rules.label.name(&mut copy)?,
            command::SET_PLAYBACK_STREAM_BUFFER_ATTR => {
                stream.most(&mut copy)?;
                stream.target(&mut copy, NONE)?;
                copy.u32s(2)?; // prebuf, minreq
                copy.booleans(if self.version >= 14 { 2 } else { 1 })?;
                pending = Pending::Buffer;
            }
            command::UPDATE_PLAYBACK_STREAM_SAMPLE_RATE => {
                let rate = copy.from.u32()?;
                copy.to.u32(rate.min(LARGEST.1));
            }
            command::UPDATE_PLAYBACK_STREAM_PROPLIST => {
                copy.u32()?;
                self.rules.label.properties(&mut copy, self.program.as_deref())?;
            }
            command::REMOVE_PLAYBACK_STREAM_PROPLIST => self.rules.label.removed(&mut copy)?,
            _ => {}
        }
        Ok(Decision::Ask(pending, copy.finish()?))
    }

    /// Answers what is asked about the server and its sinks.
    fn made_up(&self, request: Request) -> Result<Decision, Malformed> {
        let Request { command, tag, mut from } = request;
        let mut reply = Writer::reply(tag);
        let mut is_there = true;
        match command {
            command::GET_SERVER_INFO => sink::server(&mut reply, self.version, self.rules.number),
            command::GET_SINK_INFO => {
                let (index, name) = (from.u32()?, from.string()?);
                is_there = sink::is_meant(index, name);
                sink::sink(&mut reply, self.version);
            }
            command::GET_SINK_INFO_LIST => sink::sink(&mut reply, self.version),
            command::LOOKUP_SINK => {
                is_there = sink::is_meant(NONE, from.string()?);
                reply.u32(sink::INDEX);
            }
            // Nothing ever happens to it.
            _ => drop(from.u32()?),
        }
        from.end()?;
        if is_there {
            return Ok(Decision::Answer(reply.finish()));
        }
        Ok(Decision::Refuse(code::NOENTITY))
    }

    /// Returns what the client gets of a packet of the server, if anything.
    pub(crate) fn server(&mut self, packet: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        let mut from = Reader::new(packet);
        let (command, tag) = (from.u32()?, from.u32()?);
        let mut copy = Request { command, tag, from }.copy();
        match command {
            command::ERROR => {
                copy.u32()?;
                let known = self.pending.remove(&tag).is_some();
                Ok(known.then(|| copy.finish()).transpose()?)
            }
            command::REPLY => {
                let Some(pending) = self.pending.remove(&tag) else { return Ok(None) };
                self.reply(pending, &mut copy)?;
                Ok(Some(copy.finish()?))
            }
            _ => self.event(command, copy),
        }
    }

    fn reply(&mut self, pending: Pending, copy: &mut Copier) -> Result<(), Malformed> {
        match pending {
            Pending::Done => {}
            Pending::Deleted(channel) => drop(self.streams.remove(&channel)),
            Pending::Client => drop(copy.u32()?),
            Pending::Stream(stream) => self.created(stream, copy)?,
            Pending::Latency => {
                copy.usec()?;
                copy.usec()?;
                copy.boolean()?;
                copy.timeval()?;
                copy.timeval()?;
                copy.s64()?;
                copy.s64()?;
                copy.u64()?;
                copy.u64()?;
            }
            Pending::Buffer => {
                copy.u32s(4)?;
                copy.usec()?;
            }
        }
        Ok(())
    }

    fn created(&mut self, mut stream: Stream, copy: &mut Copier) -> Result<(), Malformed> {
        let channel = copy.u32()?;
        stream.input = copy.u32()?;
        copy.u32s(5)?; // missing, maxlength, tlength, prebuf, minreq
        copy.sample_spec()?;
        copy.channel_map()?;
        hide_sink(copy)?;
        copy.boolean()?; // suspended
        copy.usec()?;
        if self.version >= 21 {
            copy.format()?;
        }
        self.streams.insert(channel, stream);
        Ok(())
    }

    /// Passes on what happens to the connection's own streams.
    fn event(&mut self, command: u32, mut copy: Copier) -> Result<Option<Vec<u8>>, Broken> {
        if !EVENTS.contains(&command) {
            return Ok(None);
        }
        let channel = copy.u32()?;
        if !self.has_stream(channel) {
            return Ok(None);
        }
        match command {
            command::REQUEST => drop(copy.u32()?),
            command::UNDERFLOW if self.version >= 23 => copy.s64()?,
            command::PLAYBACK_STREAM_KILLED => drop(self.streams.remove(&channel)),
            command::PLAYBACK_STREAM_SUSPENDED => drop(copy.boolean()?),
            command::PLAYBACK_STREAM_MOVED => {
                hide_sink(&mut copy)?;
                copy.boolean()?;
                copy.u32s(4)?;
                copy.usec()?;
            }
            command::PLAYBACK_BUFFER_ATTR_CHANGED => {
                copy.u32s(4)?;
                copy.usec()?;
            }
            command::PLAYBACK_STREAM_EVENT => {
                copy.string()?;
                copy.from.properties()?;
                copy.to.properties([]);
            }
            _ => {}
        }
        Ok(Some(copy.finish()?))
    }
}

/// The events that are about a stream which plays.
const EVENTS: [u32; 9] = [
    command::REQUEST,
    command::OVERFLOW,
    command::UNDERFLOW,
    command::STARTED,
    command::PLAYBACK_STREAM_KILLED,
    command::PLAYBACK_STREAM_SUSPENDED,
    command::PLAYBACK_STREAM_MOVED,
    command::PLAYBACK_STREAM_EVENT,
    command::PLAYBACK_BUFFER_ATTR_CHANGED,
];

/// Puts the sink that does not exist in the place of the one that does.
fn hide_sink(copy: &mut Copier) -> Result<(), Malformed> {
    copy.from.u32()?;
    copy.from.string()?;
    copy.to.u32(sink::INDEX);
    copy.to.string(Some(sink::NAME));
    Ok(())
}

/// Returns the volumes, none above what changes nothing: what is louder is
/// made of noise, and where volumes are flat would turn the speakers up.
fn bounded(volumes: Vec<u32>) -> Vec<u32> {
    volumes.into_iter().map(|volume| volume.min(VOLUME_NORM)).collect()
}

/// A packet of the client, as far as all of them are alike.
#[derive(Clone, Debug)]
struct Request<'a> {
    command: u32,
    tag: u32,
    from: Reader<'a>,
}

impl<'a> Request<'a> {
    /// Begins a packet with the same command and tag.
    fn copy(&self) -> Copier<'a> {
        Copier { from: self.from.clone(), to: Writer::new(self.command, self.tag) }
    }
}

/// What is to be done with a request.
enum Decision {
    /// The server is asked, and this is what it will say.
    Ask(Pending, Vec<u8>),
    /// The answer is known here.
    Answer(Vec<u8>),
    /// It is not done, with a code of the protocol.
    Refuse(u32),
}

#[cfg(test)]
#[path = "play_tests.rs"]
mod tests;
