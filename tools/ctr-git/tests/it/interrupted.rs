//! Ctrl-C and SIGKILL in the middle, then the same again.

use std::{
    fs,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

use stubs::refused;
use toolkit::files::Lock;

use crate::world::{NAME, Stage};

/// Makes the next push wait in the middle of the connection, and starts one.
fn hanging(stage: &Stage) -> Child {
    let proxy = fs::read_to_string(stage.world.path("sshd/proxy")).unwrap();
    let begun = stage.world.path("begun");
    let wait = format!("touch '{}'; sleep 60 & wait; ", begun.display());
    fs::write(stage.world.path("sshd/proxy"), format!("{wait}{proxy}")).unwrap();
    let child = begin(stage, &[], &begun);
    fs::write(stage.world.path("sshd/proxy"), proxy).unwrap();
    child
}

/// Starts ctr-git in a process group of its own, with a document to read, and
/// returns when `begun` has been made.
fn begin(stage: &Stage, args: &[&str], begun: &Path) -> Child {
    let template = stage.ctr_git(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctr-git"));
    command.env_clear().envs(template.get_envs().filter_map(|(k, v)| Some((k, v?))));
    command.args(args).process_group(0).current_dir(&stage.worktree).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let document = stage.document("main");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), document.as_bytes()).unwrap();
    let since = Instant::now();
    while !begun.exists() {
        assert!(since.elapsed() < Duration::from_secs(30), "the push does not begin");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn a_signal_takes_the_remote_back_and_the_next_run_succeeds() {
    for number in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let stage = Stage::new();
        let config = fs::read(stage.worktree.join(".git/config")).unwrap();
        let child = hanging(&stage);
        signal(&child, number);
        let since = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert!(since.elapsed() < Duration::from_secs(10), "it waited for the push");
        assert_eq!(output.status.signal(), Some(number as i32));
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read(stage.worktree.join(".git/config")).unwrap(), config);
        stage.create();
        assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), stage.git(&["rev-parse", "HEAD"]));
    }
}

#[test]
fn a_container_that_never_answers_holds_nobody_up() {
    let stage = Stage::new();
    let begun = stage.world.path("begun");
    let wait = format!("touch '{}'\nexec sleep 60\n", begun.display());
    stage.world.on("podman-exec", &wait);
    let child = begin(&stage, &[], &begun);
    signal(&child, Signal::SIGINT);
    let since = Instant::now();
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(2));
    assert!(since.elapsed() < Duration::from_secs(20));
}

/// Ctrl-C reaches the whole process group, which git would be in the middle of.
#[test]
fn ctrl_c_leaves_no_file_half_changed() {
    let stage = Stage::new();
    stage.create();
    let commit = stage.commit_there("file", "two\n");
    let begun = stage.world.path("begun");
    stage.before("merge", &format!("touch '{}'; sleep 1", begun.display()));
    let child = begin(&stage, &["pull"], &begun);
    killpg(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    child.wait_with_output().unwrap();
    assert_eq!(stage.git(&["rev-parse", "HEAD"]), commit);
    assert_eq!(stage.git(&["status", "--porcelain"]), "");
}

#[test]
fn after_sigkill_the_next_run_ends_like_any_other() {
    let stage = Stage::new();
    let mut child = hanging(&stage);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let document = stage.create();
    let undisturbed = Stage::new();
    let expected = undisturbed.create();
    let keys = |document: &serde_json::Value| {
        document["git"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&document), keys(&expected));
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), stage.git(&["rev-parse", "HEAD"]));
    let remote =
        |stage: &Stage| stage.git(&["config", "--get-regexp", "^remote\\."]).matches('\n').count();
    assert_eq!(remote(&stage), remote(&undisturbed));
}

#[test]
fn a_remote_that_was_half_added_is_finished() {
    let stage = Stage::new();
    let fetch = format!("+refs/heads/*:refs/remotes/{NAME}/*");
    stage.git(&["config", &format!("remote.{NAME}.fetch"), &fetch]);
    stage.create();
    assert_eq!(stage.git(&["config", "--get-all", &format!("remote.{NAME}.fetch")]), fetch);
}

#[test]
fn a_repository_that_was_half_made_is_finished() {
    let stage = Stage::new();
    fs::create_dir_all(stage.workspace.join(".git/objects")).unwrap();
    stage.create();
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), stage.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_remote_that_another_run_added_stays_where_this_one_fails() {
    let stage = Stage::new();
    let path = stage.world.path("state").join(NAME).join("lock");
    let held = Lock::take(&path, Duration::ZERO).unwrap();
    let mut waiting = stage.pipe("main");
    thread::scope(|scope| {
        let failing = scope.spawn(|| refused(&mut waiting, 69, "unreachable"));
        // By then it has read what it reads before that.
        stubs::until_waited_for(&path);
        stage.git(&["remote", "add", NAME, &format!("{NAME}:{}", stage.workspace.display())]);
        stage.git(&["update-ref", &format!("refs/remotes/{NAME}/main"), "HEAD"]);
        stage.proxy("known_hosts", "exit 1");
        drop(held);
        failing.join().unwrap();
    });
    assert_eq!(stage.git(&["remote"]), NAME);
    assert_eq!(
        stage.git(&["for-each-ref", "--format=%(refname)", "refs/remotes"]).lines().count(),
        1
    );
}
