//! Making the container anew although there is one.

use std::{fs, os::unix::process::ExitStatusExt, process::Output};

use serde_json::Value;

use crate::world::{NAME, Up, with_each_engine};

/// The calls in whose middle a run is killed, as patterns of the arguments.
const POINTS: [&str; 12] = [
    "'image inspect '*",
    "'stop -t 10 0'*1",
    "'-O exit '*",
    "rename*",
    "create*",
    "cp*",
    "start*",
    "'-F none '*",
    "exec*",
    "'stop -t 10 dev-'*",
    "'rm --force 0'*1",
    "version*",
];

impl Up {
    /// Runs the program with `--replace`, whatever becomes of it.
    fn replacing(&self, document: &Value) -> Output {
        self.command(document).arg("--replace").assert().get_output().clone()
    }

    /// Runs it, and returns what it writes.
    #[track_caller]
    fn replace(&self, document: &Value) -> Value {
        let run = self.command(document).arg("--replace").assert().success().stderr("");
        serde_json::from_slice(&run.get_output().stdout).unwrap()
    }

    /// Makes a container and brings it into `state`; returns its document.
    fn made(engine: &'static str, state: &str) -> (Self, Value) {
        let up = Self::new(engine);
        let document = up.up(&up.document());
        up.bring_into(state);
        up.heal();
        (up, document)
    }

    fn bring_into(&self, state: &str) {
        self.world.write(format!("stub/containers/{NAME}/state"), state);
    }

    /// Returns the number in the id of the container that has the name.
    fn number(&self) -> u32 {
        let id = fs::read_to_string(self.world.path(format!("stub/containers/{NAME}/id")));
        id.unwrap().trim().parse().unwrap()
    }

    /// Asserts that there is one container, the one with that number, and both
    /// volumes, and that nothing is left to be done.
    #[track_caller]
    fn check(&self, number: u32, state: &str, context: &str) {
        let mut whole = Self::whole();
        whole[0] = format!("container {NAME} {state}");
        assert_eq!(self.things(), whole, "{context}");
        assert_eq!(self.number(), number, "{context}");
        assert_eq!(self.state(), ["document.json", "lock"], "{context}");
    }
}

#[test]
fn the_old_one_goes_when_the_new_one_has_shown_its_certificate() {
    with_each_engine(|up| {
        let old = up.up(&up.document());
        up.heal();
        let new = up.replace(&old);
        up.check(2, "running", up.engine);
        assert_eq!(new["state"]["id"], format!("{:064}", 2));
        assert_eq!(new["state"]["status"], "running");
        let verbs: Vec<_> = up.changes();
        let verbs: Vec<_> = verbs.iter().map(|call| call.split(' ').next().unwrap()).collect();
        assert_eq!(verbs, ["stop", "rename", "create", "cp", "start", "exec", "rm"]);
        let calls = up.world.calls();
        let at = |word: &str| calls.iter().position(|call| call[1] == word).unwrap();
        // A shared connection would lead to the old one.
        assert_eq!(calls[at("-O")][1..], ["-O", "exit", NAME]);
        assert!(at("stop") < at("-O") && at("-O") < at("create"));
        assert!(at("-F") < at("rm"), "it went before the new one was asked");
        assert_eq!(calls[at("rm")][1..], ["rm", "--force", &format!("{:064}", 1)]);
    });
}

#[test]
fn another_document_is_no_obstacle() {
    with_each_engine(|up| {
        let mut document = up.up(&up.document());
        document["env"][0]["value"] = "2".into();
        up.replace(&document);
        up.check(2, "running", up.engine);
        assert_eq!(up.up(&document)["state"]["id"], format!("{:064}", 2));
    });
}

#[test]
fn what_did_not_run_does_not_run_afterwards() {
    for engine in ["podman", "docker"] {
        for state in ["exited", "paused"] {
            let (up, document) = Up::made(engine, state);
            let new = up.replace(&document);
            assert_eq!(new["state"]["status"], "stopped");
            up.check(2, "exited", state);
        }
    }
}

#[test]
fn where_there_is_none_one_is_made() {
    with_each_engine(|up| {
        let new = up.replace(&up.document());
        assert_eq!(new["state"]["status"], "running");
        up.check(1, "running", up.engine);
        fs::remove_dir_all(up.world.path("stub/containers").join(NAME)).unwrap();
        up.replace(&new);
        up.check(2, "running", "removed behind our back");
    });
}

#[test]
fn whatever_fails_the_old_one_is_back() {
    for (engine, state) in [("podman", "running"), ("docker", "paused"), ("podman", "exited")] {
        for number in 1.. {
            if !check_failure(engine, state, number) {
                assert!(number > 10, "{number}");
                break;
            }
        }
    }
}

