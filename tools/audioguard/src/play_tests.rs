//! What is made of packets, one by one.

use super::*;
use crate::{packet::SampleSpec, properties::Label, protocol::ENCODING_PCM};

const SPEC: SampleSpec = SampleSpec { format: 3, channels: 2, rate: 48_000 };

/// How a stream is asked for.
struct Wish {
    version: u32,
    sink: Option<&'static [u8]>,
    target: u32,
    is_passthrough: bool,
    encodings: &'static [u8],
}

const WISH: Wish =
    Wish { version: 29, sink: None, target: NONE, is_passthrough: false, encodings: &[] };

fn create(tag: u32, wish: &Wish) -> Vec<u8> {
    let mut to = Writer::new(command::CREATE_PLAYBACK_STREAM, tag);
    to.sample_spec(SPEC);
    to.channel_map(&[1, 2]);
    to.u32(if wish.sink.is_some() { NONE } else { 3 });
    to.string(wish.sink);
    to.u32(NONE);
    to.boolean(false);
    for value in [wish.target, NONE, NONE, tag] {
        to.u32(value);
    }
    to.volumes(&[0x20000, 0x8000]);
    for value in [false, false, false, false, false, true, false, false, false] {
        to.boolean(value);
    }
    to.properties([(&b"media.role"[..], &b"phone\0"[..])]);
    let newer = [(14, 2), (15, 3), (17, 1)];
    let count: usize =
        newer.iter().filter(|(since, _)| wish.version >= *since).map(|(_, n)| n).sum();
    (0..count).for_each(|_| to.boolean(true));
    if wish.version >= 18 {
        to.boolean(wish.is_passthrough);
    }
    if wish.version >= 21 {
        to.u8(u8::try_from(wish.encodings.len()).unwrap());
        for &encoding in wish.encodings {
            to.format(encoding, [(&b"format.rate"[..], &b"1\0"[..]), (b"planted", b"x")]);
        }
    }
    to.finish()
}

fn created(tag: u32, channel: u32, version: u32) -> Vec<u8> {
    let mut to = Writer::reply(tag);
    for value in [channel, channel + 500, 0, 0, 0, 0, 0] {
        to.u32(value);
    }
    to.sample_spec(SPEC);
    to.channel_map(&[1, 2]);
    to.u32(77);
    to.string(Some(b"alsa_output.secret"));
    to.boolean(false);
    to.usec(5);
    if version >= 21 {
        to.format(ENCODING_PCM, []);
    }
    to.finish()
}

fn play(latency: Option<u32>) -> Play {
    of_version(29, latency)
}

fn of_version(version: u32, latency: Option<u32>) -> Play {
    let rules = Rules {
        level: crate::Level::Play,
        cookie: crate::Cookie::NONE,
        server_cookie: crate::Cookie::NONE,
        latency,
        label: Label::default(),
        number: 7,
        room: crate::Room::default(),
    };
    Play::new(version, Rc::new(rules))
}

/// A client with one stream, on channel 4.
fn playing() -> Play {
    let mut play = play(None);
    play.client(&create(1, &WISH)).unwrap();
    play.server(&created(1, 4, 29)).unwrap().unwrap();
    play
}

#[track_caller]
fn forwarded(play: &mut Play, packet: &[u8]) -> Vec<u8> {
    match play.client(packet).unwrap() {
        Verdict::Forward(packet) => packet,
        Verdict::Answer(answer) => panic!("{answer:?}"),
    }
}

#[track_caller]
fn is_refused(play: &mut Play, packet: &[u8], tag: u32, code: u32) {
    assert_eq!(play.client(packet), Ok(Verdict::Answer(Writer::refusal(tag, code))));
}

