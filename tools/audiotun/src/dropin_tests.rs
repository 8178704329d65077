use std::{
    os::unix::net::UnixStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::*;
use crate::{setup, undo};

const WITH: &str = ".ifexists x\nload-module module-native-protocol-unix\n.endif\n";
const WITHOUT: &str = "#load-module module-native-protocol-unix\nload-module module-null-sink\n";

/// A machine with these files, whose person has `home/.config`.
fn machine(files: &[(&str, &str)]) -> (TempDir, Configuration) {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("ROOT", root.path().to_str().unwrap())).unwrap();
    }
    let found = Configuration::read(root.path(), &root.path().join("home/.config"));
    (root, found)
}

#[track_caller]
fn written(files: &[(&str, &str)]) -> (String, String) {
    let (root, found) = machine(files);
    let Step::Write { path, text } = found.decide() else { panic!("{:?}", found.decide()) };
    assert_eq!(is_ours(&text), Some(true));
    assert_eq!(is_ours(&format!("{text}x")), Some(false));
    let name = path.strip_prefix(root.path()).unwrap().to_string_lossy().into_owned();
    (name, text.replace(root.path().to_str().unwrap(), "ROOT"))
}

#[test]
fn what_has_its_socket_is_left_alone() {
    let address = "pulse.properties = {\n server.address = [\n \"unix:native\" # here\n ]\n}\n";
    for files in [
        &[][..],
        &[("etc/pulse/default.pa", WITH)],
        &[("opt/homebrew/etc/pulse/default.pa", WITH)],
        &[("usr/local/etc/pulse/default.pa", WITH)],
        &[("usr/share/pipewire/pipewire-pulse.conf", address)],
        // One of two is enough.
        &[("etc/pulse/default.pa", WITHOUT), ("etc/pipewire/pipewire-pulse.conf", address)],
        &[
            ("etc/pulse/default.pa", ".include ROOT/etc/pulse/default.pa.d\n"),
            ("etc/pulse/default.pa.d/a.pa", WITH),
        ],
        &[
            ("usr/share/pipewire/pipewire-pulse.conf", ""),
            ("etc/pipewire/pipewire-pulse.conf.d/a.conf", address),
        ],
    ] {
        assert_eq!(machine(files).1.decide(), Step::Start, "{files:?}");
    }
}

#[test]
fn pulseaudio_without_its_socket_gets_a_script_that_includes_the_systems() {
    for system in ["etc", "opt/homebrew/etc", "usr/local/etc"] {
        let system = format!("{system}/pulse/default.pa");
        let (path, text) = written(&[(&system, WITHOUT)]);
        assert_eq!(path, "home/.config/pulse/default.pa");
        let expected =
            format!(".include ROOT/{system}\n.nofail\nload-module module-native-protocol-unix\n");
        assert_eq!(text.split_once('\n').unwrap().1, expected);
    }
}