/// Makes the engine's call with that number fail. Returns whether there was
/// such a call.
fn check_failure(engine: &'static str, state: &str, number: u32) -> bool {
    let (up, document) = Up::made(engine, state);
    let count = "n=1; while ! mkdir \"$stub/n.$n\" 2>/dev/null; do n=$((n + 1)); done";
    let fails = format!(
        "case $call in {engine}-*) {count}; [ $n -ne {number} ] || {{ echo \"$call\" >\"$stub/failed\"; \
         fail 125 'Error: it broke'; }} ;; esac"
    );
    up.world.write("stub/before", &fails);
    let output = up.replacing(&document);
    let failed = fs::read_to_string(up.world.path("stub/failed")).unwrap_or_default();
    let context = format!("{engine} {state} {number} {failed}");
    match failed.trim().strip_prefix(engine) {
        None => {
            assert!(output.status.success(), "{context}");
            return false;
        }
        Some("-rm") => {
            // The new one is good; the next run removes the old one.
            assert_eq!(output.status.code(), Some(69), "{context}");
            assert!(up.things().contains(&format!("container {NAME}-replaced exited")));
            up.heal();
            up.up(&document);
            up.check(2, "running", &context);
        }
        Some(_) => {
            assert_eq!(output.status.code(), Some(69), "{context}");
            up.check(1, state, &context);
        }
    }
    true
}

#[test]
fn a_signal_puts_the_old_one_back() {
    for (pattern, state) in [
        ("'stop -t 10 0'*1", "running"),
        ("rename*", "exited"),
        ("create*", "running"),
        ("cp*", "paused"),
        ("start*", "exited"),
        ("'-F none '*", "running"),
        ("exec*", "running"),
        ("'stop -t 10 dev-'*", "exited"),
    ] {
        let (up, document) = Up::made("podman", state);
        let once = "[ -e \"$stub/once\" ] || { : >\"$stub/once\"; kill -s TERM $PPID; sleep 0.1; }";
        up.before(pattern, once);
        let output = up.replacing(&document);
        assert_eq!(output.status.signal(), Some(15), "{pattern}");
        up.check(1, state, pattern);
    }
}

#[test]
fn a_signal_while_the_old_one_is_put_back_leaves_nothing_half_done() {
    let (up, document) = Up::made("podman", "running");
    let slow = "[ ! -e \"$stub/failed\" ] || { kill -s TERM $PPID; sleep 0.3; }";
    let fails = "echo >\"$stub/failed\"; fail 125 'Error: it broke'";
    up.world.write("stub/before", &format!("case $said in cp*) {fails} ;; ps*) {slow} ;; esac"));
    up.replacing(&document);
    up.check(1, "running", "put back");
}

#[test]
fn a_new_one_that_shows_another_certificate_is_taken_back() {
    with_each_engine(|up| {
        let document = up.up(&up.document());
        up.world.write("stub/wrong", "");
        let mut command = up.command(&document);
        stubs::refused(command.arg("--replace"), 69, "wrong-certificate");
        up.check(1, "running", up.engine);
    });
}

#[test]
fn killed_anywhere_the_next_replacement_completes_it() {
    for (engine, state) in [("podman", "running"), ("docker", "exited")] {
        each_kill(engine, state, |up, document, context| {
            let new = up.replace(document);
            let status = if state == "running" { "running" } else { "stopped" };
            assert_eq!(new["state"]["status"], status, "{context}");
            let number = up.number();
            assert!((2..=3).contains(&number), "{context}");
            up.check(number, state, context);
        });
    }
}

#[test]
fn killed_anywhere_the_next_plain_run_puts_the_old_one_back() {
    for (engine, state) in [("docker", "running"), ("podman", "exited")] {
        each_kill(engine, state, |up, document, context| {
            let is_there = up.things().contains(&format!("container {NAME}-replaced exited"));
            let was_good = up.number_noted_good() || (!is_there && up.number() == 2);
            // Another document is refused, and the old one is as it was.
            let mut other = document.clone();
            other["env"][0]["value"] = "2".into();
            stubs::refused(&mut up.command(&other), 65, "changed");
            up.check(if was_good { 2 } else { 1 }, state, context);
            up.up(document);
            up.check(if was_good { 2 } else { 1 }, "running", context);
        });
    }
}

