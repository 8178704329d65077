//! What is decided: what the document gets, and what is told of the parts.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use document::{
    Container, Extra,
    audio::Audio,
    audio_status::{AudioStatus, Part},
    container::{Engine, Project, Variable},
    policy::Isolation,
};
use toolkit::{Failure, Places};

use crate::{Error, Place, amiss, fill, make_files, text};

const PROGRAM: &str = "/usr/libexec/ctrkit/audiotun";

fn places(state: &Path) -> Places {
    Places { config_dir: Some("/c".into()), state_dir: Some(state.to_owned()) }
}

fn container(level: &str) -> Container {
    let project = Project {
        path: "/a".into(),
        name: "a".into(),
        hash: "0".into(),
        branch: None,
        extra: Extra::new(),
    };
    let mut container = Container::new("dev-a".into(), project);
    container.user = Some("dev".into());
    container.audio = Some(Audio { level: level.into(), ..Audio::default() });
    container
}

fn filled(container: &mut Container, state: &str) -> Result<(), Error> {
    filled_on(container, state, Some("it is somewhere else"))
}

/// On a machine with this hindrance.
fn filled_on(
    container: &mut Container,
    state: &str,
    hindrance: Option<&'static str>,
) -> Result<(), Error> {
    let places = places(Path::new(state));
    let place = Place::of(&places, &container.name)?;
    fill(container, &place, Path::new(PROGRAM), &places, hindrance)
}

fn variable<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    let found = container.env.iter().find(|variable| variable.name == name);
    found.map(|variable| variable.value.as_str())
}

#[test]
fn a_container_gets_what_its_programs_need_to_be_heard() {
    let mut container = container("play");
    filled(&mut container, "/s").unwrap();
    let audio = container.audio.clone().unwrap();
    assert_eq!(audio.guard.as_deref(), Some(Path::new("/s/dev-a/audio/native")));
    assert_eq!(audio.cookie.as_deref(), Some(Path::new("/s/dev-a/audio/cookie")));
    assert_eq!(audio.socket.as_deref(), Some("/run/ctrkit-audio/native"));
    assert_eq!((audio.latency, audio.transport.as_deref()), (Some(100), Some("ssh")));
    assert!(container.mounts.is_empty());
    let starter = [PROGRAM, "guard", "--config-dir", "/c", "--state-dir", "/s", "dev-a"];
    assert_eq!(audio.starter, starter);
    assert_eq!(container.label("ctrkit.audio"), Some("play"));
    assert_eq!(variable(&container, "PULSE_SERVER"), Some("unix:/run/ctrkit-audio/native"));
    assert_eq!(variable(&container, "PULSE_COOKIE"), Some("/etc/ctrkit/audio.cookie"));
    let injected: Vec<_> = container
        .inject
        .iter()
        .map(|i| (i.target.as_str(), i.mode.as_str(), i.owner.as_str()))
        .collect();
    let expected = [
        ("/run/ctrkit-audio", "0700", "dev"),
        ("/etc/ctrkit/audio.cookie", "0600", "dev"),
        ("/etc/pulse/client.conf.d/ctrkit.conf", "0644", "root"),
        ("/etc/alsa/conf.d/99-ctrkit.conf", "0644", "root"),
    ];
    assert_eq!(injected, expected);
}

