//! Two hundred processes at once, some of them killed with SIGKILL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{BuildHasher, RandomState},
    io::Write,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Barrier,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// How many processes run at once.
const CROWD: usize = 200;

/// Two services whose ranges meet: at offset 100 the first one would have
/// the port that the second one has at offset 0.
fn document(n: usize) -> Value {
    json!({
        "schema": "container/1", "name": format!("dev-{n}"),
        "project": {"path": format!("/nonexistent/{n}"), "name": "a", "hash": format!("{n:012x}")},
        "ports": [
            {"service": "a", "container": 1, "start": 20000, "address": "127.0.0.1"},
            {"service": "b", "container": 2, "start": 20100, "address": "127.0.0.1"},
        ],
    })
}

fn start(state: &Path, args: &[&str], document: &Value) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portalloc"))
        .args(args)
        .env_clear()
        .env("PATH", "/nonexistent")
        .env("CTRKIT_STATE_DIR", state)
        .env("CTRKIT_CONFIG_DIR", state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that is killed, or that reads nothing, is allowed not to listen.
    let _ = child.stdin.take().unwrap().write_all(document.to_string().as_bytes());
    child
}

fn run(state: &Path, args: &[&str], document: &Value) -> Output {
    start(state, args, document).wait_with_output().unwrap()
}

/// Returns a random duration below `limit`.
fn random(limit: Duration) -> Duration {
    let number = RandomState::new().hash_one(()) % limit.as_micros() as u64;
    Duration::from_micros(number)
}

/// Starts a crowd at one moment, kills every fourth of them somewhen within
/// `within`, and returns how each of them ended. Others read meanwhile.
fn storm(state: &Path, blocks: &str, within: Duration) -> Vec<Output> {
    let barrier = Barrier::new(CROWD + 1);
    let member = |n: usize| {
        barrier.wait();
        let mut child = start(state, &["--blocks", blocks], &document(n));
        if n % 4 == 0 {
            thread::sleep(random(within));
            child.kill().unwrap();
        }
        child.wait_with_output().unwrap()
    };
    let reader = || {
        barrier.wait();
        for _ in 0..20 {
            let output = run(state, &["--list", "--json"], &Value::Null);
            assert!(output.status.success(), "{output:?}");
            distinct_ports(&serde_json::from_slice(&output.stdout).unwrap());
        }
    };
    thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD).map(|n| scope.spawn(move || member(n))).collect();
        scope.spawn(reader);
        crowd.into_iter().map(|member| member.join().unwrap()).collect()
    })
}

fn ledger(state: &Path) -> Value {
    serde_json::from_slice(&fs::read(state.join("ports.json")).unwrap()).unwrap()
}

/// Returns the ports of each key of a ledger in which nobody shares any.
fn distinct_ports(ledger: &Value) -> BTreeMap<String, Vec<u64>> {
    assert_eq!(ledger["schema"], "ports/1");
    let mut seen = BTreeSet::new();
    let mut holders = BTreeMap::new();
    for one in ledger["reservations"].as_array().unwrap() {
        let ports = one["ports"].as_array().unwrap().iter();
        let ports: Vec<_> = ports.map(|held| held["port"].as_u64().unwrap()).collect();
        assert!(ports.iter().all(|port| seen.insert(*port)), "a port is held twice: {one}");
        let before = holders.insert(one["key"].as_str().unwrap().to_owned(), ports);
        assert!(before.is_none(), "a key is there twice: {one}");
    }
    holders
}

fn hosts(output: &Output) -> Vec<u64> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ports = document["ports"].as_array().unwrap();
    ports.iter().map(|port| port["host"].as_u64().unwrap()).collect()
}

/// Checks that each member that says it has ports has them in the ledger,
/// and returns how many were killed and how many refused.
fn check(state: &Path, outputs: &[Output]) -> (usize, usize) {
    let held = distinct_ports(&ledger(state));
    let (mut killed, mut refused) = (0, 0);
    for (n, output) in outputs.iter().enumerate() {
        match (output.status.signal(), output.status.code()) {
            (Some(9), _) => killed += 1,
            (_, Some(0)) => {
                let ports = hosts(output);
                assert_eq!(held.get(&format!("{n:012x}")), Some(&ports), "{n} lost its entry");
                assert_eq!(ports[0] + 100, ports[1], "{n} has two offsets");
            }
            (_, Some(69)) => {
                let message = String::from_utf8_lossy(&output.stderr);
                assert!(message.contains("no free block of ports"), "{message}");
                refused += 1;
            }
            _ => panic!("{n}: {output:?}"),
        }
    }
    (killed, refused)
}

/// Checks that nothing is left of those who were killed, once somebody writes.
fn check_swept(state: &Path) {
    let service = ["--plain", "last", "--service", "z:1:29000"];
    assert!(run(state, &service, &Value::Null).status.success());
    let names = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<_> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["ports.json".to_owned(), "ports.lock".to_owned()]));
}

#[test]
fn a_crowd_in_a_range_that_is_wide_enough() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let outputs = storm(state, "400", Duration::from_millis(1000));
    let (killed, refused) = check(state, &outputs);
    assert!(killed > 0, "nobody was killed, so that this shows less than it should");
    assert_eq!(refused, 0);
    // Run again, the killed get their blocks and the others keep theirs.
    let before = distinct_ports(&ledger(state));
    for n in (0..CROWD).filter(|n| n % 4 == 0 || n % 9 == 0) {
        let output = run(state, &["--blocks", "400"], &document(n));
        assert!(output.status.success(), "{output:?}");
        if let Some(ports) = before.get(&format!("{n:012x}")) {
            assert_eq!(&hosts(&output), ports);
        }
    }
    let after = distinct_ports(&ledger(state));
    assert_eq!(after.len(), CROWD);
    assert!(before.iter().all(|(key, ports)| after.get(key) == Some(ports)));
    check_swept(state);
}

#[test]
fn a_crowd_in_a_range_that_is_too_narrow() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let outputs = storm(state, "50", Duration::from_millis(1000));
    let (killed, refused) = check(state, &outputs);
    assert!(killed > 0, "nobody was killed, so that this shows less than it should");
    assert!(refused >= CROWD - CROWD / 4 - 50, "{refused} were refused");
    // Whoever comes later finds the last free blocks, and then none.
    let late = (0..CROWD).step_by(3).map(|n| run(state, &["--blocks", "50"], &document(n)));
    assert!(late.filter(|output| output.status.code() == Some(69)).count() > 0);
    let held = distinct_ports(&ledger(state)).len();
    assert!((45..=50).contains(&held), "{held} of 50 blocks are held");
    check_swept(state);
}

#[test]
fn one_after_another_killed_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    run(state, &[], &document(0));
    let mut killed = 0;
    for n in 1..100 {
        let mut child = start(state, &["--blocks", "400"], &document(n));
        thread::sleep(random(Duration::from_millis(12)));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().signal() == Some(9));
        distinct_ports(&ledger(state));
        assert!(run(state, &["--blocks", "400"], &document(n)).status.success());
    }
    assert!(killed > 0, "nobody was killed, so that this shows nothing");
    assert_eq!(distinct_ports(&ledger(state)).len(), 100);
    check_swept(state);
}