impl Up {
    fn number_noted_good(&self) -> bool {
        let path = self.world.path("state").join(NAME).join("pending.json");
        let noted =
            fs::read(path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        noted.is_some_and(|noted| noted["replacing"]["good"] == true)
    }
}

/// Kills a replacement before and after each point, and runs `then`.
fn each_kill(engine: &'static str, state: &str, then: impl Fn(&Up, &Value, &str)) {
    let mut killed = 0;
    for pattern in POINTS {
        for done in [false, true] {
            let (up, document) = Up::made(engine, state);
            match done {
                false => up.before(pattern, "kill -s KILL $PPID; exit 1"),
                true => up.after(pattern, "kill -s KILL $PPID"),
            }
            let output = up.replacing(&document);
            up.heal();
            if output.status.signal() == Some(9) {
                killed += 1;
                then(&up, &document, &format!("{engine} {state} {pattern} {done}"));
            }
        }
    }
    assert!(killed >= 18, "{killed}");
}

#[test]
fn a_replacement_is_pending_until_its_document_is_kept() {
    let (up, old) = Up::made("podman", "running");
    let mut document = old.clone();
    document["env"][0]["value"] = "2".into();
    let kept = up.world.path("state").join(NAME).join("document.json");
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    let mut command = up.command(&document);
    stubs::refused(command.arg("--replace"), 66, "cannot-read-file");
    assert!(up.number_noted_good());
    fs::remove_dir(&kept).unwrap();
    up.up(&document);
    up.check(2, "running", "kept at last");
}

#[test]
fn one_that_is_set_aside_is_put_back_also_without_the_journal() {
    with_each_engine(|up| {
        let document = up.up(&up.document());
        up.before("cp*", "kill -s KILL $PPID; exit 1");
        up.replacing(&document);
        up.heal();
        fs::remove_file(up.world.path("state").join(NAME).join("pending.json")).unwrap();
        up.up(&document);
        up.check(1, "running", up.engine);
    });
}

#[test]
fn a_volume_that_is_gone_is_named_and_not_made_anew() {
    with_each_engine(|up| {
        let document = up.up(&up.document());
        fs::remove_dir_all(up.world.path(format!("stub/volumes/{NAME}-workspace"))).unwrap();
        up.heal();
        let mut command = up.command(&document);
        let error = stubs::refused(command.arg("--replace"), 69, "no-such-volume");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("'{NAME}-workspace'")), "{message}");
        assert!(error["hint"].as_str().unwrap().contains(&format!("ctr-rm {NAME}")));
        assert!(up.changes().is_empty(), "{:?}", up.changes());
        // One that the document did not name before is made.
        up.add_volume(&format!("{NAME}-workspace"), Some(NAME));
        let mut more = document;
        let volume = serde_json::json!({"name": format!("{NAME}-more"), "target": "/more"});
        more["volumes"].as_array_mut().unwrap().push(volume);
        up.replace(&more);
        assert!(up.things().contains(&format!("volume {NAME}-more")));
    });
}

#[test]
fn an_image_that_is_gone_leaves_the_old_one_alone() {
    with_each_engine(|up| {
        let document = up.up(&up.document());
        up.heal();
        let words = match up.engine {
            "podman" => "Error: inspecting object: localhost/x: image not known",
            _ => "Error response from daemon: no such image: x: No such image: x",
        };
        up.world.refuse(&format!("{}-image-inspect", up.engine), 125, words);
        let mut command = up.command(&document);
        stubs::refused(command.arg("--replace"), 69, "no-such-image");
        assert!(up.changes().is_empty(), "{:?}", up.changes());
    });
}

#[test]
fn a_port_that_was_taken_while_it_was_stopped_leaves_it_stopped() {
    for engine in ["podman", "docker"] {
        let (up, document) = Up::made(engine, "exited");
        up.before("start*", "fail 125 'Error: bind: address already in use'");
        let mut command = up.command(&document);
        stubs::refused(command.arg("--replace"), 75, "port-taken");
        up.check(1, "exited", engine);
    }
}

#[test]
fn what_is_somebody_elses_is_not_replaced() {
    with_each_engine(|up| {
        for labels in
            [&[][..], &[("ctrkit.managed", "true"), ("ctrkit.project.hash", "000000000000")]]
        {
            up.add_container("running", labels);
            up.heal();
            let mut command = up.command(&up.document());
            stubs::refused(command.arg("--replace"), 69, "name-taken");
            assert!(up.changes().is_empty(), "{:?}", up.changes());
        }
    });
}

#[test]
fn somebody_elses_by_the_name_for_the_old_one_is_left_alone() {
    with_each_engine(|up| {
        let document = up.up(&up.document());
        let other = format!("stub/containers/{NAME}-replaced");
        for (file, text) in [("id", "f"), ("state", "running"), ("labels", "")] {
            up.world.write(format!("{other}/{file}"), text);
        }
        up.heal();
        let mut command = up.command(&document);
        let error = stubs::refused(command.arg("--replace"), 69, "name-taken");
        assert!(error["message"].as_str().unwrap().contains(&format!("{NAME}-replaced")));
        assert!(up.changes().is_empty(), "{:?}", up.changes());
        up.up(&document);
        assert!(up.changes().is_empty(), "{:?}", up.changes());
    });
}

#[test]
fn a_dry_run_replaces_nothing() {
    with_each_engine(|up| {
        let mut document = up.up(&up.document());
        document["env"][0]["value"] = "2".into();
        up.heal();
        up.command(&document).args(["--replace", "-n"]).assert().success().stderr("");
        assert!(up.changes().is_empty(), "{:?}", up.changes());
    });
}
