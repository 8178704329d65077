//! audioguard(1): let a container play sound, and nothing else.

use std::{path::PathBuf, process::ExitCode};

use audioguard::{Cookie, Error, Guard, Label, Level, Listener, Room, Rules};
use clap::Parser;
use document::event::Status;
use toolkit::{Common, Events, Exit, Interrupt, Tool};

/// Let a container play sound, and nothing else
///
/// Listens on a socket as a sound server would, and passes on to the real one what
/// is needed to play. Whatever else a client asks for is refused: to record, to list
/// what there is, to change what others hear.
#[derive(Debug, Parser)]
#[command(version)]
struct AudioGuard {
    /// Listen for clients on SOCKET, until a signal
    #[arg(
        long,
        value_name = "SOCKET",
        requires = "server",
        conflicts_with = "probe",
        required_unless_present = "probe"
    )]
    listen: Option<PathBuf>,

    /// Ask the guard on SOCKET whether a sound server answers through it
    #[arg(
        long,
        value_name = "SOCKET",
        conflicts_with_all = [
            "server", "level", "server_cookie", "latency", "name", "clients", "socket_mode",
            "until_eof", "lock",
        ]
    )]
    probe: Option<PathBuf>,

    /// The 256 bytes that clients must show
    #[arg(long, value_name = "FILE")]
    cookie: PathBuf,

    /// The socket of the sound server
    #[arg(long, value_name = "SOCKET")]
    server: Option<PathBuf>,

    /// What clients may do
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "play")]
    level: Level,

    /// Show the server the cookie in FILE; one of the same user needs none
    #[arg(long, value_name = "FILE")]
    server_cookie: Option<PathBuf>,

    /// Buffer as much for programs that ask for nothing
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(5..=10_000))]
    latency: Option<u32>,

    /// Show NAME before the names of programs where mixers list them
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Serve as many clients at once
    #[arg(long, value_name = "COUNT", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=60))]
    clients: u16,

    /// The permission bits of the socket that is listened on
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = mode)]
    socket_mode: u32,

    /// Where the lock lies by which one guard has the socket [default: SOCKET.lock]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,

    /// End when standard input does
    #[arg(long)]
    until_eof: bool,

    #[command(flatten)]
    common: Common,
}

impl Tool for AudioGuard {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let cookie = Cookie::read(&self.cookie)?;
        if let Some(path) = &self.probe {
            let number = audioguard::probe(path, &cookie)?;
            toolkit::write_text(&format!("{number:08x}\n"))?;
            return Ok(Exit::Success);
        }
        let interrupt = Interrupt::watch().map_err(Error::Wait)?;
        let server_cookie = self.server_cookie.as_deref().map(Cookie::read).transpose()?;
        let rules = Rules {
            level: self.level,
            cookie,
            server_cookie: server_cookie.unwrap_or(Cookie::NONE),
            latency: self.latency,
            label: Label::new(self.name.as_deref()),
            number: audioguard::number(),
            room: Room::default(),
        };
        let listen = self.listen.unwrap_or_default();
        let guard = Guard {
            listener: Listener::open(&listen, self.socket_mode, self.lock.as_deref())?,
            server: self.server.unwrap_or_default(),
            clients: self.clients.into(),
            until_eof: self.until_eof,
        };
        events.emit("listen", Status::Done, None);
        guard.run(rules, &interrupt)?;
        Ok(Exit::Success)
    }
}

/// Reads permission bits, in octal.
fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("must be an octal number such as 600".to_owned()),
    }
}

fn main() -> ExitCode {
    toolkit::main::<AudioGuard>()
}
