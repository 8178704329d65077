//! What clients could say that mean no good, in great numbers: to a session alone,
//! where each byte that it lets through is looked at, and to a guard before a real
//! PulseAudio.
//!
//! The same is said each time. `CTRKIT_TEST_SEED` is where another row begins, and
//! `CTRKIT_TEST_FUZZ` how many seconds each of the two takes (`just fuzz`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stdout, reason = "what was measured")]
#![allow(unreachable_pub, dead_code, reason = "two programs share what is in sound/")]

mod sound;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    rc::Rc,
    time::{Duration, Instant},
};

use audioguard::{Label, Level, Room, Rules, Session};
use sound::{
    World,
    raw::{self, Packet, Random, Raw},
    tone,
};

/// The packets that a session alone gets.
const PACKETS: u64 = 1_000_000;

/// The connections that a guard gets.
const CONNECTIONS: u64 = 1500;

/// The most packets of a connection.
const LONGEST: usize = 200;

/// More than a session ever holds, in bytes: a packet of 256 KiB, read in pieces,
/// in each direction, and what waits to be sent.
const HELD: usize = 2 * 1024 * 1024;

/// Reads a number that `just fuzz` gives.
#[expect(clippy::disallowed_methods, reason = "a test has no arguments")]
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

fn random() -> Random {
    let seed = given("CTRKIT_TEST_SEED").unwrap_or(20_261_127);
    println!("CTRKIT_TEST_SEED={seed}");
    Random(seed)
}

/// Says whether to go on after `count` rounds.
fn goes_on(count: u64, enough: u64, since: Instant) -> bool {
    match given("CTRKIT_TEST_FUZZ") {
        Some(seconds) => since.elapsed() < Duration::from_secs(seconds),
        None => count < enough,
    }
}

fn rules() -> Rc<Rules> {
    let cookie = std::array::from_fn(|at| u8::try_from(at).unwrap());
    Rc::new(Rules {
        level: Level::Play,
        cookie: cookie.into(),
        server_cookie: audioguard::Cookie::NONE,
        latency: Some(100),
        label: Label::new(Some("fuzz")),
        number: 7,
        room: Room::default(),
    })
}

/// A server that says yes, and looks at what it is sent.
#[derive(Debug, Default)]
struct Server {
    channels: u32,
    unread: Vec<u8>,
    sound: usize,
}

impl Server {
    /// Takes what waits, and answers it.
    fn serve(&mut self, session: &mut Session) {
        let count = session.to_server().len();
        self.unread.extend_from_slice(session.to_server().waiting());
        session.to_server().consume(count);
        loop {
            let heard = self.sound.min(self.unread.len());
            self.unread.drain(..heard);
            self.sound -= heard;
            let Some((descriptor, rest)) = self.unread.split_at_checked(20) else { break };
            let number = |at: usize| u32::from_be_bytes(descriptor[at..at + 4].try_into().unwrap());
            let (channel, flags) = (number(4), number(16));
            let length = usize::try_from(number(0)).unwrap();
            assert!(flags <= 3, "flags {flags:x}");
            if channel != raw::NONE {
                assert!(channel < self.channels, "sound for channel {channel}");
                self.sound = length;
                self.unread.drain(..20);
                continue;
            }
            let Some(packet) = rest.get(..length).map(<[u8]>::to_vec) else { break };
            self.unread.drain(..20 + length);
            let answer = self.answer(&packet);
            session.server_sent(&answer.framed());
        }
    }

    fn answer(&mut self, packet: &[u8]) -> Packet {
        let numbers = raw::numbers(packet);
        let (command, tag) = (numbers[0], numbers[1]);
        let is_listed = raw::ALLOWED.contains(&command) || command == raw::REMOVE_CLIENT_PROPLIST;
        assert!(is_listed || command == raw::AUTH, "command {command}");
        for forbidden in [&b"phone"[..], b"media.role", b"@DEFAULT_SINK@", b"\x1b]0;x"] {
            let found = packet.windows(forbidden.len()).any(|window| window == forbidden);
            assert!(!found, "{:?}", String::from_utf8_lossy(packet));
        }
        let reply = Packet::new(raw::REPLY, tag);
        match command {
            raw::AUTH => reply.u32(0xC000_0000 | 35),
            raw::CREATE => {
                self.channels += 1;
                let spec =
                    [&[b'a', 3, 2][..], &48_000_u32.to_be_bytes(), &[b'm', 2, 1, 2]].concat();
                let reply = reply.u32(self.channels - 1).u32(self.channels + 500);
                let reply = [0; 5].into_iter().fold(reply, Packet::u32).bytes(&spec).u32(3);
                let reply = reply.string(Some("secret-sink")).booleans("0");
                reply.bytes(b"U\0\0\0\0\0\0\0\0").bytes(b"fB\x01").properties(&[])
            }
            _ => reply,
        }
    }
}

