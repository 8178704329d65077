//! Asking through a guard whether a sound server answers.

use std::{
    hash::{BuildHasher, RandomState},
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Cookie, Error,
    frames::{Inbox, Piece, Queue},
    packet::{Reader, Writer},
    protocol::{NEWEST, code, command},
    serve::reach,
};

/// How long all of it may take: longer than a guard waits for the server, so that its
/// answer is heard.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often who accepts nobody is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns what is to tell a guard from all others.
#[must_use]
pub fn number() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Shows `cookie` to who listens on `path`, and returns when a sound server has
/// let us in: with the number that tells it, or the guard, from others.
pub fn probe(path: &Path, cookie: &Cookie) -> Result<u32, Error> {
    let end = Instant::now() + PATIENCE;
    let mut socket = connect(path, end)?;
    let mut packet = Writer::new(command::AUTH, 0);
    packet.u32(NEWEST);
    packet.arbitrary(cookie.bytes());
    ask(path, &mut socket, end, &packet.finish(), |mut from| from.u32().ok())?;
    ask(path, &mut socket, end, &Writer::new(command::GET_SERVER_INFO, 1).finish(), numbered)
}

/// Connects; one whose queue is full is waited for.
fn connect(path: &Path, end: Instant) -> Result<UnixStream, Error> {
    loop {
        let connected = reach(path).and_then(|socket| {
            socket.set_nonblocking(false)?;
            Ok(socket)
        });
        match connected {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                left(end).map_err(|_| Error::NoAnswer { path: path.to_owned() })?;
                thread::sleep(PAUSE);
            }
            other => {
                return other.map_err(|source| Error::NoGuard { path: path.to_owned(), source });
            }
        }
    }
}

/// Returns how long it is until `end`; after it, what a socket says.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(left) }
}

/// Returns the number in what a server says of itself.
fn numbered(mut from: Reader) -> Option<u32> {
    // Its name and version, the account, the machine.
    (0..4).try_for_each(|_| from.string().map(drop)).ok()?;
    from.sample_spec().ok()?;
    // The sink and the source that are used by default.
    (0..2).try_for_each(|_| from.string().map(drop)).ok()?;
    from.u32().ok()
}

/// Sends a packet, and returns what `read` makes of the reply.
fn ask<T>(
    path: &Path,
    socket: &mut UnixStream,
    end: Instant,
    packet: &[u8],
    read: impl FnOnce(Reader) -> Option<T>,
) -> Result<T, Error> {
    let silent = || Error::NoAnswer { path: path.to_owned() };
    let other = || Error::NotSound { path: path.to_owned() };
    let answer = match exchange(socket, end, packet) {
        Ok(Some(answer)) => answer,
        Ok(None) => return Err(other()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(silent()),
        Err(_) => return Err(other()),
    };
    let mut from = Reader::new(&answer);
    let numbers = from.u32().and_then(|command| Ok((command, from.u32()?)));
    let (command, _tag) = numbers.map_err(|_| other())?;
    if command == command::REPLY {
        return read(from).ok_or_else(other);
    }
    match (command, from.u32().map_err(|_| other())?) {
        (command::ERROR, code::ACCESS) => Err(Error::Refused { path: path.to_owned() }),
        (command::ERROR, code::CONNECTIONREFUSED) => Err(Error::NoServer { path: path.to_owned() }),
        (command::ERROR, code::AUTHKEY) => Err(Error::ServerRefused { path: path.to_owned() }),
        (command::ERROR, code::TIMEOUT) => Err(silent()),
        _ => Err(other()),
    }
}

/// Sends a packet, and returns the next that comes back.
fn exchange(socket: &mut UnixStream, end: Instant, packet: &[u8]) -> io::Result<Option<Vec<u8>>> {
    socket.set_write_timeout(Some(left(end)?))?;
    let mut queue = Queue::default();
    queue.push_packet(packet);
    socket.write_all(queue.waiting())?;
    let mut inbox = Inbox::default();
    loop {
        let mut bytes = [0; 1024];
        socket.set_read_timeout(Some(left(end)?))?;
        let count = socket.read(&mut bytes)?;
        inbox.push(bytes.get(..count).unwrap_or_default());
        match inbox.next() {
            Ok(Some(Piece::Packet(packet))) => return Ok(Some(packet)),
            Ok(None) if count > 0 => {}
            _ => return Ok(None),
        }
    }
}
