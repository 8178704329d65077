//! One client and its connection to the server, without the sockets.

use std::rc::Rc;

use crate::{
    cookie::Cookie,
    frames::{Broken, Descriptor, Inbox, Piece, Queue},
    packet::{Reader, Writer},
    play::{Play, Verdict},
    properties::Label,
    protocol::{NEWEST, NONE, OLDEST, VERSION_MASK, code, command},
    stream::Room,
};

/// What a client may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Level {
    /// Play, and nothing else
    Play,
    /// All that the sound server lets a client do, the microphone included
    Duplex,
}

/// What all sessions of a guard have in common.
#[derive(Debug)]
pub struct Rules {
    /// What clients may do.
    pub level: Level,
    /// What they must show.
    pub cookie: Cookie,
    /// What the server is shown.
    pub server_cookie: Cookie,
    /// How much is buffered for those that ask for nothing, in milliseconds.
    pub latency: Option<u32>,
    /// How they are shown to the person.
    pub label: Label,
    /// What tells this guard from others, at level `play`.
    pub number: u32,
    /// What their streams share, at level `play`.
    pub room: Room,
}

/// As long as so much waits to be sent, in bytes, nothing more is read.
const ENOUGH: usize = 64 * 1024;

/// What is reserved for a request whose answer has no other number.
const AUTH_TAG: u32 = 0;

/// How far a session is.
#[derive(Debug)]
enum State {
    /// The client has not shown its cookie.
    Locked,
    /// It has, and the server is to be connected to.
    Unlocked { tag: u32, version: u32 },
    /// The server has been told of the client.
    Introduced { tag: u32, version: u32 },
    /// Packets go to and fro, at level play.
    Playing(Box<Play>),
    /// They do, at level duplex.
    Open,
    /// What waits for the client is sent, and then it ends.
    Over,
}

/// One client and its connection to the server.
#[derive(Debug)]
pub struct Session {
    rules: Rc<Rules>,
    state: State,
    from_client: Inbox,
    from_server: Inbox,
    to_client: Queue,
    to_server: Queue,
    /// Whether the frame of sound that is coming is for the server.
    passes_sound: bool,
    /// Whether all places are taken.
    is_surplus: bool,
}

impl Session {
    /// Begins with a client that has not said anything.
    #[must_use]
    pub fn new(rules: Rc<Rules>) -> Self {
        Self {
            rules,
            state: State::Locked,
            from_client: Inbox::default(),
            from_server: Inbox::default(),
            to_client: Queue::default(),
            to_server: Queue::default(),
            passes_sound: false,
            is_surplus: false,
        }
    }

    /// Returns what is to be sent to the client.
    pub fn to_client(&mut self) -> &mut Queue {
        &mut self.to_client
    }

    /// Returns what is to be sent to the server.
    pub fn to_server(&mut self) -> &mut Queue {
        &mut self.to_server
    }

