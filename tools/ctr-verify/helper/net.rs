//! Trying to reach something.

use std::{
    collections::VecDeque,
    fs,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use super::{Seen, os};

/// How many connections are tried at the same time.
const AT_ONCE: usize = 400;

/// How often it is looked whether an answer has come.
const GLANCE: Duration = Duration::from_millis(10);

/// What is sent where any datagram would do.
const HELLO: &[u8] = b"ctr-verify\n";

/// The identifier of our echo requests.
const ECHO: [u8; 2] = *b"cv";

/// How much of an answer is kept.
const ANSWER: usize = 4096;

/// Tries to connect to each target. That nobody listens is an answer, too: a
/// packet came there and back.
pub(crate) fn tcp(patience: &str, targets: &[&str]) -> Seen {
    let targets = targets.iter().map(|each| parse(each)).collect::<Result<Vec<_>, _>>()?;
    connect(targets, duration(patience)?, |address, error| match error {
        0 => Some(format!("{address} open")),
        os::REFUSED | os::RESET => Some(format!("{address} refused")),
        _ => None,
    })
}

/// Tries every port of an address, and says which are open.
pub(crate) fn ports(patience: &str, address: &str) -> Seen {
    let address: IpAddr = parse(address)?;
    let all = (1..=u16::MAX).map(|port| SocketAddr::new(address, port)).collect();
    connect(all, duration(patience)?, |address, error| {
        (error == 0).then(|| address.port().to_string())
    })
}

/// Connects to all targets, some at a time, and collects what `judge` makes of
/// the error of each that is decided in time.
fn connect(
    targets: Vec<SocketAddr>,
    patience: Duration,
    judge: impl Fn(SocketAddr, i32) -> Option<String>,
) -> Seen {
    let mut seen = Vec::new();
    let mut left = VecDeque::from(targets);
    while !left.is_empty() {
        let mut begun = Vec::new();
        while begun.len() < AT_ONCE {
            let Some(address) = left.pop_front() else { break };
            let domain = if address.is_ipv4() { os::INET } else { os::INET6 };
            match os::open(domain, os::STREAM, 0) {
                Ok(fd) => match os::begin(&fd, address) {
                    Ok(()) => begun.push((address, fd)),
                    Err(error) => {
                        seen.extend(judge(address, error.raw_os_error().unwrap_or(-1)));
                    }
                },
                // Too many are open: those are waited for first.
                Err(_) if !begun.is_empty() => {
                    left.push_front(address);
                    break;
                }
                Err(_) if domain == os::INET6 => {}
                Err(error) => return Err(format!("cannot make a socket: {error}")),
            }
        }
        settle(begun, patience, |address, error| seen.extend(judge(address, error)));
    }
    Ok(seen)
}

/// Waits until all are decided or time is up.
fn settle(
    mut begun: Vec<(SocketAddr, OwnedFd)>,
    patience: Duration,
    mut tell: impl FnMut(SocketAddr, i32),
) {
    let end = Instant::now() + patience;
    while !begun.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let fds: Vec<_> = begun.iter().map(|(_, fd)| fd).collect();
        let mut decided = os::decided(&fds, left).into_iter();
        begun.retain(|(address, fd)| {
            let is_decided = decided.next().unwrap_or_default();
            if is_decided {
                tell(*address, os::error(fd));
            }
            !is_decided
        });
    }
}

/// Sends a datagram to each target, and says which answer or refuse.
pub(crate) fn udp(patience: &str, targets: &[&str]) -> Seen {
    let targets = targets.iter().map(|each| parse(each)).collect::<Result<Vec<_>, _>>()?;
    let all = targets.into_iter().map(|address| (address, HELLO.to_vec())).collect();
    let answers = datagrams(all, duration(patience)?);
    let word = |answer: &Answer| if answer.1.is_some() { "answers" } else { "refused" };
    Ok(answers.iter().map(|answer| format!("{} {}", answer.0, word(answer))).collect())
}

/// Who answered, and with what; a refusal has nothing.
type Answer = (SocketAddr, Option<Vec<u8>>);

