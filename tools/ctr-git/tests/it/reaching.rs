//! Why a container cannot be reached, and which one is meant.

use stubs::refused;

use crate::world::{NAME, Stage};

/// Fails before the push, in the three ways of carrying; no remote is left
/// behind by the first.
#[track_caller]
fn check_all(stage: &Stage, status: i32, kind: &str) -> serde_json::Value {
    let config = std::fs::read(stage.worktree.join(".git/config")).unwrap();
    let error = refused(&mut stage.pipe("main"), status, kind);
    assert_eq!(std::fs::read(stage.worktree.join(".git/config")).unwrap(), config);
    let url = format!("{NAME}:{}", stage.workspace.display());
    stage.git(&["remote", "add", NAME, &url]);
    stage.fails(&["push"], status, kind);
    stage.fails(&["pull"], status, kind);
    stage.git(&["remote", "remove", NAME]);
    error
}

#[test]
fn a_container_that_does_not_answer() {
    let stage = Stage::new();
    stage.proxy("known_hosts", "exec false");
    let error = check_all(&stage, 69, "unreachable");
    assert_eq!(error["hint"], "start it: ctr-start dev-app");
    let config = stage.world.path("ssh config");
    let text = std::fs::read_to_string(&config).unwrap();
    let direct: Vec<_> = text.lines().filter(|line| !line.contains("ProxyCommand")).collect();
    let direct = format!("{}\n  HostName 127.0.0.1\n  Port 1\n", direct.join("\n"));
    std::fs::write(&config, direct).unwrap();
    let error = check_all(&stage, 69, "unreachable");
    assert!(error["causes"][0].as_str().unwrap().contains("Connection refused"), "{error}");
}

#[test]
fn a_host_key_that_is_not_the_containers() {
    let stage = Stage::new();
    stage.ssh("known_hosts-other", "authorized_keys");
    check_all(&stage, 77, "host-key-refused");
    stage.ssh("known_hosts-none", "authorized_keys");
    check_all(&stage, 77, "host-key-refused");
}

#[test]
fn a_key_that_the_container_does_not_take() {
    let stage = Stage::new();
    stage.ssh("known_hosts", "authorized_keys-none");
    check_all(&stage, 77, "login-refused");
}

#[test]
fn a_container_that_does_not_run() {
    let stage = Stage::new();
    stage.create();
    stage.lists("exited", "true");
    let error = stage.fails(&["push"], 69, "unreachable");
    assert_eq!(error["causes"][0], "it is stopped");
    assert_eq!(error["hint"], "start it: ctr-start dev-app");
    stage.fails(&["pull"], 69, "unreachable");
    stage.world.on(
        "podman-exec",
        "echo 'Error: can only create exec sessions on running containers: \
         container state improper' >&2\nexit 255\n",
    );
    refused(&mut stage.pipe("main"), 69, "unreachable");
    assert_eq!(stage.connections(), 1);
}

#[test]
fn a_container_that_is_absent_or_somebody_elses() {
    let stage = Stage::new();
    stage.create();
    stage.lists("running", "");
    stage.fails(&["push"], 65, "not-managed");
    stage.fails(&["pull", NAME], 65, "not-managed");
    stage.world.answer("podman-ps", "[]");
    stage.fails(&["push"], 69, "no-such-container");
    stage.world.answer(
        "podman-ps",
        r#"[{"Id":"a","Names":["dev-app"],"State":"running","Labels":{"ctrkit.managed":"true"}}]"#,
    );
    stage.fails(&["push"], 65, "missing-label");
    assert_eq!(stage.connections(), 1);
}

#[test]
fn an_engine_that_fails() {
    let stage = Stage::new();
    stage.world.on("podman-exec", "echo 'Error: some failure' >&2\nexit 125\n");
    let error = refused(&mut stage.pipe("main"), 69, "engine-failed");
    let line = error["command"]["line"].as_str().unwrap();
    assert!(line.ends_with("dev-app sh -c ... ctr-git prepare"), "{line}");
    stage.world.on("podman-exec", "echo 'executable file `sh` not found'\nexit 126\n");
    let error = refused(&mut stage.pipe("main"), 69, "engine-failed");
    assert_eq!(error["message"], "podman: executable file `sh` not found");
}

#[test]
fn the_worktree_s_own_container_is_meant() {
    let stage = Stage::new();
    stage.create();
    stage.commit("sub/file", "two\n");
    stage.ctr_git(&["push", "-C", "sub"]).assert().success();
    stage.hold(&stage.world.path("elsewhere"), NAME);
    let error = stage.fails(&["push"], 69, "no-container");
    assert_eq!(error["hint"], "make one: ctrkit create; or say which: NAME");
    stage.succeeds(&["push", NAME]);
    stage.hold(&stage.worktree, "dev-other");
    stage.fails(&["push"], 69, "no-remote");
    std::fs::remove_file(stage.world.path("state/ports.json")).unwrap();
    stage.fails(&["pull"], 69, "no-container");
    stage.world.write("state/ports.json", "{");
    stage.fails(&["pull"], 65, "malformed-document");
}

#[test]
fn an_answer_that_comes_without_its_beginning_is_asked_for_again() {
    let stage = Stage::new();
    let path = stage.world.path("stub/podman-exec.do");
    let script = std::fs::read_to_string(&path).unwrap();
    let lost = stage.world.path("lost");
    let lose = |times: usize| {
        let end = format!(
            "\"$@\" | {{ if [ $(ls '{0}'* 2>/dev/null | wc -l) -lt {times} ]; \
             then mktemp '{0}.XXXXXX' >&2; read -r first; fi; cat; }}",
            lost.display()
        );
        std::fs::write(&path, script.replace("exec \"$@\"", &end)).unwrap();
    };
    lose(1);
    stage.create();
    // One that never comes whole is the engine's failure.
    lose(9);
    refused(&mut stage.pipe("main"), 69, "engine-failed");
}