#[test]
fn a_script_of_the_persons_own_stays() {
    let own = "home/.config/pulse/default.pa";
    let (root, found) = machine(&[(own, WITHOUT), ("etc/pulse/default.pa", WITH)]);
    assert_eq!(found.decide(), Step::Own(root.path().join(own)));
    let error = setup(&root.path().join("none"), Some(&found)).unwrap_err();
    assert!(matches!(error, crate::Error::NoSocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(root.path().join(own)).unwrap(), WITHOUT);
}

#[test]
fn pipewire_gets_the_socket_beside_its_other_addresses() {
    let text = "pulse.properties = {\n server.address = [\n #\"unix:native\"\n \"tcp:[::1]:9\",\n \
                { address = \"tcp:127.0.0.1:1\" max-clients = 2 } unix:/a ]\n}\n";
    let (path, text) = written(&[("usr/share/pipewire/pipewire-pulse.conf", text)]);
    assert_eq!(path, "home/.config/pipewire/pipewire-pulse.conf.d/ctrkit.conf");
    let list = "server.address = [ \"unix:native\" \"tcp:[::1]:9\" \
                { address = \"tcp:127.0.0.1:1\" max-clients = 2 } \"unix:/a\" ]";
    assert!(text.contains(list), "{text}");
    assert_eq!(listed(&text).unwrap().len(), 4);
}

#[test]
fn a_script_that_lets_other_machines_in_is_known() {
    for (arguments, expected) in [
        ("", true),
        (" auth-ip-acl=127.0.0.1", true),
        (" listen=0.0.0.0", true),
        (" port=4713 listen=127.0.0.1", false),
        (" listen=::1", false),
    ] {
        let text = format!("load-module module-native-protocol-tcp{arguments}\n");
        let (_root, found) = machine(&[("opt/homebrew/etc/pulse/default.pa", &text)]);
        assert_eq!(found.is_exposed(), expected, "{arguments}");
    }
    assert!(!machine(&[("etc/pulse/default.pa", WITHOUT)]).1.is_exposed());
}

#[test]
fn a_server_that_lets_every_account_of_the_machine_in_is_open() {
    for (arguments, expected) in [
        (" listen=127.0.0.1", false),
        (" listen=127.0.0.1 auth-anonymous=0", false),
        (" listen=127.0.0.1 auth-anonymous=no", false),
        (" listen=127.0.0.1 auth-anonymous=1", true),
        (" listen=127.0.0.1 auth-anonymous=\"True\"", true),
        (" auth-ip-acl=127.0.0.1 listen=127.0.0.1", true),
    ] {
        let text = format!("load-module module-native-protocol-tcp{arguments}\n");
        let (_root, found) = machine(&[("etc/pulse/default.pa", &text)]);
        assert_eq!((found.open().is_some(), found.is_exposed()), (expected, false), "{arguments}");
    }
    // One that has no port is reached through its socket, which is the person's own.
    let text = "load-module module-native-protocol-unix auth-anonymous=1\n";
    assert_eq!(machine(&[("etc/pulse/default.pa", text)]).1.open(), None);
    // PipeWire asks for no cookie.
    for (addresses, expected) in [
        ("\"unix:native\"", false),
        ("\"unix:native\" \"tcp:127.0.0.1:4713\"", true),
        ("{ address = \"tcp:127.0.0.1:1\" client.access = \"restricted\" } unix:native", true),
    ] {
        let text = format!("pulse.properties = {{ server.address = [ {addresses} ] }}\n");
        let name = "etc/pipewire/pipewire-pulse.conf";
        let (root, found) = machine(&[(name, &text)]);
        let file = root.path().join(name);
        assert_eq!(found.open(), Some(file.as_path()).filter(|_| expected), "{addresses}");
    }
}

#[test]
fn scripts_that_include_each_other_end() {
    let text = ".include ROOT/etc/pulse/default.pa\n";
    assert_eq!(written(&[("etc/pulse/default.pa", text)]).0, "home/.config/pulse/default.pa");
}

#[test]
fn a_real_pulseaudio_listens_by_what_is_written_and_has_what_the_system_says() {
    let (root, found) =
        machine(&[("etc/pulse/default.pa", "load-module module-null-sink sink_name=theirs\n")]);
    let socket = root.path().join("run/pulse/native");
    let path = setup(&socket, Some(&found)).unwrap().unwrap();
    let person = |program: &str| {
        let mut command = Command::new(program);
        command
            .env("HOME", root.path().join("home"))
            .env("XDG_RUNTIME_DIR", root.path().join("run"));
        for variable in ["XDG_CONFIG_HOME", "PULSE_RUNTIME_PATH", "PULSE_SERVER"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut server = person("pulseaudio")
        .args(["--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"])
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while UnixStream::connect(&socket).is_err() && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(20));
    }
    let sinks = person("pactl").args(["list", "short", "sinks"]).output().unwrap();
    let second = setup(&socket, Some(&found));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(String::from_utf8_lossy(&sinks.stdout).contains("theirs"), "{sinks:?}");
    assert_eq!(second.unwrap(), None);
    assert_eq!(undo(&root.path().join("home/.config")).unwrap(), [path]);
    assert_eq!(undo(&root.path().join("home/.config")).unwrap(), [""; 0].map(PathBuf::from));
}