/// Sends each its bytes, and waits for what comes back.
fn datagrams(all: Vec<(SocketAddr, Vec<u8>)>, patience: Duration) -> Vec<Answer> {
    let mut waiting = Vec::new();
    let mut answers = Vec::new();
    for (address, bytes) in all {
        let local: SocketAddr = match address.is_ipv4() {
            true => (Ipv4Addr::UNSPECIFIED, 0).into(),
            false => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let sent = UdpSocket::bind(local).and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.connect(address)?;
            socket.send(&bytes)?;
            Ok(socket)
        });
        waiting.extend(sent.ok().map(|socket| (address, socket)));
    }
    let end = Instant::now() + patience;
    while !waiting.is_empty() && Instant::now() < end {
        thread::sleep(GLANCE);
        waiting.retain(|(address, socket)| {
            let mut bytes = vec![0; ANSWER];
            match socket.recv(&mut bytes) {
                Ok(length) => {
                    bytes.truncate(length);
                    answers.push((*address, Some(bytes)));
                }
                Err(error) if error.raw_os_error() == Some(os::REFUSED) => {
                    answers.push((*address, None));
                }
                Err(_) => return true,
            }
            false
        });
    }
    answers
}

/// Sends each an echo request (RFC 792), and says who answers.
pub(crate) fn ping(patience: &str, targets: &[&str]) -> Seen {
    let Ok(fd) = os::open(os::INET, os::DATAGRAM, os::ICMP)
        .or_else(|_| os::open(os::INET, os::RAW, os::ICMP))
    else {
        // Who may not send it does not get out by it.
        return Ok(Vec::new());
    };
    let socket = UdpSocket::from(fd);
    for target in targets {
        let address: Ipv4Addr = parse(target)?;
        let _ = socket.send_to(&echo_request(), (address, 0));
    }
    let end = Instant::now() + duration(patience)?;
    let mut seen = Vec::new();
    let mut bytes = [0; 256];
    while Instant::now() < end && seen.len() < targets.len() {
        match socket.recv_from(&mut bytes) {
            Ok((length, from)) => {
                let from = from.ip().to_string();
                let is_reply = is_echo_reply(&bytes[..length]) && targets.contains(&from.as_str());
                if is_reply && !seen.contains(&from) {
                    seen.push(from);
                }
            }
            Err(_) => thread::sleep(GLANCE),
        }
    }
    Ok(seen)
}

/// Says whether it is an answer to an echo request of ours; on a raw socket
/// the header of IP comes first.
fn is_echo_reply(bytes: &[u8]) -> bool {
    let start = match bytes.first() {
        Some(first) if first >> 4 == 4 => usize::from(first & 15) * 4,
        _ => 0,
    };
    bytes.get(start) == Some(&0) && bytes.ends_with(HELLO)
}

fn echo_request() -> Vec<u8> {
    let mut bytes = vec![8, 0, 0, 0, ECHO[0], ECHO[1], 0, 1];
    bytes.extend(HELLO);
    let pair = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let sum: u32 = bytes.chunks(2).map(pair).sum();
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = !u16::try_from((sum >> 16) + (sum & 0xffff)).unwrap_or_default();
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// Asks each server for each of the names, by UDP and TCP; `resolv.conf` stands
/// for the servers that the container is told to ask.
pub(crate) fn dns(patience: &str, names: &str, servers: &[&str]) -> Seen {
    let patience = duration(patience)?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for server in servers {
        match *server {
            "resolv.conf" => addresses.extend(configured()),
            server => addresses.push(SocketAddr::new(parse(server)?, 53)),
        }
    }
    addresses.sort();
    addresses.dedup();
    let names: Vec<_> = names.split(',').collect();
    let asked = addresses.iter().flat_map(|server| names.iter().map(|name| (*server, query(name))));
    let asked: Vec<_> = asked.collect();
    // Most answer by neither: both are waited for at once.
    let (answers, open) = thread::scope(|scope| {
        let answers = thread::Builder::new()
            .spawn_scoped(scope, || datagrams(asked, patience))
            .map_err(|error| error.to_string())?;
        let is_open = |address: SocketAddr, error| (error == 0).then(|| address.to_string());
        let open = connect(addresses, patience, is_open)?;
        let answers = answers.join().map_err(|_| "a thread has panicked".to_owned())?;
        Ok::<_, String>((answers, open))
    })?;
    let mut seen: Vec<String> = answers
        .iter()
        .filter(|(server, bytes)| bytes.as_deref().is_some_and(|bytes| is_out(*server, bytes)))
        .map(|(server, _)| format!("{server} by UDP"))
        .collect();
    for server in open {
        if ask_by_tcp(parse(&server)?, names.first().unwrap_or(&""), patience) {
            seen.push(format!("{server} by TCP"));
        }
    }
    seen.dedup();
    Ok(seen)
}

/// Returns the servers in `/etc/resolv.conf`.
fn configured() -> Vec<SocketAddr> {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()?.parse().ok()
    };
    text.lines().filter_map(address).map(|address| SocketAddr::new(address, 53)).collect()
}

