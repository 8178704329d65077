//! The guard before a real PulseAudio, which runs as an ordinary user, and with
//! PulseAudio's own clients. What counts is what the server was made to do.
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
    fs,
    io::{Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::sys::{
    signal::Signal,
    socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr},
};
use sound::{
    World,
    raw::{self, Packet, Raw},
    tone,
};

/// Records what the speakers play while `play` runs.
fn record(world: &World, play: impl FnOnce()) -> Vec<u8> {
    let arguments = ["--raw", "-d", "speakers.monitor", "--format=s16le", "--channels=1"];
    let mut command = world.client("pulse", "parec", &arguments);
    let file = fs::File::create(world.path("recording")).unwrap();
    let mut recorder =
        command.arg("--rate=48000").arg("--latency-msec=20").stdout(file).spawn().unwrap();
    let length = || fs::metadata(world.path("recording")).unwrap().len();
    world.wait_for("the recorder", || length() > 0);
    play();
    // The end of the tone is still on its way; half a second of silence comes after it.
    let end = length();
    world.wait_for("the recorder", || length() > end + 48_000);
    end_of(&mut recorder);
    fs::read(world.path("recording")).unwrap()
}

/// Ends a program that `timeout` runs.
fn end_of(child: &mut Child) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    let _ = nix::sys::signal::kill(pid, Signal::SIGTERM);
    child.wait().unwrap();
}

#[track_caller]
fn is_whole_tone(recording: &[u8], seconds: f64) {
    let heard = tone::listen(recording).expect("nothing was heard");
    println!("heard: {heard:?}");
    assert!((heard.pitch - 440.0).abs() < 4.4, "{heard:?}");
    assert!(heard.gap <= 50, "{heard:?}");
    assert!((heard.seconds - seconds).abs() < 0.1, "{heard:?}");
}

#[test]
fn a_tone_is_heard_whole_from_paplay_and_aplay_at_both_levels() {
    let mut world = World::new();
    world.guard("play", &[]);
    world.guard("duplex", &[]);
    fs::write(world.path("tone.wav"), tone::wave(3)).unwrap();
    fs::write(world.path(".asoundrc"), "pcm.!default { type pulse }\n").unwrap();
    for (socket, program) in [("play", "paplay"), ("play", "aplay"), ("duplex", "paplay")] {
        let recording = record(&world, || {
            let played = world.run(socket, program, &["tone.wav"]);
            assert!(played.status.success(), "{program}: {played:?}");
        });
        is_whole_tone(&recording, 3.0);
    }
}

#[test]
fn the_ear_of_these_tests_hears_what_is_wrong() {
    let right = tone::wave(1)[44..]
        .chunks_exact(4)
        .flat_map(|frame| [frame[0], frame[1]])
        .collect::<Vec<_>>();
    is_whole_tone(&right, 1.0);
    let mut gap = right.clone();
    gap[40_000..48_000].fill(0);
    assert!(tone::listen(&gap).unwrap().gap > 50);
    let fast: Vec<u8> = right
        .chunks_exact(2)
        .enumerate()
        .filter(|(at, _)| at % 20 != 0)
        .flat_map(|(_, s)| s.to_vec())
        .collect();
    assert!((tone::listen(&fast).unwrap().pitch - 440.0).abs() > 4.4);
    assert!(tone::listen(&[0; 9600]).is_none());
}

#[test]
fn the_example_of_the_manual_can_be_typed() {
    const EXAMPLE: &str = "
        (umask 077; head -c 256 /dev/urandom >key)
        ./audioguard --listen guard --cookie key --server pulse &
        until ./audioguard --probe guard --cookie key 2>/dev/null; do sleep 0.05; done
        PULSE_SERVER=unix:$PWD/guard PULSE_COOKIE=$PWD/key timeout 60 paplay tone.wav
        status=$?
        kill $!
        exit $status";

    let world = World::new();
    fs::write(world.path("tone.wav"), tone::wave(1)).unwrap();
    let recording = record(&world, || {
        assert!(world.command("sh").args(["-c", EXAMPLE]).status().unwrap().success());
    });
    is_whole_tone(&recording, 1.0);
}

#[test]
fn two_that_play_at_once_do_not_disturb_each_other() {
    let mut world = World::new();
    world.guard("play", &["--latency", "100"]);
    fs::write(world.path("tone.wav"), tone::wave(3)).unwrap();
    let streams = || world.told(&["list", "short", "sink-inputs"]).lines().count();
    let mut both = [(); 2].map(|()| world.client("play", "paplay", &["tone.wav"]).spawn().unwrap());
    world.wait_for("both", || streams() == 2);
    assert!(both.iter_mut().all(|player| player.wait().unwrap().success()));
    assert_eq!(streams(), 0);
}

