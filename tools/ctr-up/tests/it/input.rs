//! Bad input: a clear error, a stable kind, and nothing touched.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::Command as Process,
};

use serde_json::{Value, json};

use crate::world::{NAME, Up};

#[track_caller]
fn check_stdin(text: impl Into<Vec<u8>>, status: i32, kind: &str) {
    let up = Up::new("podman");
    let mut command = up.command(&Value::Null);
    stubs::refused(command.write_stdin(text), status, kind);
    assert!(up.world.calls().is_empty() && up.state().is_empty());
}

/// Checks that a changed document is refused before anything is asked or made.
#[track_caller]
fn check_document(change: impl FnOnce(&mut Value), kind: &str, says: &str) {
    let up = Up::new("podman");
    let mut document = up.document();
    change(&mut document);
    let error = up.refused(&document, 65, kind);
    let text = format!("{} {}", error["message"], error["hint"]);
    assert!(text.contains(says), "{error}");
    assert!(up.world.calls().is_empty(), "{:?}", up.world.calls());
    assert!(up.state().is_empty());
}

fn remove(document: &mut Value, key: &str) {
    document.as_object_mut().unwrap().remove(key);
}

#[test]
fn what_is_no_document_is_told_apart() {
    check_stdin("", 66, "empty-document");
    check_stdin(" \n", 66, "empty-document");
    check_stdin(&b"\xff\xfe{}"[..], 65, "not-utf-8");
    check_stdin("{", 65, "malformed-document");
    check_stdin("{\"schema\":\"container/1\",\"name\":7}", 65, "malformed-document");
    check_stdin("{\"schema\":\"container/2\"}", 65, "unexpected-schema");
    check_stdin("{\"schema\":\"ports/1\",\"reservations\":[]}", 65, "unexpected-schema");
    check_stdin("[]", 65, "unexpected-schema");
    check_stdin(vec![b' '; 17 << 20], 65, "document-too-large");
}

#[test]
fn a_terminal_is_no_document() {
    let up = Up::new("podman");
    let mut script = Process::new("script");
    script.args(["-qec", env!("CARGO_BIN_EXE_ctr-up"), "/dev/null"]);
    script.env("CTRKIT_STATE_DIR", up.world.path("state"));
    let output = script.output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stdout).contains("not a terminal"), "{output:?}");
}

#[test]
fn a_key_that_another_tool_writes_names_that_tool() {
    check_document(|d| remove(d, "image"), "missing-key", "'image'");
    check_document(|d| remove(d, "user"), "missing-key", "'user'");
    check_document(|d| remove(d, "workspace"), "missing-key", "'workspace'");
    check_document(|d| remove(d, "ports"), "missing-key", "portalloc");
    check_document(|d| remove(&mut d["ports"][0], "host"), "missing-key", "portalloc");
    check_document(|d| remove(d, "ssh"), "missing-key", "sshca");
    check_document(|d| remove(&mut d["ssh"], "known_hosts"), "missing-key", "sshca");
}

#[test]
fn a_value_that_no_container_could_have_is_named() {
    check_document(|d| d["name"] = "../../etc".into(), "bad-value", "'name' cannot be '../../etc'");
    check_document(|d| d["image"] = "--privileged".into(), "bad-value", "'image'");
    check_document(|d| d["user"] = "dev\nPermitRootLogin yes".into(), "bad-value", "'user'");
    check_document(|d| d["workspace"] = "a".into(), "bad-value", "'workspace'");
    check_document(|d| d["volumes"][0]["name"] = "a|b".into(), "bad-value", "'volumes.name'");
    check_document(|d| d["volumes"][0]["target"] = "/".into(), "bad-value", "'volumes.target'");
    check_document(|d| d["ports"][0]["address"] = "localhost".into(), "bad-value", "IP address");
    check_document(|d| d["env"][0]["name"] = "A=B".into(), "bad-value", "'env.name'");
    check_document(|d| d["labels"][0]["name"] = "".into(), "bad-value", "'labels.name'");
    check_document(|d| d["labels"][4]["value"] = "a\0b".into(), "bad-value", "NUL");
    check_document(|d| d["inject"][0]["target"] = "/a/../b".into(), "bad-inject", "/a/../b");
    check_document(|d| d["inject"][1]["owner"] = "me".into(), "bad-inject", "owner");
    check_document(|d| d["ssh"]["known_hosts"] = "/a\"b".into(), "bad-path", "double quote");
}

