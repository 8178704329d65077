//! The program as its callers see it, with stand-ins for the engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::process::ExitStatusExt};

use stubs::{Command, World, refused};

const LIST: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.isolation":"proxy","ctrkit.project.hash":"1"}},
{"Id":"p","Names":["ctrkit-1-proxy"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1","ctrkit.sidecar.type":"proxy"}},
{"Id":"b","Names":["dev-b"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true"}}
]"#;

/// Three records, of which the last is refused; and then what says that these are
/// all.
const LOG: &str = r#"{"time":"2026-11-27T08:00:00.000Z","kind":"request","method":"GET","scheme":"https","path":"/1","host":"a.example","port":443,"decision":"allowed","status":200,"unknown":[null]}
{"time":"2026-11-27T09:00:00.000Z","kind":"request","method":"GET","scheme":"https","path":"/2","host":"a.example","port":443,"decision":"allowed","status":200}
{"time":"2026-11-27T10:00:00.000Z","kind":"connect","method":"CONNECT","host":"b.example","port":443,"decision":"refused","reason":"unknown-name","status":403}

"#;

fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", LIST).answer("podman-exec", LOG);
    world
}

fn ctr_log(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-log"));
    command.args(args);
    command
}

fn out(command: &mut Command) -> String {
    let run = command.assert().success().stderr("");
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

/// The numbers of the lines of the log above that come out.
#[track_caller]
fn check(args: &[&str], expected: &[usize]) {
    let all: Vec<_> = LOG.lines().collect();
    let expected: String = expected.iter().map(|at| format!("{}\n", all[*at])).collect();
    assert_eq!(out(&mut ctr_log(&world(), &[&["dev-a", "--json"], args].concat())), expected);
}

#[test]
fn the_records_are_as_they_are() {
    check(&[], &[0, 1, 2]);
    check(&["--refused"], &[2]);
    check(&["--since", "2026-11-27T09:00:00Z"], &[1, 2]);
    check(&["-n", "1"], &[2]);
    check(&["-n", "0"], &[]);
    check(&["-n", "2", "--follow"], &[1, 2]);
    check(&["--lines=1", "--since=2026-11-27T08:30:00Z"], &[2]);
}

#[test]
fn the_records_of_ctr_verify_are_marked_and_are_there_once_each() {
    let last = LOG.lines().nth(2).unwrap();
    let noted = serde_json::json!({"proxy": "p", "records": [last]}).to_string();
    let (world, twice) = (world(), LOG.replacen(last, &format!("{last}\n{last}"), 1));
    world.write("state/dev-a/verified.json", &noted);
    world.answer("podman-exec", &twice);
    let marked = last.replace(r#""status":403}"#, r#""status":403,"probe":true}"#);
    let args = ["dev-a", "--json", "--refused"];
    assert_eq!(out(&mut ctr_log(&world, &args)), format!("{marked}\n{last}\n"));
    let table = out(&mut ctr_log(&world, &["dev-a", "--refused"]));
    let reasons = table.lines().map(|line| line.contains("probe: unknown-name"));
    assert_eq!(reasons.collect::<Vec<_>>(), [false, true, false], "{table}");
    // Another proxy has another log.
    world.write("state/dev-a/verified.json", &noted.replace(r#""p""#, r#""q""#));
    assert_eq!(out(&mut ctr_log(&world, &args)), format!("{last}\n{last}\n"));
}

#[test]
fn people_get_a_table_and_no_colours_in_a_pipe() {
    let text = out(&mut ctr_log(&world(), &["dev-a"]));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("TIME ") && lines[0].ends_with(" REQUEST"), "{text}");
    assert!(lines[3].ends_with("unknown-name  b.example:443"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_follows_is_written_when_it_comes() {
    let world = world();
    let more = LOG.lines().next().unwrap().replace("/1", "/4");
    world.on("podman-exec", &format!("case $* in *' follow') printf '%s' '{LOG}'; sleep 0.2; echo '{more}'; status=137; exit 137 ;; esac"));
    // The proxy has ended, and so does what follows it.
    let text = out(&mut ctr_log(&world, &["dev-a", "--json", "-f", "-n", "1"]));
    assert_eq!(text, format!("{}\n{more}\n", LOG.lines().nth(2).unwrap()));
}

#[test]
fn of_one_that_does_not_run_the_engine_reads_the_files_in_their_order() {
    let world = world();
    let lines: Vec<_> = LOG.lines().collect();
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [
        ("requests.jsonl", lines[2]),
        ("requests.jsonl.10", lines[0]),
        ("requests.jsonl.2", lines[1]),
        ("other", "x"),
    ] {
        let text = format!("{text}\n");
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, format!("log/{name}"), text.as_bytes()).unwrap();
    }
    fs::write(world.path("stub/podman-cp.out"), archive.into_inner().unwrap()).unwrap();
    let expected = LOG.trim_end().to_owned() + "\n";
    let stopped = LIST.replace("running", "exited");
    world.answer("podman-ps", &stopped);
    assert_eq!(out(&mut ctr_log(&world, &["dev-a", "--json"])), expected);
    // One that has ended before it could be asked is such a one.
    world.answer("podman-ps", LIST).answer("podman-exec", "");
    world.refuse(
        "podman-exec",
        255,
        "Error: can only create exec sessions on running containers: container state improper",
    );
    assert_eq!(out(&mut ctr_log(&world, &["dev-a", "--json"])), expected);
}

#[test]
fn one_that_never_ran_has_no_records() {
    let world = world();
    world.answer("podman-ps", &LIST.replace("running", "created"));
    let words = "Error: \"/var/lib/ctrkit/log\" could not be found on container ctrkit-1-proxy: no such file or directory";
    world.refuse("podman-cp", 125, words);
    assert_eq!(out(&mut ctr_log(&world, &["dev-a", "--json"])), "");
    assert_eq!(out(&mut ctr_log(&world, &["dev-a"])).lines().count(), 1);
}

#[test]
fn what_is_no_record_is_left_out_and_counted() {
    let world = world();
    world.answer("podman-exec", &format!("no record\n{}\n{LOG}", "x".repeat(3 << 20)));
    let run = ctr_log(&world, &["dev-a", "--json"]).assert().success();
    let text = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert_eq!(text.lines().count(), 3);
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(words, "ctr-log: warning: 2 lines of the log are no records, and are left out\n");
}

#[test]
fn who_has_no_log_is_told() {
    let world = world();
    refused(&mut ctr_log(&world, &["dev-b"]), 65, "not-isolated");
    refused(&mut ctr_log(&world, &["dev-c"]), 69, "no-such-container");
    world.answer("podman-ps", &LIST.replace("sidecar.of\":\"1\"", "sidecar.of\":\"2\""));
    refused(&mut ctr_log(&world, &["dev-a"]), 69, "proxy-absent");
    world.answer("podman-ps", LIST).answer("podman-exec", "");
    world.refuse("podman-exec", 126, "OCI runtime error");
    refused(&mut ctr_log(&world, &["dev-a", "--json"]), 69, "engine-failed");
    for args in
        [&[][..], &["a", "b"], &["a", "--since", "soon"], &["a", "-n", "-1"], &["a", "-n", "x"]]
    {
        ctr_log(&world, args).assert().code(64).stdout("");
    }
}

#[test]
fn a_closed_pipe_ends_it_as_usual() {
    let world = world();
    let many = LOG.lines().next().unwrap().to_owned() + "\n";
    world.answer("podman-exec", &(many.repeat(5000) + "\n"));
    let mut command = world.command("sh");
    command.args([
        "-c",
        "{ \"$0\" dev-a; echo $? >\"$1\"; } | head -1 >/dev/null",
        env!("CARGO_BIN_EXE_ctr-log"),
    ]);
    let status = world.path("status");
    let head = std::process::Command::new("sh").args(["-c", "command -v head"]).output().unwrap();
    let head = String::from_utf8(head.stdout).unwrap();
    std::os::unix::fs::symlink(head.trim(), world.path("bin/head")).unwrap();
    let run = command.arg(&status).assert();
    assert_eq!(run.get_output().status.signal(), None);
    assert_eq!(fs::read_to_string(status).unwrap().trim(), "141");
}
