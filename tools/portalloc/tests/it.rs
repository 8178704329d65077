//! The program as its callers see it: arguments, pipes, files, exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::Write,
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
};

use assert_cmd::{Command, assert::Assert};
use predicates::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A state directory, a configuration directory and a PATH, all empty.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("bin")).unwrap();
        Self { directory }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn ledger(&self) -> PathBuf {
        self.path("state/ports.json")
    }

    fn ledger_text(&self) -> String {
        fs::read_to_string(self.ledger()).unwrap()
    }

    fn write_ledger(&self, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path("state")).unwrap();
        fs::write(self.ledger(), text).unwrap();
    }

    fn configure(&self, text: &str) {
        fs::create_dir_all(self.path("config")).unwrap();
        fs::write(self.path("config/config.toml"), text).unwrap();
    }

    /// Puts a program on the PATH: a shell script with `body`, which may use
    /// what the shell itself has and the words of `$LOG`.
    fn stub(&self, name: &str, body: &str) {
        let path = self.path("bin").join(name);
        let log = self.path(format!("{name}.log"));
        let script = format!("#!/bin/sh\necho \"$*\" >>'{}'\n{body}\n", log.display());
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Returns how a stub was called, one line for each call.
    fn calls(&self, name: &str) -> Vec<String> {
        let log = fs::read_to_string(self.path(format!("{name}.log"))).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Returns the program in an environment that holds nothing of the tester's.
    fn portalloc(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portalloc"));
        command
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("CTRKIT_STATE_DIR", self.path("state"))
            .env("CTRKIT_CONFIG_DIR", self.path("config"))
            .args(args);
        command
    }

    fn run(&self, document: &Value, args: &[&str]) -> Assert {
        self.portalloc(args).write_stdin(document.to_string()).assert()
    }

    /// Returns the host ports that the project `n` gets, out of ranges that
    /// no container of the tester's is in.
    #[track_caller]
    fn ports(&self, n: u16) -> Vec<u64> {
        let ports = json!([
            {"service": "ssh", "container": 22, "start": 16200},
            {"service": "web", "container": 3000, "start": 16300},
        ]);
        hosts(&self.run(&with_ports(n, ports), &[]).success())
    }

    #[track_caller]
    fn check_refused(&self, document: &Value, args: &[&str], status: i32, kind: &str) -> Value {
        let args = [args, &["--error-format", "json"]].concat();
        let output = self.run(document, &args).code(status).stdout("");
        let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
        assert_eq!(
            (&error["kind"], &error["schema"]),
            (&kind.into(), &"error/1".into()),
            "{error}"
        );
        error
    }
}

/// Returns a document without ports.
fn document(n: u16) -> Value {
    json!({
        "x-first": [1, {"b": 1, "a": 2}],
        "schema": "container/1",
        "name": format!("dev-{n}"),
        "project": {"path": format!("/nonexistent/{n}"), "owner": "ann", "name": "a", "hash": format!("{n:012x}")},
        "x-last": {},
    })
}

fn with_ports(n: u16, ports: Value) -> Value {
    let mut document = document(n);
    document["ports"] = ports;
    document
}

fn parsed(assert: &Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

fn hosts(assert: &Assert) -> Vec<u64> {
    let document = parsed(assert);
    let ports = document["ports"].as_array().unwrap();
    ports.iter().map(|port| port["host"].as_u64().unwrap()).collect()
}

/// Returns what podman says of a container with these labels.
fn podman_ps(hash: &str, ports: &str) -> String {
    let labels = json!({
        "ctrkit.managed": "true", "ctrkit.name": "dev-old", "ctrkit.project.hash": hash,
        "ctrkit.project.path": "/nonexistent/old", "ctrkit.ports": ports,
    });
    let list = json!([{"Id": "1", "Names": ["dev-old"], "State": "exited", "Labels": labels}]);
    format!("echo '{list}'")
}

#[test]
fn the_ports_are_filled_in_and_the_rest_is_passed_on() {
    let world = World::new();
    let input = r#"{"x":1,"schema":"container/1","name":"dev-a","project":{"path":"/a","o":1,"name":"a","hash":"00000000000a"},"ports":[{"x":1,"service":"web","start":13000,"container":3000,"address":"127.0.0.1","y":{}}],"z":[]}"#;
    let expected = r#"{"x":1,"schema":"container/1","name":"dev-a","project":{"path":"/a","o":1,"name":"a","hash":"00000000000a"},"ports":[{"x":1,"service":"web","start":13000,"container":3000,"address":"127.0.0.1","y":{},"host":13000}],"z":[],"labels":[{"name":"ctrkit.port.web","value":"13000"},{"name":"ctrkit.ports","value":"web:3000:13000"}]}"#;
    let output = world.portalloc(&[]).write_stdin(input).assert().success().stderr("");
    output.stdout(format!("{expected}\n"));
}

#[test]
fn a_second_run_changes_nothing() {
    let world = World::new();
    let first = world.run(&document(1), &[]).success().get_output().stdout.clone();
    let inode = fs::metadata(world.ledger()).unwrap().ino();
    world.portalloc(&[]).write_stdin(first.clone()).assert().success().stdout(first.clone());
    // Nor does a document that has lost its ports.
    world.run(&document(1), &[]).success().stdout(first);
    assert_eq!(fs::metadata(world.ledger()).unwrap().ino(), inode, "the ledger was written");
}

#[test]
fn the_ledger_is_for_its_owner_alone() {
    let world = World::new();
    world.ports(1);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&world.path("state")), 0o700);
    assert_eq!(mode(&world.ledger()), 0o600);
    assert_eq!(mode(&world.path("state/ports.lock")), 0o600);
}

