//! The program as its callers see it, with a real ssh that reads what it wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, Permissions},
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{self, Stdio},
    thread,
    time::{Duration, Instant},
};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sshcfg");

/// ctrkit's directories and a user's file, all of which are absent.
struct World {
    directory: TempDir,
    /// Below `directory`; ctrkit's own directories are in it.
    base: PathBuf,
}

impl World {
    fn new() -> Self {
        Self::at("")
    }

    fn at(base: impl AsRef<Path>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join(base);
        Self { directory, base }
    }

    fn user_config(&self) -> PathBuf {
        self.directory.path().join("ssh/config")
    }

    fn config(&self, name: &str) -> PathBuf {
        self.base.join("config").join(name)
    }

    /// Makes the user's file.
    fn with_user_config(contents: impl AsRef<[u8]>) -> Self {
        let world = Self::new();
        fs::create_dir(world.user_config().parent().unwrap()).unwrap();
        fs::write(world.user_config(), contents).unwrap();
        world
    }

    fn document(&self, name: &str) -> Value {
        json!({
            "schema": "container/1", "x-first": [1, {"b": 1, "a": 2}], "name": name,
            "project": {"path": "/a", "name": "a", "hash": "123456789abc", "owner": "ops"},
            "user": "dev",
            "ports": [{"service": "ssh", "container": 22, "host": 2201, "address": "0.0.0.0"}],
            "ssh": {
                "x-note": "keep me", "known_hosts": self.config("known_hosts"),
                "revoked_host_keys": self.config("revoked_keys"), "certificate": "/s/cert.pub",
            },
        })
    }

    /// Returns the program in an environment that holds nothing of the tester's.
    fn process(&self, args: &[&str]) -> process::Command {
        let mut command = process::Command::new(PROGRAM);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("CTRKIT_CONFIG_DIR", self.config(""));
        command.env("CTRKIT_STATE_DIR", self.base.join("state"));
        command.env("CTRKIT_SSH_CONFIG", self.user_config()).args(args);
        command
    }

    fn sshcfg(&self, args: &[&str]) -> Command {
        self.process(args).into()
    }

    /// Adds a document and returns what was written.
    #[track_caller]
    fn add(&self, document: &Value) -> String {
        let output = self.sshcfg(&["add"]).write_stdin(document.to_string()).assert();
        let output = output.success().stderr("");
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    }

    #[track_caller]
    fn remove(&self, names: &[&str]) {
        let mut command = self.sshcfg(&["remove"]);
        command.args(names).assert().success().stdout("").stderr("");
    }

    #[track_caller]
    fn check_list(&self, names: &str) {
        self.sshcfg(&["list"]).assert().success().stdout(names.to_owned());
    }

    #[track_caller]
    fn check_refused(&self, args: &[&str], stdin: impl Into<Vec<u8>>, status: i32, kind: &str) {
        let mut command = self.sshcfg(args);
        command.args(["--error-format", "json"]).write_stdin(stdin);
        let output = command.assert().code(status).stdout("");
        let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
        assert_eq!(error["kind"], kind, "{error}");
    }

    /// Asks ssh what it makes of the user's file for `host`.
    #[track_caller]
    fn ssh_g(&self, host: &str) -> BTreeMap<String, String> {
        let mut ssh = process::Command::new("ssh");
        ssh.arg("-F").arg(self.user_config()).args(["-G", host]);
        let output = ssh.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let pair = |line: &str| line.split_once(' ').map(|(key, value)| (key.into(), value.into()));
        text.lines().filter_map(pair).collect()
    }

