//! The sockets of all sessions, waited for by one thread.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

#[cfg(target_os = "linux")]
use nix::sys::socket::{setsockopt, sockopt};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket},
};
use toolkit::Interrupt;

use crate::{
    Error,
    frames::Queue,
    listen::Listener,
    session::{Rules, Session},
};

/// How long a client has for its cookie, and the server for its answer.
const INTRODUCTION: Duration = Duration::from_secs(5);

/// How long a client has to take its last packet.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a wait lasts at most: a signal that came just before it is seen then.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a client that writes little at once is not read from: in that time even
/// the poorest sound, a byte at 8 kHz, comes to a frame that pays for itself.
const REST: Duration = Duration::from_millis(10);

/// How many are let in before others are looked after, and how many are there beyond
/// the places: to show their cookie, or to ask who is there.
const CALLERS: usize = 16;

/// How much is read at once, in bytes.
const CHUNK: usize = 32 * 1024;

/// What a guard needs besides its rules.
#[derive(Debug)]
pub struct Guard {
    /// Where clients come in.
    pub listener: Listener,
    /// The socket of the sound server.
    pub server: PathBuf,
    /// The most clients at once.
    pub clients: usize,
    /// Whether it ends when standard input does.
    pub until_eof: bool,
}

impl Guard {
    /// Serves clients until a signal or the end of standard input.
    pub fn run(&self, rules: Rules, interrupt: &Interrupt) -> Result<(), Error> {
        let rules = Rc::new(rules);
        let mut connections: Vec<Connection> = Vec::new();
        loop {
            interrupt.check()?;
            let ready = self.wait(&connections)?;
            for (whose, flags) in ready {
                match whose {
                    Whose::Listener => self.accept(&mut connections, &rules),
                    Whose::Input if input_ended() => return Ok(()),
                    Whose::Input => {}
                    Whose::Client(at) => connections[at].client_is_ready(flags),
                    Whose::Server(at) => connections[at].server_is_ready(flags),
                }
            }
            self.advance(&mut connections);
            connections.retain(|connection| !connection.is_done);
        }
    }

    /// Moves all on; of those that have shown their cookie now some may be too many.
    fn advance(&self, connections: &mut [Connection]) {
        let now = Instant::now();
        let mut taken = connections.iter().filter(|one| one.session.has_place()).count();
        for connection in connections {
            if connection.session.wants_server() && taken > self.clients {
                connection.session.make_surplus();
                taken -= 1;
            }
            connection.advance(&self.server, now);
        }
    }

    /// Waits until a socket is ready or a deadline has come.
    fn wait(&self, connections: &[Connection]) -> Result<Vec<(Whose, PollFlags)>, Error> {
        let stdin = io::stdin();
        let (mut whose, mut waited) = (Vec::new(), Vec::new());
        if self.until_eof {
            whose.push(Whose::Input);
            waited.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        for (at, connection) in connections.iter().enumerate() {
            whose.push(Whose::Client(at));
            waited.push(PollFd::new(connection.client.as_fd(), connection.client_wants()));
            if let Some((server, flags)) = connection.server_wants() {
                whose.push(Whose::Server(at));
                waited.push(PollFd::new(server, flags));
            }
        }
        // Last, so that who is there has been heard.
        whose.push(Whose::Listener);
        waited.push(PollFd::new(self.listener.socket.as_fd(), PollFlags::POLLIN));
        let rests = connections.iter().any(|connection| connection.rest.is_some());
        let pause = if rests { REST } else { PAUSE };
        let pause = u16::try_from(pause.as_millis()).unwrap_or(u16::MAX);
        match poll(&mut waited, PollTimeout::from(pause)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::Wait(error.into())),
        }
        let flags = waited.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        Ok(whose.into_iter().zip(flags).filter(|(_, flags)| !flags.is_empty()).collect())
    }

    /// Takes those in who call; there may be others as soon as these are.
    fn accept(&self, connections: &mut Vec<Connection>, rules: &Rc<Rules>) {
        for _ in 0..CALLERS {
            let client = match self.listener.socket.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // Such as too many open files: it will pass, and asking at
                    // once again would not help.
                    thread::sleep(Duration::from_millis(20));
                    return;
                }
            };
            if client.set_nonblocking(true).is_ok() && self.has_room(connections) {
                connections.push(Connection::new(client, Rc::clone(rules)));
            }
        }
    }

    /// Says whether one more can be there, for which who has been told nothing for the
    /// longest time may have to go.
    fn has_room(&self, connections: &mut [Connection]) -> bool {
        let staying = connections.iter().filter(|one| !one.is_done).count();
        let mut going = connections.iter_mut().filter(|one| !one.is_done && one.is_stranger());
        staying < self.clients + CALLERS || going.next().map(|one| one.is_done = true).is_some()
    }
}

/// Whose socket is ready.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Listener,
    Input,
    Client(usize),
    Server(usize),
}

/// A session and its sockets.
#[derive(Debug)]
struct Connection {
    client: UnixStream,
    server: Option<UnixStream>,
    session: Session,
    deadline: Option<Instant>,
    /// Until when the client is not read from.
    rest: Option<Instant>,
    is_leaving: bool,
    is_done: bool,
}

