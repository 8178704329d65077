//! The program as its callers see it, with stand-ins for sshcfg and ssh.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::net::UnixListener, path::PathBuf};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const CONFIG: &str = "# mine\nhost = \"ssh://me@box\"\nconnection = \"home\" # for now\n\n\
    [[connections]]\nname = \"home\"\naddress = \"me@192.0.2.1\"\n\n\
    [[connections]]\nname = \"vpn\"\naddress = \"me@192.0.2.2:2022\"\n";

/// A world with two connections and the containers `dev-a` and `dev-b`, of
/// which the second has no ssh entry.
struct Made {
    world: World,
    program: PathBuf,
}

impl Made {
    fn new() -> Self {
        let world = World::new();
        world.program("sshcfg");
        world.program("ssh");
        world.answer("sshcfg-list", "dev-a\nother\n");
        world.on("sshcfg-add", "cat >>\"$stub/added\"");
        world.write("config/config.toml", CONFIG);
        let program = world.install(env!("CARGO_BIN_EXE_ctr-connection"));
        let made = Self { world, program };
        made.keep("dev-a", "ssh://me@box/run/x.sock", "me@192.0.2.1");
        made.keep("dev-b", "ssh://me@box", "me@192.0.2.1");
        made.keep("dev-c", "ssh://me@elsewhere", "me@192.0.2.1");
        made.world.write("state/ports.json", "{}");
        fs::create_dir_all(made.world.path("state/mux")).unwrap();
        made
    }

    fn keep(&self, name: &str, host: &str, jump: &str) {
        let document = json!({
            "x-first": 1, "schema": "container/1", "name": name,
            "project": {"path": "/a", "name": "a", "hash": "0123456789ab"},
            "engine": {"kind": "podman", "host": host, "address": jump},
            "ssh": {"known_hosts": "/k", "proxy_jump": jump, "certificate": "/c"},
        });
        self.world.write(format!("state/{name}/document.json"), &format!("{document}\n"));
    }

    fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.world.path(format!("state/{name}/document.json"))).unwrap()
    }

    fn config(&self) -> String {
        fs::read_to_string(self.world.path("config/config.toml")).unwrap()
    }

    fn run(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(&self.program);
        command.args(args);
        command
    }

    /// Runs it and returns standard output and standard error.
    #[track_caller]
    fn done(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args).assert().success().get_output().clone();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

/// `document` as it is when the address is another.
fn moved(document: &str) -> String {
    document.replace("192.0.2.1", "192.0.2.2:2022")
}

#[test]
fn they_are_listed_and_shown() {
    let made = Made::new();
    let (table, _) = made.done(&["list"]);
    assert!(table.ends_with("home  me@192.0.2.1       yes\nvpn   me@192.0.2.2:2022  -\n"));
    let document: Value = serde_json::from_str(&made.done(&["list", "--json"]).0).unwrap();
    let expected = json!({
        "schema": "connections/1", "host": "ssh://me@box", "connections": [
            {"name": "home", "address": "me@192.0.2.1", "active": true},
            {"name": "vpn", "address": "me@192.0.2.2:2022"}],
    });
    assert_eq!(document, expected);
    assert!(made.done(&["show"]).0.contains("in force:  yes"));
    let one: Value = serde_json::from_str(&made.done(&["show", "vpn", "--json"]).0).unwrap();
    assert_eq!(one["connections"][0]["name"], "vpn");
    assert_eq!(
        refused(&mut made.run(&["show", "away"]), 69, "no-such-connection")["message"],
        "there is no connection 'away', there is home, vpn"
    );
}

#[test]
fn a_connection_is_added_once_and_removed_once() {
    let made = Made::new();
    let (out, err) = made.done(&["add", "public", "box.example:22"]);
    assert_eq!((out.as_str(), err.contains("is added")), ("", true), "{err}");
    let added =
        format!("{CONFIG}\n[[connections]]\nname = \"public\"\naddress = \"box.example:22\"\n");
    assert_eq!(made.config(), added);
    assert!(made.done(&["add", "public", "box.example:22"]).1.contains("is there already"));
    let error = refused(&mut made.run(&["add", "public", "other"]), 65, "connection-exists");
    assert_eq!(
        error["message"],
        "the connection 'public' leads to 'box.example:22', not to 'other'"
    );
    assert_eq!(made.config(), added);
    made.done(&["remove", "public"]);
    assert_eq!(made.config(), CONFIG);
    assert!(made.done(&["remove", "public"]).1.contains("there is no connection"));
    refused(&mut made.run(&["remove", "home"]), 65, "connection-in-force");
    assert_eq!(made.config(), CONFIG);
    assert_eq!(made.world.calls(), Vec::<Vec<String>>::new());
}

#[test]
fn what_ssh_would_misunderstand_is_refused() {
    let made = Made::new();
    for address in ["-oProxyCommand=x", "a b", "", "a\nb", "::1", "u@", "a:0"] {
        made.run(&["add", "--", "x", address]).assert().code(64);
    }
    for name in ["", "-x", "a b", "a\n", "ä", &"a".repeat(64)] {
        made.run(&["add", "--", name, "box"]).assert().code(64);
    }
    assert_eq!(made.config(), CONFIG);
}