#[test]
fn what_asks_for_nothing_is_buffered_as_long_as_was_said() {
    let mut world = World::new();
    fs::write(world.path("tone.wav"), tone::wave(1)).unwrap();
    let metrics = |world: &World, arguments: &[&str]| {
        let all = [&["-v", "tone.wav"], arguments].concat();
        let said = String::from_utf8(world.run("play", "paplay", &all).stderr).unwrap();
        let length = said.split("tlength=").nth(1).and_then(|rest| rest.split(',').next());
        length.unwrap_or_else(|| panic!("no length: {said}")).parse::<u32>().unwrap()
    };
    world.guard("play", &["--latency", "100"]);
    // Bytes: 48 kHz, four bytes per frame. PulseAudio may round to its blocks.
    let short = metrics(&world, &[]);
    assert!((9_600..=38_400).contains(&short), "{short}");
    assert!(metrics(&world, &["--latency-msec=500"]) > 48_000);
    world.stop("play", Signal::SIGTERM);
    world.guard("play", &[]);
    assert!(metrics(&world, &[]) > 192_000);
}

/// The person plays something of their own.
fn call(world: &World) -> Child {
    let arguments =
        ["--raw", "--stream-name=secret call", "--property=media.title=private", "/dev/zero"];
    let child = world.client("pulse", "pacat", &arguments).spawn().unwrap();
    world.wait_for("the call", || world.told(&["list", "sink-inputs"]).contains("secret call"));
    child
}

/// The index of the person's stream.
fn stream_of_call(world: &World) -> String {
    let list = world.told(&["list", "short", "sink-inputs"]);
    list.split_whitespace().next().expect("the call goes on").to_owned()
}

/// What a guest could have changed.
fn state(world: &World) -> String {
    let lists = ["modules", "sinks", "sources", "sink-inputs", "samples", "cards"];
    let mut state = world.told(&["get-default-sink"]) + &world.told(&["get-default-source"]);
    for list in lists {
        let text = world.told(&["list", list]);
        // How late a stream is changes all the time.
        let lines = text.lines().filter(|line| !line.contains("Latency"));
        state.extend(lines.flat_map(|line| [line, "\n"]));
    }
    state
}

/// What pactl can ask for besides playing; CALL stands for the person's stream.
const FORBIDDEN: &[&[&str]] = &[
    &["stat"],
    &["list", "short", "sources"],
    &["list", "sources"],
    &["list", "clients"],
    &["list", "sink-inputs"],
    &["list", "source-outputs"],
    &["list", "modules"],
    &["list", "cards"],
    &["list", "samples"],
    &["set-sink-volume", "speakers", "10%"],
    &["set-sink-mute", "speakers", "1"],
    &["set-sink-mute", "speakers", "0"],
    &["set-source-volume", "speakers.monitor", "10%"],
    &["set-source-mute", "speakers.monitor", "1"],
    &["set-default-sink", "other"],
    &["set-default-source", "speakers.monitor"],
    &["suspend-sink", "other", "1"],
    &["suspend-sink", "other", "0"],
    &["set-sink-input-volume", "CALL", "10%"],
    &["set-sink-input-mute", "CALL", "1"],
    &["move-sink-input", "CALL", "speakers"],
    &["upload-sample", "tone.wav", "planted"],
    &["play-sample", "planted", "speakers"],
    &["remove-sample", "planted"],
    &["load-module", "module-null-sink", "sink_name=planted"],
    &["unload-module", "module-stream-restore"],
];

#[test]
fn what_is_not_playing_is_refused_at_play_and_done_at_duplex() {
    let mut world = World::new();
    world.guard("play", &[]);
    world.guard("duplex", &[]);
    fs::write(world.path("tone.wav"), tone::wave(1)).unwrap();
    let mut person = call(&world);
    let stream = stream_of_call(&world);
    for row in FORBIDDEN {
        let row: Vec<_> =
            row.iter().map(|&word| if word == "CALL" { &stream } else { word }).collect();
        let before = state(&world);
        let refused = world.run("play", "pactl", &row);
        let text = String::from_utf8_lossy(&refused.stdout);
        // Of some lists pactl says so and yet ends well.
        let is_told = String::from_utf8_lossy(&refused.stderr).contains("Access denied");
        assert!(is_told || !refused.status.success(), "{row:?}: {refused:?}");
        for secret in ["secret call", "private", "speakers", "module-", "Name:"] {
            assert!(!text.contains(secret), "{row:?}: {text}");
        }
        assert_eq!(state(&world), before, "{row:?}");
        let done = world.run("duplex", "pactl", &row);
        assert!(done.status.success(), "{row:?}: {done:?}");
        assert!(
            row[0] == "stat"
                || row[0] == "list"
                || row[0] == "play-sample"
                || state(&world) != before,
            "{row:?}"
        );
    }
    assert!(person.try_wait().unwrap().is_none());
    end_of(&mut person);
}

