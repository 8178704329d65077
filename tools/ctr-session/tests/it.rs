//! The program as its callers see it: the stand-in for the engine says what
//! tmux in a container would.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use stubs::{Command, World, refused};

const LIST: &str = r#"[
{"Id":"b","Names":["dev-b"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true"}},
{"Id":"a","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.remote_user":"dev","ctrkit.workspace":"/workspace/a"}},
{"Id":"c","Names":["dev-c"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true"}},
{"Id":"p","Names":["ctrkit-1-proxy"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1"}}
]"#;

/// What tmux says in dev-a; in dev-c there is no server.
const SESSIONS: &str = r"
case $* in
    *dev-c*) echo 'no server running on /tmp/tmux-1000/default' >&2; exit 1 ;;
    *list-sessions*) echo '$0 2 1795785390 1795785400 a b'; echo 'client $0 0' ;;
    *new-session*) printf '$7 %s\n' made ;;
esac
";

fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", LIST).on("podman-exec", SESSIONS);
    world
}

fn ctr_session(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-session"));
    command.args(arguments);
    command
}

/// The arguments of the only call of `exec`.
#[track_caller]
fn exec(world: &World) -> Vec<String> {
    let calls = world.calls();
    let mut execs = calls.into_iter().filter(|call| call[1] == "exec");
    let call = execs.next().unwrap();
    assert_eq!(execs.next(), None);
    call[2..].to_vec()
}

#[track_caller]
fn fails(words: &str, status: u8, arguments: &[&str], exit: i32, kind: &str) -> Value {
    let world = world();
    // Asked whether there is a tmux.
    let look = "case $* in *command*) exit 9 ;; esac";
    world.on("podman-exec", look).refuse("podman-exec", status, words);
    refused(&mut ctr_session(&world, arguments), exit, kind)
}

#[test]
fn all_containers_are_asked_once_and_reasons_are_listed() {
    let world = world();
    let run = ctr_session(&world, &["list", "--json"]).assert().success().stderr("");
    let list: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(list["schema"], "sessions/1");
    let [session] = &list["sessions"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!((&session["container"], &session["name"]), (&"dev-a".into(), &"a b".into()));
    assert_eq!((&session["windows"], &session["attached"]), (&2.into(), &1.into()));
    let without = list["without"].as_array().unwrap();
    let kinds: Vec<_> = without.iter().map(|each| (&each["container"], &each["kind"])).collect();
    let (b, c) = (Value::from("dev-b"), Value::from("dev-c"));
    assert_eq!(kinds, [(&b, &"not-running".into()), (&c, &"no-server".into())]);
    let execs = world.calls().into_iter().filter(|call| call[1] == "exec");
    let mut asked: Vec<_> = execs.map(|call| call.join(" ")).collect();
    asked.sort();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].starts_with("podman exec --user dev dev-a tmux -u list-sessions -F "));
    assert!(asked[1].starts_with("podman exec dev-c tmux -u list-sessions -F "));
}

#[test]
fn a_table_is_for_people() {
    let world = world();
    let run = ctr_session(&world, &["list"]).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].starts_with("dev-a      a b      2        1         "), "{text}");
    assert_eq!(lines[2], "dev-b: the container 'dev-b' is not running but stopped");
}

#[test]
fn a_command_is_passed_as_words() {
    let world = world();
    let odd = ["a b", "$HOME", "x;", "", "--if-absent", "'"];
    let mut command = ctr_session(&world, &["new", "dev-a", "made", "--"]);
    command.args(odd).assert().success().stdout("").stderr("");
    let call = exec(&world);
    let expected = ["--env", "USER=dev", "--env", "LOGNAME=dev", "--user", "dev", "dev-a"];
    assert_eq!(call[..7], expected);
    assert_eq!(call[7..10], ["tmux", "-u", "new-session"]);
    let directory = call.iter().position(|word| word == "-c").unwrap();
    assert_eq!(call[directory + 1], "/workspace/a");
    assert_eq!(call[call.len() - 6..], ["a b", "$HOME", r"x\;", "", "--if-absent", "'"]);
}