#[test]
fn a_document_without_ports_gets_the_usual_three() {
    let world = World::new();
    let document = parsed(&world.run(&document(1), &[]).success());
    let ports = document["ports"].as_array().unwrap();
    let described: Vec<_> =
        ports.iter().map(|port| (&port["service"], &port["container"], &port["address"])).collect();
    let here = &json!("127.0.0.1");
    let expected = [("ssh", 22, here), ("web", 3000, here), ("audio", 4714, &Value::Null)];
    for (found, (service, container, address)) in described.iter().zip(expected) {
        assert_eq!(*found, (&service.into(), &container.into(), address));
    }
    // Something on the tester's machine may listen at the first offsets.
    let offset = ports[0]["host"].as_u64().unwrap() - 2200;
    assert_eq!(
        (&ports[1]["host"], &ports[2]["host"]),
        (&(3000 + offset).into(), &(4714 + offset).into())
    );
}

#[test]
fn who_gives_a_block_up_gets_it_again_if_nobody_took_it() {
    let world = World::new();
    let (first, second) = (world.ports(1), world.ports(2));
    assert!(first[0] < second[0]);
    world.portalloc(&["--release", "dev-1"]).assert().success().stdout("").stderr("");
    assert_eq!(world.ports(3), first);
    assert_eq!(world.ports(2), second);
    let key = format!("{:012x}", 3);
    world.portalloc(&["--release", &key]).assert().success();
    assert_eq!(world.ports(1), first);
}

#[test]
fn giving_up_what_is_not_there_is_no_failure() {
    let world = World::new();
    let note = "portalloc: warning: nothing is reserved for 'a\\nb'\n";
    world.portalloc(&["--release", "a\nb"]).assert().success().stdout("").stderr(note);
}

/// Returns a document whose one service is wanted at `port` of `address`.
fn wants(port: u16, address: &str) -> Value {
    with_ports(1, json!([{"service": "web", "container": 80, "start": port, "address": address}]))
}

/// Asks for the port of `listener` at `address`; the block is moved on where
/// the listener is in the way.
#[track_caller]
fn check_in_the_way(listener: &TcpListener, address: &str, expected: bool) {
    let world = World::new();
    let port = listener.local_addr().unwrap().port();
    let found = hosts(&world.run(&wants(port, address), &[]).success())[0];
    assert_eq!(found != u64::from(port), expected, "{listener:?} and {address}");
}

/// Returns a listener on all IPv6 addresses that takes no IPv4.
fn only_six() -> TcpListener {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, bind, listen, setsockopt, socket,
        sockopt::Ipv6V6Only,
    };
    use std::os::fd::AsRawFd;

    let socket = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::empty(), None).unwrap();
    setsockopt(&socket, Ipv6V6Only, &true).unwrap();
    let place: SockaddrIn6 = "[::]:0".parse::<std::net::SocketAddrV6>().unwrap().into();
    bind(socket.as_raw_fd(), &place).unwrap();
    listen(&socket, Backlog::new(1).unwrap()).unwrap();
    socket.into()
}

#[test]
fn a_listener_disqualifies_a_block_at_the_address_it_will_be_published_on() {
    let local = TcpListener::bind("127.0.0.1:0").unwrap();
    check_in_the_way(&local, "127.0.0.1", true);
    check_in_the_way(&local, "0.0.0.0", true);
    let all = TcpListener::bind("0.0.0.0:0").unwrap();
    check_in_the_way(&all, "127.0.0.1", true);
    let both = TcpListener::bind("[::]:0").unwrap();
    check_in_the_way(&both, "127.0.0.1", true);
    check_in_the_way(&both, "::1", true);
    check_in_the_way(&only_six(), "127.0.0.1", true);
    let six = TcpListener::bind("[::1]:0").unwrap();
    check_in_the_way(&six, "::1", true);
    check_in_the_way(&six, "127.0.0.1", false);
    check_in_the_way(&local, "::1", false);
}

#[test]
#[cfg(target_os = "linux")]
fn a_listener_on_another_address_is_not_in_the_way() {
    let other = TcpListener::bind("127.0.0.2:0").unwrap();
    check_in_the_way(&other, "127.0.0.1", false);
}