#[test]
fn nothing_is_recorded_at_play() {
    let mut world = World::new();
    world.guard("play", &[]);
    world.guard("duplex", &[]);
    let mut person = call(&world);
    let stream = stream_of_call(&world);
    let monitor = format!("--monitor-stream={stream}");
    for arguments in [vec!["-d", "speakers.monitor"], vec![], vec![monitor.as_str()]] {
        let arguments = [vec!["--raw"], arguments].concat();
        let refused = world.run("play", "parec", &arguments);
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{arguments:?}: {refused:?}"
        );
        let mut recorder =
            world.client("duplex", "parec", &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut heard = [0; 4096];
        recorder.stdout.take().unwrap().read_exact(&mut heard).unwrap();
        end_of(&mut recorder);
    }
    end_of(&mut person);
}

#[test]
fn another_programs_stream_and_connection_stay_at_play() {
    let mut world = World::new();
    world.guard("play", &[]);
    world.guard("duplex", &[]);
    let mut person = call(&world);
    let stream: u32 = stream_of_call(&world).parse().unwrap();
    let clients = world.told(&["list", "short", "clients"]);
    let client = clients.lines().find(|line| line.contains("pacat")).unwrap();
    let client: u32 = client.split_whitespace().next().unwrap().parse().unwrap();
    let requests = [
        Packet::new(raw::SET_SINK_INPUT_MUTE, 7).u32(stream).booleans("1"),
        Packet::new(raw::SET_SINK_INPUT_VOLUME, 8).u32(stream).volumes([0; 2]),
        Packet::new(raw::KILL_SINK_INPUT, 9).u32(stream),
        Packet::new(raw::KILL_CLIENT, 10).u32(client),
    ];
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    for request in &requests {
        assert_eq!(guest.ask(request), [raw::ERROR, raw::numbers(&request.0)[1], 1]);
    }
    let list = world.told(&["list", "sink-inputs"]);
    assert!(
        list.contains("secret call") && list.contains("Mute: no") && list.contains("100%"),
        "{list}"
    );
    let mut friend = Raw::enter(&world.path("duplex"), &world.cookie);
    for request in &requests[..3] {
        assert_eq!(friend.ask(request)[0], raw::REPLY);
    }
    world.wait_for("the end of the call", || {
        !world.told(&["list", "sink-inputs"]).contains("secret")
    });
    end_of(&mut person);
}

#[test]
fn every_command_that_is_not_on_the_list_is_refused_and_the_connection_goes_on() {
    let mut world = World::new();
    world.guard("play", &[]);
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    for command in (0..130).chain([1 << 31, u32::MAX]) {
        if !raw::ALLOWED.contains(&command) && command != raw::REMOVE_CLIENT_PROPLIST {
            let tag = command.wrapping_add(1000);
            let request = Packet::new(command, tag).u32(0).string(None);
            assert_eq!(guest.ask(&request), [raw::ERROR, tag, 1], "command {command}");
        }
    }
    assert_eq!(guest.ask(&Packet::stream(5, None, &[]))[0], raw::REPLY);
}

#[test]
fn a_stream_is_the_clients_own_and_where_the_person_wants_it() {
    let mut world = World::new();
    world.guard("play", &["--name", "dev-x"]);
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    let properties = [
        ("application.name", "Fire\u{1b}[31mfox"),
        ("media.name", "a song"),
        ("media.role", "phone"),
        ("filter.apply", "echo-cancel"),
        ("module-stream-restore.id", "sink-input-by-application-name:Firefox"),
        ("target.object", "other"),
    ];
    let stream = guest.ask(&Packet::stream(5, Some("other"), &properties));
    assert_eq!(stream[0], raw::REPLY);
    let list = world.told(&["list", "sink-inputs"]);
    for there in [
        "application.name = \"dev-x: Fire\\u{1b}[31mfox\"",
        "media.name = \"a song\"",
        "module-stream-restore.id = \"sink-input-by-application-id:ctrkit.dev-x\"",
    ] {
        assert!(list.contains(there), "{there}: {list}");
    }
    for away in ["phone", "echo-cancel", "Firefox", "target.object"] {
        assert!(!list.contains(away), "{away}: {list}");
    }
    let short = world.told(&["list", "short", "sinks"]);
    let speakers = short.lines().find(|line| line.contains("speakers")).unwrap();
    let sink = format!("Sink: {}", speakers.split_whitespace().next().unwrap());
    assert!(list.contains(&sink), "{list}");
    let own = stream[3];
    let louder = Packet::new(raw::SET_SINK_INPUT_VOLUME, 6).u32(own).volumes([0x30000, 0x8000]);
    assert_eq!(guest.ask(&louder)[0], raw::REPLY);
    let list = world.told(&["list", "sink-inputs"]);
    assert!(list.contains("100%") && list.contains("50%") && !list.contains("300%"), "{list}");
    let other = Raw::enter(&world.path("play"), &world.cookie).ask(&louder);
    assert_eq!(other, [raw::ERROR, 6, 1]);
}

