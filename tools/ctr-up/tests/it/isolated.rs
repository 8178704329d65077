//! An isolated container is not said to be there before its isolation was tried,
//! whatever has become of the run that started it.

use std::{fs, os::unix::process::ExitStatusExt, path::PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stubs::Command;

use crate::world::{NAME, Up};

/// What podman-compose does with the container: it creates it, as podman does.
const COMPOSE: &str = r#"
spec=$(/usr/bin/sed -n 's/.*ctrkit\.spec"*: *"*\([^",]*\).*/\1/p' "$6")
name=podman call=podman-create
set -- create --name=dev-myapp-b3e5ed --label=ctrkit.managed=true \
    --label=ctrkit.project.hash=b3e5ed000000 --label=ctrkit.isolation=proxy "--label=ctrkit.spec=$spec"
. "$stub/engine"
"#;

/// What ctr-verify says: `$stub/verdict`, or that it held.
const VERIFY: &str = r#"
PATH=/usr/bin:/bin
said=$*
[ ! -e "$stub/before" ] || . "$stub/before"
verdict=held
[ ! -e "$stub/verdict" ] || verdict=$(cat "$stub/verdict")
probe="{\"id\":\"ipv6\",\"verdict\":\"$verdict\",\"proves\":\"x\"}"
printf '{"schema":"verify/1","verdict":"%s","containers":[{"name":"a","id":"1","verdict":"%s","probes":[%s]}]}\n' \
    "$verdict" "$verdict" "$probe"
"#;

/// A world in which the container is isolated, and has no sidecars.
struct Isolated {
    up: Up,
    program: PathBuf,
}

impl Isolated {
    fn new() -> Self {
        let up = Up::new("podman");
        up.world.program("podman-compose");
        up.world.answer("podman-compose---version", "podman-compose version 1.6.0\n");
        up.world.on("podman-compose---podman-path", COMPOSE);
        up.world.program("ctr-verify");
        up.world.on("ctr-verify---quick", VERIFY);
        let program = up.world.install(env!("CARGO_BIN_EXE_ctr-up"));
        Self { up, program }
    }

    /// One that was made and then stopped.
    fn stopped() -> Self {
        let isolated = Self::new();
        isolated.command().assert().success();
        isolated.up.world.write(format!("stub/containers/{NAME}/state"), "exited");
        isolated.up.heal();
        isolated
    }

    fn document(&self) -> Value {
        let model =
            json!({"services": {"app": {"container_name": NAME, "labels": {}}}}).to_string();
        let file = self.up.world.write("model", &model);
        let digest = format!("sha256:{:x}", Sha256::digest(model));
        let mut document = self.up.document();
        document["isolation"] = json!({"mode": "proxy"});
        document["compose"] = json!({"file": file, "digest": digest});
        document
    }

    fn command(&self) -> Command {
        let mut command = self.up.world.command(&self.program);
        command.env("CTRKIT_ENGINE", "podman").write_stdin(self.document().to_string());
        command
    }

    fn says(&self, verdict: &str) {
        self.up.world.write("stub/verdict", verdict);
    }

    /// Returns how the container is, and how often its isolation was tried since
    /// all was healed.
    fn found(&self) -> (String, usize) {
        let state = fs::read_to_string(self.up.world.path(format!("stub/containers/{NAME}/state")));
        let calls = self.up.world.calls();
        let tried = calls.iter().filter(|call| call[0] == "ctr-verify").count();
        (state.unwrap_or_default().trim().to_owned(), tried)
    }
}

/// The calls from the start to the end of the trial, as patterns of the arguments.
const POINTS: [&str; 3] = ["start*", "'-F none '*", "--quick*"];

#[test]
fn one_whose_run_was_killed_before_it_was_tried_is_tried_by_the_next() {
    for fresh in [true, false] {
        for pattern in POINTS {
            let isolated = if fresh { Isolated::new() } else { Isolated::stopped() };
            // What is started runs, although nobody is left to hear of it.
            isolated.up.before(
                pattern,
                "[ $call != podman-start ] || start \"$@\"; kill -s KILL $PPID; exit 1",
            );
            let output = isolated.command().assert().get_output().clone();
            assert_eq!(output.status.signal(), Some(9), "{fresh} {pattern}");
            isolated.up.heal();
            isolated.says("got-out");
            stubs::refused(&mut isolated.command(), 69, "not-isolated");
            assert_eq!(isolated.found(), ("exited".to_owned(), 1), "{fresh} {pattern}");
            isolated.says("held");
            isolated.up.heal();
            isolated.command().assert().success();
            assert_eq!(isolated.found(), ("running".to_owned(), 1), "{fresh} {pattern}");
            // From then on it is known.
            isolated.up.heal();
            isolated.command().assert().success();
            assert_eq!(isolated.found(), ("running".to_owned(), 0), "{fresh} {pattern}");
        }
    }
}

#[test]
fn one_that_could_not_be_tried_does_not_run_on() {
    for pattern in POINTS {
        let isolated = Isolated::stopped();
        isolated.up.before(pattern, "kill -s TERM $PPID; sleep 0.1");
        let output = isolated.command().assert().get_output().clone();
        assert_eq!(output.status.signal(), Some(15), "{pattern}");
        assert_eq!(isolated.found().0, "exited", "{pattern}");
    }
    let isolated = Isolated::stopped();
    isolated.up.world.write("stub/deaf", "");
    stubs::refused(isolated.command().args(["--timeout", "1"]), 69, "no-answer");
    assert_eq!(isolated.found().0, "exited");
}

#[test]
fn one_that_got_out_and_could_not_be_stopped_is_not_called_good() {
    let isolated = Isolated::stopped();
    isolated.says("got-out");
    isolated.up.before("stop*", "fail 125 'Error: it broke'");
    stubs::refused(&mut isolated.command(), 69, "not-isolated");
    assert_eq!(isolated.found(), ("running".to_owned(), 1));
    stubs::refused(&mut isolated.command(), 69, "not-isolated");
    isolated.up.heal();
    stubs::refused(&mut isolated.command(), 69, "not-isolated");
    assert_eq!(isolated.found(), ("exited".to_owned(), 1));
}

#[test]
fn a_new_one_that_got_out_and_could_not_be_removed_is_not_called_good() {
    let isolated = Isolated::new();
    isolated.says("got-out");
    isolated.up.before("rm*", "fail 125 'Error: it broke'");
    stubs::refused(&mut isolated.command(), 69, "not-isolated");
    assert_eq!(isolated.found(), ("running".to_owned(), 1));
    stubs::refused(&mut isolated.command(), 69, "not-isolated");
    assert_eq!(isolated.found(), ("exited".to_owned(), 2));
}

#[test]
fn one_that_is_put_back_is_tried_again() {
    let isolated = Isolated::stopped();
    isolated.command().assert().success();
    isolated.up.before("cp*", "fail 125 'Error: it broke'");
    isolated.command().arg("--replace").assert().failure();
    assert_eq!(isolated.found(), ("running".to_owned(), 1));
    isolated.up.heal();
    isolated.says("got-out");
    stubs::refused(&mut isolated.command(), 69, "not-isolated");
    assert_eq!(isolated.found(), ("exited".to_owned(), 1));
}
