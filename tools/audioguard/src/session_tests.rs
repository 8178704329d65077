//! Whole connections, without sockets.

use super::*;
use crate::protocol::{COOKIE, NONE};

const COOKIE_BYTES: [u8; COOKIE] = [7; COOKIE];

fn session(level: Level) -> Session {
    Session::new(Rc::new(Rules {
        level,
        cookie: COOKIE_BYTES.into(),
        server_cookie: Cookie::NONE,
        latency: None,
        label: Label::default(),
        number: 7,
        room: Room::default(),
    }))
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut queue = Queue::default();
    queue.push_packet(packet);
    queue.waiting().to_vec()
}

fn auth(version: u32, cookie: &[u8]) -> Vec<u8> {
    let mut to = Writer::new(command::AUTH, 5);
    to.u32(version);
    to.arbitrary(cookie);
    framed(&to.finish())
}

/// The reply of a server that speaks `version`.
fn welcome(version: u32) -> Vec<u8> {
    let mut to = Writer::reply(0);
    to.u32(version);
    framed(&to.finish())
}

fn taken(queue: &mut Queue) -> Vec<u8> {
    let bytes = queue.waiting().to_vec();
    queue.consume(bytes.len());
    bytes
}

/// A session that has let its client in.
fn open(level: Level) -> Session {
    let mut session = session(level);
    session.client_sent(&auth(35, &COOKIE_BYTES));
    session.server_is_there();
    session.server_sent(&welcome(0xC000_0000 | 35));
    taken(session.to_client());
    taken(session.to_server());
    session
}

fn sound(length: u32, channel: u32, bytes: &[u8]) -> Vec<u8> {
    let numbers = [length, channel, 0, 0, 0];
    let mut frame: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    frame.extend_from_slice(bytes);
    frame
}

#[test]
fn the_version_is_one_that_knows_no_shared_memory_in_both_directions() {
    let mut session = session(Level::Play);
    session.client_sent(&auth(0xC000_0000 | 35, &COOKIE_BYTES));
    assert!(session.wants_server());
    session.server_is_there();
    let mut to = Writer::new(command::AUTH, 0);
    to.u32(29);
    to.arbitrary(&[0; COOKIE]);
    assert_eq!(taken(session.to_server()), framed(&to.finish()));
    session.server_sent(&welcome(0xC000_0000 | 35));
    let mut to = Writer::reply(5);
    to.u32(29);
    assert_eq!(taken(session.to_client()), framed(&to.finish()));
}

#[test]
fn without_the_cookie_no_server_is_asked() {
    for cookie in [&[8; COOKIE][..], &COOKIE_BYTES[1..], &[]] {
        let mut session = session(Level::Duplex);
        session.client_sent(&auth(29, cookie));
        assert!(session.is_over() && !session.wants_server());
        assert_eq!(taken(session.to_client()), framed(&Writer::refusal(5, code::ACCESS)));
    }
}

#[test]
fn a_byte_at_a_time_is_as_good_as_all_at_once() {
    let mut session = session(Level::Play);
    for byte in auth(29, &COOKIE_BYTES) {
        assert!(!session.wants_server());
        session.client_sent(&[byte]);
    }
    session.server_is_there();
    for byte in welcome(20) {
        session.server_sent(&[byte]);
    }
    assert!(!session.is_waiting());
}

#[test]
fn a_frame_of_sound_goes_whole_or_not_at_all() {
    let mut session = open(Level::Play);
    session.client_sent(&sound(8, 0, b"1234"));
    // Its stream comes into being in the middle of it.
    let State::Playing(play) = &mut session.state else { panic!() };
    play.adopt(0, 500);
    session.client_sent(b"5678");
    assert!(session.to_server_is_empty());
    let frame = sound(8, 0, b"12345678");
    session.client_sent(&frame[..24]);
    let State::Playing(play) = &mut session.state else { panic!() };
    play.forget(0);
    session.client_sent(&frame[24..]);
    assert_eq!(taken(session.to_server()), frame);
    session.client_sent(&frame);
    assert!(session.to_server_is_empty() && !session.is_over());
}