impl Connection {
    fn new(client: UnixStream, rules: Rc<Rules>) -> Self {
        let deadline = Some(Instant::now() + INTRODUCTION);
        let session = Session::new(rules);
        let (server, rest, is_leaving, is_done) = (None, None, false, false);
        Self { client, server, session, deadline, rest, is_leaving, is_done }
    }

    /// Says whether the client has shown no cookie, or not ours.
    fn is_stranger(&self) -> bool {
        self.session.is_locked() || self.session.is_over()
    }

    /// The client is always waited for: that it is gone must be seen.
    fn client_wants(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        let reads = self.session.takes_from_client() || self.session.is_over();
        flags.set(PollFlags::POLLIN, reads && self.rest.is_none());
        flags.set(PollFlags::POLLOUT, !self.session.to_client_is_empty());
        flags
    }

    fn server_wants(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let server = self.server.as_ref()?;
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, self.session.takes_from_server());
        flags.set(PollFlags::POLLOUT, !self.session.to_server_is_empty());
        (!flags.is_empty()).then_some((server.as_fd(), flags))
    }

    fn client_is_ready(&mut self, flags: PollFlags) {
        if flags.contains(PollFlags::POLLIN) {
            match receive(&mut self.client) {
                Received::Some(bytes) if !self.session.is_over() => {
                    self.session.client_sent(&bytes);
                    self.rest = self.session.writes_little().then(|| Instant::now() + REST);
                }
                Received::Some(_) | Received::Nothing => {}
                Received::End => self.is_done = true,
            }
        } else if flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
            self.is_done = true;
        }
    }

    fn server_is_ready(&mut self, flags: PollFlags) {
        let Some(server) = &mut self.server else { return };
        let over = PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR;
        if flags.intersects(over) && self.session.takes_from_server() {
            match receive(server) {
                Received::Some(bytes) => self.session.server_sent(&bytes),
                Received::Nothing => {}
                // A server that goes before it has let the client in is none.
                Received::End => self.session.server_is_absent(),
            }
        }
    }

    /// Sends what can be sent, and moves the session on.
    fn advance(&mut self, server: &Path, now: Instant) {
        if self.session.wants_server() {
            self.server = reach(server).ok();
            match self.server {
                Some(_) => self.session.server_is_there(),
                None => self.session.server_is_absent(),
            }
        }
        let sent = send(&mut self.client, self.session.to_client());
        self.is_done |= sent.is_err();
        if let Some(server) = &mut self.server {
            if send(server, self.session.to_server()).is_err() {
                self.session.server_is_absent();
            }
        }
        self.session.go_on();
        self.rest = self.rest.filter(|&end| end > now);
        self.watch_clock(now);
    }

    fn watch_clock(&mut self, now: Instant) {
        let is_late = self.deadline.is_some_and(|deadline| deadline <= now);
        if self.is_leaving {
            self.is_done |= is_late;
        } else if self.session.is_over() {
            self.leave(now);
        } else if !self.session.is_waiting() {
            self.deadline = None;
        } else if is_late {
            self.session.is_late();
            self.deadline = None;
        }
    }

    /// Lets the server go at once, and the client when it has heard why: what it
    /// has sent must have been read, or the system would take back what it was told.
    fn leave(&mut self, now: Instant) {
        self.server = None;
        self.is_leaving = self.session.to_client_is_empty();
        if self.is_leaving {
            self.is_done |= self.client.shutdown(Shutdown::Write).is_err();
        }
        let farewell = now + FAREWELL;
        self.deadline = Some(self.deadline.map_or(farewell, |deadline| deadline.min(farewell)));
        self.is_done |= self.deadline.is_some_and(|deadline| deadline <= now);
    }
}

/// Connects to a sound server, without waiting for one that accepts nobody.
pub(crate) fn reach(path: &Path) -> io::Result<UnixStream> {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None)?;
    let socket = UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    // PulseAudio lets in who comes with its own user's credentials. Unless they are
    // sent on purpose they are missing from what arrives just as it accepts.
    #[cfg(target_os = "linux")]
    setsockopt(&socket, sockopt::PassCred, &true)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket)
}

/// What came from a socket.
enum Received {
    Some(Vec<u8>),
    Nothing,
    End,
}

fn receive(from: &mut UnixStream) -> Received {
    let mut bytes = vec![0; CHUNK];
    match from.read(&mut bytes) {
        Ok(0) => Received::End,
        Ok(count) => {
            bytes.truncate(count);
            Received::Some(bytes)
        }
        Err(error) if is_passing(&error) => Received::Nothing,
        Err(_) => Received::End,
    }
}

/// Sends as much as there is room for.
fn send(to: &mut UnixStream, queue: &mut Queue) -> io::Result<()> {
    while !queue.is_empty() {
        match to.write(queue.waiting()) {
            Ok(count) => queue.consume(count),
            Err(error) if is_passing(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Says whether standard input is at its end; what comes on it means nothing.
fn input_ended() -> bool {
    let mut bytes = [0; 512];
    !matches!(
        nix::unistd::read(io::stdin(), &mut bytes),
        Ok(1..) | Err(Errno::EINTR | Errno::EAGAIN)
    )
}