    /// Returns every file with its contents and the time it was written.
    fn snapshot(&self) -> BTreeSet<(PathBuf, Vec<u8>, i64, i64, u64)> {
        let mut files = BTreeSet::new();
        let mut left = vec![self.directory.path().to_owned()];
        while let Some(path) = left.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                let contents = fs::read(&path).unwrap_or_default();
                let (time, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
                files.insert((path, contents, time, nanoseconds, metadata.ino()));
            }
        }
        files
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[track_caller]
fn check_said(said: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (keyword, value) in expected {
        assert_eq!(said.get(*keyword).map(String::as_str), Some(*value), "{keyword}");
    }
}

#[test]
fn ssh_understands_the_block() {
    let world = World::new();
    let mut document = world.document("dev-a");
    document["ssh"]["identity_file"] = "/home/me/key".into();
    document["ssh"]["local_forward"] = json!(["8080 localhost:80", "127.0.0.1:81 /run/a"]);
    document["ssh"]["remote_forward"] = json!(["4713 /run/user/1000/pulse/native", "1080"]);
    world.add(&document);
    let said = world.ssh_g("dev-a");
    let (known, revoked) = (world.config("known_hosts"), world.config("revoked_keys"));
    check_said(
        &said,
        &[
            ("hostname", "127.0.0.1"),
            ("port", "2201"),
            ("user", "dev"),
            ("hostkeyalias", "dev-a"),
            ("hostkeyalgorithms", "ssh-ed25519-cert-v01@openssh.com"),
            ("stricthostkeychecking", "true"),
            ("userknownhostsfile", known.to_str().unwrap()),
            ("globalknownhostsfile", "/dev/null"),
            ("revokedhostkeys", revoked.to_str().unwrap()),
            ("identityfile", "/home/me/key"),
            ("identitiesonly", "yes"),
            ("forwardagent", "no"),
            ("controlmaster", "auto"),
            ("controlpersist", "3600"),
            ("serveraliveinterval", "30"),
            ("serveralivecountmax", "6"),
            ("connecttimeout", "10"),
            ("tcpkeepalive", "yes"),
        ],
    );
    assert!(said["controlpath"].starts_with(world.base.join("state/mux").to_str().unwrap()));
    assert!(said.contains_key("localforward") && said.contains_key("remoteforward"));
    assert_eq!(mode(&world.base.join("state/mux")), 0o700);
    assert_eq!(mode(&world.config("ssh_config")), 0o600);
}

#[test]
fn ssh_understands_the_ways_around() {
    let world = World::new();
    let mut document = world.document("dev-a");
    document["ssh"]["proxy_jump"] = "me@box:2222,[::1]:22".into();
    world.add(&document);
    check_said(&world.ssh_g("dev-a"), &[("proxyjump", "me@box:2222,[::1]:22")]);
    let command = "podman exec -i 'a b' sh -c \"echo #1\"";
    document["ssh"]["proxy_command"] = command.into();
    document["ssh"].as_object_mut().unwrap().remove("proxy_jump");
    world.add(&document);
    check_said(&world.ssh_g("dev-a"), &[("proxycommand", command)]);
}

#[test]
fn hostile_paths_reach_ssh_as_they_are() {
    for base in
        ["with space", "a#b", "it's", "back\\slash", "back\\'s", "日本", "gl[o]b*?", "a,b", "~x"]
    {
        let world = World::at(base);
        let mut document = world.document("dev-a");
        let key = world.base.join("50% of %h");
        document["ssh"]["identity_file"] = json!(key);
        world.add(&document);
        let said = world.ssh_g("dev-a");
        // This one is told as it is written; tests/openssh.rs logs in with such a key.
        assert_eq!(said["identityfile"], key.to_str().unwrap().replace('%', "%%"));
        assert_eq!(said["userknownhostsfile"], world.config("known_hosts").to_str().unwrap());
        assert_eq!(said["revokedhostkeys"], world.config("revoked_keys").to_str().unwrap());
        let sockets = world.base.join("state/mux");
        assert!(said["controlpath"].starts_with(sockets.to_str().unwrap()), "{base}");
        world.remove(&["dev-a"]);
        assert!(!world.user_config().exists(), "{base}");
    }
}

#[test]
fn paths_that_cannot_be_given_to_ssh_are_refused_and_nothing_is_written() {
    for base in ["a\"b", "a\nb", "50%", "${HOME}", "a\tb"] {
        let world = World::at(base);
        world.check_refused(&["add"], world.document("dev-a").to_string(), 65, "bad-path");
        assert!(world.snapshot().is_empty(), "{base:?}");
    }
}

#[test]
fn values_that_bring_lines_or_options_are_refused_and_nothing_is_written() {
    let world = World::with_user_config("Host *\n");
    let before = world.snapshot();
    for (pointer, value) in [
        ("/ssh/hostname", json!("a\nUser root")),
        ("/ssh/hostname", json!("-oProxyCommand=id")),
        ("/user", json!("dev\n  ProxyCommand id")),
        ("/user", json!("-l")),
        ("/ssh/proxy_jump", json!("-oProxyCommand=id")),
        ("/ssh/proxy_command", json!("nc\nUser root")),
        ("/ssh/proxy_command", json!("it's")),
        ("/ssh/local_forward", json!(["80 a:80\nUser root"])),
        ("/ssh/remote_forward", json!(["80", "x"])),
    ] {
        let mut document = world.document("dev-a");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[key] = value;
        for verb in ["add", "print"] {
            world.check_refused(&[verb], document.to_string(), 65, "bad-value");
        }
    }
    for name in ["", "*", "a b", "../a", "Dev", "-a", "a\nb"] {
        world.check_refused(&["add"], world.document(name).to_string(), 65, "bad-name");
    }
    assert_eq!(world.snapshot(), before);
}

#[test]
fn whatever_is_let_through_leaves_ssh_able_to_read_the_file() {
    let words = [
        "a", "-", "0", "80", ":", "[::1]", "/", "*", "'", "\"", "\\", "#", "%h", "${A}", " ", "@",
        ",",
    ];
    let world = World::new();
    let mut accepted = 0;
    for index in 0..400_usize {
        // Three words, in an order that is the same in every run.
        let pick =
            |step: usize| words[(index * 7919 + step * 104_729 + index * step * 31) % words.len()];
        let value = [pick(1), pick(2), pick(3)].concat();
        let mut document = world.document("dev-a");
        let key = ["hostname", "proxy_jump", "proxy_command", "identity_file"][index % 4];
        document["ssh"][key] = match key {
            "identity_file" => format!("/{value}").into(),
            _ => value.clone().into(),
        };
        document["ssh"]["remote_forward"] = match index % 3 {
            0 => json!([value]),
            1 => json!([format!("80 {value}")]),
            _ => json!([]),
        };
        let output = world.sshcfg(&["add"]).write_stdin(document.to_string()).output().unwrap();
        if output.status.success() {
            accepted += 1;
            assert_eq!(world.ssh_g("other")["user"], world.ssh_g("another")["user"]);
            check_said(&world.ssh_g("dev-a"), &[("user", "dev"), ("hostkeyalias", "dev-a")]);
        }
    }
    assert!(accepted > 40, "only {accepted} were let through");
}

#[test]
fn our_block_comes_before_what_the_user_says_of_all_hosts() {
    let theirs = "Host *\n  User me\n  Port 1\n  StrictHostKeyChecking no\n  ControlPath /x\n\
                  Host dev-*\n  HostName box\n  UserKnownHostsFile /dev/null\n";
    let world = World::with_user_config(theirs);
    let before = world.ssh_g("box");
    world.add(&world.document("dev-a"));
    let said = world.ssh_g("dev-a");
    check_said(&said, &[("user", "dev"), ("port", "2201"), ("stricthostkeychecking", "true")]);
    check_said(&said, &[("hostname", "127.0.0.1")]);
    assert_ne!(said["userknownhostsfile"], "/dev/null");
    assert_eq!(world.ssh_g("box"), before, "another host is affected");
}

#[test]
fn the_line_swallows_nothing_that_follows() {
    let world = World::with_user_config("User me\nPort 7\nHost x\n  Port 8\n");
    world.add(&world.document("dev-a"));
    check_said(&world.ssh_g("y"), &[("user", "me"), ("port", "7")]);
}

#[test]
fn the_document_is_passed_on_with_the_file_filled_in() {
    let world = World::new();
    let text = world.add(&world.document("dev-a"));
    assert_eq!(text.matches('\n').count(), 1);
    let mut expected = world.document("dev-a");
    expected["ssh"]["config"] = json!(world.config("ssh_config"));
    assert_eq!(text, format!("{expected}\n"));
}

#[test]
fn a_second_add_writes_nothing() {
    let world = World::with_user_config("Host *\n");
    let first = world.add(&world.document("dev-a"));
    let before = world.snapshot();
    let again: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(world.add(&again), first);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_changed_document_changes_its_block_alone() {
    let world = World::new();
    for name in ["dev-a", "dev-b"] {
        world.add(&world.document(name));
    }
    let mut document = world.document("dev-a");
    document["ports"][0]["host"] = 2202.into();
    world.add(&document);
    check_said(&world.ssh_g("dev-a"), &[("port", "2202")]);
    check_said(&world.ssh_g("dev-b"), &[("port", "2201")]);
    world.check_list("dev-a\ndev-b\n");
}

#[test]
fn the_line_is_there_once_and_goes_with_the_last_block() {
    let theirs = "# mine\nHost *\n";
    let world = World::with_user_config(theirs);
    for name in ["dev-a", "dev-b"] {
        world.add(&world.document(name));
    }
    let text = fs::read_to_string(world.user_config()).unwrap();
    assert_eq!(text.matches("Include").count(), 1);
    world.remove(&["dev-a"]);
    assert_eq!(fs::read_to_string(world.user_config()).unwrap(), text);
    world.check_list("dev-b\n");
    world.remove(&["dev-b"]);
    assert_eq!(fs::read_to_string(world.user_config()).unwrap(), theirs);
    assert!(!world.config("ssh_config").exists());
    world.check_list("");
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let world = World::new();
    world.remove(&["dev-a"]);
    assert!(world.snapshot().is_empty());
    world.add(&world.document("dev-b"));
    let before = world.snapshot();
    world.remove(&["dev-a", "dev-c"]);
    assert_eq!(world.snapshot(), before);
    world.check_refused(&["remove", "../x"], "", 65, "bad-name");
    world.sshcfg(&["remove"]).assert().code(64).stdout("");
}

/// Adds and removes a block and checks that the user's file is what it was,
/// with its mode.
#[track_caller]
fn check_identity(contents: &[u8], bits: u32) {
    let world = World::with_user_config(contents);
    fs::set_permissions(world.user_config(), Permissions::from_mode(bits)).unwrap();
    world.add(&world.document("dev-a"));
    assert_ne!(fs::read(world.user_config()).unwrap(), contents);
    assert_eq!(mode(&world.user_config()), bits);
    world.remove(&["dev-a"]);
    assert_eq!(fs::read(world.user_config()).unwrap(), contents);
    assert_eq!(mode(&world.user_config()), bits);
}

#[test]
fn adding_and_removing_is_the_identity_on_the_users_file() {
    let megabyte = b"Host x # \xe9\r\n\tUser=me\n".repeat(50_000);
    for contents in [
        &b""[..],
        b"\n",
        b"\n\n",
        b"\r\n",
        b"Host a",
        b"Host a\n",
        b"# note\n\nhost=a\n\tuser me",
        b"Match all\r\n  User me\r\n",
        b"Include other\nMatch host x\n  User me\n\n\n",
        b"\xef\xbb\xbfHost a\n",
        b"\xff\xfe\0",
        b"Include \"/x/ssh_config\"\n\n",
        &megabyte,
    ] {
        check_identity(contents, 0o600);
    }
    for bits in [0o400, 0o444, 0o644, 0o640] {
        check_identity(b"Host a\n", bits);
    }
}

#[test]
fn a_file_that_was_absent_is_absent_again() {
    let world = World::new();
    world.add(&world.document("dev-a"));
    assert_eq!(mode(&world.user_config()), 0o600);
    assert_eq!(mode(world.user_config().parent().unwrap()), 0o700);
    world.remove(&["dev-a"]);
    assert!(!world.user_config().exists());
}

#[test]
fn a_symbolic_link_stays_one() {
    let world = World::with_user_config("");
    let real = world.directory.path().join("real");
    for contents in [Some("Host a"), None] {
        let _ = fs::remove_file(world.user_config());
        match contents {
            Some(contents) => fs::write(&real, contents).unwrap(),
            None => fs::remove_file(&real).unwrap(),
        }
        symlink("../real", world.user_config()).unwrap();
        world.add(&world.document("dev-a"));
        assert!(fs::read_to_string(&real).unwrap().starts_with("Include "));
        world.remove(&["dev-a"]);
        assert_eq!(fs::read_to_string(&real).ok().as_deref(), contents);
        assert_eq!(fs::read_link(world.user_config()).unwrap(), Path::new("../real"));
    }
}

#[test]
fn a_block_that_is_there_without_its_line_gets_it_back() {
    let world = World::with_user_config("Host *\n");
    world.add(&world.document("dev-a"));
    fs::write(world.user_config(), "Host *\n").unwrap();
    world.add(&world.document("dev-a"));
    check_said(&world.ssh_g("dev-a"), &[("port", "2201")]);
    // The block lost, the line left, as after a kill between the two.
    fs::remove_file(world.config("ssh_config")).unwrap();
    world.remove(&["dev-a"]);
    assert_eq!(fs::read_to_string(world.user_config()).unwrap(), "Host *\n");
}

#[test]
fn a_file_of_blocks_that_is_not_ours_is_left_alone() {
    for contents in [&b"Host mine\n"[..], b"\xff\xff", b"garbage"] {
        let world = World::with_user_config("Host *\n");
        fs::create_dir_all(world.config("")).unwrap();
        fs::write(world.config("ssh_config"), contents).unwrap();
        world.check_refused(&["add"], world.document("dev-a").to_string(), 65, "foreign-file");
        world.check_refused(&["remove", "dev-a"], "", 65, "foreign-file");
        world.check_refused(&["list"], "", 65, "foreign-file");
        assert_eq!(fs::read(world.config("ssh_config")).unwrap(), contents);
        assert_eq!(fs::read_to_string(world.user_config()).unwrap(), "Host *\n");
    }
}

#[test]
fn a_users_file_that_cannot_be_read_takes_the_block_back() {
    let world = World::new();
    fs::create_dir_all(world.user_config()).unwrap();
    world.check_refused(&["add"], world.document("dev-a").to_string(), 66, "cannot-read-file");
    world.check_list("");
    let world = World::with_user_config("");
    fs::remove_file(world.user_config()).unwrap();
    symlink("config", world.user_config()).unwrap();
    world.check_refused(&["add"], world.document("dev-a").to_string(), 74, "cannot-read-file");
    world.check_list("");
}

#[test]
fn a_directory_of_sockets_that_others_can_enter_is_refused() {
    let world = World::new();
    let sockets = world.base.join("state/mux");
    fs::create_dir_all(&sockets).unwrap();
    fs::set_permissions(&sockets, Permissions::from_mode(0o755)).unwrap();
    world.check_refused(&["add"], world.document("dev-a").to_string(), 77, "sockets-exposed");
    fs::remove_dir(&sockets).unwrap();
    fs::create_dir(world.base.join("elsewhere")).unwrap();
    symlink("../elsewhere", &sockets).unwrap();
    world.check_refused(&["print"], world.document("dev-a").to_string(), 77, "sockets-exposed");
    assert!(!world.user_config().exists());
}

#[test]
fn a_long_path_of_the_state_directory_still_gives_a_block_that_works() {
    let world = World::at("a-very-long-directory/".repeat(8));
    world.add(&world.document("dev-a"));
    let said = world.ssh_g("dev-a");
    let path = said.get("controlpath").map_or("none", String::as_str);
    assert!(path == "none" || path.len() + 17 < 104, "{path}");
    assert!(!path.starts_with("/tmp"), "{path}");
}

#[test]
fn a_full_disk_is_74_and_leaves_both_files_as_they_were() {
    let world = World::with_user_config("Host a\n  User me\n".repeat(500));
    world.add(&world.document("dev-b"));
    let before = world.snapshot();
    // In blocks of 512 or 1024 bytes: room for the blocks, not for the user's
    // file, then for neither. The shell ignores the signal of the limit, so
    // that writing fails as on a full disk.
    for limit in ["4", "0"] {
        let script =
            format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" --error-format json \"$@\"");
        for args in [&["add"][..], &["remove", "dev-b"]] {
            let mut command = Command::new("sh");
            command.args(["-c", &script, PROGRAM]).args(args);
            command.env("CTRKIT_CONFIG_DIR", world.config(""));
            command.env("CTRKIT_STATE_DIR", world.base.join("state"));
            command.env("CTRKIT_SSH_CONFIG", world.user_config());
            // Without our line the user's file has to be written.
            let theirs = fs::read_to_string(world.user_config()).unwrap();
            let is_add = args == ["add"];
            if is_add {
                let without = theirs.split_once("\n\n").unwrap().1;
                fs::write(world.user_config(), without).unwrap();
            }
            let user_before = fs::read(world.user_config()).unwrap();
            let blocks_before = fs::read(world.config("ssh_config")).unwrap();
            let output = command.write_stdin(world.document("dev-a").to_string()).assert();
            let output = output.code(74).stdout("");
            let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
            assert_eq!(error["kind"], "cannot-write-file");
            assert_eq!(fs::read(world.user_config()).unwrap(), user_before);
            if is_add {
                assert_eq!(fs::read(world.config("ssh_config")).unwrap(), blocks_before);
            }
            world.add(&world.document("dev-b"));
            assert_eq!(fs::read_to_string(world.user_config()).unwrap(), theirs);
        }
    }
    let names = |snapshot: &BTreeSet<(PathBuf, Vec<u8>, i64, i64, u64)>| {
        snapshot
            .iter()
            .map(|(path, contents, ..)| (path.clone(), contents.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&world.snapshot()), names(&before));
}

#[test]
fn fifty_at_once_lose_nothing() {
    let theirs = "# mine\nHost *\n  User me\n";
    let world = World::with_user_config(theirs);
    let names: Vec<_> = (0..25).map(|index| format!("dev-{index}")).collect();
    for name in &names {
        world.add(&world.document(name));
    }
    let spawn = |args: &[&str], stdin: &str| {
        let mut command = world.process(args);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child
    };
    let children: Vec<_> = names
        .iter()
        .flat_map(|name| {
            let document = world.document(&format!("work-{name}")).to_string();
            [spawn(&["remove", name], ""), spawn(&["add"], &document)]
        })
        .collect();
    assert_eq!(children.len(), 50);
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let output = world.sshcfg(&["list"]).output().unwrap();
    let listed: BTreeSet<_> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(listed, names.iter().map(|name| format!("work-{name}")).collect());
    let text = fs::read_to_string(world.user_config()).unwrap();
    assert!(text.matches("Include").count() == 1 && text.ends_with(theirs));
    world.remove(&listed.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(fs::read_to_string(world.user_config()).unwrap(), theirs);
}

#[test]
fn a_killed_run_leaves_the_old_file_or_the_new_one() {
    let theirs = "# mine\nHost *\n  User me\n".repeat(200);
    let world = World::with_user_config(&theirs);
    let document = world.document("dev-a").to_string();
    let mut killed = 0;
    for index in 0..80_u64 {
        let args: &[&str] = if index % 2 == 0 { &["add"] } else { &["remove", "dev-a"] };
        let mut command = world.process(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(document.as_bytes());
        thread::sleep(Duration::from_micros(1000 + index * 150));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().signal() == Some(9));
        let text = fs::read_to_string(world.user_config()).unwrap();
        assert!(text == theirs || text.split_once("\n\n").is_some_and(|(_, rest)| rest == theirs));
    }
    assert!(killed > 10, "only {killed} were killed");
    world.add(&world.document("dev-a"));
    check_said(&world.ssh_g("dev-a"), &[("port", "2201")]);
    world.remove(&["dev-a"]);
    assert_eq!(fs::read_to_string(world.user_config()).unwrap(), theirs);
    for directory in [world.config(""), world.user_config().parent().unwrap().to_owned()] {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_string_lossy().contains(".ctrkit-")));
    }
}

#[test]
fn nothing_needs_an_ssh_client() {
    let world = World::new();
    for (args, stdin) in [
        (&["print"][..], world.document("dev-a").to_string()),
        (&["add"], world.document("dev-a").to_string()),
        (&["list"], String::new()),
        (&["remove", "dev-a"], String::new()),
    ] {
        let mut command = world.sshcfg(args);
        command.env("PATH", "/nonexistent").write_stdin(stdin).assert().success().stderr("");
    }
    assert!(!world.user_config().exists());
}

#[test]
fn an_ssh_that_hangs_does_not_hang_the_removal() {
    let world = World::new();
    let stubs = world.directory.path().join("stubs");
    fs::create_dir(&stubs).unwrap();
    fs::write(
        stubs.join("ssh"),
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"${0%/*}/args\"\nexec sleep 60\n",
    )
    .unwrap();
    fs::set_permissions(stubs.join("ssh"), Permissions::from_mode(0o755)).unwrap();
    world.add(&world.document("dev-a"));
    let begun = Instant::now();
    let mut command = world.sshcfg(&["remove", "dev-a"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", stubs.display())).assert().success();
    assert!(begun.elapsed() < Duration::from_secs(30));
    world.check_list("");
    let args = fs::read_to_string(stubs.join("args")).unwrap();
    assert!(
        args.starts_with("-F\nnone\n-o\nControlPath=\"") && args.ends_with("\n-O\nexit\ndev-a\n")
    );
}

#[test]
fn the_block_is_printed_and_nothing_is_configured() {
    let world = World::new();
    let output = world.sshcfg(&["print"]).write_stdin(world.document("dev-a").to_string()).assert();
    let text = String::from_utf8(output.success().get_output().stdout.clone()).unwrap();
    assert!(text.starts_with("Host dev-a\n    HostName 127.0.0.1\n"), "{text}");
    assert!(world.snapshot().is_empty());
    world.add(&world.document("dev-a"));
    assert!(fs::read_to_string(world.config("ssh_config")).unwrap().ends_with(&text));
}

#[test]
fn the_manual_pages_way_to_remove_all_blocks_works() {
    let world = World::with_user_config("Host *\n");
    for name in ["dev-a", "dev-b"] {
        world.add(&world.document(name));
    }
    let page = include_str!("../../../man/sshcfg.1");
    let mut examples = page.lines().filter_map(|line| line.strip_prefix(".Dl $ "));
    let example = examples.find(|line| line.starts_with("sshcfg list | ")).unwrap();
    let mut shell = Command::new("sh");
    let path = format!("{}:/usr/bin:/bin", Path::new(PROGRAM).parent().unwrap().display());
    shell.args(["-c", example]).env("PATH", path).env("CTRKIT_CONFIG_DIR", world.config(""));
    shell.env("CTRKIT_STATE_DIR", world.base.join("state"));
    shell.env("CTRKIT_SSH_CONFIG", world.user_config()).assert().success();
    assert_eq!(fs::read_to_string(world.user_config()).unwrap(), "Host *\n");
}

#[test]
fn what_a_block_needs_is_named() {
    let world = World::new();
    for (pointer, key) in
        [("", "ports"), ("", "user"), ("/ssh", "known_hosts"), ("/ports/0", "host")]
    {
        let mut document = world.document("dev-a");
        document.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
        world.check_refused(&["add"], document.to_string(), 65, "missing-key");
    }
    let mut document = world.document("dev-a");
    document["ports"][0].as_object_mut().unwrap().remove("address");
    world.check_refused(&["add"], document.to_string(), 65, "port-not-published");
    assert!(world.snapshot().is_empty());
}

#[test]
fn what_is_not_a_document_is_refused() {
    let world = World::new();
    for verb in ["add", "print"] {
        world.check_refused(&[verb], "", 66, "empty-document");
        world.check_refused(&[verb], &b"\xff"[..], 65, "not-utf-8");
        world.check_refused(&[verb], r#"{"schema":"container/2"}"#, 65, "unexpected-schema");
        world.check_refused(
            &[verb],
            r#"{"schema":"container/1","name":7}"#,
            65,
            "malformed-document",
        );
        world.check_refused(&[verb], vec![b' '; 17 << 20], 65, "document-too-large");
    }
    assert!(world.snapshot().is_empty());
}

#[test]
fn wrong_usage_is_64() {
    let world = World::new();
    for args in [&[][..], &["frobnicate"], &["add", "dev-a"], &["list", "x"], &["--frobnicate"]] {
        world.sshcfg(args).assert().code(64).stdout("");
    }
}

#[test]
fn progress_goes_to_the_events() {
    let world = World::new();
    let events = world.directory.path().join("events");
    let mut command = world.sshcfg(&["add", "--events", events.to_str().unwrap()]);
    command.write_stdin(world.document("dev-a").to_string()).assert().success();
    let events = fs::read_to_string(events).unwrap();
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2);
    assert!(
        events.iter().all(|event| event["step"] == "configure-ssh" && event["subject"] == "dev-a")
    );
}

#[test]
fn a_closed_stdout_is_silent_and_a_full_one_is_74() {
    let world = World::new();
    let run = |stdout: Stdio| {
        let mut command = world.process(&["add"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let document = world.document("dev-a").to_string();
        child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let closed = run(Stdio::piped());
    assert_eq!(closed.status.signal(), Some(13));
    assert!(closed.stderr.is_empty());
    let full = run(File::options().write(true).open("/dev/full").unwrap().into());
    assert_eq!(full.status.code(), Some(74));
}

#[test]
fn the_long_list_says_where_each_leads() {
    let world = World::new();
    let mut there = world.document("dev-b");
    there["ssh"]["proxy_jump"] = "me@box:2222".into();
    for document in [world.document("dev-a"), there] {
        world.sshcfg(&["add"]).write_stdin(document.to_string()).assert().success();
    }
    let run = world.sshcfg(&["list", "--long"]).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let lines: Vec<Vec<_>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0][..3], ["dev-a", "127.0.0.1:2201", "-"]);
    assert_eq!(lines[1][..3], ["dev-b", "127.0.0.1:2201", "me@box:2222"]);
    for line in &lines {
        let socket = line[3].rsplit('/').next().unwrap();
        assert!(socket.trim_start_matches("ctrkit-").len() == 12, "{text}");
    }
}