#[test]
fn frames_that_wait_together_are_one_and_too_many_short_ones_overflow() {
    let mut session = open(Level::Play);
    let State::Playing(play) = &mut session.state else { panic!() };
    play.adopt(0, 500);
    play.adopt(1, 501);
    let frames = [sound(4, 0, b"1234"), sound(2, 0, b"56"), sound(1, 1, b"x"), sound(1, 0, b"7")];
    session.client_sent(&frames.concat());
    let joined = [sound(6, 0, b"123456"), sound(1, 1, b"x"), sound(1, 0, b"7")].concat();
    assert_eq!(taken(session.to_server()), joined);
    // What has been sent in part is left alone.
    session.client_sent(&frames[0]);
    session.to_server().consume(1);
    session.client_sent(&frames[1]);
    assert_eq!(taken(session.to_server()), [&frames[0][1..], &frames[1]].concat());
    for _ in 0..5000 {
        session.client_sent(&frames[3]);
        taken(session.to_server());
    }
    session.client_sent(&frames[3]);
    assert!(session.writes_little() && session.to_server_is_empty() && !session.is_over());
    let mut overflow = Writer::new(command::OVERFLOW, NONE);
    overflow.u32(0);
    assert!(taken(session.to_client()).ends_with(&framed(&overflow.finish())));
}

#[test]
fn frames_that_are_too_long_empty_or_about_memory_end_the_connection() {
    for level in [Level::Play, Level::Duplex] {
        for (length, channel, flags) in [
            (u32::MAX, NONE, 0_u32),
            (256 * 1024 + 1, NONE, 0),
            (0, NONE, 0),
            (1024 * 1024 + 1, 0, 0),
            (8, 0, 4),
            (8, 0, 0x8000_0000),
            (0, NONE, 0x4000_0000),
            (8, 0, 0x2000_0000),
        ] {
            let mut session = open(level);
            let mut frame = sound(length, channel, &[]);
            frame.splice(16.., flags.to_be_bytes());
            session.client_sent(&frame);
            assert!(session.is_over(), "{level:?} {length} {channel} {flags:x}");
        }
    }
}

#[test]
fn at_duplex_packets_pass_as_they_are_but_for_those_about_memory() {
    let mut session = open(Level::Duplex);
    let mut load = Writer::new(51, 9);
    load.string(Some(b"module-null-sink"));
    let load = framed(&load.finish());
    session.client_sent(&load);
    assert_eq!(taken(session.to_server()), load);
    // A recording, which is sound from the server.
    let recorded = sound(4, 0, b"1234");
    session.server_sent(&recorded);
    assert_eq!(taken(session.to_client()), recorded);
    for command in [command::AUTH, command::ENABLE_SRBCHANNEL, command::REGISTER_MEMFD_SHMID] {
        let mut session = open(Level::Duplex);
        session.client_sent(&framed(&Writer::new(command, 9).finish()));
        assert!(session.is_over());
    }
}

#[test]
fn at_play_sound_from_the_server_ends_the_connection() {
    let mut session = open(Level::Play);
    session.server_sent(&sound(4, 0, b"1234"));
    assert!(session.is_over() && session.to_client_is_empty());
}

#[test]
fn a_client_that_does_not_listen_is_not_answered_without_end() {
    let mut session = open(Level::Play);
    for tag in 0..100_000 {
        if !session.takes_from_client() {
            break;
        }
        session.client_sent(&framed(&Writer::new(command::GET_SERVER_INFO, tag).finish()));
    }
    assert!(!session.takes_from_client() && session.held() < 512 * 1024);
    taken(session.to_client());
    assert!(session.takes_from_client());
}

#[test]
fn who_refuses_is_told_apart() {
    for (said, told) in [(code::ACCESS, code::AUTHKEY), (code::VERSION, code::VERSION)] {
        let mut session = session(Level::Play);
        session.client_sent(&auth(29, &COOKIE_BYTES));
        session.server_is_there();
        session.server_sent(&framed(&Writer::refusal(0, said)));
        assert_eq!(taken(session.to_client()), framed(&Writer::refusal(5, told)));
        assert!(session.is_over());
    }
    let mut session = session(Level::Play);
    session.client_sent(&auth(29, &COOKIE_BYTES));
    session.server_is_absent();
    assert_eq!(taken(session.to_client()), framed(&Writer::refusal(5, code::CONNECTIONREFUSED)));
}