#[test]
fn a_name_that_comes_back_another_is_refused_and_its_session_ended() {
    let world = world();
    let mut command = ctr_session(&world, &["new", "dev-a", "-other"]);
    refused(&mut command, 65, "bad-session-name");
    let last = world.calls().pop().unwrap().join(" ");
    assert!(last.ends_with("tmux -u kill-session -t $7"), "{last}");
}

#[test]
fn a_document_is_passed_on_as_it_came() {
    let document = "{\"schema\":\"container/1\",\"name\":\"dev-d\",\"project\":{\"path\":\"/\",\
                    \"name\":\"d\",\"hash\":\"0\"},\"user\":\"me\",\"other\":1}\n";
    let world = world();
    let mut command = ctr_session(&world, &["new", "-", "made", "--if-absent"]);
    command.write_stdin(document).assert().success().stdout(document);
    let call = exec(&world).join(" ");
    assert!(call.contains("--user me dev-d tmux"), "{call}");
}

#[test]
fn what_exists_may_be_left() {
    let words = "duplicate session: made";
    let error = fails(words, 1, &["new", "dev-a", "made"], 69, "session-exists");
    let hint = "attach to it: ctr-session attach dev-a made; or say --if-absent";
    assert_eq!(error["hint"], hint);
    let world = world();
    world.on("podman-exec", "").refuse("podman-exec", 1, words);
    ctr_session(&world, &["new", "dev-a", "made", "--if-absent"]).assert().success();
}

#[test]
fn what_tmux_and_the_engine_say_is_told_apart() {
    let capture = ["capture", "dev-a", "x"];
    for (words, status, exit, kind) in [
        ("can't find session: x", 1, 69, "no-such-session"),
        ("no server running on /tmp/tmux-1000/default", 1, 69, "no-server"),
        ("error connecting to /tmp/t (No such file or directory)", 1, 69, "no-server"),
        ("error connecting to /tmp/t (Permission denied)", 1, 69, "tmux-failed"),
        ("command too long", 1, 65, "command-too-long"),
        (
            "executable file `tmux` not found in $PATH: No such file or directory",
            127,
            69,
            "no-tmux",
        ),
        ("", 126, 69, "no-tmux"),
        ("Error: can only create exec sessions on running containers", 255, 69, "not-running"),
        ("", 125, 69, "engine-failed"),
    ] {
        fails(words, status, &capture, exit, kind);
    }
    for words in ["can't find session: x", "no server running on /tmp/t"] {
        let world = world();
        world.on("podman-exec", "").refuse("podman-exec", 1, words);
        ctr_session(&world, &["kill", "dev-a", "x"]).assert().success().stdout("").stderr("");
        ctr_session(&world, &["kill", "dev-a", "--all"]).assert().success();
    }
}

#[test]
fn a_user_that_is_not_there_is_told_from_a_tmux_that_is_not() {
    let world = world();
    world.on("podman-exec", "").refuse("podman-exec", 126, "Error: unable to find user dev: no");
    refused(&mut ctr_session(&world, &["list", "dev-a"]), 69, "no-such-user");
}

