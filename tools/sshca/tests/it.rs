//! The program as its callers see it: arguments, pipes, files, exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{self, Stdio},
    thread,
    time::Duration,
};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sshca");

/// Returns a document of the container `name`, as it comes from ctr-spec.
fn document(name: &str) -> String {
    json!({
        "schema": "container/1", "x-first": [1, {"b": 1, "a": 2}], "name": name,
        "project": {"path": "/a", "name": "a", "hash": "123456789abc", "owner": "ops"},
        "inject": [{"target": "/home/dev", "mode": "0700", "owner": "dev", "note": 1}],
        "ssh": {"x-note": "keep me", "identity_file": "/k"},
    })
    .to_string()
}

/// ctrkit's directories, empty.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn with_authority() -> Self {
        let world = Self::new();
        world.sshca(&["init"]).assert().success().stdout("").stderr("");
        world
    }

    fn config(&self, name: &str) -> PathBuf {
        self.directory.path().join("config").join(name)
    }

    fn host(&self, name: &str, file: &str) -> PathBuf {
        self.directory.path().join("state").join(name).join(file)
    }

    /// Returns the program in an environment that holds nothing of the tester's.
    fn sshca(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("HOME", self.directory.path().join("home"));
        command.env("CTRKIT_CONFIG_DIR", self.config(""));
        command.env("CTRKIT_STATE_DIR", self.directory.path().join("state"));
        command.args(args);
        command
    }

    fn certified(&self, name: &str) -> Value {
        self.certified_with(name, &[])
    }

    fn certified_with(&self, name: &str, args: &[&str]) -> Value {
        let output = self.sshca(args).write_stdin(document(name)).assert().success().stderr("");
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    }

    #[track_caller]
    fn check_refused(&self, args: &[&str], stdin: impl Into<Vec<u8>>, status: i32, kind: &str) {
        let mut command = self.sshca(args);
        command.args(["--error-format", "json"]).write_stdin(stdin);
        let output = command.assert().code(status).stdout("");
        let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
        assert_eq!(error["kind"], kind, "{error}");
    }

    #[track_caller]
    fn check_pipe_refused(&self, status: i32, kind: &str) {
        self.check_refused(&[], document("dev-a"), status, kind);
    }

    /// Returns every file with its contents and the time it was written.
    fn snapshot(&self) -> BTreeSet<(PathBuf, Vec<u8>, i64, i64)> {
        let mut files = BTreeSet::new();
        let mut left = vec![self.directory.path().to_owned()];
        while let Some(path) = left.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                let contents = fs::read(&path).unwrap();
                files.insert((path, contents, metadata.mtime(), metadata.mtime_nsec()));
            }
        }
        files
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_authority_is_never_made_silently() {
    let world = World::new();
    world.check_pipe_refused(69, "no-authority");
    assert!(world.snapshot().is_empty(), "something was made");
    let command = world.sshca(&[]).write_stdin(document("dev-a")).assert();
    let stderr = String::from_utf8(command.get_output().stderr.clone()).unwrap();
    assert!(stderr.contains("hint: make it: sshca init"), "{stderr}");
}

#[test]
fn the_authority_is_private_and_is_kept() {
    let world = World::with_authority();
    assert_eq!(mode(&world.config("ca")), 0o700);
    assert_eq!(mode(&world.config("ca/ca_key")), 0o600);
    let before = world.snapshot();
    world.sshca(&["init"]).assert().success();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn ssh_and_inject_are_filled_in_and_the_rest_is_passed_on() {
    let world = World::with_authority();
    let certified = world.certified("dev-a");
    let keys: Vec<_> = certified.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["schema", "x-first", "name", "project", "inject", "ssh", "labels"]);
    assert_eq!(certified["project"]["owner"], "ops");
    let ssh = &certified["ssh"];
    assert_eq!((&ssh["x-note"], &ssh["identity_file"]), (&json!("keep me"), &json!("/k")));
    assert_eq!(ssh["serial"], 1);
    assert_eq!(ssh["known_hosts"], json!(world.config("known_hosts")));
    assert_eq!(ssh["revoked_host_keys"], json!(world.config("revoked_keys")));
    assert_eq!(ssh["authority"], json!(world.config("ca/ca_key.pub")));
    assert_eq!(ssh["validity_days"], Value::Null, "nobody asked for one");
    let injected = certified["inject"].as_array().unwrap();
    assert_eq!(injected[0]["note"], 1);
    let expected = [
        ("ssh_host_ed25519_key", "0600"),
        ("ssh_host_ed25519_key.pub", "0644"),
        ("ssh_host_ed25519_key-cert.pub", "0644"),
    ]
    .map(|(file, mode)| {
        let source = world.host("dev-a", file);
        json!({"source": source, "target": format!("/etc/ssh/{file}"), "mode": mode, "owner": "root"})
    });
    assert_eq!(injected[1..], expected);
    assert_eq!(mode(&world.host("dev-a", "")), 0o700);
    assert_eq!(mode(&world.host("dev-a", "ssh_host_ed25519_key")), 0o600);
}