/// The format of a stream's samples, its channels, and its rate, as its maker is told.
fn told_of(answer: &[u8]) -> (u8, u8, u32, Vec<u8>) {
    let numbers = raw::numbers(answer);
    assert_eq!(numbers[0], raw::REPLY, "{numbers:?}");
    let (spec, rest) = answer[9 * 5..].split_at(9);
    let rate = u32::from_be_bytes(spec[3..7].try_into().unwrap());
    (spec[1], spec[2], rate, rest[..spec[8].into()].to_vec())
}

#[test]
fn what_the_speakers_are_like_is_not_told() {
    let mut world = World::new();
    world.guard("play", &[]);
    let six = ["load-module", "module-null-sink", "sink_name=six", "channels=6"];
    world.told(&[&six[..], &["rate=44100", "format=float32le"]].concat());
    world.told(&["set-default-sink", "six"]);
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    let usual = (3, 2, 48_000, vec![1, 2]);
    assert_eq!(told_of(&guest.answer(&Packet::fitting_stream(5))), usual);
    assert_eq!(told_of(&guest.answer(&Packet::formatted_stream(6, &[]))), usual);
    let format = ("format.sample_format", "\"s32le\"");
    let said =
        Packet::formatted_stream(7, &[format, ("format.rate", "96000"), ("format.channels", "1")]);
    assert_eq!(told_of(&guest.answer(&said)), (7, 1, 96_000, vec![0]));
    let map = ("format.channel_map", "\"front-left,front-right,lfe\"");
    let said = Packet::formatted_stream(8, &[("format.channels", "3"), map]);
    assert_eq!(told_of(&guest.answer(&said)), (3, 3, 48_000, vec![1, 2, 7]));
    // Which six these are would be those of the speakers.
    let six = Packet::formatted_stream(9, &[("format.channels", "6")]);
    assert_eq!(guest.ask(&six), [raw::ERROR, 9, 19]);
}

#[test]
fn who_plays_is_shown_with_its_name_whatever_it_says() {
    let mut world = World::new();
    world.guard("play", &["--name", "dev-x"]);
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    let shown = |world: &World, name: &str| {
        for list in ["clients", "sink-inputs"] {
            let list = world.told(&["list", list]);
            assert!(list.contains(&format!("application.name = \"{name}\"")), "{name}: {list}");
        }
    };
    assert_eq!(guest.ask(&Packet::stream(5, None, &[]))[0], raw::REPLY);
    shown(&world, "dev-x");
    let named = Packet::new(raw::NAME, 6).properties(&[("application.name", "Firefox")]);
    assert_eq!(guest.ask(&named)[0], raw::REPLY);
    let stream = guest.ask(&Packet::stream(7, None, &[]));
    shown(&world, "dev-x: Firefox");
    // The three ways to change properties, and what takes them away.
    for mode in 0..3 {
        let update = Packet::new(82, 10 + mode).u32(mode).properties(&[("media.name", "x")]);
        assert_eq!(guest.ask(&update)[0], raw::REPLY);
        let update = Packet::new(81, 20 + mode).u32(stream[2]).u32(mode);
        assert_eq!(guest.ask(&update.properties(&[("media.name", "x")]))[0], raw::REPLY);
        shown(&world, "dev-x: Firefox");
    }
    let name = Some("application.name");
    let remove = Packet::new(raw::REMOVE_CLIENT_PROPLIST, 30).string(name).string(None);
    assert_eq!(guest.ask(&remove)[0], raw::REPLY);
    let remove = Packet::new(84, 31).u32(stream[2]).string(name).string(None);
    assert_eq!(guest.ask(&remove)[0], raw::REPLY);
    shown(&world, "dev-x: Firefox");
    // Who says no name at all.
    let mut silent = Raw::unlock(&world.path("play"), &world.cookie);
    drop(guest);
    assert_eq!(silent.ask(&Packet::stream(5, None, &[]))[0], raw::REPLY);
    let list = world.told(&["list", "sink-inputs"]);
    assert!(list.contains("application.name = \"dev-x\""), "{list}");
}