#[test]
fn a_switch_takes_along_what_was_made_with_the_old_address() {
    let made = Made::new();
    let before = ["dev-a", "dev-b", "dev-c"].map(|name| made.kept(name));
    let (_, told) = made.done(&["switch", "vpn"]);
    assert_eq!(made.config(), CONFIG.replace("\"home\" #", "\"vpn\" #"));
    assert_eq!(made.kept("dev-a"), moved(&before[0]));
    assert_eq!(made.kept("dev-b"), moved(&before[1]));
    assert_eq!(made.kept("dev-c"), before[2]);
    // The one that has an entry is given to sshcfg as it is kept.
    let added = fs::read_to_string(made.world.path("stub/added")).unwrap();
    assert_eq!(added, made.kept("dev-a"));
    assert_eq!(made.world.changes(), ["sshcfg list", "sshcfg add"]);
    for line in [
        "ctr-connection: connection: home -> vpn (me@192.0.2.2:2022)",
        "ctr-connection: dev-a: ProxyJump me@192.0.2.1 -> me@192.0.2.2:2022",
        "ctr-connection: dev-b: ProxyJump me@192.0.2.1 -> me@192.0.2.2:2022",
    ] {
        assert!(told.lines().any(|told| told == line), "{told}");
    }
}

#[test]
fn a_switch_that_was_cut_off_is_mended_by_the_next() {
    let made = Made::new();
    made.done(&["switch", "vpn"]);
    // Killed before the second container, and before the document of the first.
    made.keep("dev-a", "ssh://me@box/run/x.sock", "me@192.0.2.1");
    made.keep("dev-b", "ssh://me@box", "me@192.0.2.1");
    let config = made.config();
    made.done(&["switch", "vpn"]);
    assert_eq!(made.config(), config);
    assert!(made.kept("dev-a").contains("192.0.2.2:2022"));
    assert!(made.kept("dev-b").contains("192.0.2.2:2022"));
    // And where all is as it should be, nothing is told.
    assert_eq!(made.done(&["switch", "vpn"]).1, "");
}

#[test]
fn one_container_that_fails_does_not_hold_up_the_others() {
    let made = Made::new();
    made.world.refuse("sshcfg-add", 74, "no space left");
    let error = refused(&mut made.run(&["switch", "vpn"]), 70, "cannot-write-ssh-entry");
    assert_eq!(error["message"], "cannot change the ssh entry of 'dev-a'");
    assert!(made.kept("dev-a").contains("192.0.2.1"));
    assert!(made.kept("dev-b").contains("192.0.2.2"));
    fs::remove_file(made.world.path("stub/sshcfg-add.status")).unwrap();
    made.world.write("state/dev-d/document.json", "{");
    refused(&mut made.run(&["switch", "home"]), 65, "malformed-document");
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let made = Made::new();
    let listen = |name: &str| UnixListener::bind(made.world.path("state/mux").join(name)).unwrap();
    let (_a, _b) = (listen("0123456789ab"), listen("aaaaaaaaaaaa"));
    made.world.write(
        "config/ssh_config",
        "Host dev-a\n    ControlPath \"/x/0123456789ab\"\n\nHost dev-c\n    ControlPath \"/x/aaaaaaaaaaaa\"\n",
    );
    let before = ["dev-a", "dev-b"].map(|name| made.kept(name));
    let (lines, told) = made.done(&["switch", "vpn", "--dry-run"]);
    assert_eq!(
        lines,
        "connection: home -> vpn (me@192.0.2.2:2022)\n\
         dev-a: ProxyJump me@192.0.2.1 -> me@192.0.2.2:2022\n\
         dev-a: the open connection is closed\n\
         dev-b: ProxyJump me@192.0.2.1 -> me@192.0.2.2:2022\n"
    );
    assert_eq!(told, "");
    assert_eq!(made.config(), CONFIG);
    assert_eq!(["dev-a", "dev-b"].map(|name| made.kept(name)), before);
    assert_eq!(made.world.calls(), Vec::<Vec<String>>::new());
    assert!(!made.world.path("state/connection.lock").exists());
}

#[test]
fn without_a_host_there_is_nothing_to_connect_to() {
    let made = Made::new();
    made.world.write("config/config.toml", "user = \"dev\"\n");
    assert_eq!(made.done(&["list"]).0, "NAME  ADDRESS  IN FORCE\n");
    for args in [&["add", "a", "b"][..], &["switch", "a"], &["show"], &["switch", "-n", "a"]] {
        let error = refused(&mut made.run(args), 65, "no-host");
        assert!(error["hint"].as_str().unwrap().contains("ctr-init"), "{error}");
    }
    made.world.write("config/config.toml", "host = \"ssh://me@box\"\n");
    refused(&mut made.run(&["show"]), 69, "no-such-connection");
}

#[test]
fn a_configuration_that_is_not_understood_is_not_rewritten() {
    let made = Made::new();
    for (text, line) in [
        (format!("{CONFIG}\n[new]\nkey = 1\n"), 13),
        (CONFIG.replace("\"vpn\"", "\"home\""), 5),
        (CONFIG.replace("me@192.0.2.1", "-oProxyCommand=x"), 7),
        (format!("{CONFIG}\0"), 12),
    ] {
        made.world.write("config/config.toml", &text);
        for args in [&["switch", "vpn"][..], &["add", "a", "b"], &["remove", "vpn"], &["list"]] {
            let error = refused(&mut made.run(args), 65, "bad-configuration");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(&format!("at line {line}:")), "{message}");
        }
        assert_eq!(made.config(), text);
    }
}

#[test]
fn a_connection_in_force_that_is_gone_is_switched_away_from() {
    let made = Made::new();
    made.world.write(
        "config/config.toml",
        &CONFIG.replace("connection = \"home\"", "connection = \"away\""),
    );
    made.done(&["switch", "vpn"]);
    assert!(made.config().contains("connection = \"vpn\" # for now"));
}
