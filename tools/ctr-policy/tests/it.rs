//! The program as its callers see it, with stand-ins for the engine and for the
//! tools that it runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stubs::{Command, World, refused};

/// An isolated container, its proxy, and one that is not isolated.
const LIST: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.isolation":"proxy","ctrkit.project.hash":"1"}},
{"Id":"p","Names":["ctrkit-1-proxy"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1","ctrkit.sidecar.type":"proxy"}},
{"Id":"b","Names":["dev-b"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true"}}
]"#;

const OLD: &str = "the old filter";
const NEW: &str = "the new filter";

/// A world in which `two` is a policy that the proxy says is in force.
fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", LIST);
    world.answer("podman-container-inspect", r#"["CTRKIT_FILTER=sha256:p"]"#);
    world.write("state/dev-a/proxy/filter.py", OLD);
    world.write("state/dev-a/document.json", &format!("{}\n", document(&world, "one", &json!([]))));
    world.program("filtergen");
    composes(&world, &json!([]));
    tells(&world, &json!({"file": digest(NEW), "digest": "sha256:2", "policy": policy()}));
    world
}

fn policy() -> Value {
    json!({"schema": "policy/1", "allow": [{"name": "b.example", "ports": [443], "from": "two.toml:2"}]})
}

fn digest(text: &str) -> String {
    format!("sha256:{:x}", Sha256::digest(text))
}

fn document(world: &World, policy: &str, secrets: &Value) -> Value {
    json!({"schema": "container/1", "x": 1, "name": "dev-a",
        "project": {"path": "/w", "name": "w", "hash": "1"},
        "isolation": {"mode": "proxy", "policies": [policy], "secrets": secrets, "program": "sha256:p",
            "digest": "sha256:2", "filter": world.path("state/dev-a/proxy/filter.py")}})
}

/// Makes filtergen write a filter and the document with `two` in it.
fn composes(world: &World, secrets: &Value) {
    world.answer("filtergen---policy=two", &format!("{}\n", document(world, "two", secrets)));
    let filter = world.path("state/dev-a/proxy/filter.py");
    let script = format!(
        "cat >/dev/null; case $* in *--dry-run*) ;; *) printf %s '{NEW}' >'{}' ;; esac",
        filter.display()
    );
    world.on("filtergen---policy=two", &script);
}

/// Makes the proxy say `told`: the engine sends an archive of one file.
fn tells(world: &World, told: &Value) {
    let text = told.to_string();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, "policy.json", text.as_bytes()).unwrap();
    fs::write(world.path("stub/podman-cp.out"), archive.into_inner().unwrap()).unwrap();
}

fn program(world: &World) -> PathBuf {
    let path = world.path("bin/ctr-policy");
    if path.exists() { path } else { world.install(env!("CARGO_BIN_EXE_ctr-policy")) }
}

fn ctr_policy(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(program(world));
    command.args(args);
    command
}

fn kept(world: &World) -> (String, Value) {
    let read = |name: &str| fs::read_to_string(world.path(name)).unwrap();
    let document: Value = serde_json::from_str(&read("state/dev-a/document.json")).unwrap();
    (read("state/dev-a/proxy/filter.py"), document["isolation"]["policies"][0].clone())
}

#[test]
fn a_policy_is_applied_once_and_kept() {
    let world = world();
    let run = ctr_policy(&world, &["apply", "dev-a", "two"]).assert().success().stdout("");
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(words, "ctr-policy: dev-a: sha256:2 is in force\n");
    assert_eq!(kept(&world), (NEW.into(), "two".into()));
    let run = ctr_policy(&world, &["apply", "--json", "dev-a", "two"]).assert().success();
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(words.ends_with("was in force already\n"), "{words}");
    let line = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert_eq!(line, format!("{}\n", document(&world, "two", &json!([]))));
    // Nothing but questions went to the engine.
    let verbs = ["ps", "container inspect", "cp"];
    for call in world.calls().iter().filter(|call| call[0] == "podman") {
        assert!(verbs.iter().any(|verb| call[1..].join(" ").starts_with(verb)), "{call:?}");
    }
}

#[test]
fn what_the_proxy_does_not_take_over_is_taken_back() {
    let world = world();
    let told = json!({"file": digest(OLD), "digest": "sha256:1", "policy": policy(),
        "refused": {"file": digest(NEW), "problem": "no graphql"}});
    tells(&world, &told);
    let error = refused(&mut ctr_policy(&world, &["apply", "dev-a", "two"]), 65, "policy-refused");
    assert!(error["message"].as_str().unwrap().ends_with(": no graphql"), "{error}");
    assert_eq!(kept(&world), (OLD.into(), "one".into()));
}

#[test]
fn a_proxy_that_says_nothing_has_a_time_limit() {
    let world = world();
    tells(&world, &json!({"file": digest(OLD), "digest": "sha256:1", "policy": policy()}));
    let mut command = ctr_policy(&world, &["apply", "--timeout", "1", "dev-a", "two"]);
    refused(&mut command, 75, "policy-not-in-force");
    assert_eq!(kept(&world), (OLD.into(), "one".into()));
}

#[test]
fn a_signal_takes_back_what_is_not_in_force() {
    let world = world();
    tells(&world, &json!({"file": digest(OLD), "digest": "sha256:1", "policy": policy()}));
    let mut command = std::process::Command::new(program(&world));
    let environment = ["CONFIG", "STATE"]
        .map(|word| (format!("CTRKIT_{word}_DIR"), world.path(word.to_lowercase())));
    command
        .env_clear()
        .envs(environment)
        .env("PATH", world.search_path())
        .env("HOME", world.path("home"));
    command.env("CTRKIT_ENGINE", "podman").args(["apply", "dev-a", "two"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    while kept(&world).0 != NEW {
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!(kept(&world), (OLD.into(), "one".into()));
}

#[test]
fn a_proxy_of_another_version_is_told_before_anything_is_changed() {
    for answer in [r#"["CTRKIT_FILTER=sha256:other"]"#, "[]", "null"] {
        let world = world();
        world.answer("podman-container-inspect", answer);
        let error =
            refused(&mut ctr_policy(&world, &["apply", "dev-a", "two"]), 69, "other-program");
        assert!(error["hint"].as_str().unwrap().contains("ctrkit rebuild dev-a"), "{error}");
        assert_eq!(kept(&world), (OLD.into(), "one".into()));
    }
}

#[test]
fn one_that_is_stopped_begins_with_it() {
    let world = world();
    world.answer("podman-ps", &LIST.replace("running", "exited"));
    let run = ctr_policy(&world, &["apply", "dev-a", "two"]).assert().success().stdout("");
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(words.ends_with("is in force when it starts\n"), "{words}");
    assert_eq!(kept(&world), (NEW.into(), "two".into()));
    assert!(world.calls().iter().all(|call| call[1] != "cp" && call[1] != "exec"));
}

#[test]
fn secrets_go_in_on_standard_input_and_a_bad_one_changes_nothing() {
    let world = world();
    let key = world.write("key", "canary-1\n");
    let secret =
        json!([{"id": "b.example.x-key", "host": "b.example", "header": "X-Key", "file": key}]);
    composes(&world, &secret);
    refused(&mut ctr_policy(&world, &["apply", "dev-a", "two"]), 77, "secret-exposed");
    assert_eq!(kept(&world), (OLD.into(), "one".into()));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    world.on("podman-exec", "cat >>\"$stub/told\"");
    ctr_policy(&world, &["apply", "dev-a", "two"]).assert().success();
    let told = || fs::read_to_string(world.path("stub/told")).unwrap();
    assert_eq!(told(), r#"{"b.example.x-key":"canary-1"}"#);
    // Once, and in no argument.
    ctr_policy(&world, &["apply", "dev-a", "two"]).assert().success();
    assert_eq!(told().matches("canary").count(), 1);
    let exec = "podman exec --interactive p /opt/mitmproxy/bin/python3 -I /etc/ctrkit/proxy/filter.py \
                --keep-secrets /var/lib/ctrkit/secrets";
    assert_eq!(world.calls().iter().filter(|call| call.join(" ") == exec).count(), 1);
    assert!(world.calls().iter().flatten().all(|word| !word.contains("canary")));
}

#[test]
fn who_has_no_policy_is_told() {
    let world = world();
    refused(&mut ctr_policy(&world, &["apply", "dev-b", "two"]), 65, "not-isolated");
    refused(&mut ctr_policy(&world, &["show", "dev-b"]), 65, "not-isolated");
    refused(&mut ctr_policy(&world, &["apply", "dev-c", "two"]), 69, "no-such-container");
    fs::remove_file(world.path("state/dev-a/document.json")).unwrap();
    refused(&mut ctr_policy(&world, &["apply", "dev-a", "two"]), 66, "not-applied");
    world.write("state/dev-a/document.json", "{");
    refused(&mut ctr_policy(&world, &["apply", "dev-a", "two"]), 65, "malformed-document");
    let without = LIST.replace("\"ctrkit.sidecar.of\":\"1\"", "\"ctrkit.sidecar.of\":\"2\"");
    world.answer("podman-ps", &without);
    for verb in [["show", "dev-a"].as_slice(), &["apply", "dev-a", "two"]] {
        refused(&mut ctr_policy(&world, verb), 69, "proxy-absent");
    }
    for args in [&["apply", "dev-a"][..], &["show"], &["check"], &["diff", "a"], &[], &["other"]] {
        ctr_policy(&world, args).assert().code(64).stdout("");
    }
}

#[test]
fn what_is_in_force_is_shown_and_that_the_file_differs() {
    let world = world();
    // The stand-in sends one file for both: it is the one that is told.
    let run = ctr_policy(&world, &["show", "dev-a"]).assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(
        text.starts_with("policy: sha256:2\nstate:  not what the proxy's file has: "),
        "{text}"
    );
    assert!(text.contains("\nHOST       PORTS  METHODS  PATHS  FROM\nb.example  443    any      any    two.toml:2\n"), "{text}");
    let run = ctr_policy(&world, &["show", "--json", "dev-a"]).assert().success();
    assert_eq!(String::from_utf8_lossy(&run.get_output().stdout), format!("{}\n", policy()));
    assert!(String::from_utf8_lossy(&run.get_output().stderr).contains("warning"));
}

#[test]
fn check_and_diff_are_filtergens_with_its_status() {
    let world = world();
    world.refuse("filtergen---print", 65, "filtergen: the policy is wrong");
    let run = ctr_policy(&world, &["check", "x", "y"]).assert().code(65).stdout("");
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(words, "filtergen: the policy is wrong\n".repeat(2));
    world.on("filtergen---diff", "cat \"$2\"; echo; echo \"$3\"");
    let run = ctr_policy(&world, &["diff", "dev-a:", "two"]).assert().success().stderr("");
    assert_eq!(String::from_utf8_lossy(&run.get_output().stdout), format!("{}\ntwo\n", policy()));
    refused(&mut ctr_policy(&world, &["diff", "one", "dev-b:"]), 65, "not-isolated");
}

#[test]
fn it_works_in_a_pipe() {
    let world = world();
    let script = "\"$0\" show dev-a 2>/dev/null | grep -c '^b.example'";
    let mut command = world.command("sh");
    command.args(["-c", script, program(&world).to_str().unwrap()]);
    command.assert().success().stdout("1\n");
}