#[test]
fn where_the_engine_is_here_the_container_sees_the_socket_itself() {
    let mut bound = container("play");
    filled_on(&mut bound, "/s", None).unwrap();
    let audio = bound.audio.clone().unwrap();
    assert_eq!(audio.transport.as_deref(), Some("bind"));
    assert_eq!(audio.guard.as_deref(), Some(Path::new("/s/dev-a/audio/run/native")));
    assert_eq!(audio.socket.as_deref(), Some("/run/ctrkit-audio/native"));
    let [mount] = bound.mounts.as_slice() else { panic!("{:?}", bound.mounts) };
    assert_eq!((mount.kind.as_str(), mount.read_only), ("bind", true));
    assert_eq!(mount.source.as_deref(), Some(Path::new("/s/dev-a/audio/run")));
    assert_eq!(mount.target, "/run/ctrkit-audio");
    assert!(bound.inject.iter().all(|inject| inject.target != mount.target));
    // Made anew by ssh it is as if it had never been.
    let mut by_ssh = container("play");
    filled(&mut by_ssh, "/s").unwrap();
    bound.audio.as_mut().unwrap().transport = Some("ssh".into());
    filled_on(&mut bound, "/s", None).unwrap();
    let targets = |container: &Container| {
        container.inject.iter().map(|i| i.target.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!((&bound.mounts, targets(&bound)), (&by_ssh.mounts, targets(&by_ssh)));
}

#[test]
fn sound_goes_by_ssh_where_the_container_is_not_of_this_machine() {
    let transport = |container: &mut Container, asked: Option<&str>, hindrance| {
        container.audio.as_mut().unwrap().transport = asked.map(str::to_owned);
        filled_on(container, "/s", hindrance)?;
        Ok::<_, Error>(container.audio.clone().unwrap().transport.unwrap())
    };
    let mut remote = container("play");
    remote.engine = Some(Engine { host: Some("ssh://box".into()), ..Engine::default() });
    let mut isolated = container("play");
    isolated.isolation = Some(Isolation::default());
    for container in [&mut remote, &mut isolated] {
        assert_eq!(transport(container, None, None).unwrap(), "ssh");
        assert_eq!(transport(container, Some("ssh"), None).unwrap(), "ssh");
        let error = transport(container, Some("bind"), None).unwrap_err();
        assert_eq!((error.kind(), error.exit().status()), ("bad-transport", 65));
    }
    let mut here = container("play");
    assert_eq!(transport(&mut here, Some("ssh"), None).unwrap(), "ssh");
    assert_eq!(transport(&mut here, Some("bind"), None).unwrap(), "bind");
    assert_eq!(transport(&mut here, Some("bind"), Some("x")).unwrap_err().kind(), "bad-transport");
    assert_eq!(transport(&mut here, Some("tcp"), None).unwrap_err().kind(), "bad-transport");
}

#[test]
fn a_second_time_changes_nothing() {
    for hindrance in [None, Some("x")] {
        let mut once = container("duplex");
        filled_on(&mut once, "/s", hindrance).unwrap();
        let mut twice = once.clone();
        filled_on(&mut twice, "/s", hindrance).unwrap();
        assert_eq!(once, twice);
    }
}

#[test]
fn what_a_person_has_set_stays() {
    let mut container = container("play");
    let (name, value) = ("PULSE_SERVER".to_owned(), "tcp:box".to_owned());
    container.env.push(Variable { name, value, extra: Extra::new() });
    container.audio.as_mut().unwrap().latency = Some(50);
    filled(&mut container, "/s").unwrap();
    assert_eq!(variable(&container, "PULSE_SERVER"), Some("tcp:box"));
    assert_eq!(container.audio.unwrap().latency, Some(50));
}

#[test]
fn at_duplex_no_latency_is_promised_since_nobody_sees_to_it() {
    let mut container = container("duplex");
    filled(&mut container, "/s").unwrap();
    let mut audio = container.audio.unwrap();
    assert_eq!(audio.latency, None);
    audio.latency = Some(50);
    assert_eq!(crate::plan::latency(&audio), None);
}

#[test]
fn without_sound_there_is_nothing_to_be_done() {
    let mut silent = container("play");
    silent.audio = None;
    let before = silent.clone();
    filled(&mut silent, "/s").unwrap();
    assert_eq!(silent, before);
}

#[test]
fn a_socket_that_ssh_or_the_kernel_would_not_take_is_refused() {
    let long = format!("/{}", "x".repeat(90));
    for state in ["/a b", "/a:b", "/a'b", "/a\\b", "/50%", "/a\nb", "/$a", &long] {
        let error = filled(&mut container("play"), state).unwrap_err();
        assert_eq!((error.kind(), error.exit().status()), ("bad-socket", 65), "{state}");
        assert!(error.hint().is_some_and(|hint| hint.contains("CTRKIT_STATE_DIR")));
    }
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    for name in ["..", "a/b", "", "-a", "A"] {
        let error = Place::of(&places(Path::new("/s")), name).unwrap_err();
        assert_eq!(error.kind(), "bad-name", "{name}");
    }
}

#[test]
fn each_container_has_a_cookie_of_its_own_and_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let places = places(directory.path());
    let mut cookies = BTreeSet::new();
    for name in ["dev-a", "dev-b"] {
        let place = Place::of(&places, name).unwrap();
        make_files(&place).unwrap();
        let cookie = std::fs::read(place.cookie()).unwrap();
        assert_eq!(cookie.len(), 256);
        assert_eq!(std::fs::metadata(place.cookie()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(place.files()).unwrap().mode() & 0o777, 0o700);
        make_files(&place).unwrap();
        assert_eq!(std::fs::read(place.cookie()).unwrap(), cookie);
        cookies.insert(cookie);
    }
    assert_eq!(cookies.len(), 2);
    // One that was cut short is none.
    let place = Place::of(&places, "dev-a").unwrap();
    std::fs::write(place.cookie(), "short").unwrap();
    make_files(&place).unwrap();
    assert_eq!(std::fs::read(place.cookie()).unwrap().len(), 256);
}

#[test]
fn a_configuration_of_ssh_is_the_same_wherever_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::at(directory.path());
    let held = |config: Option<&OsStr>| {
        crate::hold(&place, config.map(Path::new)).unwrap();
        std::fs::read(directory.path().join("audio.held")).unwrap()
    };
    let here = std::env::current_dir().unwrap();
    let odd = OsStr::from_bytes(b"a\xff");
    assert_eq!(held(Some(odd)), here.join(odd).as_os_str().as_bytes());
    assert_eq!(held(Some(OsStr::new("/a"))), b"/a");
    assert_eq!(held(None), b"");
}

#[test]
fn what_was_never_applied_or_has_no_sound_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::of(&places(directory.path()), "dev-a").unwrap();
    assert_eq!(place.audio().unwrap_err().kind(), "not-applied");
    let mut silent = container("play");
    silent.audio = None;
    std::fs::create_dir_all(directory.path().join("dev-a")).unwrap();
    let path = directory.path().join("dev-a/document.json");
    std::fs::write(&path, serde_json::to_string(&silent).unwrap()).unwrap();
    assert_eq!(place.audio().unwrap_err().kind(), "no-audio");
    let mut unfilled = container("play");
    std::fs::write(&path, serde_json::to_string(&unfilled).unwrap()).unwrap();
    assert_eq!(place.audio().unwrap_err().exit().status(), 65);
    filled(&mut unfilled, &directory.path().to_string_lossy()).unwrap();
    std::fs::write(&path, serde_json::to_string(&unfilled).unwrap()).unwrap();
    assert_eq!(place.audio().unwrap().level, "play");
}