#[test]
fn a_service_without_an_address_is_checked_on_the_loopback_address() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ports = json!([{"service": "audio", "container": 4714, "start": port}]);
    assert_ne!(hosts(&world.run(&with_ports(1, ports), &[]).success()), [u64::from(port)]);
}

/// Leaves a connection of a server that did not set SO_REUSEADDR in
/// TIME_WAIT, and returns the server's port.
fn time_wait() -> u16 {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, accept, bind, getsockname, listen,
        socket,
    };
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    let server = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(server.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    listen(&server, Backlog::new(1).unwrap()).unwrap();
    let port = getsockname::<SockaddrIn>(server.as_raw_fd()).unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    #[expect(unsafe_code, reason = "nix returns a bare descriptor")]
    // SAFETY: accept(2) has just made the descriptor, and nobody else has it.
    let accepted = unsafe { OwnedFd::from_raw_fd(accept(server.as_raw_fd()).unwrap()) };
    let accepted = TcpStream::from(accepted);
    // The side that closes first is the one that waits.
    accepted.shutdown(Shutdown::Both).unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    port
}

#[test]
fn what_remains_of_old_connections_is_not_in_the_way() {
    // In a busy machine the connection may not have come to its end yet, or somebody else's
    // may get the port: not each time.
    let is_given = (0..5).any(|_| {
        let world = World::new();
        let port = time_wait();
        let refused = std::net::TcpListener::bind(("127.0.0.1", port)).is_err();
        assert!(
            refused || !cfg!(target_os = "linux"),
            "nothing remains, so that this shows nothing"
        );
        hosts(&world.run(&wants(port, "127.0.0.1"), &[]).success()) == [u64::from(port)]
    });
    assert!(is_given);
}

#[test]
fn a_project_keeps_its_block_when_its_own_container_listens() {
    let world = World::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let first = hosts(&world.run(&wants(port, "127.0.0.1"), &[]).success());
    let _container = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(hosts(&world.run(&wants(port, "127.0.0.1"), &[]).success()), first);
}

#[test]
fn an_address_of_another_machine_is_an_error() {
    let world = World::new();
    // TEST-NET-1 of RFC 5737: no machine has it.
    world.check_refused(&wants(18000, "192.0.2.1"), &[], 69, "address-not-here");
}

#[test]
fn services_are_added_at_the_same_offset() {
    let world = World::new();
    let base = hosts(&world.run(&document(1), &[]).success());
    let offset = base[0] - 2200;
    let added = world.run(&document(1), &["--service", "pg:5432:15432"]).success();
    assert_eq!(hosts(&added), [&base[..], &[15432 + offset]].concat());
    let again = world.run(&parsed(&added), &["--service", "pg:5432:15432"]).success();
    assert_eq!(again.get_output().stdout, added.get_output().stdout);
    world.check_refused(&parsed(&added), &["--service", "pg:5432:15433"], 65, "service-differs");
}