#[test]
fn output_is_one_line() {
    let world = World::with_authority();
    let output = world.sshca(&[]).write_stdin(document("dev-a")).assert().success();
    let stdout = &output.get_output().stdout;
    assert_eq!(stdout.iter().position(|&byte| byte == b'\n'), Some(stdout.len() - 1));
}

#[test]
fn a_second_run_changes_nothing() {
    let world = World::with_authority();
    for args in [&[][..], &["--validity", "90"]] {
        let first = world.sshca(args).write_stdin(document("dev-a")).assert().success();
        let first = String::from_utf8(first.get_output().stdout.clone()).unwrap();
        // Keys that are not known are kept in what is ours as well.
        let first = first.replace(r#""owner":"root""#, r#""x-note":7,"owner":"root""#);
        let before = world.snapshot();
        world.sshca(&[]).write_stdin(first.clone()).assert().success().stdout(first);
        assert_eq!(world.snapshot(), before);
    }
}

#[test]
fn a_new_key_is_made_when_it_is_asked_for_and_the_old_one_stays_valid() {
    let world = World::with_authority();
    let old = world.certified("dev-a");
    let key = fs::read(world.host("dev-a", "ssh_host_ed25519_key")).unwrap();
    let foreseen = world.certified_with("dev-a", &["-n", "--new-key"]);
    assert_eq!(fs::read(world.host("dev-a", "ssh_host_ed25519_key")).unwrap(), key);
    let new = world.certified_with("dev-a", &["--new-key"]);
    assert_eq!(new["ssh"]["serial"].as_u64(), old["ssh"]["serial"].as_u64().map(|old| old + 1));
    assert_eq!(new["ssh"]["serial"], foreseen["ssh"]["serial"]);
    assert_ne!(fs::read(world.host("dev-a", "ssh_host_ed25519_key")).unwrap(), key);
    // Without the option it is the one that is kept.
    assert_eq!(world.certified("dev-a"), new);
    let list = world.sshca(&["list"]).assert().success().get_output().stdout.clone();
    let list = String::from_utf8(list).unwrap();
    let states = list.lines().map(|line| line.split('\t').nth(2).unwrap());
    assert_eq!(states.collect::<Vec<_>>(), ["valid", "valid"], "{list}");
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let world = World::with_authority();
    let before = world.snapshot();
    let foreseen = world.certified_with("dev-a", &["--dry-run", "--validity", "90"]);
    assert_eq!(world.snapshot(), before);
    let mut certified = world.certified_with("dev-a", &["--validity", "90"]);
    assert_eq!(world.certified_with("dev-a", &["-n", "--validity", "90"]), certified);
    for time in ["valid_after", "valid_before"] {
        // The clock has gone on between the two.
        certified["ssh"][time] = foreseen["ssh"][time].clone();
    }
    assert_eq!(foreseen, certified);
    let world = World::new();
    world.check_refused(&["-n"], document("dev-a"), 69, "no-authority");
    assert!(world.snapshot().is_empty());
}

#[test]
fn each_container_has_its_own_key_and_the_next_serial() {
    let world = World::with_authority();
    let serials: Vec<_> = ["dev-a", "dev-b", "work-a"]
        .map(|name| world.certified(name)["ssh"]["serial"].clone())
        .into();
    assert_eq!(serials, [1, 2, 3]);
    let key = |name| fs::read(world.host(name, "ssh_host_ed25519_key")).unwrap();
    assert_ne!(key("dev-a"), key("dev-b"));
}

#[test]
fn each_prefix_has_one_trust_line_and_the_persons_lines_stay() {
    let world = World::with_authority();
    let known_hosts = world.config("known_hosts");
    fs::write(&known_hosts, "# mine\nhost ssh-rsa AAAAB3 me").unwrap();
    for name in ["dev-a", "dev-b", "work-a", "dev-c"] {
        world.certified(name);
    }
    let authority = fs::read_to_string(world.config("ca/ca_key.pub")).unwrap();
    let line = |prefix| format!("@cert-authority {prefix}-* {authority}");
    let expected = format!("# mine\nhost ssh-rsa AAAAB3 me\n{}{}", line("dev"), line("work"));
    assert_eq!(fs::read_to_string(known_hosts).unwrap(), expected);
    assert_eq!(fs::read(world.config("revoked_keys")).unwrap(), b"");
}

#[test]
fn the_lifetime_is_the_options_the_documents_or_two_years() {
    let world = World::with_authority();
    let days = |certified: &Value| {
        let time = |key: &str| certified["ssh"][key].as_str().unwrap().parse::<jiff::Timestamp>();
        let (after, before) = (time("valid_after").unwrap(), time("valid_before").unwrap());
        // Five minutes are for clocks that are behind.
        (before.as_second() - after.as_second() - 300) / 86400
    };
    assert_eq!(days(&world.certified("dev-a")), 730);
    assert_eq!(days(&world.certified_with("dev-a", &["--validity", "3650"])), 3650);
    let said = document("dev-a").replace(r#""x-note""#, r#""validity_days":30,"x-note""#);
    let output = world.sshca(&[]).write_stdin(said).assert().success();
    assert_eq!(days(&serde_json::from_slice(&output.get_output().stdout).unwrap()), 30);
}

#[test]
fn a_lifetime_out_of_bounds_is_refused() {
    let world = World::with_authority();
    for days in ["0", "3651", "x"] {
        world
            .sshca(&["--validity", days])
            .write_stdin(document("dev-a"))
            .assert()
            .code(64)
            .stdout("");
    }
    let said = document("dev-a").replace(r#""x-note""#, r#""validity_days":0,"x-note""#);
    world.check_refused(&[], said, 65, "bad-validity");
    assert!(!world.host("dev-a", "").exists());
}

#[test]
fn a_name_that_is_a_path_or_a_pattern_is_refused() {
    let world = World::with_authority();
    let before = world.snapshot();
    for name in ["../../etc", "*", "dev-*", "a,b", "Dev", "", "a b", "-oProxyCommand=x", "a\nb"] {
        world.check_refused(&[], document(name), 65, "bad-name");
    }
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_authority_that_others_can_read_is_refused_with_the_cure() {
    let world = World::with_authority();
    for bits in [0o640, 0o604, 0o660, 0o602] {
        set_mode(&world.config("ca/ca_key"), bits);
        world.check_pipe_refused(77, "authority-exposed");
        world.check_refused(&["init"], "", 77, "authority-exposed");
    }
    let command = world.sshca(&[]).write_stdin(document("dev-a")).assert().code(77);
    let stderr = String::from_utf8(command.get_output().stderr.clone()).unwrap();
    assert!(stderr.contains("its mode is 0602") && stderr.contains("chmod 600 "), "{stderr}");
    assert!(!world.host("dev-a", "").exists());
    set_mode(&world.config("ca/ca_key"), 0o400);
    world.certified("dev-a");
}

#[test]
fn an_authority_whose_directory_others_can_write_is_refused() {
    let world = World::with_authority();
    set_mode(&world.config("ca"), 0o770);
    world.check_pipe_refused(77, "authority-exposed");
    set_mode(&world.config("ca"), 0o755);
    world.certified("dev-a");
}

#[test]
fn an_authority_that_is_no_ed25519_key_is_refused() {
    let world = World::with_authority();
    let path = world.config("ca/ca_key");
    let good = fs::read(&path).unwrap();
    for bad in [&b""[..], b"not a key", &good[..200], b"\xff\xfe"] {
        fs::write(&path, bad).unwrap();
        world.check_pipe_refused(65, "bad-authority");
        world.check_refused(&["init"], "", 65, "bad-authority");
        assert_eq!(fs::read(&path).unwrap(), bad, "it was overwritten");
    }
    for args in [&["-t", "ecdsa", "-N", ""][..], &["-t", "ed25519", "-N", "secret"]] {
        fs::remove_file(&path).unwrap();
        let mut keygen = process::Command::new("ssh-keygen");
        let made = keygen.args(["-q", "-f"]).arg(&path).args(args).stdin(Stdio::null()).status();
        assert!(made.unwrap().success());
        world.check_pipe_refused(65, "bad-authority");
    }
}

#[test]
fn an_authority_that_ssh_keygen_made_is_as_good() {
    let world = World::with_authority();
    let path = world.config("ca/ca_key");
    fs::remove_file(&path).unwrap();
    fs::remove_file(world.config("ca/ca_key.pub")).unwrap();
    let mut keygen = process::Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "me and mine", "-f"]).arg(&path);
    assert!(keygen.status().unwrap().success());
    let public = fs::read(world.config("ca/ca_key.pub")).unwrap();
    world.sshca(&["init"]).assert().success();
    world.certified("dev-a");
    assert_eq!(fs::read(world.config("ca/ca_key.pub")).unwrap(), public);
}

#[test]
fn the_public_key_of_the_authority_is_mended() {
    let world = World::with_authority();
    let path = world.config("ca/ca_key.pub");
    let good = fs::read(&path).unwrap();
    fs::write(&path, "ssh-ed25519 AAAA").unwrap();
    world.sshca(&["init"]).assert().success();
    assert_eq!(fs::read(&path).unwrap(), good);
    fs::remove_file(&path).unwrap();
    world.certified("dev-a");
    assert_eq!(fs::read(&path).unwrap(), good);
}

#[test]
fn a_lost_counter_is_an_error_and_init_begins_one_that_is_higher() {
    let world = World::with_authority();
    world.certified("dev-a");
    for broken in ["", "x\n", "-1\n", "99999999999999999999\n"] {
        fs::write(world.config("ca/serial"), broken).unwrap();
        world.check_refused(&[], document("dev-b"), 65, "no-serial");
    }
    fs::remove_file(world.config("ca/serial")).unwrap();
    world.check_refused(&[], document("dev-b"), 65, "no-serial");
    world.sshca(&["init"]).assert().success();
    let serial = world.certified("dev-b")["ssh"]["serial"].as_u64().unwrap();
    assert!(serial > 1_700_000_000, "{serial}");
}

#[test]
fn a_host_key_that_is_gone_or_broken_is_made_again() {
    let world = World::with_authority();
    world.certified("dev-a");
    let path = world.host("dev-a", "ssh_host_ed25519_key");
    let whole = fs::read(&path).unwrap();
    for (index, broken) in [None, Some(&b""[..]), Some(&whole[..100])].into_iter().enumerate() {
        match broken {
            None => fs::remove_file(&path).unwrap(),
            Some(broken) => fs::write(&path, broken).unwrap(),
        }
        let certified = world.certified("dev-a");
        assert_eq!(certified["ssh"]["serial"], index + 2);
        let made = fs::read(&path).unwrap();
        assert!(made != whole && made.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY-----"));
    }
}

#[test]
fn a_certificate_that_is_gone_or_broken_is_issued_again_for_the_same_key() {
    let world = World::with_authority();
    world.certified("dev-a");
    let key = fs::read(world.host("dev-a", "ssh_host_ed25519_key")).unwrap();
    let path = world.host("dev-a", "ssh_host_ed25519_key-cert.pub");
    let text = fs::read_to_string(&path).unwrap();
    for (index, broken) in ["", "x", &text[..90]].into_iter().enumerate() {
        fs::write(&path, broken).unwrap();
        assert_eq!(world.certified("dev-a")["ssh"]["serial"], index + 2);
    }
    assert_eq!(fs::read(world.host("dev-a", "ssh_host_ed25519_key")).unwrap(), key);
}

#[test]
fn a_host_key_that_others_can_read_is_refused_and_not_replaced() {
    let world = World::with_authority();
    world.certified("dev-a");
    let path = world.host("dev-a", "ssh_host_ed25519_key");
    let before = fs::read(&path).unwrap();
    set_mode(&path, 0o644);
    world.check_pipe_refused(77, "host-key-exposed");
    assert_eq!(fs::read(&path).unwrap(), before);
    set_mode(&path, 0o600);
    world.certified("dev-a");
}

#[test]
fn another_authority_certifies_again() {
    let world = World::with_authority();
    world.certified("dev-a");
    fs::remove_file(world.config("ca/ca_key")).unwrap();
    world.sshca(&["init"]).assert().success();
    assert_eq!(world.certified("dev-a")["ssh"]["serial"], 2);
    let known_hosts = fs::read_to_string(world.config("known_hosts")).unwrap();
    assert_eq!(known_hosts.lines().count(), 2, "{known_hosts}");
}

#[test]
fn revoking_gives_the_container_another_key_at_its_next_run() {
    let world = World::with_authority();
    world.certified("dev-a");
    world.certified("dev-b");
    let public = |name| fs::read_to_string(world.host(name, "ssh_host_ed25519_key.pub")).unwrap();
    let (old, other) = (public("dev-a"), public("dev-b"));
    world.sshca(&["revoke", "dev-a"]).assert().success().stdout("").stderr("");
    let revoked = fs::read_to_string(world.config("revoked_keys")).unwrap();
    let blob = old.split(' ').nth(1).unwrap();
    assert!(revoked.starts_with(&format!("ssh-ed25519 {blob} dev-a serial 1 revoked 20")));
    assert_eq!(revoked.lines().count(), 1);
    world.sshca(&["revoke", "dev-a"]).assert().success();
    assert_eq!(fs::read_to_string(world.config("revoked_keys")).unwrap(), revoked);
    assert_eq!(world.certified("dev-a")["ssh"]["serial"], 3);
    assert_ne!(public("dev-a"), old);
    world.certified("dev-b");
    assert_eq!(public("dev-b"), other);
}

#[test]
fn a_serial_number_revokes_even_when_the_container_is_gone() {
    let world = World::with_authority();
    world.certified("dev-a");
    world.certified("dev-b");
    fs::remove_dir_all(world.host("dev-a", "")).unwrap();
    world.sshca(&["revoke", "1"]).assert().success();
    let expected = ["1\tdev-a\trevoked\t", "2\tdev-b\tvalid\t"];
    let output = world.sshca(&["list"]).assert().success();
    let list = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert_eq!(list.lines().count(), 2);
    assert!(list.lines().zip(expected).all(|(line, begin)| line.starts_with(begin)), "{list}");
}

#[test]
fn the_manual_pages_way_to_find_what_is_accepted_works() {
    let world = World::with_authority();
    for name in ["dev-a", "dev-b"] {
        world.certified(name);
    }
    world.sshca(&["revoke", "dev-a"]).assert().success();
    let page = include_str!("../../../man/sshca.1");
    let mut examples = page.lines().filter_map(|line| line.strip_prefix(".Dl $ "));
    let example = examples.find(|line| line.starts_with("sshca list | ")).unwrap();
    let example = example.replace(r"\(aq", "'").replace(r"\(dq", "\"");
    let mut shell = Command::new("sh");
    let path = format!("{}:/usr/bin:/bin", Path::new(PROGRAM).parent().unwrap().display());
    shell.args(["-c", &example]).env("PATH", path).env("CTRKIT_CONFIG_DIR", world.config(""));
    shell.env("HOME", world.directory.path()).assert().success().stdout("dev-b\n");
}

#[test]
fn what_was_never_certified_cannot_be_revoked_and_nothing_else_is() {
    let world = World::with_authority();
    world.certified("dev-a");
    for subject in ["dev-b", "7", "../dev-a", ""] {
        world.check_refused(&["revoke", "dev-a", subject], "", 69, "no-such-certificate");
    }
    assert_eq!(fs::read(world.config("revoked_keys")).unwrap(), b"");
    world.sshca(&["revoke"]).assert().code(64);
}

#[test]
fn revoking_where_there_is_nothing_makes_nothing() {
    let world = World::new();
    world.check_refused(&["revoke", "dev-a"], "", 69, "no-such-certificate");
    world.sshca(&["list"]).assert().success().stdout("");
    assert!(world.snapshot().is_empty());
}

#[test]
fn a_list_of_revoked_keys_that_ssh_could_not_read_is_an_error() {
    let world = World::with_authority();
    world.certified("dev-a");
    for bad in [&b"SSHKRL\n\0"[..], b"\xff\xff", b"ssh-ed25519"] {
        fs::write(world.config("revoked_keys"), bad).unwrap();
        world.check_pipe_refused(65, "bad-revocations");
        world.check_refused(&["revoke", "dev-a"], "", 65, "bad-revocations");
        assert_eq!(fs::read(world.config("revoked_keys")).unwrap(), bad);
    }
}

#[test]
fn a_revoked_authority_signs_nothing() {
    let world = World::with_authority();
    fs::copy(world.config("ca/ca_key.pub"), world.config("revoked_keys")).unwrap();
    world.check_pipe_refused(65, "authority-revoked");
}

#[test]
fn a_file_that_cannot_be_read_or_written_is_named() {
    let world = World::with_authority();
    fs::create_dir(world.config("known_hosts")).unwrap();
    world.check_pipe_refused(66, "cannot-read-file");
    fs::remove_dir(world.config("known_hosts")).unwrap();
    fs::write(world.directory.path().join("state"), "in the way").unwrap();
    world.check_pipe_refused(74, "cannot-read-file");
}

#[test]
fn a_full_disk_is_74_and_leaves_whole_files() {
    let world = World::with_authority();
    world.certified("dev-a");
    let before = world.snapshot();
    // The shell ignores the signal that goes with the limit, as a disk does.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" --error-format json", PROGRAM]);
    shell.env("CTRKIT_CONFIG_DIR", world.config(""));
    shell.env("CTRKIT_STATE_DIR", world.directory.path().join("state"));
    let output = shell.write_stdin(document("dev-b")).assert().code(74).stdout("");
    let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
    assert_eq!(error["kind"], "cannot-write-file");
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.certified("dev-b")["ssh"]["serial"], 2);
}

#[test]
fn what_is_not_a_document_is_refused() {
    let world = World::with_authority();
    world.check_refused(&[], "", 66, "empty-document");
    world.check_refused(&[], &b"\xff"[..], 65, "not-utf-8");
    world.check_refused(&[], r#"{"schema":"container/2"}"#, 65, "unexpected-schema");
    world.check_refused(&[], r#"{"schema":"container/1","name":7}"#, 65, "malformed-document");
    world.check_refused(&[], vec![b' '; 17 << 20], 65, "document-too-large");
}

#[test]
fn a_directory_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStrExt;

    let world = World::new();
    let directory = world.directory.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    let mut command = world.sshca(&["init", "--error-format", "json"]);
    let output = command.env("CTRKIT_CONFIG_DIR", directory).assert().code(65).stdout("");
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains(r#""kind":"not-utf-8""#));
}

#[test]
fn wrong_usage_is_64() {
    let world = World::new();
    for args in
        [&["frobnicate"][..], &["--frobnicate"], &["list", "--validity", "1"], &["init", "-n"]]
    {
        world.sshca(args).assert().code(64).stdout("");
    }
}

#[test]
fn common_options_may_follow_the_command() {
    let world = World::new();
    let config = world.directory.path().join("elsewhere");
    world.sshca(&["init", "--config-dir", config.to_str().unwrap()]).assert().success();
    assert!(config.join("ca/ca_key").exists());
}

#[test]
fn progress_goes_to_the_events() {
    let world = World::with_authority();
    let events = world.directory.path().join("events");
    world.certified_with("dev-a", &["--events", events.to_str().unwrap()]);
    let events = fs::read_to_string(events).unwrap();
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["step"] == "certify" && event["subject"] == "dev-a"));
}

#[test]
fn a_closed_stdout_is_silent_and_a_full_one_is_74() {
    let world = World::with_authority();
    let spawn = |stdout: Stdio| {
        let mut command = process::Command::new(PROGRAM);
        command.env("CTRKIT_CONFIG_DIR", world.config(""));
        command.env("CTRKIT_STATE_DIR", world.directory.path().join("state"));
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
    };
    let feed = |mut child: process::Child| {
        drop(child.stdout.take());
        let document = document("dev-a");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), document.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let closed = feed(spawn(Stdio::piped()));
    assert_eq!(closed.status.signal(), Some(13));
    assert!(closed.stderr.is_empty());
    let full = feed(spawn(File::options().write(true).open("/dev/full").unwrap().into()));
    assert_eq!(full.status.code(), Some(74));
}

#[test]
fn with_a_prefix_the_authority_is_trusted_before_the_first_container() {
    let world = World::with_authority();
    let known_hosts = world.config("known_hosts");
    fs::write(&known_hosts, "# mine").unwrap();
    let authority = fs::read_to_string(world.config("ca/ca_key.pub")).unwrap();
    let expected = format!("# mine\n@cert-authority my-* {authority}");
    for _ in 0..2 {
        world.sshca(&["init", "--prefix", "my"]).assert().success().stdout("");
        assert_eq!(fs::read_to_string(&known_hosts).unwrap(), expected);
    }
    for prefix in ["", "*", "a b", "!x", "A", "x,y"] {
        world.check_refused(&["init", "--prefix", prefix], "", 65, "bad-name");
    }
    assert_eq!(fs::read_to_string(&known_hosts).unwrap(), expected);
}

#[test]
fn two_inits_at_once_make_one_authority() {
    let world = World::new();
    let mut inits: Vec<_> = (0..8).map(|_| world.spawn(&["init"])).collect();
    assert!(inits.iter_mut().all(|child| child.wait().unwrap().success()));
    let authority = fs::read_to_string(world.config("ca/ca_key.pub")).unwrap();
    world.certified("dev-a");
    let known_hosts = fs::read_to_string(world.config("known_hosts")).unwrap();
    assert_eq!(known_hosts, format!("@cert-authority dev-* {authority}"));
}

#[test]
fn runs_at_once_agree_on_one_certificate_and_never_share_a_serial() {
    let world = World::with_authority();
    let names: Vec<_> = (0..12).map(|index| format!("dev-{}", index % 6)).collect();
    let certified: Vec<Value> = thread::scope(|scope| {
        let runs: Vec<_> = names.iter().map(|name| scope.spawn(|| world.certified(name))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (first, second) in certified.iter().zip(&certified[6..]) {
        assert_eq!(first, second);
    }
    let serials: BTreeSet<_> =
        certified.iter().map(|certified| certified["ssh"]["serial"].as_u64().unwrap()).collect();
    assert_eq!(serials, (1..=6).collect());
    assert_eq!(fs::read_to_string(world.config("ca/serial")).unwrap(), "6\n");
}

#[test]
fn a_killed_run_leaves_nothing_that_the_next_one_does_not_mend() {
    let world = World::with_authority();
    let mut killed = 0;
    for index in 0..60_u64 {
        let mut child = world.spawn(&[]);
        let name = format!("dev-{}", index % 3);
        let _ =
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), document(&name).as_bytes());
        thread::sleep(Duration::from_micros(index * 250));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().signal() == Some(9));
        // So that there is something to do each time.
        let _ = fs::remove_file(world.host(&name, "ssh_host_ed25519_key-cert.pub"));
    }
    assert!(killed > 5, "only {killed} were killed");
    let mut before = 0;
    for name in ["dev-0", "dev-1", "dev-2"] {
        let serial = world.certified(name)["ssh"]["serial"].as_u64().unwrap();
        assert!(serial > before);
        before = serial;
        let left =
            fs::read_dir(world.host(name, "")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: BTreeSet<_> = left.collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
    let known_hosts = fs::read_to_string(world.config("known_hosts")).unwrap();
    assert_eq!(known_hosts.lines().count(), 1);
}

impl World {
    fn spawn(&self, args: &[&str]) -> process::Child {
        let mut command = process::Command::new(PROGRAM);
        command.args(args).env_clear().env("CTRKIT_CONFIG_DIR", self.config(""));
        command.env("CTRKIT_STATE_DIR", self.directory.path().join("state"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }
}