    /// Returns how much memory the session holds, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        let queues = self.to_client.held() + self.to_server.held();
        queues + self.from_client.held() + self.from_server.held()
    }

    /// Says whether the client has yet to be let in and introduced, or has no place.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.is_surplus
            || matches!(
                self.state,
                State::Locked | State::Unlocked { .. } | State::Introduced { .. }
            )
    }

    /// Lets the client ask who is there, and nothing else: all places are taken.
    pub fn make_surplus(&mut self) {
        self.is_surplus = true;
    }

    /// Says whether the client has shown its cookie and has a place.
    #[must_use]
    pub fn has_place(&self) -> bool {
        !self.is_surplus && !matches!(self.state, State::Locked | State::Over)
    }

    /// Says whether the client has not shown its cookie.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.state, State::Locked)
    }

    /// Says whether the server is to be connected to now.
    #[must_use]
    pub fn wants_server(&self) -> bool {
        matches!(self.state, State::Unlocked { .. })
    }

    /// Says whether nothing more comes but what waits for the client.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Says whether the client may be read from.
    #[must_use]
    pub fn takes_from_client(&self) -> bool {
        match self.state {
            State::Locked => true,
            State::Playing(_) | State::Open => self.has_room(),
            State::Unlocked { .. } | State::Introduced { .. } | State::Over => false,
        }
    }

    /// Says whether the client should be read from more rarely: it writes so little at
    /// once that all of it together would cost the server less.
    #[must_use]
    pub fn writes_little(&self) -> bool {
        matches!(&self.state, State::Playing(play) if play.is_short())
    }

    /// Says whether the server may be read from.
    #[must_use]
    pub fn takes_from_server(&self) -> bool {
        !self.is_over() && self.to_client.len() < ENOUGH
    }

    /// Says whether nothing waits to be sent to the client.
    #[must_use]
    pub fn to_client_is_empty(&self) -> bool {
        self.to_client.is_empty()
    }

    /// Says whether nothing waits to be sent to the server.
    #[must_use]
    pub fn to_server_is_empty(&self) -> bool {
        self.to_server.is_empty()
    }

    fn has_room(&self) -> bool {
        self.to_client.len() < ENOUGH && self.to_server.len() < ENOUGH
    }

    /// Takes what the client has sent.
    pub fn client_sent(&mut self, bytes: &[u8]) {
        self.from_client.push(bytes);
        self.go_on();
    }

    /// Takes what the server has sent.
    pub fn server_sent(&mut self, bytes: &[u8]) {
        self.from_server.push(bytes);
        if self.hear_server().is_err() {
            self.end();
        }
        // The client may have sent more than its cookie.
        self.go_on();
    }

    /// Does what has waited for room; to be called whenever something was sent.
    pub fn go_on(&mut self) {
        if self.hear_client().is_err() {
            self.end();
        }
    }

    /// Introduces the client to the server, which is connected to.
    pub fn server_is_there(&mut self) {
        let State::Unlocked { tag, version } = self.state else { return };
        let mut packet = Writer::new(command::AUTH, AUTH_TAG);
        packet.u32(version);
        packet.arbitrary(self.rules.server_cookie.bytes());
        self.to_server.push_packet(&packet.finish());
        self.state = State::Introduced { tag, version };
    }

    /// Tells the client that there is no server.
    pub fn server_is_absent(&mut self) {
        if let State::Unlocked { tag, .. } | State::Introduced { tag, .. } = self.state {
            self.refuse(tag, code::CONNECTIONREFUSED);
        }
        self.end();
    }

    /// Ends a session whose time to get anywhere is over.
    pub fn is_late(&mut self) {
        if let State::Unlocked { tag, .. } | State::Introduced { tag, .. } = self.state {
            self.refuse(tag, code::TIMEOUT);
        }
        self.end();
    }

    /// Ends the session, but for what waits for the client.
    pub fn end(&mut self) {
        self.state = State::Over;
    }

    fn refuse(&mut self, tag: u32, code: u32) {
        self.to_client.push_packet(&Writer::refusal(tag, code));
    }

    fn hear_client(&mut self) -> Result<(), Broken> {
        while self.takes_from_client() {
            let Some(piece) = self.from_client.next()? else { break };
            match piece {
                Piece::Packet(packet) => self.client_asks(&packet)?,
                Piece::Sound { frame, count } => {
                    if let Some(frame) = frame {
                        self.begin_sound(frame)?;
                    }
                    let to = self.passes_sound.then_some(&mut self.to_server);
                    self.from_client.take(count, to);
                }
            }
        }
        Ok(())
    }

    /// Decides about a frame of sound, all of it: whatever happens to its stream
    /// before its end has come, the server counts on what its descriptor says.
    fn begin_sound(&mut self, frame: Descriptor) -> Result<(), Broken> {
        match &mut self.state {
            State::Playing(play) => {
                // A stream that is gone may still be sent to; nobody listens.
                let Some(stream) = play.stream(frame.channel) else {
                    self.passes_sound = false;
                    return Ok(());
                };
                let frame = stream.behind(frame);
                let is_joined = self.to_server.join_sound(frame);
                self.passes_sound = stream.takes(frame, is_joined);
                if !self.passes_sound {
                    // What the server says too where it has no room.
                    let mut event = Writer::new(command::OVERFLOW, NONE);
                    event.u32(frame.channel);
                    self.to_client.push_packet(&event.finish());
                } else if !is_joined {
                    self.to_server.begin_sound(frame);
                }
            }
            State::Open => {
                self.passes_sound = true;
                self.to_server.begin_sound(frame);
            }
            _ => return Err(Broken),
        }
        Ok(())
    }

    fn client_asks(&mut self, packet: &[u8]) -> Result<(), Broken> {
        let mut from = Reader::new(packet);
        if self.is_surplus && from.u32()? != command::GET_SERVER_INFO {
            self.refuse(from.u32()?, code::BUSY);
            self.end();
            return Ok(());
        }
        match &mut self.state {
            State::Locked => self.unlock(packet),
            State::Playing(play) => {
                match play.client(packet)? {
                    Verdict::Forward(packet) => self.to_server.push_packet(&packet),
                    Verdict::Answer(packet) => self.to_client.push_packet(&packet),
                }
                Ok(())
            }
            State::Open if agrees_on_memory(packet)? => Err(Broken),
            State::Open => {
                self.to_server.push_packet(packet);
                Ok(())
            }
            State::Unlocked { .. } | State::Introduced { .. } | State::Over => Ok(()),
        }
    }

    /// Looks at the first packet, which must have the cookie.
    fn unlock(&mut self, packet: &[u8]) -> Result<(), Broken> {
        let mut from = Reader::new(packet);
        let (command, tag) = (from.u32()?, from.u32()?);
        if command != command::AUTH {
            return Err(Broken);
        }
        let (version, cookie) = (from.u32()? & VERSION_MASK, from.arbitrary()?);
        from.end()?;
        if !self.rules.cookie.is(cookie) {
            self.refuse(tag, code::ACCESS);
            self.end();
        } else if version < OLDEST {
            self.refuse(tag, code::VERSION);
            self.end();
        } else {
            self.state = State::Unlocked { tag, version: version.min(NEWEST) };
        }
        Ok(())
    }

    fn hear_server(&mut self) -> Result<(), Broken> {
        loop {
            if matches!(self.state, State::Open) {
                let rest = self.from_server.rest();
                self.to_client.push(&rest);
                return Ok(());
            }
            let Some(piece) = self.from_server.next()? else { return Ok(()) };
            // Sound from the server is a recording.
            let Piece::Packet(packet) = piece else { return Err(Broken) };
            match &mut self.state {
                State::Introduced { tag, version } => {
                    let (tag, version) = (*tag, *version);
                    self.server_answers(tag, version, &packet)?;
                }
                State::Playing(play) => {
                    if let Some(packet) = play.server(&packet)? {
                        self.to_client.push_packet(&packet);
                    }
                }
                _ => return Err(Broken),
            }
        }
    }

    /// Looks at what the server says to the introduction.
    fn server_answers(&mut self, tag: u32, version: u32, packet: &[u8]) -> Result<(), Broken> {
        let mut from = Reader::new(packet);
        let (command, _) = (from.u32()?, from.u32()?);
        let value = from.u32()?;
        if command != command::REPLY {
            // That it is the server which refuses must be told from our own refusal.
            let is_cookie = command != command::ERROR || value == code::ACCESS;
            self.refuse(tag, if is_cookie { code::AUTHKEY } else { value });
            self.end();
            return Ok(());
        }
        let version = version.min(value & VERSION_MASK);
        if version < OLDEST {
            self.refuse(tag, code::VERSION);
            self.end();
            return Ok(());
        }
        let mut reply = Writer::reply(tag);
        reply.u32(version);
        self.to_client.push_packet(&reply.finish());
        self.state = match self.rules.level {
            Level::Play => State::Playing(Box::new(Play::new(version, Rc::clone(&self.rules)))),
            Level::Duplex => State::Open,
        };
        Ok(())
    }
}

/// Says whether a packet would make the two ends share memory, which what is
/// between them cannot carry. `AUTH` does, said a second time.
fn agrees_on_memory(packet: &[u8]) -> Result<bool, Broken> {
    const THESE: [u32; 4] = [
        command::AUTH,
        command::ENABLE_SRBCHANNEL,
        command::DISABLE_SRBCHANNEL,
        command::REGISTER_MEMFD_SHMID,
    ];

    Ok(THESE.contains(&Reader::new(packet).u32()?))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