#[test]
fn an_added_service_whose_port_is_taken_is_an_error_that_says_by_whom() {
    let world = World::new();
    let service = |start: u16| format!("pg:5432:{start}");
    world
        .run(&with_ports(1, json!([{"service": "a", "container": 1, "start": 15000}])), &[])
        .success();
    world.portalloc(&["--plain", "my db", "--service", &service(15500)]).assert().success();
    let ours = with_ports(1, json!([{"service": "a", "container": 1, "start": 15000}]));
    let error = world.check_refused(&ours, &["--service", &service(15500)], 69, "port-held");
    assert!(error["message"].as_str().unwrap().contains("'my db'"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    world.check_refused(&ours, &["--service", &service(port)], 75, "port-taken");
}

#[test]
fn ports_that_are_there_are_kept_unless_another_project_holds_them() {
    let world = World::new();
    let pinned = |n, host| {
        with_ports(n, json!([{"service": "web", "container": 80, "start": 13000, "host": host}]))
    };
    assert_eq!(hosts(&world.run(&pinned(1, 13042), &[]).success()), [13042]);
    world.check_refused(&pinned(2, 13042), &[], 69, "port-held");
    world.check_refused(&pinned(1, 13043), &[], 65, "port-differs");
    let listed = world.portalloc(&["--list", "--json"]).assert().success();
    assert_eq!(parsed(&listed)["reservations"][0]["offset"], 42);
}

#[test]
fn an_exhausted_range_says_which_and_who_holds_it() {
    let world = World::new();
    let document = |n| with_ports(n, json!([{"service": "web", "container": 80, "start": 13100}]));
    for n in 1..3 {
        world.run(&document(n), &["--blocks", "2"]).success();
    }
    let before = world.ledger_text();
    let error = world.check_refused(&document(3), &["--blocks", "2"], 69, "range-exhausted");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("13100-13101 (web)"), "{message}");
    assert!(message.contains("'dev-1' holds offset 0, 'dev-2' holds offset 1"), "{message}");
    assert_eq!(world.ledger_text(), before);
    // The document may say how many offsets there are; the flag wins.
    let mut wide = document(3);
    wide["port_blocks"] = 3.into();
    world.check_refused(&wide, &["--blocks", "2"], 69, "range-exhausted");
    assert_eq!(hosts(&world.run(&wide, &[]).success()), [13102]);
}

#[test]
fn lines_for_a_shell_can_be_evaluated() {
    let world = World::new();
    let mut shell = Command::new("/bin/sh");
    let script = r#"eval "$("$1" --plain "it's me" --shell --service my-db:1:14100 --service web:2:14200)" && echo "$MY_DB_PORT $WEB_PORT""#;
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_portalloc")]);
    shell.env_clear().env("CTRKIT_STATE_DIR", world.path("state")).env("PATH", world.path("bin"));
    shell.assert().success().stdout("14100 14200\n").stderr("");
    let document = with_ports(1, json!([{"service": "web", "container": 1, "start": 14200}]));
    world.run(&document, &["--shell"]).success().stdout("WEB_PORT=14201\n");
}

#[test]
fn tools_in_a_pipe_get_the_document() {
    let world = World::new();
    // The example of the manual page; sed stands for whatever reads it.
    let script = r#""$1" | "$1" | sed 's/.*"ctrkit.ports","value":"\([^"]*\)".*/\1/'"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_portalloc")]);
    shell.env("CTRKIT_STATE_DIR", world.path("state")).env("CTRKIT_ENGINE", "/nonexistent/podman");
    let document = with_ports(1, json!([{"service": "web", "container": 80, "start": 14300}]));
    shell.write_stdin(document.to_string()).assert().success().stdout("web:80:14300\n").stderr("");
}

#[test]
fn a_dry_run_says_the_same_and_touches_nothing() {
    let world = World::new();
    world.stub("podman", "exit 1");
    world.stub("ssh", "exit 1");
    let document = with_ports(1, json!([{"service": "web", "container": 80, "start": 16000}]));
    let dry = world.run(&document, &["--dry-run"]).success().stderr("");
    assert_eq!(hosts(&dry), [16000]);
    world.run(&elsewhere(1, 16000), &["-n"]).success();
    assert!(!world.path("state").exists());
    assert_eq!((world.calls("podman").len(), world.calls("ssh").len()), (0, 0));
    let real = world.run(&document, &[]).success();
    assert_eq!(real.get_output().stdout, dry.get_output().stdout);
    let before = world.ledger_text();
    assert_eq!(
        hosts(&world.run(&with_ports(2, document["ports"].clone()), &["-n"]).success()),
        [16001]
    );
    world.portalloc(&["-n", "--plain", "x"]).assert().success();
    assert_eq!(world.ledger_text(), before);
    world.write_ledger("rubbish");
    let warning = predicate::str::ends_with("ports.json' cannot be parsed\n");
    world.run(&document, &["-n"]).success().stderr(warning);
    assert_eq!(world.ledger_text(), "rubbish");
}

#[test]
fn a_plain_name_gets_a_document_of_its_own() {
    let world = World::new();
    let args = ["--plain", "x", "--service", "web:80:14400", "--blocks", "1"];
    let first = world.portalloc(&args).assert().success();
    let expected = json!({"schema": "ports/1", "reservations": [
        {"key": "plain:x", "name": "x", "offset": 0, "ports": [{"service": "web", "port": 14400}]}
    ]});
    assert_eq!(parsed(&first), expected);
    assert_eq!(parsed(&world.portalloc(&args).assert().success()), expected);
    world.portalloc(&["--release", "plain:x"]).assert().success().stderr("");
    assert_eq!(world.ledger_text(), "{\"schema\":\"ports/1\",\"reservations\":[]}\n");
}

#[test]
fn the_list_is_for_people_and_for_programs() {
    let world = World::new();
    world.portalloc(&["--list"]).assert().success().stdout("").stderr("");
    let document = with_ports(1, json!([{"service": "web", "container": 80, "start": 14500}]));
    world.run(&document, &[]).success();
    let line = "dev-1\t000000000001\t0\tweb=14500\t-\t/nonexistent/1\n";
    world.portalloc(&["--list"]).assert().success().stdout(line);
    let json = world.portalloc(&["--list", "--json"]).assert().success();
    assert_eq!(json.get_output().stdout, fs::read(world.ledger()).unwrap());
}

#[test]
fn unknown_keys_of_the_ledger_survive() {
    let world = World::new();
    world.write_ledger(
        r#"{"x":[],"schema":"ports/1","reservations":[{"y":false,"key":"plain:x","name":"x","ports":[{"z":1,"service":"a","port":14600}]}]}"#,
    );
    world
        .run(&with_ports(1, json!([{"service": "b", "container": 1, "start": 14600}])), &[])
        .success();
    let text = world.ledger_text();
    let kept = r#"{"x":[],"schema":"ports/1","reservations":[{"y":false,"key":"plain:x","name":"x","ports":[{"z":1,"service":"a","port":14600}]},"#;
    assert!(text.starts_with(kept), "{text}");
    assert!(text.contains("14601"), "{text}");
}

#[test]
fn a_lost_ledger_is_rebuilt_from_labels_with_one_call() {
    let world = World::new();
    world.stub("podman", &podman_ps("0000000000ff", "web:80:14700"));
    let document = |n| with_ports(n, json!([{"service": "web", "container": 80, "start": 14700}]));
    assert_eq!(hosts(&world.run(&document(1), &[]).success().stderr("")), [14701]);
    assert_eq!(world.calls("podman").len(), 1);
    assert!(world.calls("podman")[0].contains("--filter label=ctrkit.managed=true"));
    assert_eq!(hosts(&world.run(&document(0xff), &[]).success()), [14700]);
    assert_eq!(hosts(&world.run(&document(2), &[]).success()), [14702]);
    assert_eq!(world.calls("podman").len(), 1, "the ledger was there");
}

#[test]
fn all_engines_that_are_installed_are_asked() {
    let world = World::new();
    world.stub("podman", &podman_ps("0000000000ff", "web:80:14800"));
    let docker = json!({"ID": "2", "Names": "dev-new", "Image": "", "State": "exited",
        "CreatedAt": "", "Ports": "", "Labels": {"ctrkit.project.hash": "0000000000fe",
        "ctrkit.ports": "web:80:14801"}});
    world.stub("docker", &format!("echo '{docker}'"));
    let document = with_ports(1, json!([{"service": "web", "container": 80, "start": 14800}]));
    assert_eq!(hosts(&world.run(&document, &[]).success()), [14802]);
    let listed = world.portalloc(&["--list"]).assert().success();
    let names = predicate::str::contains("dev-old\t").and(predicate::str::contains("dev-new\t"));
    listed.stdout(names);
}

#[test]
fn a_first_run_needs_no_engine_that_answers() {
    let world = World::new();
    world.stub("docker", "echo 'Cannot connect to the Docker daemon at unix:///x.' >&2; exit 1");
    let says = predicate::str::starts_with("portalloc: warning: there is no ledger yet")
        .and(predicate::str::contains("the engine does not answer"));
    world.run(&document(1), &[]).success().stderr(says);
    world.run(&document(2), &[]).success().stderr("");
    assert_eq!(world.calls("docker").len(), 1);
}

#[test]
fn a_broken_ledger_is_kept_aside_and_rebuilt() {
    for (number, text) in
        [&b""[..], b"{", b"\xff\xfe", br#"{"schema":"other/1"}"#, b"[]", br#"{"schema":"ports/1"}"#]
            .into_iter()
            .enumerate()
    {
        let world = World::new();
        world.stub("podman", &podman_ps("0000000000ff", "web:80:14900"));
        world.write_ledger(text);
        let document = with_ports(1, json!([{"service": "web", "container": 80, "start": 14900}]));
        let warning = predicate::str::contains("ports.json.broken-1' and rebuilt");
        let output = world.run(&document, &[]).success().stderr(warning);
        assert_eq!(hosts(&output), [14901], "text {number}");
        assert_eq!(fs::read(world.path("state/ports.json.broken-1")).unwrap(), text);
        world.run(&document, &[]).success().stderr("");
        // Another one does not take the place of the first.
        world.write_ledger("other rubbish");
        world.run(&document, &["--error-format", "json"]).success().stderr("");
        let aside = fs::read_to_string(world.path("state/ports.json.broken-2")).unwrap();
        assert_eq!(aside, "other rubbish");
    }
}

#[test]
fn a_broken_ledger_stays_when_the_engine_does_not_answer() {
    let world = World::new();
    world.stub("podman", "echo 'Error: cannot connect to podman' >&2; exit 125");
    world.write_ledger("rubbish");
    for args in [&[][..], &["--list"], &["--release", "x"], &["--plain", "x"]] {
        let error = world.check_refused(&document(1), args, 69, "ledger-broken");
        assert!(error["command"]["line"].as_str().unwrap().contains("podman ps"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("--engine"), "{error}");
    }
    assert_eq!(world.ledger_text(), "rubbish");
    assert!(!world.path("state/ports.json.broken-1").exists());
}

#[test]
fn a_broken_ledger_on_a_machine_without_engines_begins_anew() {
    let world = World::new();
    world.write_ledger("rubbish");
    world.run(&document(1), &[]).success().stderr(predicate::str::contains("broken-1"));
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let world = World::new();
    let text = r#"{"schema":"ports/2","holders":[]}"#;
    world.write_ledger(text);
    for args in [&[][..], &["--list"], &["--release", "x"], &["--plain", "x"]] {
        world.check_refused(&document(1), args, 65, "ledger-newer");
    }
    assert_eq!(world.ledger_text(), text);
}

#[test]
fn a_ledger_that_cannot_be_read_or_written_is_an_error() {
    let world = World::new();
    fs::create_dir_all(world.ledger()).unwrap();
    world.check_refused(&document(1), &[], 66, "cannot-read-file");
    fs::remove_dir(world.ledger()).unwrap();
    fs::remove_dir(world.path("state")).unwrap();
    fs::write(world.path("state"), "").unwrap();
    world.check_refused(&document(1), &[], 74, "cannot-read-file");
}

#[test]
#[cfg(target_os = "linux")]
fn without_permission_it_is_77() {
    let world = World::new();
    // Not even root can make a directory in sysfs.
    world.check_refused(&document(1), &["--state-dir", "/sys/ctrkit"], 77, "cannot-write-file");
}

#[test]
fn a_full_disk_leaves_the_ledger_as_it_was() {
    let world = World::new();
    world.ports(1);
    let before = world.ledger_text();
    let mut shell = Process::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" --plain x"])
        .arg(env!("CARGO_BIN_EXE_portalloc"))
        .env("CTRKIT_STATE_DIR", world.path("state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take();
    let output = shell.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write"));
    assert_eq!(world.ledger_text(), before);
    let names = fs::read_dir(world.path("state")).unwrap().count();
    assert_eq!(names, 2, "something was left beside the ledger and its lock");
}

#[test]
fn what_a_killed_writer_left_is_swept_away() {
    let world = World::new();
    world.ports(1);
    let left = world.path("state/.ports.json.ctrkit-a1b2c3");
    fs::write(&left, "half of a led").unwrap();
    world.ports(2);
    assert!(!left.exists());
}

#[test]
fn nothing_is_given_up_while_worktree_or_container_is_there() {
    let world = World::new();
    fs::create_dir(world.path("tree")).unwrap();
    let mut with_tree = document(1);
    with_tree["project"]["path"] = world.path("tree").to_str().unwrap().into();
    world.run(&with_tree, &[]).success();
    world.ports(2);
    world.ports(3);
    world.portalloc(&["--plain", "x"]).assert().success();
    world.stub("podman", &podman_ps("000000000002", "ssh:22:2201"));
    let dropped = world.portalloc(&["--gc"]).assert().success().stderr("");
    dropped.stdout(predicate::str::is_match("^dev-3\t000000000003\t.*/nonexistent/3\n$").unwrap());
    assert_eq!(world.calls("podman").len(), 1);
    let json = world.portalloc(&["--gc", "--json"]).assert().success();
    assert_eq!(parsed(&json), json!({"schema": "ports/1", "reservations": []}));
    fs::remove_dir(world.path("tree")).unwrap();
    world.portalloc(&["--gc"]).assert().success().stdout(predicate::str::starts_with("dev-1\t"));
}

#[test]
fn nothing_is_given_up_when_an_engine_does_not_answer() {
    let world = World::new();
    world.ports(1);
    let before = world.ledger_text();
    world.check_refused(&document(1), &["--gc"], 69, "engine-absent");
    world.stub("podman", "echo '[]'");
    world.stub("docker", "echo 'Cannot connect to the Docker daemon at unix:///x.' >&2; exit 1");
    world.check_refused(&document(1), &["--gc"], 69, "engine-not-running");
    assert_eq!(world.ledger_text(), before);
    // Who names an engine means that one alone.
    let named = world.portalloc(&["--gc", "--engine", "podman"]).assert().success();
    named.stdout(predicate::str::starts_with("dev-1\t"));
}

#[test]
fn the_engine_of_the_configuration_is_asked_and_the_others_too_before_anything_goes() {
    let world = World::new();
    world.stub("podman", "echo '[]'");
    world.stub("docker", "exit 1");
    world.configure("engine = \"podman\"\n");
    world.ports(1);
    assert_eq!((world.calls("podman").len(), world.calls("docker").len()), (1, 0));
    world.check_refused(&document(1), &["--gc"], 69, "engine-failed");
    let labels = json!({"ctrkit.managed": "true", "ctrkit.project.hash": "000000000001"});
    let line = json!({"ID": "a", "Names": "dev-1", "Image": "i", "State": "running",
        "CreatedAt": "", "Ports": "", "Labels": labels});
    world.stub("docker", &format!("echo '{line}'"));
    world.portalloc(&["--gc"]).assert().success().stdout("");
    world.stub("docker", "");
    world.portalloc(&["--gc"]).assert().success().stdout(predicate::str::starts_with("dev-1\t"));
    world.configure("engin = 1\n");
    world.check_refused(&document(1), &["--gc"], 65, "bad-configuration");
}

#[test]
fn the_host_of_the_configuration_is_the_one_that_is_meant() {
    let world = World::new();
    world.write_ledger(r#"{"schema":"ports/1","reservations":[]}"#);
    world.ports(1);
    world.stub("ssh", "echo 'LISTEN 0 128 127.0.0.1:15900 0.0.0.0:*'");
    world.configure("host = \"ssh://box\"\n");
    let plain = ["--plain", "x", "--service", "web:80:15900"];
    let run = world.portalloc(&plain).assert().success();
    let held = &parsed(&run)["reservations"][0];
    assert_eq!((&held["host"], &held["ports"][0]["port"]), (&json!("ssh://box"), &json!(15901)));
    let nothing = "portalloc: warning: nothing is reserved for 'dev-1'\n";
    world.portalloc(&["--release", "dev-1"]).assert().success().stderr(nothing);
    world.portalloc(&["--release", "x"]).assert().success().stderr("");
    // What is here is not measured by who answers there.
    world.stub("ssh", "exit 255");
    world.stub("podman", "echo '[]'");
    let before = world.ledger_text();
    world.portalloc(&["--gc"]).assert().failure();
    assert_eq!(world.ledger_text(), before);
    world.portalloc(&["--release", "dev-1", "--host", "local"]).assert().success().stderr("");
}

fn elsewhere(n: u16, start: u16) -> Value {
    let ports =
        json!([{"service": "web", "container": 80, "start": start, "address": "127.0.0.1"}]);
    let mut document = with_ports(n, ports);
    document["engine"] = json!({"kind": "podman", "host": "ssh://ann@box:2222/run/podman.sock"});
    document
}

#[test]
fn what_listens_on_the_machine_of_the_engine_counts() {
    let world = World::new();
    world.stub("podman", "echo '[]'");
    world.stub(
        "ssh",
        "echo 'LISTEN 0 128 127.0.0.1:15900 0.0.0.0:*'; echo 'LISTEN 0 128 *:15901 *:*'",
    );
    let (config, start) = (world.path("ssh_config"), 15900);
    // What listens here does not.
    let listener = TcpListener::bind("127.0.0.1:15902");
    let run = |n| {
        let mut command = world.portalloc(&[]);
        command.env("CTRKIT_SSH_CONFIG", &config).write_stdin(elsewhere(n, start).to_string());
        hosts(&command.assert().success())
    };
    assert_eq!(run(1), [15902]);
    drop(listener);
    // The second asks for the engine's socket, because there is no ledger yet.
    let calls = world.calls("ssh");
    assert_eq!(calls.len(), 2);
    assert!(calls[0].starts_with(&format!("-F {} -o ControlPath=", config.display())), "{calls:?}");
    assert!(calls[0].contains(" -o BatchMode=yes ") && calls[0].contains(" -o ConnectTimeout=10 "));
    assert!(calls[0].ends_with(" -T -l ann -p 2222 -- box ss -Hltn"), "{calls:?}");
    assert_eq!(run(1), [15902]);
    assert_eq!(world.calls("ssh").len(), 2, "a block that is reserved was checked again");
    // The same numbers are free here.
    let here = with_ports(1, json!([{"service": "web", "container": 80, "start": 15900}]));
    assert_eq!(hosts(&world.run(&here, &[]).success()), [15900]);
    let args = ["--release", "dev-1", "--host", "ssh://box"];
    world.portalloc(&args).assert().success().stderr("");
    assert_eq!(hosts(&world.run(&here, &[]).success()), [15900]);
}

#[test]
fn a_machine_that_does_not_tell_is_an_error() {
    let world = World::new();
    world.check_refused(&elsewhere(1, 15900), &[], 69, "engine-cannot-run");
    world.stub("ssh", "echo 'ann@box: Permission denied (publickey).' >&2; exit 255");
    let error = world.check_refused(&elsewhere(1, 15900), &[], 77, "login-refused");
    assert_eq!(error["command"]["status"], 255);
    assert!(error["command"]["last_words"].as_str().unwrap().contains("publickey"));
    world.stub("ssh", "echo 'ss: not found' >&2; exit 127");
    world.check_refused(&elsewhere(1, 15900), &[], 69, "remote-unreachable");
    world.stub("ssh", "echo welcome");
    world.check_refused(&elsewhere(1, 15900), &[], 74, "remote-answer-unreadable");
    let mut other = elsewhere(1, 15900);
    other["engine"]["host"] = "tcp://box:2375".into();
    world.check_refused(&other, &[], 65, "unknown-engine-host");
    assert!(!world.path("state/ports.json").exists(), "something was reserved");
}

#[test]
fn hostile_hosts_are_refused_before_ssh_sees_them() {
    let world = World::new();
    world.stub("ssh", "exit 255");
    for host in ["ssh://-oProxyCommand=id", "ssh://$(id)", "ssh://-l@;id:22/x"] {
        let mut document = elsewhere(1, 15900);
        document["engine"]["host"] = host.into();
        world.check_refused(&document, &[], 65, "unknown-engine-host");
    }
    assert!(world.calls("ssh").is_empty());
}

#[test]
fn the_events_tell_what_was_done() {
    let world = World::new();
    let file = world.path("events");
    let args = ["--events", file.to_str().unwrap()];
    for _ in 0..2 {
        world.run(&document(1), &args).success();
    }
    let mut zero = document(2);
    zero["ports"] = json!([{"service": "a", "container": 1}]);
    world.run(&zero, &args).code(65);
    let text = fs::read_to_string(file).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<_> = events
        .map(|event| format!("{} {} {}", event["subject"], event["step"], event["status"]))
        .collect();
    let expected = [
        r#""dev-1" "reserve" "started""#,
        r#""dev-1" "reserve" "done""#,
        r#""dev-1" "reserve" "started""#,
        r#""dev-1" "reserve" "unchanged""#,
        r#""dev-2" "reserve" "started""#,
        r#""dev-2" "reserve" "failed""#,
    ];
    assert_eq!(told, expected);
}

#[test]
fn wrong_usage_is_64() {
    let world = World::new();
    for args in [
        &["--list", "--gc"][..],
        &["--release", "x", "--plain", "x"],
        &["--json"],
        &["--plain", "x", "--json"],
        &["--list", "--shell"],
        &["--gc", "--blocks", "3"],
        &["--gc", "--dry-run"],
        &["--blocks", "0"],
        &["--service", "x"],
        &["--service", "X Y:1:2"],
        &["--plain", ""],
        &["--plain", "a\nb"],
    ] {
        world.run(&document(1), args).code(64).stdout("");
    }
    assert!(!world.path("state").exists());
}

#[test]
fn what_is_no_document_is_refused_before_anything_is_made() {
    let world = World::new();
    for (text, status, kind) in [
        (&b""[..], 66, "empty-document"),
        (b" \n", 66, "empty-document"),
        (b"{", 65, "malformed-document"),
        (b"\xff", 65, "not-utf-8"),
        (br#"{"schema":"container/2"}"#, 65, "unexpected-schema"),
        (br#"{"schema":"container/1","name":1}"#, 65, "malformed-document"),
    ] {
        let mut command = world.portalloc(&["--error-format", "json"]);
        let output = command.write_stdin(text).assert().code(status).stdout("");
        let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
        assert_eq!(error["kind"], kind);
    }
    let mut wrong = document(1);
    wrong["project"]["hash"] = "x".into();
    world.check_refused(&wrong, &[], 65, "bad-project-hash");
    for (ports, kind) in [
        (json!([{"service": "a b", "container": 1, "start": 2}]), "bad-service"),
        (json!([{"service": "a", "container": 0, "start": 2}]), "bad-port"),
        (json!([{"service": "a", "container": 1, "start": 2, "address": "x"}]), "bad-address"),
        (json!([{"service": "a", "container": 1}]), "missing-start"),
    ] {
        world.check_refused(&with_ports(1, ports), &[], 65, kind);
    }
    assert!(!world.ledger().exists());
}

#[test]
fn a_full_and_a_closed_stdout_are_errors() {
    let world = World::new();
    let run = |redirection: &str, says: &str| {
        let script = format!(r#""$0" --plain x {redirection}"#);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_portalloc")]);
        shell.env_clear().env("CTRKIT_STATE_DIR", world.path("state"));
        shell.assert().code(74).stderr(predicate::str::contains(says));
    };
    run(">/dev/full", "No space left on device");
    run(">&-", "standard output is closed");
}

#[test]
fn a_reader_that_is_gone_is_no_error_message() {
    let world = World::new();
    let mut child = Process::new(env!("CARGO_BIN_EXE_portalloc"))
        .env_clear()
        .env("CTRKIT_STATE_DIR", world.path("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(document(1).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn completion_is_written_for_each_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = world.portalloc(&["--completion", shell]).assert().success();
        output.stdout(predicate::str::contains("release"));
    }
}

#[test]
fn ports_are_adopted_while_their_container_listens() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ports = json!([{"service": "ssh", "container": 22, "host": port, "address": "127.0.0.1"}]);
    let first = world.run(&with_ports(1, ports), &["--adopt"]).success();
    assert_eq!(hosts(&first), [u64::from(port)]);
    assert_eq!(parsed(&first)["labels"][1]["name"], "ctrkit.ports");
    let before = world.ledger_text();
    assert!(before.contains("\"key\":\"adopted:"), "{before}");
    world.run(&parsed(&first), &["--adopt"]).success();
    assert_eq!(world.ledger_text(), before);
    world.check_refused(&document(1), &["--adopt"], 65, "missing-key");
    let name = parsed(&first)["name"].as_str().unwrap().to_owned();
    world.portalloc(&["--release", &name]).assert().success();
    assert!(!world.ledger_text().contains("adopted:"));
}