/// Returns a question for a name's IPv4 address (RFC 1035).
fn query(name: &str) -> Vec<u8> {
    let mut bytes = b"cv\x01\0\0\x01\0\0\0\0\0\0".to_vec();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label.bytes());
    }
    bytes.extend(b"\0\0\x01\0\x01");
    bytes
}

/// Says whether an answer shows that questions get out. One of a server elsewhere
/// does, whatever it says; the engine's own, inside, says by itself that there is
/// no such name.
fn is_out(server: SocketAddr, bytes: &[u8]) -> bool {
    let is_answer = bytes.len() >= 12 && bytes[2] & 0x80 != 0;
    is_answer && (!server.ip().is_loopback() || bytes[6..8] != [0, 0])
}

fn ask_by_tcp(server: SocketAddr, name: &str, patience: Duration) -> bool {
    let question = query(name);
    let length = u16::try_from(question.len()).unwrap_or_default().to_be_bytes();
    let answer = TcpStream::connect_timeout(&server, patience).and_then(|mut stream| {
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(&[&length[..], &question].concat())?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer)?;
        Ok(answer[..length].to_vec())
    });
    answer.is_ok_and(|answer| answer.get(2..).is_some_and(|answer| is_out(server, answer)))
}

/// Connects, and says each of the rounds, in hex, when the one before it was
/// answered. What is seen is each answer in hex; an empty one is the end.
pub(crate) fn say(patience: &str, at: &str, rounds: &[&str]) -> Seen {
    let patience = duration(patience)?;
    let failed = |error: std::io::Error| format!("cannot connect: {error}");
    let mut stream = TcpStream::connect_timeout(&parse(at)?, patience).map_err(failed)?;
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    let mut seen = Vec::new();
    for round in rounds {
        let bytes = unhex(round).ok_or("not hex")?;
        if stream.write_all(&bytes).is_err() {
            break;
        }
        let mut answer = vec![0; ANSWER];
        match stream.read(&mut answer) {
            Ok(0) => break,
            Ok(length) => seen.push(hex(&answer[..length])),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(_) => return Err("it does not answer".to_owned()),
        }
    }
    Ok(seen)
}

/// Says a word to everybody on the wire; who hears it tells, and not we.
pub(crate) fn cry(port: &str, word: &str, addresses: &[&str]) -> Seen {
    let port: u16 = parse(port)?;
    let interfaces = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<_> =
        interfaces.map(|each| each.file_name().to_string_lossy().into_owned()).collect();
    if names.is_empty() {
        let text = fs::read_to_string("/proc/net/dev").unwrap_or_default();
        let name = |line: &str| line.split_once(':').map(|(name, _)| name.trim().to_owned());
        names = text.lines().filter_map(name).collect();
    }
    let mut seen = Vec::new();
    for address in addresses {
        let address: Ipv4Addr = parse(address)?;
        for name in &names {
            let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) else { continue };
            let _ = socket.set_broadcast(true);
            os::bind_to_device(&socket, name);
            if socket.send_to(word.as_bytes(), (address, port)).is_ok() {
                seen.push(format!("{address} on {name}"));
            }
        }
    }
    Ok(seen)
}

fn duration(milliseconds: &str) -> Result<Duration, String> {
    parse(milliseconds).map(Duration::from_millis)
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("'{text}' is none"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}
