//! Tests of the decisions: data in, data out, no git.

use std::path::{Path, PathBuf};

use config::Config;
use document::{Container, Ports, audio::Audio, ports::Reservation};

use crate::{
    Error, Settings, SettingsArgs, SoundArgs, Worktree, container_name, describe, hash, remembered,
};

fn worktree(path: &str, origin: Option<&str>) -> Worktree {
    Worktree { path: path.into(), branch: "main".into(), origin: origin.map(str::to_owned) }
}

fn settings(args: SettingsArgs) -> Settings {
    args.over(Config::default(), Some(Path::new("/home/me")), Path::new("/here"))
}

fn described(path: &str, origin: Option<&str>) -> Container {
    describe(&worktree(path, origin), settings(SettingsArgs::default()), None).unwrap()
}

#[test]
fn the_hash_is_that_of_the_path() {
    assert_eq!(hash("/Users/you/projects/myapp"), "b3e5ed886e6d");
    assert!(hash("/workspace/project").starts_with("e3af8a"));
    assert!(hash("/home/dev/projects/myapp").starts_with("7f6943"));
}

#[test]
fn the_name_is_that_of_the_design() {
    let container = described("/Users/you/projects/myapp", None);
    assert_eq!(container.name, "dev-myapp-b3e5ed");
    assert_eq!(container.workspace.as_deref(), Some("/workspace/myapp"));
    assert_eq!(container.volumes[0].name, "dev-myapp-b3e5ed-home");
    assert_eq!(container.label("ctrkit.project.hash"), Some(container.project.hash.as_str()));
}

#[test]
fn any_repository_gets_a_host_name() {
    let long = "a".repeat(200);
    for (repository, label) in [
        ("My.Repo", "my-repo"),
        ("foo_bar", "foo-bar"),
        ("日本", "ri-ben"),
        ("a b#c$d'e\"f\ng", "a-b-c-d-e-f-g"),
        ("...", "project"),
        ("-x-", "x"),
        (&long, &"a".repeat(52)),
    ] {
        let name = container_name("dev", repository, "0123456789ab");
        assert_eq!(name, format!("dev-{label}-012345"));
        assert!(name.len() <= 63);
    }
}

#[test]
fn the_longest_prefix_leaves_room_for_a_name() {
    let name = container_name("abcdefghij", &"日".repeat(80), "0123456789ab");
    assert!(name.len() <= 63 && !name.contains("--"), "{name}");
}

#[test]
fn origin_names_the_repository_but_not_the_hash() {
    let without = described("/a/b", None);
    let with = described("/a/b", Some("git@example.org:team/thing.git"));
    assert_eq!((without.project.name.as_str(), with.project.name.as_str()), ("b", "thing"));
    assert_eq!(without.project.hash, with.project.hash);
    assert_eq!(without.workspace, with.workspace);
}

#[test]
fn a_remembered_name_wins_over_a_changed_origin() {
    let first = described("/a/b", None);
    let mut ledger = Ports::empty();
    ledger.reservations.push(Reservation {
        key: first.project.hash.clone(),
        name: first.name.clone(),
        ..Reservation::default()
    });
    let later = worktree("/a/b", Some("https://example.org/other.git"));
    let name = remembered(&ledger, &later);
    let later = describe(&later, settings(SettingsArgs::default()), name).unwrap();
    assert_eq!((later.name, later.volumes), (first.name, first.volumes));
}

#[test]
fn a_remembered_name_of_another_project_is_not_taken() {
    let mut ledger = Ports::empty();
    let key = hash("/a/b");
    let name = "dev-evil-000000".to_owned();
    ledger.reservations.push(Reservation { key, name, ..Reservation::default() });
    assert_eq!(remembered(&ledger, &worktree("/a/b", None)), None);
}

#[test]
fn the_audio_port_is_reserved_but_not_published() {
    let container = described("/a/b", None);
    let ports: Vec<_> = container
        .ports
        .iter()
        .map(|port| (port.service.as_str(), port.container, port.start, port.address.as_deref()))
        .collect();
    assert_eq!(
        ports,
        [
            ("ssh", 22, Some(2200), Some("127.0.0.1")),
            ("web", 3000, Some(3000), Some("127.0.0.1")),
            ("audio", 4714, Some(4714), None),
        ]
    );
}

#[test]
fn an_option_wins_over_the_configuration() {
    let config = Config {
        prefix: Some("work".into()),
        image: Some("configured".into()),
        dotfiles: Some("~/dots".into()),
        ..Config::default()
    };
    let args = SettingsArgs {
        image: Some("asked".into()),
        user: Some(String::new()),
        identity_file: Some("key".into()),
        ..SettingsArgs::default()
    };
    let settings = args.over(config, Some(Path::new("/home/me")), Path::new("/here"));
    assert_eq!((settings.prefix.as_str(), settings.image.as_str()), ("work", "asked"));
    assert_eq!(settings.user, "dev");
    assert_eq!(settings.dotfiles, Some(PathBuf::from("/home/me/dots")));
    assert_eq!(settings.identity_file, Some(PathBuf::from("/here/key")));
}