#[test]
fn a_variable_that_ssh_cannot_set_is_told_before_anything_is_made() {
    let up = Up::new("podman");
    let mut document = up.document();
    document["env"][0]["value"] = "first\nsecond".into();
    let error = up.refused(&document, 65, "bad-variable");
    assert!(error["message"].as_str().unwrap().contains("'A'"), "{error}");
    assert!(!error.to_string().contains("second"), "{error}");
    assert!(up.things().is_empty());
}

#[test]
fn a_file_that_is_not_there_is_told_before_anything_is_made() {
    for (name, status) in [("host", 66), ("bashrc", 66)] {
        let up = Up::new("podman");
        fs::remove_file(up.world.path(name)).unwrap();
        let error = up.refused(&up.document(), status, "cannot-read-file");
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
        assert!(up.things().is_empty() && up.changes().is_empty());
    }
}

#[test]
fn without_a_key_nobody_could_log_in() {
    let up = Up::new("podman");
    let mut document = up.document();
    up.world.write("empty.pub", "# nothing\n");
    for (document_says, option) in [(Some("absent"), None), (None, Some("empty.pub"))] {
        let path = |name: &str| up.world.path(name).to_str().unwrap().to_owned();
        if let Some(name) = document_says {
            document["ssh"]["authorized_key"] = path(name).into();
        }
        let mut command = up.command(&document);
        if let Some(name) = option {
            command.arg("--key").arg(path(name));
        }
        let error = stubs::refused(&mut command, 66, "no-ssh-key");
        assert!(error["hint"].as_str().unwrap().contains("--key"), "{error}");
        assert!(up.things().is_empty() && up.changes().is_empty());
    }
}

#[test]
fn the_agents_keys_are_authorised_where_no_file_is_named() {
    let up = Up::new("podman");
    up.world.program("ssh-add");
    up.world.answer("ssh-add--L", "sk-ssh-ed25519@openssh.com AAAAGn fido\n");
    let mut document = up.document();
    remove(&mut document["ssh"], "authorized_key");
    up.up(&document);
    let stream = fs::read(up.world.path("stub/sent/0")).unwrap();
    assert!(String::from_utf8_lossy(&stream).contains("sk-ssh-ed25519@openssh.com AAAAGn fido"));
}

#[test]
fn without_an_ssh_client_it_says_so() {
    let up = Up::new("podman");
    fs::remove_file(up.world.path("bin/ssh")).unwrap();
    let error = up.refused(&up.document(), 69, "ssh-absent");
    assert!(error["hint"].as_str().unwrap().contains("openssh-client"));
    assert!(up.world.calls().is_empty());
}

#[test]
fn engines_that_cannot_be_used_are_told_apart() {
    let up = Up::new("docker");
    let refused = |engine: &str, status, kind| {
        let mut command = up.command(&up.document());
        stubs::refused(command.env("CTRKIT_ENGINE", engine), status, kind);
        assert!(up.things().is_empty() && up.state().is_empty());
    };
    refused("podman-of-nowhere", 69, "engine-absent");
    refused("sh", 64, "engine-unknown");
    up.before("version*", "echo 19.03.1; exit 0");
    refused("docker", 69, "engine-too-old");
    let words = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
    up.world.refuse("docker-version", 1, words);
    refused("docker", 69, "engine-not-running");
    let words = "permission denied while trying to connect to the Docker daemon socket at x";
    up.world.refuse("docker-version", 1, words);
    refused("docker", 77, "engine-permission");
}

