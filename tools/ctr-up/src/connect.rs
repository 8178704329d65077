//! Connecting to a server that may not be there yet.

use std::{
    io::{self, ErrorKind},
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

/// How long the network may take, at most, to make a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How often it is asked whether to stop while nothing happens.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// Connects to `port` of `host` and waits until the server has begun to speak,
/// for at most `limit` and until it is told to `stop`. What the server says
/// stays in the stream.
///
/// An engine's own proxy accepts connections when nobody listens behind it, so
/// that a connection alone says nothing.
pub(crate) fn connect(
    host: &str,
    port: u16,
    limit: Duration,
    stop: &impl Fn() -> bool,
) -> io::Result<TcpStream> {
    let begun = Instant::now();
    let stream = reach(host, port, limit.min(CONNECT))?;
    // Of two short packets of ssh's the second would otherwise wait for the
    // acknowledgement of the first, which takes its time (tcp(7)).
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(GLANCE))?;
    while !stop() && begun.elapsed() < limit {
        match stream.peek(&mut [0]) {
            Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
            Ok(_) => {
                stream.set_read_timeout(None)?;
                return Ok(stream);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::TimedOut, "nobody speaks there"))
}

/// Connects to the first of the host's addresses that accepts.
fn reach(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let mut result = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
    for address in (host, port).to_socket_addrs()? {
        result = TcpStream::connect_timeout(&address, limit);
        if result.is_ok() {
            break;
        }
    }
    result
}