#[test]
fn who_does_not_know_the_cookie_learns_nothing() {
    let mut world = World::new();
    world.guard("play", &[]);
    world.guard("duplex", &[]);
    for socket in ["play", "duplex"] {
        for cookie in
            [vec![0; 256], vec![], world.cookie[..255].to_vec(), [&world.cookie[..], b"x"].concat()]
        {
            let mut guest = Raw::connect(&world.path(socket));
            assert_eq!(guest.ask(&Packet::auth(29, &cookie)), [raw::ERROR, 0, 1]);
            guest.ends();
        }
        let mut early = Raw::connect(&world.path(socket));
        early.send(&Packet::new(raw::NAME, 1).properties(&[]).framed());
        early.ends();
        let mut silent = Raw::connect(&world.path(socket));
        silent.ends();
        // The bits for shared memory and a version from the future.
        let mut new = Raw::connect(&world.path(socket));
        assert_eq!(new.ask(&Packet::auth(0xC000_0000 | 99, &world.cookie)), [raw::REPLY, 0, 29]);
        let mut old = Raw::connect(&world.path(socket));
        assert_eq!(old.ask(&Packet::auth(12, &world.cookie)), [raw::ERROR, 0, 17]);
    }
    let mut again = Raw::enter(&world.path("duplex"), &world.cookie);
    again.send(&Packet::auth(0x8000_0000 | 35, &world.cookie).framed());
    again.ends();
    let wrong =
        world.command("sh").args(["-c", "umask 077; head -c 256 /dev/urandom >wrong"]).status();
    assert!(wrong.unwrap().success());
    refused(&world, &["--probe", "play", "--cookie", "wrong"], 77, "cookie-refused");
}

