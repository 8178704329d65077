//! Signals in the middle, and the same command again.

use std::{
    fs,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command as Process, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::world::{NAME, Up, with_each_engine};

/// The calls in whose middle the signals come, as patterns of the arguments.
const POINTS: [&str; 8] = [
    "'image inspect '*",
    "'volume create '*-home",
    "'volume create '*-workspace",
    "create*",
    "cp*",
    "start*",
    "'-F none '*",
    "exec*",
];

/// Returns whether a run passes through `pattern`: only a home that was there
/// before has a script run in it.
fn passes(pattern: &str, home_is_there: bool) -> bool {
    match pattern {
        "exec*" => home_is_there,
        "'volume create '*-home" => !home_is_there,
        _ => true,
    }
}

#[test]
fn a_signal_undoes_what_was_made_and_ends_the_program() {
    for (signal, name) in [(2, "INT"), (15, "TERM"), (1, "HUP")] {
        for pattern in &POINTS[..7] {
            let up = Up::new("podman");
            up.add_volume("foreign", None);
            up.before(pattern, &format!("kill -s {name} $PPID; sleep 0.1"));
            let output = up.run(&up.document());
            assert_eq!(output.status.signal(), Some(signal), "{pattern}: {output:?}");
            assert!(output.stdout.is_empty());
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(error, format!("ctr-up: interrupted by signal {signal}\n"), "{pattern}");
            assert_eq!(up.things(), ["volume foreign"], "{pattern}");
            assert_eq!(up.state(), ["lock"], "{pattern}");
        }
    }
}

#[test]
fn an_engine_call_is_not_torn_apart_by_a_signal_to_all() {
    let up = Up::new("podman");
    // What Ctrl-C does: the whole group of the foreground gets it.
    up.before("create*", "echo begun >\"$stub/begun\"; sleep 0.5");
    up.after("create*", "echo ended >\"$stub/ended\"");
    let document = up.world.write("document", &up.document().to_string());
    let mut child = Process::new(env!("CARGO_BIN_EXE_ctr-up"))
        .process_group(0)
        .env_clear()
        .env("PATH", up.world.search_path())
        .env("HOME", up.world.path("home"))
        .env("CTRKIT_STATE_DIR", up.world.path("state"))
        .env("CTRKIT_ENGINE", "podman")
        .stdin(fs::File::open(document).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| up.world.path("stub/begun").exists());
    let group = format!("-{}", child.id());
    assert!(Process::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    assert!(up.world.path("stub/ended").exists());
    assert!(up.things().is_empty());
}

#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_while_ssh_hangs_is_heard() {
    let up = Up::new("podman");
    up.before("'-F none '*", "kill -s TERM $PPID; exec sleep 60");
    let begun = Instant::now();
    let output = up.run(&up.document());
    assert_eq!(output.status.signal(), Some(15));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(up.things().is_empty());
}

#[test]
fn a_signal_while_the_engine_does_not_answer_is_heard() {
    for (pattern, home_is_there) in
        [("ps*", false), ("'image inspect '*", false), ("'volume ls '*", false), ("exec*", true)]
    {
        let up = Up::new("podman");
        if home_is_there {
            up.add_volume(&format!("{NAME}-home"), Some(NAME));
        }
        let before = up.things();
        up.before(pattern, "kill -s TERM $PPID; exec sleep 600");
        let mut command = up.command(&up.document());
        let run = command.timeout(Duration::from_secs(60)).assert();
        assert_eq!(run.get_output().status.signal(), Some(15), "{pattern}");
        assert_eq!(up.things(), before, "{pattern}");
    }
}

#[test]
fn a_signal_while_another_run_is_waited_for_ends_it_at_once() {
    let up = Up::new("podman");
    let directory = up.world.path("state").join(NAME);
    fs::create_dir_all(&directory).unwrap();
    let mut holder = Process::new("flock");
    holder.arg("--no-fork").arg(directory.join("lock")).args(["sleep", "60"]);
    let mut holder = holder.spawn().unwrap();
    wait_for(|| {
        let mut test = Process::new("flock");
        !test.arg("-n").arg(directory.join("lock")).arg("true").status().unwrap().success()
    });
    // The check for the engine's version is the last thing before the wait.
    up.after("version*", "(sleep 0.5; kill -s INT $PPID) >/dev/null 2>&1 &");
    let begun = Instant::now();
    let output = up.run(&up.document());
    let waited = begun.elapsed();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(output.status.signal(), Some(2));
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[test]
fn killed_anywhere_and_run_again_it_ends_in_the_same_state() {
    with_each_engine(|reference| {
        for home_is_there in [false, true] {
            for pattern in POINTS.into_iter().filter(|pattern| passes(pattern, home_is_there)) {
                for done in [false, true] {
                    check_killed(reference.engine, pattern, home_is_there, done);
                }
            }
        }
    });
}

/// Kills a run before or after it has `done` what matches `pattern`, and runs
/// it again.
#[track_caller]
fn check_killed(engine: &'static str, pattern: &str, home_is_there: bool, done: bool) {
    let up = Up::new(engine);
    let home = format!("{NAME}-home");
    if home_is_there {
        up.add_volume(&home, Some(NAME));
    }
    let context = format!("{engine} {pattern} {home_is_there} {done}");
    match done {
        false => up.before(pattern, "kill -s KILL $PPID; exit 1"),
        true => up.after(pattern, "kill -s KILL $PPID"),
    }
    let output = up.run(&up.document());
    assert_eq!(output.status.signal(), Some(9), "{context}");
    let calls = up.world.calls();
    up.heal();
    let mut document = up.up(&up.document());
    assert_eq!(up.things(), Up::whole(), "{context}");
    assert_eq!(up.state(), ["document.json", "lock"], "{context}");
    let id = document["state"]["id"].take();
    assert!(id == format!("{:064}", 1) || id == format!("{:064}", 2), "{context}");
    let again = up.up(&up.document());
    assert_eq!((&again["state"]["id"], &again["state"]["spec"]), (&id, &document["state"]["spec"]));

    let mut all = calls;
    all.extend(up.world.calls());
    let placed = all.iter().any(|call| call[1] == "exec");
    if home_is_there {
        assert!(placed, "{context}: the dotfiles were not placed");
    } else if up.sent().iter().any(|line| line.ends_with("place/index")) {
        // The home counts as used once it is about to be started in.
        assert!(placed && pattern == "start*", "{context}: staged and not placed");
    }
}

#[test]
fn volumes_of_a_killed_run_are_new_until_something_ran_in_them() {
    let up = Up::new("podman");
    up.after("'volume create '*-workspace", "kill -s KILL $PPID");
    up.run(&up.document());
    up.heal();
    up.up(&up.document());
    assert_eq!(up.sent()[..2], ["1000 home/dev", "1000 workspace"]);
    assert!(!up.changes().iter().any(|call| call.starts_with("exec")));
}

#[test]
fn what_a_killed_run_has_made_is_not_the_next_runs_to_undo() {
    let up = Up::new("podman");
    up.after("'volume create '*-home", "kill -s KILL $PPID");
    up.run(&up.document());
    up.heal();
    up.before("cp*", "fail 125 'Error: it broke'");
    up.refused(&up.document(), 69, "engine-failed");
    assert_eq!(up.things(), [format!("volume {NAME}-home")]);
    // It is still known to hold nothing.
    up.heal();
    up.up(&up.document());
    assert_eq!(up.sent()[0], "1000 home/dev");
}

#[test]
fn a_volume_that_was_used_is_never_new_again() {
    let up = Up::new("podman");
    up.after("'-F none '*", "kill -s KILL $PPID");
    up.run(&up.document());
    up.heal();
    // A person worked in it, and removed it.
    fs::remove_dir_all(up.world.path("stub/containers").join(NAME)).unwrap();
    up.up(&up.document());
    assert!(!up.sent().iter().any(|line| line.contains("home/dev")), "{:?}", up.sent());
    assert!(up.changes().iter().any(|call| call.starts_with("exec --user dev")));
}

#[test]
fn a_volume_that_a_failed_run_was_started_in_is_never_new_again() {
    let up = Up::new("podman");
    up.after("'volume create '*-home", "kill -s KILL $PPID");
    up.run(&up.document());
    up.heal();
    // It was started, and somebody could have logged in before it was undone.
    up.world.write("stub/wrong", "");
    up.refused(&up.document(), 69, "wrong-certificate");
    assert_eq!(up.things(), [format!("volume {NAME}-home")]);
    assert_eq!(up.state(), ["lock"]);
    fs::remove_file(up.world.path("stub/wrong")).unwrap();
    up.up(&up.document());
    assert!(!up.sent().iter().any(|line| line.contains("home/dev")), "{:?}", up.sent());
}