/// A session that has let its client in.
fn session(server: &mut Server, rules: &Rc<Rules>) -> Session {
    let cookie: Vec<u8> = (0..=255).collect();
    let mut session = Session::new(Rc::clone(rules));
    session.client_sent(&Packet::auth(35, &cookie).framed());
    assert!(session.wants_server());
    session.server_is_there();
    server.serve(&mut session);
    assert!(!session.is_waiting() && !session.is_over());
    session
}

#[test]
fn a_million_packets_make_a_session_neither_fall_nor_grow_nor_let_anything_through() {
    let (mut random, rules, begin) = (random(), rules(), Instant::now());
    let mut packets = 0;
    let mut patient = 0;
    while goes_on(packets, PACKETS, begin) {
        let mut server = Server::default();
        let mut session = session(&mut server, &rules);
        let is_patient = random.below(4) == 0;
        for _ in 0..LONGEST {
            // A client may send many packets at once, and parts of one.
            let mut bytes = random.frame(is_patient);
            if random.below(4) == 0 {
                bytes.extend(random.frame(is_patient));
                packets += 1;
            }
            packets += 1;
            let (first, second) = bytes.split_at(random.below(bytes.len()));
            session.client_sent(first);
            session.client_sent(second);
            server.serve(&mut session);
            // A client that does not listen is not told more and more.
            if random.below(8) > 0 {
                let told = session.to_client().waiting();
                let count = told.len();
                assert!(!told.windows(11).any(|window| window == b"secret-sink"));
                session.to_client().consume(count);
                session.go_on();
                server.serve(&mut session);
            }
            assert!(session.held() < HELD, "{} bytes", session.held());
            if session.is_over() {
                break;
            }
        }
        patient += u64::from(!session.is_over());
    }
    println!("{packets} packets, {patient} connections that lasted");
    assert!(patient > 0);
}

#[test]
fn whatever_a_server_says_a_session_does_not_fall() {
    let (mut random, rules) = (random(), rules());
    for _ in 0..2_000 {
        let mut server = Server::default();
        let mut session = session(&mut server, &rules);
        session.client_sent(&Packet::stream(7, None, &[]).framed());
        server.serve(&mut session);
        for _ in 0..20 {
            let is_patient = random.below(2) == 0;
            session.server_sent(&random.frame(is_patient));
            assert!(session.held() < HELD);
            let count = session.to_client().len();
            session.to_client().consume(count);
        }
    }
}

/// Says what a hostile client says on one connection; nobody waits for it.
fn attack(socket: &mut UnixStream, random: &mut Random) -> u64 {
    let is_patient = random.below(2) == 0;
    socket.set_nonblocking(true).unwrap();
    let mut packets = 0;
    for _ in 0..LONGEST {
        packets += 1;
        if socket.write_all(&random.frame(is_patient)).is_err() {
            break;
        }
        let mut answers = [0; 64 * 1024];
        if random.below(4) > 0 && matches!(socket.read(&mut answers), Ok(0)) {
            break;
        }
    }
    packets
}

#[test]
fn a_guard_and_its_server_stand_and_do_not_grow() {
    let mut world = World::new();
    world.guard("play", &["--name", "fuzz"]);
    let (mut random, begin) = (random(), Instant::now());
    let state = |world: &World| {
        ["modules", "sinks", "sources", "samples"].map(|list| world.told(&["list", "short", list]))
    };
    let unchanged = |text: [String; 4]| {
        text.map(|text| text.replace("RUNNING", "IDLE").replace("SUSPENDED", "IDLE"))
    };
    let before = unchanged(state(&world));
    let (mut packets, mut connections, mut memory) = (0, 0, None);
    while goes_on(connections, CONNECTIONS, begin) {
        connections += 1;
        let mut raw = Raw::connect(&world.path("play"));
        if random.below(10) > 0 {
            raw.send(&Packet::auth(29, &world.cookie).framed());
            // Where too many are connected still, the connection ends.
            if raw.receive().is_none() {
                continue;
            }
        }
        packets += attack(&mut raw.0, &mut random);
        if connections == 200 {
            memory = Some((world.memory("play"), world.memory("server")));
        }
    }
    let (guard, server) = (world.memory("play"), world.memory("server"));
    let (guard_before, server_before) = memory.unwrap();
    println!(
        "{packets} packets in {connections} connections; {guard_before} -> {guard} KiB, the server {server_before} -> {server} KiB"
    );
    assert!(world.is_alive("play") && world.is_alive("server"));
    assert!(guard < guard_before + 4 * 1024, "{guard_before} -> {guard} KiB");
    assert!(server < server_before + 64 * 1024, "{server_before} -> {server} KiB");
    assert_eq!(unchanged(state(&world)), before);
    std::fs::write(world.path("tone.wav"), tone::wave(1)).unwrap();
    world.wait_for("a place", || world.run("play", "paplay", &["tone.wav"]).status.success());
}