/// Runs the guard, which must fail in this way.
#[track_caller]
fn refused(world: &World, arguments: &[&str], status: i32, kind: &str) {
    let mut command = world.command("audioguard");
    let output = command.args(arguments).args(["--error-format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(report["kind"], kind, "{report}");
    assert!(report["hint"].is_string(), "{report}");
}

#[test]
fn a_server_that_comes_back_needs_nothing() {
    let mut world = World::silent();
    world.guard("play", &[]);
    let probe = ["--probe", "play", "--cookie", "cookie"];
    refused(&world, &probe, 69, "no-sound-server");
    world.start_server();
    assert!(world.command("audioguard").args(probe).status().unwrap().success());
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    world.stop("server", Signal::SIGKILL);
    guest.ends();
    refused(&world, &probe, 69, "no-sound-server");
    // One that takes connections and says nothing.
    fs::remove_file(world.path("pulse")).unwrap();
    let silent = std::os::unix::net::UnixListener::bind(world.path("pulse")).unwrap();
    std::os::unix::fs::chown(world.path("pulse"), Some(12_345), None).unwrap_or(());
    refused(&world, &probe, 75, "no-answer");
    drop(silent);
    fs::remove_file(world.path("pulse")).unwrap();
    world.start_server();
    assert!(world.command("audioguard").args(probe).status().unwrap().success());
    fs::write(world.path("tone.wav"), tone::wave(1)).unwrap();
    assert!(world.run("play", "paplay", &["tone.wav"]).status.success());
}

#[test]
fn each_guard_has_a_number_of_its_own_and_at_duplex_it_is_the_servers() {
    let mut world = World::new();
    let mut numbers = |level: &'static str| {
        [(); 2].map(|()| {
            world.guard(level, &[]);
            let probe = ["--probe", level, "--cookie", "cookie"];
            let ask = || world.command("audioguard").args(probe).output().unwrap().stdout;
            let number = ask();
            assert_eq!((number.len(), ask()), (9, number.clone()));
            world.stop(level, Signal::SIGTERM);
            number
        })
    };
    let [first, second] = numbers("play");
    assert_ne!(first, second);
    let [first, second] = numbers("duplex");
    assert_eq!(first, second);
}

#[test]
fn clients_and_streams_are_bounded_and_others_play_on() {
    let mut world = World::new();
    world.guard("play", &["--clients", "3"]);
    let mut guests: Vec<_> =
        (0..3).map(|_| Raw::enter(&world.path("play"), &world.cookie)).collect();
    let mut surplus = Raw::unlock(&world.path("play"), &world.cookie);
    assert_eq!(surplus.ask(&Packet::new(raw::NAME, 1).properties(&[])), [raw::ERROR, 1, 26]);
    surplus.ends();
    let made: Vec<_> =
        (0..9).map(|tag| guests[0].ask(&Packet::stream(10 + tag, None, &[]))).collect();
    assert!(made[..8].iter().all(|answer| answer[0] == raw::REPLY), "{made:?}");
    assert_eq!(made[8], [raw::ERROR, 18, 18]);
    assert_eq!(guests[0].ask(&Packet::new(raw::DELETE, 30).u32(made[0][2]))[0], raw::REPLY);
    assert_eq!(guests[0].ask(&Packet::stream(31, None, &[]))[0], raw::REPLY);
    // Four gigabytes, flags of shared memory, a packet without end, sound for nobody.
    let bad = [
        raw::frame(u32::MAX, raw::NONE, 0, b"L"),
        raw::frame(8, 0, 0x8000_0000, &[0; 8]),
        raw::frame(u32::MAX, made[1][2], 0, &[0; 8]),
        raw::frame(0, raw::NONE, 0, &[]),
    ];
    drop(guests.pop());
    for bytes in bad {
        let mut guest = enter_when_there_is_room(&world);
        guest.send(&bytes);
        guest.ends();
    }
    guests[1].send(&raw::frame(8, 4711, 0, &[0; 8]));
    assert_eq!(guests[1].ask(&Packet::stream(40, None, &[]))[0], raw::REPLY);
    assert!(world.is_alive("play"));
}

#[test]
fn whoever_holds_the_places_a_probe_is_answered() {
    let mut world = World::new();
    world.guard("play", &["--clients", "2"]);
    world.guard("duplex", &["--clients", "2"]);
    for socket in ["play", "duplex"] {
        let answers = || {
            let probe = ["--probe", socket, "--cookie", "cookie"];
            world.command("audioguard").args(probe).output().unwrap()
        };
        let number = answers().stdout;
        let guests = [(); 2].map(|()| Raw::enter(&world.path(socket), &world.cookie));
        let full = answers();
        assert!(full.status.success() && full.stdout == number, "{full:?}");
        drop(guests);
        // Who does not know the cookie and says nothing.
        let silent: Vec<_> = (0..100).map(|_| Raw::connect(&world.path(socket))).collect();
        let full = answers();
        assert!(full.status.success() && full.stdout == number, "{full:?}");
        drop(silent);
    }
    // What such a place is good for ends with it.
    let guests = [(); 2].map(|()| Raw::enter(&world.path("play"), &world.cookie));
    Raw::unlock(&world.path("play"), &world.cookie).ends();
    drop(guests);
}

#[test]
fn five_containers_leave_the_persons_programs_their_places() {
    let mut world = World::new();
    let mut guests = Vec::new();
    for socket in ["a", "b", "c", "d", "e"] {
        world.guard_on(socket, &[]);
        for _ in 0..20 {
            let mut guest = Raw::connect(&world.path(socket));
            guest.send(&Packet::auth(29, &world.cookie).framed());
            let name = Packet::new(raw::NAME, 1).properties(&[]);
            if guest.receive().is_none() || guest.ask(&name)[0] == raw::ERROR {
                break;
            }
            guests.push(guest);
        }
    }
    println!("{} clients", guests.len());
    assert!(world.run("pulse", "pactl", &["info"]).status.success());
}

#[test]
fn who_connects_again_and_again_does_not_keep_others_from_being_heard() {
    let mut world = World::new();
    world.guard("play", &[]);
    let path = world.path("play");
    let goes_on = AtomicBool::new(true);
    let took = thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let begin = Instant::now();
                while goes_on.load(Ordering::Relaxed) && begin.elapsed() < Duration::from_secs(30) {
                    drop(UnixStream::connect(&path));
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        let mut guest = Raw::enter(&path, &world.cookie);
        assert_eq!(guest.ask(&Packet::stream(5, None, &[]))[0], raw::REPLY);
        let begin = Instant::now();
        world.stop("play", Signal::SIGTERM);
        goes_on.store(false, Ordering::Relaxed);
        begin.elapsed()
    });
    println!("ended after {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_probe_has_one_deadline_whatever_it_meets() {
    let world = World::silent();
    let probe =
        |socket: &str| refused(&world, &["--probe", socket, "--cookie", "cookie"], 75, "no-answer");
    // One that announces much and says it slowly.
    let slow = UnixListener::bind(world.path("slow")).unwrap();
    world.give(&world.path("slow"));
    // One that accepts nobody, and has its queue full.
    let deaf = listener_of_one(&world.path("deaf"));
    world.give(&world.path("deaf"));
    let queue = [(); 2].map(|()| UnixStream::connect(world.path("deaf")).unwrap());
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut probe, _) = slow.accept().unwrap();
            let packet = raw::frame(1000, raw::NONE, 0, &[0; 40]);
            packet.iter().all(|&byte| {
                thread::sleep(Duration::from_secs(2));
                probe.write_all(&[byte]).is_ok()
            })
        });
        scope.spawn(|| probe("deaf"));
        probe("slow");
    });
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    drop((queue, deaf));
}