#[test]
fn a_container_that_is_not_for_sessions_is_told_before_tmux_is_called() {
    let world = world();
    let error = refused(&mut ctr_session(&world, &["list", "dev-b"]), 69, "not-running");
    assert_eq!(error["hint"], "start it: ctr-start dev-b");
    refused(&mut ctr_session(&world, &["list", "dev-never"]), 69, "no-such-container");
    world.answer("podman-ps", &LIST.replace("ctrkit.managed", "x"));
    refused(&mut ctr_session(&world, &["kill", "dev-a", "--all"]), 65, "not-managed");
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[test]
fn what_never_can_be_calls_nothing() {
    let world = world();
    for verb in ["new", "attach", "send", "capture", "kill"] {
        for name in ["", "a.b", "a:b", "$(id)", "a\nb"] {
            refused(&mut ctr_session(&world, &[verb, "dev-a", name]), 65, "bad-session-name");
        }
    }
    let send = ["send", "dev-a", "x"];
    refused(&mut ctr_session(&world, &send), 64, "nothing-to-send");
    refused(ctr_session(&world, &send).args(["--key", "Entre"]), 65, "bad-key");
    refused(ctr_session(&world, &send).arg("a\u{1b}[201~"), 65, "bad-text");
    refused(&mut ctr_session(&world, &["attach", "dev-a", "x"]), 64, "not-a-terminal");
    ctr_session(&world, &["new", "--dry-run", "-", "x"]).assert().success().stdout("");
    for wrong in [&["kill", "dev-a"][..], &["kill", "dev-a", "x", "--all"], &["new"], &["x"]] {
        ctr_session(&world, wrong).assert().code(64).stdout("");
    }
    assert_eq!(world.calls(), Vec::<Vec<String>>::new());
}

#[test]
fn text_is_an_argument_or_standard_input() {
    let world = world();
    ctr_session(&world, &["send", "dev-a", "x", "--", "-n;"]).assert().success();
    let call = exec(&world).join(" ");
    assert!(call.ends_with(r"copy-mode -q -t =x: ; send-keys -t =x: -l -- -n\;"), "{call}");
    world.forget();
    world.on("podman-exec", "cat >\"$stub/input\"");
    let text = "many\n".repeat(300_000);
    ctr_session(&world, &["send", "dev-a", "x", "-"]).write_stdin(text.clone()).assert().success();
    assert_eq!(std::fs::read_to_string(world.path("stub/input")).unwrap(), text);
    assert_eq!(exec(&world)[..4], ["--interactive", "--user", "dev", "dev-a"]);
}

#[test]
fn attaching_is_one_command_that_can_be_pasted() {
    let world = world();
    let expected = format!(
        "{} exec --interactive --tty --env 'TERM=xterm-256color' --env 'COLORTERM=truecolor' \
         --user dev dev-a tmux -u attach-session -t '=a b'\n",
        world.path("bin/podman").display()
    );
    ctr_session(&world, &["attach", "--print", "dev-a", "a b"]).assert().stdout(expected);
}

/// Frames as the script in the container writes them.
const FRAMES: &str = r"
printf '23\n80 3 0 1 0\nold\n\n\nold\n\n\n'
printf '8 80 3\none\r\ntwo'
sleep 0.1
printf '6 80 3\n2\r\nend0\n'
cat >/dev/null
: >'$ENDED'
";

#[test]
fn lines_are_followed_to_the_end() {
    let world = world();
    let ended = world.path("ended");
    world.on("podman-exec", &FRAMES.replace("$ENDED", ended.to_str().unwrap()));
    let follow = ["capture", "dev-a", "x", "--follow"];
    ctr_session(&world, &follow).assert().success().stdout("old\none\ntwo2\nend\n").stderr("");
    // Its standard input has ended, and it was waited for.
    assert!(ended.exists());
    ctr_session(&world, &follow).args(["-n", "0"]).assert().stdout("one\ntwo2\nend\n");
    let raw = "old\none\r\ntwo2\r\nend";
    ctr_session(&world, &follow).arg("--escapes").assert().success().stdout(raw);
}

#[test]
fn nobody_is_followed_for_nobody() {
    let world = world();
    let ended = world.path("ended");
    let frames = FRAMES.replace("$ENDED", ended.to_str().unwrap()).replace("end0\\n", "end");
    world.on("podman-exec", &frames);
    let script = "\"$0\" capture dev-a x --follow | { read -r line; echo \"$line\"; }";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ctr-session")]);
    command.timeout(std::time::Duration::from_secs(20)).assert().success().stdout("old\n");
    assert!(ended.exists());
}

#[test]
fn who_can_be_followed_no_further_is_told() {
    let world = world();
    world.on("podman-exec", "printf '10\n80 1 0 0 0'; exit 137");
    let follow = ["capture", "dev-a", "x", "--follow"];
    refused(&mut ctr_session(&world, &follow), 75, "cut-off");
    for (words, status, kind) in [
        ("can't find session: x", 1, "no-such-session"),
        ("", 8, "pane-is-piped"),
        ("sh: 1: tmux: not found", 127, "no-tmux"),
    ] {
        fails(words, status, &follow, 69, kind);
    }
}

#[test]
fn the_list_works_in_a_pipe() {
    let world = world();
    let script = "\"$0\" list --plain | while IFS='\t' read -r container name rest; do \
                  echo \"$container/$name\"; done";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ctr-session")]);
    command.assert().success().stdout("dev-a/a b\n");
}