fn status(parts: [bool; 4]) -> AudioStatus {
    let [guard, connection, forward, server] =
        parts.map(|up| Part { up, pid: up.then_some(7), ..Part::default() });
    AudioStatus {
        level: "play".into(),
        latency: Some(100),
        transport: "ssh".into(),
        guard,
        connection,
        forward,
        server,
        ..Default::default()
    }
}

#[test]
fn the_first_part_that_is_amiss_is_named() {
    assert_eq!(amiss(&status([false, false, false, false])), "the guard does not listen");
    assert!(amiss(&status([true, false, false, true])).contains("no ssh connection"));
    assert!(amiss(&status([true, true, false, true])).contains("forwarding"));
    assert!(amiss(&status([true, true, true, false])).contains("sound server"));
    // By a bind mount no connection is needed.
    let bound = |parts| AudioStatus { transport: "bind".into(), ..status(parts) };
    assert!(amiss(&bound([true, false, false, true])).contains("does not see"));
    assert!(amiss(&bound([true, false, true, false])).contains("sound server"));
}

#[test]
fn people_read_one_line_for_each_part() {
    let expected = "sound:      no\nlevel:      play\nlatency:    100 ms\n\
                    transport:  ssh\nguard:      listens (pid 7)\nconnection: down\n\
                    forward:    does not listen\nserver:     answers (pid 7)\n";
    assert_eq!(text(&status([true, false, false, true])), expected);
    let bound = AudioStatus { transport: "bind".into(), ..status([true, false, true, true]) };
    assert!(!text(&bound).contains("connection"));
    // Nobody says for the programs what they want buffered.
    assert!(!text(&AudioStatus { latency: None, ..bound.clone() }).contains("latency"));
    let port = Some(Part { reason: Some("why".into()), ..Part::default() });
    assert!(text(&AudioStatus { port, ..bound }).contains("connection: down\n"));
}