#[test]
fn the_token_file_is_named_in_the_document_unless_it_is_not_wanted() {
    let config = || Config {
        github: config::Github { token_file: Some("~/token".into()) },
        ..Config::default()
    };
    let named = |args: SettingsArgs| {
        let settings = args.over(config(), Some(Path::new("/home/me")), Path::new("/here"));
        let container = describe(&worktree("/a", None), settings, None).unwrap();
        container.github.map(|github| github.token_file.unwrap())
    };
    assert_eq!(named(SettingsArgs::default()), Some("/home/me/token".into()));
    let asked = SettingsArgs { github_token_file: Some("t".into()), ..SettingsArgs::default() };
    assert_eq!(named(asked.clone()), Some("/here/t".into()));
    assert_eq!(named(SettingsArgs { no_token: true, ..asked }), None);
    assert_eq!(described("/a", None).github, None);
}

#[test]
fn the_home_of_root_is_not_in_home() {
    let args = SettingsArgs { user: Some("root".into()), ..SettingsArgs::default() };
    let container = describe(&worktree("/a", None), settings(args), None).unwrap();
    assert_eq!(container.volumes[0].target, "/root");
}

#[test]
fn sound_is_asked_for_and_otherwise_there_is_none() {
    let audio = |level: Option<&str>, configured: Option<&str>| {
        let configured = config::Audio {
            level: configured.map(str::to_owned),
            server: Some("~/run/native".into()),
            latency: Some(50),
            tcp: true,
            ..config::Audio::default()
        };
        let config = Config { audio: configured, ..Config::default() };
        let sound = SoundArgs { audio: level.map(str::to_owned), ..SoundArgs::default() };
        let args = SettingsArgs { sound, ..SettingsArgs::default() };
        let settings = args.over(config, Some(Path::new("/home/me")), Path::new("/here"));
        describe(&worktree("/a", None), settings, None).unwrap().audio
    };
    assert_eq!(audio(None, None), None);
    assert_eq!(audio(Some("none"), Some("duplex")), None);
    let section = audio(Some("duplex"), Some("play")).unwrap();
    assert_eq!((section.level.as_str(), section.latency), ("duplex", Some(50)));
    assert_eq!((section.port, section.transport), (Some(4714), None));
    assert_eq!(section.server.as_deref(), Some(Path::new("/home/me/run/native")));
    assert_eq!(audio(None, Some("play")).unwrap().level, "play");
}

/// Settings that `change` has made such as no container could have.
#[track_caller]
fn check_refused(change: impl Fn(&mut Settings), named: &str) {
    let mut settings = settings(SettingsArgs::default());
    change(&mut settings);
    let error = describe(&worktree("/a", None), settings, None).unwrap_err();
    let Error::Setting { setting, .. } = error else { panic!("{error}") };
    assert_eq!(setting, named);
}

#[test]
fn sound_that_no_container_could_have_is_refused() {
    let sound = |level: &str, latency, transport: &str| {
        let (level, transport) = (level.to_owned(), Some(transport.to_owned()));
        Some(Audio { level, latency: Some(latency), transport, ..Audio::default() })
    };
    for level in ["", "Play", "record", "play\n"] {
        check_refused(|settings| settings.audio = sound(level, 100, "ssh"), "audio.level");
    }
    for transport in ["", "tcp", "bind "] {
        check_refused(|settings| settings.audio = sound("play", 10, transport), "audio.transport");
    }
    for latency in [0, 9, 2001, u32::MAX] {
        check_refused(|settings| settings.audio = sound("play", latency, "bind"), "audio.latency");
    }
}

#[test]
fn settings_that_no_container_could_have_are_refused() {
    for prefix in ["", "Dev", "9a", "a--b", "a-", "abcdefghijk", "a b", "a\n"] {
        check_refused(|settings| settings.prefix = prefix.into(), "prefix");
    }
    for user in ["", "a b", "-a", "A", "a:b", "a\nb", "../x"] {
        check_refused(|settings| settings.user = user.into(), "user");
    }
    for image in ["-v/:/host", "a b", "a\nb"] {
        check_refused(|settings| settings.image = image.into(), "image");
    }
    check_refused(|settings| settings.restart = Some("sometimes".into()), "restart");
    check_refused(|settings| settings.blocks = Some(0), "ports.blocks");
    check_refused(|settings| settings.ssh_start = 65500, "start");
    check_refused(|settings| settings.env = vec![("A B".into(), String::new())], "env");
    let ssh = config::Service { name: "ssh".into(), container: 1, start: 1 };
    check_refused(|settings| settings.services = vec![ssh.clone()], "service");
    for memory in ["lots", "4 g", "0", "-1"] {
        check_refused(|settings| settings.limits.memory = Some(memory.into()), "limits.memory");
    }
    for cpus in ["x", "0", "2g"] {
        check_refused(|settings| settings.limits.cpus = Some(cpus.into()), "limits.cpus");
    }
    check_refused(|settings| settings.limits.pids = Some(0), "limits.pids");
    check_refused(|settings| settings.limits.cap_drop = vec!["A B".into()], "limits.cap_drop");
    for days in [0, 3651] {
        check_refused(|settings| settings.validity_days = Some(days), "ssh.validity_days");
    }
}