/// Listens with room for one who is not accepted, and as the system has it one more.
fn listener_of_one(path: &Path) -> OwnedFd {
    let listener =
        socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    let listener = listener.unwrap();
    socket::bind(listener.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    socket::listen(&listener, Backlog::new(1).unwrap()).unwrap();
    listener
}

/// How many MiB the server grows by while `fill` fills it.
fn growth(world: &World, fill: impl FnOnce()) -> u64 {
    let before = world.memory("server");
    fill();
    let growth = world.memory("server").saturating_sub(before) / 1024;
    println!("the server has grown by {growth} MiB");
    growth
}

/// Waits until the server has taken all that was sent.
fn is_taken(guest: &mut Raw, channel: u32, tag: u32) {
    let latency = Packet::new(raw::LATENCY, tag).u32(channel).bytes(&[&b"T"[..], &[0; 8]].concat());
    assert_eq!(guest.ask(&latency)[0], raw::REPLY);
}

#[test]
fn sound_byte_by_byte_for_streams_that_do_not_play_does_not_fill_the_server() {
    let mut world = World::new();
    world.guard("play", &[]);
    // Forward, and from where the next byte goes back again, which is not paid for.
    for (seek, offset) in [(0, 0), (1, 1), (2, 3), (3, 1)] {
        let mut guest = Raw::enter(&world.path("play"), &world.cookie);
        let channels = [10, 11].map(|tag| guest.ask(&Packet::silent_stream(tag, 0, 1, 192_000))[2]);
        let grown = growth(&world, || {
            let frames = |offset| {
                let of = |&channel| raw::frame_at(channel, seek, offset, &[0]);
                channels.iter().flat_map(of).collect::<Vec<u8>>()
            };
            for thousand in 0..200 {
                let sound = (0..1000).flat_map(|at| frames(offset * (thousand * 1000 + at)));
                guest.send(&sound.collect::<Vec<u8>>());
                if thousand % 2 == 0 {
                    guest.send(&raw::frame_at(channels[0], 1, 0, &[0; 65_000]));
                }
                // Of what overflows it is told.
                is_taken(&mut guest, channels[0], 1000 + thousand);
            }
        });
        assert!(grown < 12, "seek {seek}: {grown} MiB");
    }
}

#[test]
fn who_writes_sample_by_sample_is_heard() {
    let mut world = World::new();
    world.guard("play", &[]);
    let mut guest = Raw::enter(&world.path("play"), &world.cookie);
    let channel = guest.ask(&Packet::stream(10, None, &[]))[2];
    let sample = raw::frame_at(channel, 0, 0, &[0; 4]);
    for _ in 0..8000 {
        // So slowly that each comes alone to who reads at once.
        thread::sleep(Duration::from_micros(100));
        guest.send(&sample);
    }
    guest.send(&Packet::new(raw::DRAIN, 11).u32(channel).framed());
    loop {
        let numbers = raw::numbers(&guest.receive().expect("an answer"));
        assert_ne!(numbers[0], raw::OVERFLOW);
        if numbers[..2] == [raw::REPLY, 11] {
            break;
        }
    }
}

#[test]
fn all_streams_of_all_clients_have_one_share_of_the_servers_memory() {
    let mut world = World::new();
    world.guard("play", &[]);
    let mut guests: Vec<_> =
        (0..4).map(|_| Raw::enter(&world.path("play"), &world.cookie)).collect();
    let grown = growth(&world, || {
        for guest in &mut guests {
            for tag in 10..18 {
                let made = guest.ask(&Packet::silent_stream(tag, 5, 8, 192_000));
                if made[0] == raw::REPLY {
                    let second = raw::frame(1 << 20, made[2], 0, &vec![1; 1 << 20]);
                    (0..5).for_each(|_| guest.send(&second));
                    is_taken(guest, made[2], 30);
                }
            }
        }
    });
    assert!(grown < 48, "{grown} MiB");
    // What is given back is there for others.
    let mut guest = guests.pop().unwrap();
    assert_eq!(guest.ask(&Packet::silent_stream(40, 5, 8, 192_000)), [raw::ERROR, 40, 18]);
    drop(guests);
    world.wait_for("room", || {
        let mut guest = Raw::enter(&world.path("play"), &world.cookie);
        guest.ask(&Packet::silent_stream(41, 5, 8, 192_000))[0] == raw::REPLY
    });
}

fn enter_when_there_is_room(world: &World) -> Raw {
    loop {
        let mut guest = Raw::connect(&world.path("play"));
        guest.send(&Packet::auth(29, &world.cookie).framed());
        if guest.receive().is_some_and(|packet| raw::numbers(&packet)[0] == raw::REPLY) {
            return guest;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn listen(path: &str) -> [&str; 6] {
    ["--listen", path, "--server", "pulse", "--cookie", "cookie"]
}

#[test]
fn one_guard_has_the_socket_and_takes_it_away() {
    let mut world = World::new();
    world.guard("play", &[]);
    refused(&world, &listen("play"), 75, "socket-in-use");
    world.stop("play", Signal::SIGKILL);
    assert!(world.path("play").exists());
    world.guard("play", &["--socket-mode", "666"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(world.path("play")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o666);
    world.stop("play", Signal::SIGTERM);
    assert!(!world.path("play").exists());
    fs::write(world.path("file"), "mine").unwrap();
    refused(&world, &listen("file"), 65, "not-a-socket");
    assert_eq!(fs::read_to_string(world.path("file")).unwrap(), "mine");
    refused(&world, &listen(&"x".repeat(200)), 74, "cannot-listen");
    // Standard input is empty here.
    let ended = world.command("audioguard").args(listen("play")).arg("--until-eof").status();
    assert!(ended.unwrap().success());
    assert!(!world.path("play").exists());
    refused(&world, &["--probe", "play", "--cookie", "cookie"], 69, "no-guard");
}

#[test]
fn who_sees_the_socket_cannot_keep_the_guard_away_where_the_lock_lies_elsewhere() {
    let mut world = World::silent();
    let run = world.path("run");
    fs::create_dir(&run).unwrap();
    world.give(&run);
    world.guard_on("run/play", &["--lock", "lock"]);
    let names = || fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names().collect::<Vec<_>>(), ["play"], "nothing else is beside it");
    refused(&world, &[&listen("other")[..], &["--lock", "lock"]].concat(), 75, "socket-in-use");
    world.stop("run/play", Signal::SIGTERM);
    // What root in a container does with all that it can open, if only for reading.
    fs::write(world.path("run/play.lock"), "").unwrap();
    world.give(&world.path("run/play.lock"));
    let theirs = fs::File::open(world.path("run/play.lock")).unwrap();
    let held = nix::fcntl::Flock::lock(theirs, nix::fcntl::FlockArg::LockExclusive).unwrap();
    refused(&world, &listen("run/play"), 75, "socket-in-use");
    world.guard_on("run/play", &["--lock", "lock"]);
    drop(held);
}

#[test]
fn a_cookie_that_is_absent_exposed_or_none_is_refused() {
    let world = World::silent();
    let with = |path| ["--listen", "play", "--server", "pulse", "--cookie", path];
    refused(&world, &with("absent"), 66, "cookie-absent");
    for (name, bytes, mode, status, kind) in [
        ("open", vec![7; 256], 0o644, 77, "cookie-exposed"),
        ("zeros", vec![0; 256], 0o600, 65, "bad-cookie"),
        ("short", world.cookie[1..].to_vec(), 0o600, 65, "bad-cookie"),
        ("long", [&world.cookie[..], b"x"].concat(), 0o600, 65, "bad-cookie"),
        ("empty", vec![], 0o600, 65, "bad-cookie"),
    ] {
        write_own(&world.path(name), &bytes, mode);
        refused(&world, &with(name), status, kind);
    }
    let usage = |arguments: &[&str]| {
        world.command("audioguard").args(arguments).output().unwrap().status.code()
    };
    assert_eq!(usage(&["--cookie", "cookie"]), Some(64));
    assert_eq!(usage(&["--cookie", "cookie", "--listen", "play"]), Some(64));
    assert_eq!(usage(&[&with("cookie")[..], &["--level", "record"]].concat()), Some(64));
    for more in [&["--until-eof"][..], &["--socket-mode", "600"], &["--lock", "x"]] {
        assert_eq!(usage(&[&["--probe", "play", "--cookie", "cookie"], more].concat()), Some(64));
    }
    assert_eq!(usage(&[&with("cookie")[..], &["--socket-mode", "9"]].concat()), Some(64));
}

fn write_own(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let _ = std::os::unix::fs::chown(path, Some(12_345), Some(12_345));
}
