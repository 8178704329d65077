//! Asking through a guard whether a sound server answers.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::{
    Cookie, Error,
    frames::{Inbox, Piece, Queue},
    packet::{Reader, Writer},
    protocol::{NEWEST, code, command},
};

/// Longer than a guard waits for the server, so that its answer is heard.
const PATIENCE: Duration = Duration::from_secs(8);

/// Shows `cookie` to who listens on `path`, and returns when a sound server has
/// let us in.
pub fn probe(path: &Path, cookie: &Cookie) -> Result<(), Error> {
    let silent = || Error::NoAnswer { path: path.to_owned() };
    let other = || Error::NotSound { path: path.to_owned() };
    let answer = match ask(path, cookie)? {
        Ok(Some(answer)) => answer,
        Ok(None) => return Err(other()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(silent()),
        Err(_) => return Err(other()),
    };
    let mut from = Reader::new(&answer);
    let numbers = from.u32().and_then(|command| Ok((command, from.u32()?, from.u32()?)));
    match numbers.map_err(|_| other())? {
        (command::REPLY, ..) => Ok(()),
        (command::ERROR, _, code::ACCESS) => Err(Error::Refused { path: path.to_owned() }),
        (command::ERROR, _, code::CONNECTIONREFUSED) => {
            Err(Error::NoServer { path: path.to_owned() })
        }
        (command::ERROR, _, code::AUTHKEY) => Err(Error::ServerRefused { path: path.to_owned() }),
        (command::ERROR, _, code::TIMEOUT) => Err(silent()),
        _ => Err(other()),
    }
}

/// Sends the first packet, and returns the first that comes back.
fn ask(path: &Path, cookie: &Cookie) -> Result<io::Result<Option<Vec<u8>>>, Error> {
    let connected = UnixStream::connect(path);
    let socket = connected.map_err(|source| Error::NoGuard { path: path.to_owned(), source })?;
    let mut packet = Writer::new(command::AUTH, 0);
    packet.u32(NEWEST);
    packet.arbitrary(cookie.bytes());
    Ok(exchange(socket, &packet.finish()))
}

fn exchange(mut socket: UnixStream, packet: &[u8]) -> io::Result<Option<Vec<u8>>> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut queue = Queue::default();
    queue.push_packet(packet);
    socket.write_all(queue.waiting())?;
    let mut inbox = Inbox::default();
    loop {
        let mut bytes = [0; 1024];
        let count = socket.read(&mut bytes)?;
        inbox.push(bytes.get(..count).unwrap_or_default());
        match inbox.next() {
            Ok(Some(Piece::Packet(packet))) => return Ok(Some(packet)),
            Ok(None) if count > 0 => {}
            _ => return Ok(None),
        }
    }
}