#[test]
fn an_answer_that_is_none_is_told() {
    let up = Up::new("podman");
    up.before("ps*", "echo '[{'; exit 0");
    let error = up.refused(&up.document(), 74, "engine-answer-unreadable");
    assert!(error["message"].as_str().unwrap().contains("podman ps"), "{error}");
    up.before("'image inspect '*", "echo '{}'; exit 0");
    up.refused(&up.document(), 74, "engine-answer-unreadable");
    up.before("create*", "fail 125 'Error: write x: no space left on device'");
    up.refused(&up.document(), 74, "disk-full");
    assert!(up.things().is_empty());
}

#[test]
fn wrong_usage_is_64() {
    let up = Up::new("podman");
    for args in
        [&["--timeout", "0"][..], &["--timeout", "3601"], &["--timeout", "x"], &["x"], &["--no"]]
    {
        up.command(&up.document()).args(args).assert().code(64).stdout("");
    }
    assert!(up.world.calls().is_empty());
}

#[test]
fn without_a_home_the_state_directory_can_be_given() {
    let up = Up::new("podman");
    let state = up.world.path("other");
    let mut command = up.command(&up.document());
    command.env_remove("HOME").env_remove("CTRKIT_STATE_DIR").arg("--state-dir").arg(&state);
    command.assert().success();
    assert!(state.join(NAME).join("document.json").exists() && up.state().is_empty());
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named() {
    let up = Up::new("podman");
    up.world.write("file", "");
    let mut command = up.command(&up.document());
    command.env("CTRKIT_STATE_DIR", up.world.path("file"));
    let error = stubs::refused(&mut command, 74, "cannot-write-file");
    assert!(error["message"].as_str().unwrap().contains(NAME), "{error}");
    assert!(up.things().is_empty());
}

#[test]
fn a_state_directory_that_is_closed_is_a_matter_of_permission() {
    let up = Up::new("podman");
    let program = up.world.install(env!("CARGO_BIN_EXE_ctr-up"));
    let document = up.world.write("document", &up.document().to_string());
    let mut command = Process::new(program);
    if nix::unistd::Uid::current().is_root() {
        // A root may write everywhere: somebody else tries.
        let mut open = Process::new("chmod");
        assert!(open.args(["-R", "a+rwX"]).arg(up.world.path("")).status().unwrap().success());
        command.uid(65534).gid(65534);
    }
    fs::set_permissions(up.world.path("state"), fs::Permissions::from_mode(0o555)).unwrap();
    command.args(["--error-format", "json", "--engine", "podman"]);
    command.env_clear().env("PATH", up.world.search_path());
    command.env("CTRKIT_STATE_DIR", up.world.path("state"));
    let output = command.stdin(fs::File::open(document).unwrap()).output().unwrap();
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((output.status.code(), &error["kind"]), (Some(77), &json!("cannot-write-file")));
    assert!(up.things().is_empty());
}

#[test]
fn a_home_that_is_another_in_each_directory_is_none() {
    let up = Up::new("podman");
    for home in ["home", "./home", "."] {
        let mut command = up.command(&up.document());
        command.current_dir(up.world.path("")).env("HOME", home).env_remove("CTRKIT_STATE_DIR");
        stubs::refused(&mut command, 69, "no-home");
        assert!(up.changes().is_empty(), "{:?}", up.changes());
    }
    assert!(!up.world.path("home/.local").exists());
}

#[test]
fn a_journal_that_is_broken_makes_no_volume_new() {
    let up = Up::new("podman");
    up.add_volume(&format!("{NAME}-home"), Some(NAME));
    up.world.write(format!("state/{NAME}/pending.json"), "{\"volumes\":[\"dev-my");
    up.up(&up.document());
    assert!(!up.sent().contains(&"1000 home/dev".to_owned()));
}

#[test]
fn a_journal_about_others_volumes_makes_none_of_them_ours() {
    let up = Up::new("podman");
    up.add_volume("foreign", None);
    up.world.write(format!("state/{NAME}/pending.json"), "{\"volumes\":[\"foreign\"]}");
    up.before("start*", "fail 125 'Error: it broke'");
    up.refused(&up.document(), 69, "engine-failed");
    assert_eq!(up.things(), ["volume foreign"]);
}