fn has(packet: &[u8], part: &[u8]) -> bool {
    packet.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_stream_of_every_version_is_made_anew_without_what_it_must_not_say() {
    for version in crate::protocol::OLDEST..=crate::protocol::NEWEST {
        let mut play = of_version(version, None);
        let wish = Wish { version, sink: Some(b"alsa_output.secret"), ..WISH };
        let packet = forwarded(&mut play, &create(1, &wish));
        assert!(!has(&packet, b"alsa") && !has(&packet, b"phone"), "{version}");
        let mut from = Reader::new(&packet);
        assert_eq!((from.u32().unwrap(), from.u32().unwrap()), (3, 1));
        from.sample_spec().unwrap();
        from.channel_map().unwrap();
        assert_eq!((from.u32().unwrap(), from.string().unwrap()), (NONE, None));
        assert_eq!((from.u32().unwrap(), from.boolean().unwrap()), (768_000, false));
        assert_eq!([(); 4].map(|()| from.u32().unwrap()), [NONE, NONE, NONE, 1]);
        assert_eq!(from.volumes().unwrap(), [VOLUME_NORM, 0x8000]);
        let flags: Vec<bool> = (0..9).map(|_| from.boolean().unwrap()).collect();
        assert_eq!(flags, [false; 9], "the stream can be moved");
        let told = play.server(&created(1, 4, version)).unwrap().unwrap();
        assert!(!has(&told, b"secret") && has(&told, sink::NAME), "{version}");
        assert!(play.has_stream(4));
    }
}

#[test]
fn what_asks_for_nothing_gets_the_latency_and_what_asks_gets_what_it_asks_for() {
    let target = |latency, target| {
        let packet = forwarded(&mut play(latency), &create(1, &Wish { target, ..WISH }));
        // Command, tag, spec, map, sink, name, maxlength, corked.
        let at = 10 + 7 + 4 + 5 + 1 + 5 + 1;
        Reader::new(&packet[at..]).u32().unwrap()
    };
    assert_eq!(target(Some(100), NONE), 19_200);
    assert_eq!(target(Some(100), 5), 5);
    assert_eq!(target(Some(100), 5_000_000), 384_000);
    assert_eq!(target(Some(10_000), NONE), 1_920_000);
    assert_eq!(target(None, NONE), NONE);
}

#[test]
fn what_would_have_the_sink_for_itself_is_refused() {
    let wish = Wish { is_passthrough: true, ..WISH };
    is_refused(&mut play(None), &create(1, &wish), 1, code::NOTSUPPORTED);
    // AC3 (PA_ENCODING_AC3_IEC61937).
    is_refused(
        &mut play(None),
        &create(1, &Wish { encodings: &[2], ..WISH }),
        1,
        code::NOTSUPPORTED,
    );
    let mixed = forwarded(&mut play(None), &create(1, &Wish { encodings: &[2, 1], ..WISH }));
    assert!(mixed.windows(4).any(|window| window == b"B\x01fB") && !has(&mixed, b"planted"));
    assert!(has(&mixed, b"tformat.rate\0L\0\0\0\x02x\0\0\0\x021\0"));
}

#[test]
fn what_costs_the_server_more_than_speakers_can_play_is_refused() {
    // The spec follows command and tag: its tag, the format, channels, four bytes of rate.
    for (at, byte, is_too_much) in [(12, 8, false), (12, 9, true), (14, 2, false), (14, 3, true)] {
        let mut packet = create(1, &WISH);
        packet[at] = byte;
        match play(None).client(&packet).unwrap() {
            Verdict::Forward(_) => assert!(!is_too_much, "{at} {byte}"),
            Verdict::Answer(answer) => {
                assert_eq!(answer, Writer::refusal(1, code::NOTSUPPORTED));
                assert!(is_too_much, "{at} {byte}");
            }
        }
    }
}

#[test]
fn the_channels_and_sink_inputs_are_the_clients_own() {
    let mut play = playing();
    for (tag, command, channel, refused) in [
        (2, command::DRAIN_PLAYBACK_STREAM, 4, None),
        (3, command::DRAIN_PLAYBACK_STREAM, 5, Some(code::NOENTITY)),
        (4, command::DELETE_PLAYBACK_STREAM, 504, Some(code::NOENTITY)),
    ] {
        let mut to = Writer::new(command, tag);
        to.u32(channel);
        match refused {
            Some(code) => is_refused(&mut play, &to.finish(), tag, code),
            None => assert_eq!(forwarded(&mut play, &to.clone().finish()), to.finish()),
        }
    }
    for (tag, input, is_own) in [(5, 504, true), (6, 4, false), (7, 505, false)] {
        let mut to = Writer::new(command::SET_SINK_INPUT_MUTE, tag);
        to.u32(input);
        to.boolean(true);
        if is_own {
            forwarded(&mut play, &to.finish());
        } else {
            is_refused(&mut play, &to.finish(), tag, code::ACCESS);
        }
    }
}

#[test]
fn a_reply_needs_a_request_and_a_request_a_tag_of_its_own() {
    let mut play = playing();
    assert_eq!(play.server(&Writer::reply(9).finish()), Ok(None));
    assert_eq!(play.server(&Writer::refusal(9, 1)), Ok(None));
    forwarded(&mut play, &create(2, &WISH));
    assert_eq!(play.client(&create(2, &WISH)), Err(Broken));
    for tag in 3..10 {
        let _ = play.client(&create(tag, &WISH));
    }
    is_refused(&mut play, &create(10, &WISH), 10, code::TOOLARGE);
}

#[test]
fn what_happens_to_others_is_not_told() {
    let mut play = playing();
    let event = |command, values: &[u32]| {
        let mut to = Writer::new(command, NONE);
        values.iter().for_each(|&value| to.u32(value));
        to.finish()
    };
    let request = event(command::REQUEST, &[4, 1000]);
    assert_eq!(play.server(&request), Ok(Some(request.clone())));
    assert_eq!(play.server(&event(command::REQUEST, &[5, 1000])), Ok(None));
    // PA_COMMAND_SUBSCRIBE_EVENT, …_CLIENT_EVENT, …_ENABLE_SRBCHANNEL.
    for command in [66, 91, 101] {
        assert_eq!(play.server(&event(command, &[4, 1])), Ok(None));
    }
    let mut moved = Writer::new(command::PLAYBACK_STREAM_MOVED, NONE);
    moved.u32(4);
    moved.u32(78);
    moved.string(Some(b"bluez_sink.secret"));
    moved.boolean(false);
    (0..4).for_each(|value| moved.u32(value));
    moved.usec(1);
    let told = play.server(&moved.finish()).unwrap().unwrap();
    assert!(!has(&told, b"secret") && has(&told, sink::NAME));
    play.server(&event(command::PLAYBACK_STREAM_KILLED, &[4])).unwrap().unwrap();
    assert!(!play.has_stream(4));
}

#[test]
fn a_packet_with_something_missing_or_left_breaks_the_connection() {
    let whole = create(1, &WISH);
    assert_eq!(play(None).client(&[&whole[..], b"0"].concat()), Err(Broken));
    for length in 0..whole.len() {
        assert_eq!(play(None).client(&whole[..length]), Err(Broken), "{length}");
    }
}
