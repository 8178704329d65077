//! The program as its callers see it, with stand-ins for the engines and the
//! other tools, and a real git.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::{self, OpenOptions},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command as Process, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use stubs::{Command, World, refused};
use toolkit::files::Lock;

/// A world with the container `dev-a` as it is after `ctrkit create`.
struct Made {
    world: World,
    program: PathBuf,
}

/// Runs what comes after `exec OPTION... NAME`, here.
const EXEC: &str = "while [ \"$1\" != sh ]; do shift; done; exec \"$@\"";

/// Runs what comes after `run OPTION... IMAGE` with `--entrypoint=sh`, here.
const RUN: &str = "while [ \"$1\" != -c ]; do shift; done; exec sh \"$@\"";

impl Made {
    fn new() -> Self {
        let world = World::new();
        world.program("sshcfg");
        world.program("portalloc");
        let program = world.install(env!("CARGO_BIN_EXE_ctr-rm"));
        let made = Self { world, program };
        made.repository("worktree");
        made.git("worktree", &["remote", "add", "dev-a", "dev-a:/workspace/a"]);
        made.git("worktree", &["clone", "-q", ".", "../workspace"]);
        made.list("running", "true");
        made.world.answer("podman-volume-ls", &volumes(&["home", "workspace"]));
        made.world.answer("podman-network-ls", "[]");
        made.world.on("podman-exec", EXEC).on("podman-run", RUN);
        // What is removed is listed no more.
        let name = "for name; do :; done";
        made.world
            .on("podman-rm", &format!("{name}; [ $name != a ] || echo '[]' >$stub/podman-ps.out"));
        made.world.on(
            "portalloc---release",
            &format!("rm -f '{}'", made.world.path("state/ports.json").display()),
        );
        made.keep_state();
        made
    }

    fn keep_state(&self) {
        let worktree = self.world.path("worktree");
        let held = json!({"schema": "ports/1", "reservations": [
            {"key": "0123456789ab", "name": "dev-a", "path": worktree, "ports": []},
            {"key": "plain:dev-a", "name": "dev-a", "ports": []}]});
        self.world.write("state/ports.json", &held.to_string());
        let document = json!({"schema": "container/1", "name": "dev-a", "engine": {"kind": "podman"},
            "project": {"path": worktree, "name": "a", "hash": "0123456789ab"}});
        self.world.write("state/dev-a/document.json", &document.to_string());
    }

    fn list(&self, status: &str, managed: &str) {
        let labels = json!({"ctrkit.managed": managed, "ctrkit.project.hash": "0123456789ab",
            "ctrkit.project.path": self.world.path("worktree"), "ctrkit.remote_user": "dev",
            "ctrkit.workspace": self.world.path("workspace")});
        let proxy = json!({"ctrkit.managed": managed, "ctrkit.sidecar.of": "0123456789ab"});
        let list = json!([
            {"Id": "a", "Names": ["dev-a"], "Image": "image", "State": status, "Labels": labels},
            {"Id": "p", "Names": ["proxy"], "Image": "image", "State": status, "Labels": proxy}]);
        self.world.answer("podman-ps", &list.to_string());
    }

    fn repository(&self, name: &str) {
        fs::create_dir(self.world.path(name)).unwrap();
        self.git(name, &["init", "-q", "-b", "main"]);
        self.git(name, &["commit", "-q", "--allow-empty", "-m", "start"]);
    }

    fn git(&self, directory: &str, args: &[&str]) -> String {
        let mut git = Process::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-C"]);
        git.arg(self.world.path(directory)).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = git.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn ctr_rm(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(&self.program);
        command.args(arguments);
        command
    }

    /// What was changed, without the questions.
    fn changes(&self) -> Vec<String> {
        let asks = |line: &&String| {
            line.starts_with("podman exec")
                || line.starts_with("podman run")
                || line.ends_with(" list")
        };
        self.world.changes().into_iter().filter(|line| !asks(&line)).collect()
    }

    #[track_caller]
    fn check_untouched(&self) {
        assert_eq!(self.changes(), Vec::<String>::new());
        assert_eq!(self.git("worktree", &["remote"]), "dev-a\n");
        assert!(self.world.path("state/dev-a/document.json").exists());
    }

    #[track_caller]
    fn check_gone(&self) {
        assert_eq!(self.git("worktree", &["remote"]), "");
        assert!(!self.world.path("state/dev-a").exists());
        assert!(!self.world.path("state/ports.json").exists());
    }
}

fn volumes(parts: &[&str]) -> String {
    let line = |part: &&str| {
        let labels = json!({"ctrkit.name": "dev-a"});
        format!("{}\n", json!({"name": format!("dev-a-{part}"), "labels": labels}))
    };
    let others = "{\"name\":\"dev-b-home\",\"labels\":{\"ctrkit.name\":\"dev-b\"}}\n";
    parts.iter().map(line).collect::<String>() + others
}

const CONTAINERS: [&str; 4] =
    ["podman stop -t 10 a", "podman rm --force a", "podman stop -t 10 p", "podman rm --force p"];

#[test]
fn all_but_the_volumes_goes_and_what_is_kept_is_said() {
    let made = Made::new();
    made.ctr_rm(&["dev-a"]).assert().success().stdout("").stderr(
        "ctr-rm: kept: 'dev-a-home', 'dev-a-workspace'; to remove: ctr-rm --volumes dev-a\n",
    );
    let rest = ["sshcfg remove dev-a", "portalloc --release 0123456789ab --host local"];
    assert_eq!(made.changes(), [&CONTAINERS[..], &rest].concat());
    made.check_gone();
}

#[test]
fn volumes_go_after_the_container_when_that_is_asked_for() {
    let made = Made::new();
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success().stdout("").stderr("");
    let expected = [
        "podman stop -t 10 a",
        "podman rm --force --volumes a",
        "podman stop -t 10 p",
        "podman rm --force --volumes p",
        "podman volume rm dev-a-home",
        "podman volume rm dev-a-workspace",
        "sshcfg remove dev-a",
        "portalloc --release 0123456789ab --host local",
    ];
    assert_eq!(made.changes(), expected);
    made.check_gone();
}

#[test]
fn a_second_run_finds_the_volumes_that_were_kept_and_then_nothing() {
    let made = Made::new();
    made.ctr_rm(&["dev-a"]).assert().success();
    made.ctr_rm(&["dev-a"]).assert().success();
    made.world.forget();
    made.ctr_rm(&["dev-a", "--volumes"]).assert().success().stderr("");
    assert!(made.changes().contains(&"podman volume rm dev-a-home".to_owned()));
    made.world.answer("podman-volume-ls", &volumes(&[]));
    refused(&mut made.ctr_rm(&["dev-a"]), 69, "no-such-container");
}

#[test]
fn what_is_left_of_a_container_that_is_gone_goes_too() {
    let made = Made::new();
    made.world.answer("podman-ps", "[]").answer("podman-volume-ls", "");
    made.ctr_rm(&["dev-a"]).assert().success().stdout("").stderr("");
    let expected = [
        "podman rm --force dev-a",
        "sshcfg remove dev-a",
        "portalloc --release 0123456789ab --host local",
    ];
    assert_eq!(made.changes(), expected);
    made.check_gone();
}

/// Makes `dev-a` an isolated container: two networks, two volumes of its
/// sidecars; and another's beside it.
fn isolate(made: &Made) {
    let of = json!({"ctrkit.name": "dev-a", "ctrkit.sidecar.of": "0123456789ab"});
    let others = json!({"ctrkit.name": "dev-b", "ctrkit.sidecar.of": "ba9876543210"});
    let networks = json!([{"name": "c-edge", "labels": of}, {"name": "c-net", "labels": of},
        {"name": "b-net", "labels": others}, {"name": "podman"}]);
    made.world.answer("podman-network-ls", &networks.to_string());
    let volume = |name, labels| format!("{}\n", json!({"name": name, "labels": labels}));
    let sidecars = volume("c-proxy", &of) + &volume("c-trust", &of) + &volume("b-proxy", &others);
    made.world.answer("podman-volume-ls", &(volumes(&["home"]) + &sidecars));
}

const ISOLATION: [&str; 4] = [
    "podman network rm c-edge",
    "podman network rm c-net",
    "podman volume rm c-proxy",
    "podman volume rm c-trust",
];

#[test]
fn what_isolates_a_container_goes_with_it_and_its_own_volumes_stay() {
    let made = Made::new();
    isolate(&made);
    let kept = "ctr-rm: kept: 'dev-a-home'; to remove: ctr-rm --volumes dev-a\n";
    made.ctr_rm(&["dev-a"]).assert().success().stderr(kept);
    let rest = ["sshcfg remove dev-a", "portalloc --release 0123456789ab --host local"];
    assert_eq!(made.changes(), [&CONTAINERS[..], &ISOLATION, &rest].concat());
    made.check_gone();
}

#[test]
fn networks_and_volumes_of_sidecars_alone_are_enough_to_go() {
    let made = Made::new();
    isolate(&made);
    made.world.answer("podman-ps", "[]");
    fs::remove_dir_all(made.world.path("state/dev-a")).unwrap();
    fs::remove_file(made.world.path("state/ports.json")).unwrap();
    made.ctr_rm(&["dev-a"]).assert().success();
    let rest = ["podman rm --force dev-a"].into_iter().chain(ISOLATION);
    let rest: Vec<_> = rest.chain(["sshcfg remove dev-a"]).collect();
    assert_eq!(made.changes(), rest);
}

#[test]
fn networks_that_go_meanwhile_are_no_error_and_one_in_use_is() {
    for words in [
        "Error: unable to find network with name or ID c-edge: network not found",
        "Error response from daemon: network c-edge not found\nexit status 1",
        "Error: No such network: c-edge",
    ] {
        let made = Made::new();
        isolate(&made);
        made.world.refuse("podman-network-rm", 1, words);
        made.ctr_rm(&["dev-a"]).assert().success();
        made.check_gone();
    }
    for words in [
        "Error: \"c-edge\" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used",
        "Error response from daemon: error while removing network: network c-edge id 39 has active endpoints\nexit status 1",
    ] {
        let made = Made::new();
        isolate(&made);
        made.world.refuse("podman-network-rm", 2, words);
        let error = refused(&mut made.ctr_rm(&["dev-a"]), 69, "network-in-use");
        assert_eq!(error["message"], "cannot remove the network 'c-edge'");
        assert!(!error["causes"][0].as_str().unwrap().contains("exit status"), "{error}");
        assert!(made.world.path("state/dev-a").exists());
        fs::remove_file(made.world.path("stub/podman-network-rm.status")).unwrap();
        made.ctr_rm(&["dev-a"]).assert().success();
        made.check_gone();
    }
}

#[test]
fn sidecars_and_networks_of_another_authority_stay() {
    let made = Made::new();
    isolate(&made);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL6hpWTBlC3jEHDRBRwXnwL0BlvBkM2vFSTfqd9GGz8k\n";
    made.world.write("config/ca/ca_key.pub", key);
    for call in ["podman-ps", "podman-network-ls", "podman-volume-ls"] {
        let answer = fs::read_to_string(made.world.path("stub").join(format!("{call}.out")));
        let of = "\"ctrkit.sidecar.of\":";
        let others = format!("\"ctrkit.authority\":\"SHA256:other\",{of}");
        made.world.answer(call, &answer.unwrap().replace(of, &others));
    }
    made.ctr_rm(&["dev-a"]).assert().success();
    let expected = [
        &CONTAINERS[..2],
        &["sshcfg remove dev-a", "portalloc --release 0123456789ab --host local"],
    ];
    assert_eq!(made.changes(), expected.concat());
}

#[test]
fn an_ssh_entry_alone_is_enough_to_go() {
    let made = Made::new();
    made.world.answer("podman-ps", "[]").answer("podman-volume-ls", "");
    made.world.answer("sshcfg-list", "dev-b\ndev-c\n");
    fs::remove_dir_all(made.world.path("state/dev-a")).unwrap();
    fs::remove_file(made.world.path("state/ports.json")).unwrap();
    refused(&mut made.ctr_rm(&["dev-a"]), 69, "no-such-container");
    made.ctr_rm(&["dev-c"]).assert().success();
    assert!(made.changes().contains(&"sshcfg remove dev-c".to_owned()));
}

/// Lets the devcontainers CLI have made the container, and others be there.
fn build(made: &Made) {
    let path = made.world.path("state/dev-a/document.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    document["devcontainer"] = json!({});
    made.world.write("state/dev-a/document.json", &document.to_string());
    let line = |name| format!("{}\n", json!({"name": name, "id": "sha256:1"}));
    let names = ["localhost/ctrkit-dev-dev-a:latest", "localhost/ctrkit-dev-dev-b:latest"];
    let names = names.iter().chain(&["<none>:<none>", "mine:latest"]);
    made.world.answer("podman-images", &names.map(line).collect::<String>());
}

#[test]
fn what_was_built_for_a_container_goes_with_it() {
    let made = Made::new();
    build(&made);
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success().stderr("");
    let removed: Vec<_> =
        made.changes().into_iter().filter(|call| call.contains(" rmi ")).collect();
    assert_eq!(removed, ["podman rmi localhost/ctrkit-dev-dev-a:latest"]);
    made.check_gone();
}

#[test]
fn an_image_that_cannot_be_removed_is_no_failure() {
    let words = "kept: the image 'localhost/ctrkit-dev-dev-a:latest', which is in use\n";
    for (said, told) in [
        ("Error: image used by 1: image is in use by a container", words),
        ("Error: no", "warning: cannot remove the images that were built for it: "),
    ] {
        let made = Made::new();
        build(&made);
        made.world.refuse("podman-rmi", 2, said);
        let run = made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
        let stderr = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(stderr.starts_with(&format!("ctr-rm: {told}")), "{stderr}");
        made.check_gone();
    }
}

#[test]
fn what_is_not_ctrkits_stays() {
    let made = Made::new();
    let list = made.world.path("stub/podman-ps.out");
    made.list("running", "false");
    let theirs = fs::read_to_string(&list).unwrap();
    made.world.write("theirs", &theirs);
    // The engine filters by label.
    let path = made.world.path("theirs");
    made.world.answer("podman-ps", "[]");
    made.world
        .on("podman-ps", &format!("case $* in *name=*) cat '{}'; exit ;; esac", path.display()));
    refused(&mut made.ctr_rm(&["dev-a", "--force", "--volumes"]), 65, "not-managed");
    made.check_untouched();
}

#[test]
fn names_that_lead_elsewhere_are_names_of_nothing() {
    let made = Made::new();
    for name in ["..", ".", "", "dev-a/../dev-a", "ports.json", "-", "*"] {
        refused(made.ctr_rm(&["--force", "--"]).arg(name), 69, "no-such-container");
    }
    made.check_untouched();
}

#[test]
fn directories_beside_those_of_containers_stay() {
    let made = Made::new();
    made.world.write("state/dotfiles/x/.bashrc", "");
    fs::create_dir(made.world.path("state/mux")).unwrap();
    for name in ["dotfiles", "mux"] {
        refused(&mut made.ctr_rm(&["--force", name]), 69, "no-such-container");
    }
    assert!(made.world.path("state/dotfiles/x/.bashrc").exists());
    // What a removal that was killed at its end has left.
    fs::create_dir(made.world.path("state/dev-x-0a1b2c")).unwrap();
    made.ctr_rm(&["dev-x-0a1b2c"]).assert().success();
    assert!(!made.world.path("state/dev-x-0a1b2c").exists());
}

#[test]
fn the_state_goes_with_all_that_is_in_it() {
    let made = Made::new();
    made.world.write("state/dev-a/runs/1/log", "x");
    made.world.write("state/dev-a/lock", "");
    made.ctr_rm(&["dev-a"]).assert().success();
    assert!(!made.world.path("state/dev-a").exists());
}

#[test]
fn changes_in_the_container_keep_its_volumes_unless_forced() {
    for status in ["running", "exited"] {
        let made = Made::new();
        made.list(status, "true");
        made.world.write("workspace/new", "x");
        let error = refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
        let message = "the container 'dev-a' has work that is nowhere else: 1 changed file";
        assert_eq!(error["message"], message);
        made.check_untouched();
        made.ctr_rm(&["--volumes", "--force", "dev-a"]).assert().success();
        made.check_gone();
    }
}

#[test]
fn changes_are_no_matter_where_the_volumes_stay() {
    let made = Made::new();
    made.world.write("workspace/new", "x");
    made.ctr_rm(&["dev-a"]).assert().success();
}

#[test]
fn commits_that_the_worktree_lacks_keep_the_volumes() {
    let made = Made::new();
    made.git("workspace", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    let error = refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
    assert!(error["message"].as_str().unwrap().ends_with(": 1 commit"));
    // Fetched only to where the remote's branches are, which go with it.
    made.git("worktree", &["fetch", "-q", "../workspace", "main:refs/remotes/dev-a/main"]);
    refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
    made.check_untouched();
    made.git("worktree", &["branch", "saved", "dev-a/main"]);
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
}

#[test]
fn stashes_are_work() {
    let made = Made::new();
    made.world.write("workspace/new", "x");
    made.git("workspace", &["stash", "-q", "--include-untracked"]);
    refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
}

#[test]
fn files_that_are_in_no_repository_are_work() {
    let made = Made::new();
    fs::remove_dir_all(made.world.path("workspace/.git")).unwrap();
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
    let made = Made::new();
    fs::remove_dir_all(made.world.path("workspace/.git")).unwrap();
    made.world.write("workspace/new", "x");
    // Not those of a repository further up.
    made.git(".", &["init", "-q"]);
    fs::write(made.world.path(".git/info/exclude"), "*").unwrap();
    made.world.on(
        "podman-exec",
        &format!(
            "GIT_CEILING_DIRECTORIES='{}'; export GIT_CEILING_DIRECTORIES; {EXEC}",
            made.world.path("").display()
        ),
    );
    refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
}

#[test]
fn a_container_that_cannot_be_asked_is_kept() {
    let made = Made::new();
    made.world.on("podman-exec", "").refuse("podman-exec", 125, "Error: no such thing");
    let error = refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 69, "cannot-look-for-work");
    assert_eq!(error["command"]["last_words"], "Error: no such thing");
    made.check_untouched();
    made.ctr_rm(&["--volumes", "--force", "dev-a"]).assert().success();
}

#[test]
fn labels_are_enough_where_the_worktree_is_gone() {
    let made = Made::new();
    fs::remove_dir_all(made.world.path("worktree")).unwrap();
    made.git("workspace", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success().stderr("");
    assert!(!made.world.path("state/dev-a").exists());
}

#[test]
fn commits_are_lost_with_any_remote_that_leads_to_the_container() {
    let made = Made::new();
    made.git("workspace", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    made.git("worktree", &["remote", "rename", "dev-a", "agent"]);
    made.git("worktree", &["fetch", "-q", "../workspace", "main:refs/remotes/agent/main"]);
    let error = refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
    assert!(error["message"].as_str().unwrap().ends_with(": 1 commit"), "{error}");
    assert_eq!(made.changes(), Vec::<String>::new());
}

#[test]
fn a_worktree_that_is_there_and_cannot_be_asked_keeps_the_volumes() {
    let made = Made::new();
    made.git("workspace", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    made.world.write("worktree/.git/config", "[");
    let error = refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 69, "cannot-look-for-work");
    assert!(error["causes"][0].as_str().unwrap().contains("bad config"), "{error}");
    assert_eq!(made.changes(), Vec::<String>::new());
    made.ctr_rm(&["--volumes", "--force", "dev-a"]).assert().success();
}

#[test]
fn a_workspace_that_cannot_be_entered_is_not_empty() {
    let made = Made::new();
    fs::remove_dir_all(made.world.path("workspace")).unwrap();
    made.world.write("workspace", "");
    refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 69, "cannot-look-for-work");
    made.check_untouched();
    fs::remove_file(made.world.path("workspace")).unwrap();
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
}

#[test]
fn nothing_is_fetched_to_find_what_only_the_container_has() {
    let made = Made::new();
    made.git("workspace", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    let asked = made.world.path("asked");
    let server = made.world.write("server", &format!("#!/bin/sh\n: >'{}'\n", asked.display()));
    fs::set_permissions(&server, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // A partial clone, which has not all objects.
    let url = format!("file://{}", made.world.path("workspace").display());
    for (key, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &url),
        ("remote.origin.uploadpack", server.to_str().unwrap()),
    ] {
        made.git("worktree", &["config", key, value]);
    }
    refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 65, "uncommitted-work");
    assert!(!asked.exists());
    // The proof that it would have been asked.
    let _ = Process::new("git")
        .arg("-C")
        .arg(made.world.path("worktree"))
        .args(["cat-file", "-t", &"1".repeat(40)])
        .output();
    assert!(asked.exists());
}

/// Begins `ctr-rm ARGUMENT...` while another tool has the lock of `dev-a`, has it
/// do `meanwhile` once it is waited for, and returns how it ended.
fn remove_after(made: &Made, arguments: &[&str], meanwhile: impl FnOnce()) -> Output {
    let path = made.world.path("state/dev-a/lock");
    let held = Lock::take(&path, Duration::ZERO).unwrap();
    let mut command = Process::new(&made.program);
    command.env_clear().env("PATH", made.world.search_path()).env("HOME", made.world.path("home"));
    command.env("CTRKIT_STATE_DIR", made.world.path("state")).env("CTRKIT_ERROR_FORMAT", "json");
    command.args(["--engine", "podman"]).args(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stubs::until_waited_for(&path);
    meanwhile();
    drop(held);
    child.wait_with_output().unwrap()
}

#[test]
fn what_is_made_while_the_lock_is_waited_for_goes_too() {
    let made = Made::new();
    let list = fs::read_to_string(made.world.path("stub/podman-ps.out")).unwrap();
    made.world.answer("podman-ps", "[]");
    let output = remove_after(&made, &["dev-a"], || {
        made.world.answer("podman-ps", &list);
    });
    assert!(output.status.success(), "{output:?}");
    assert_eq!(made.changes()[..4], CONTAINERS);
    made.check_gone();
}

#[test]
fn work_that_is_done_while_the_lock_is_waited_for_is_asked_about() {
    let made = Made::new();
    let output = remove_after(&made, &["--volumes", "dev-a"], || {
        made.world.write("workspace/new", "x");
    });
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["kind"], "uncommitted-work", "{error}");
    made.check_untouched();
}

#[test]
fn a_name_that_is_said_twice_is_removed_once() {
    let made = Made::new();
    made.ctr_rm(&["dev-a", "dev-a"]).assert().success();
    let removed = made.changes().iter().filter(|call| *call == CONTAINERS[1]).count();
    assert_eq!(removed, 1);
    made.check_gone();
}

#[test]
fn no_hook_of_the_repository_is_run() {
    let made = Made::new();
    made.git("worktree", &["fetch", "-q", "../workspace", "main:refs/remotes/dev-a/main"]);
    let ran = made.world.path("ran");
    let hook = format!("#!/bin/sh\ntouch '{}'\n", ran.display());
    let hook = made.world.write("worktree/.git/hooks/reference-transaction", &hook);
    fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    made.ctr_rm(&["dev-a"]).assert().success();
    made.check_gone();
    assert!(!ran.exists());
    // The proof that it would have run.
    made.git("worktree", &["update-ref", "refs/x", "HEAD"]);
    assert!(ran.exists());
}

#[test]
fn a_remote_of_the_same_name_that_leads_elsewhere_stays() {
    let made = Made::new();
    made.git("worktree", &["remote", "set-url", "dev-a", "https://example.org/a"]);
    made.git("worktree", &["remote", "add", "mine", "dev-a:/workspace/a"]);
    made.ctr_rm(&["dev-a"]).assert().success();
    assert_eq!(made.git("worktree", &["remote"]), "dev-a\n");
}

#[test]
fn git_is_not_led_astray_by_the_environment() {
    let made = Made::new();
    let mut command = made.ctr_rm(&["dev-a"]);
    command.env("GIT_DIR", made.world.path("workspace/.git")).assert().success();
    made.check_gone();
}

#[test]
fn a_volume_that_is_in_use_is_an_error_and_a_later_run_goes_on() {
    let made = Made::new();
    let words = "Error: volume dev-a-home is being used by the following container(s): b: volume is being used";
    made.world.refuse("podman-volume-rm", 2, words);
    let error = refused(&mut made.ctr_rm(&["--volumes", "dev-a"]), 69, "volume-in-use");
    assert_eq!(error["message"], "cannot remove the volume 'dev-a-home'");
    assert!(made.world.path("state/dev-a").exists());
    fs::remove_file(made.world.path("stub/podman-volume-rm.status")).unwrap();
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
    made.check_gone();
}

#[test]
fn volumes_and_containers_that_go_meanwhile_are_no_error() {
    let made = Made::new();
    made.world.refuse(
        "podman-volume-rm",
        1,
        "Error: no volume with name \"x\" found: no such volume",
    );
    made.world.refuse(
        "podman-rm",
        1,
        "Error: no container with name or ID \"dev-a\" found: no such container",
    );
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
    made.check_gone();
}

#[test]
fn a_container_that_docker_is_removing_is_waited_for() {
    let made = Made::new();
    let busy = "Error response from daemon: removal of container dev-a is already in progress";
    let list = fs::read_to_string(made.world.path("stub/podman-ps.out")).unwrap();
    let [app, _]: [Value; 2] = serde_json::from_str(&list).unwrap();
    let labels = &app["Labels"];
    let line = json!({"ID": "a", "Names": "dev-a", "Image": "i", "State": "exited", "CreatedAt": "", "Ports": "", "Labels": labels});
    made.world.answer("docker-ps", &line.to_string());
    made.world.on(
        "docker-rm",
        &format!("[ -e $stub/once ] || {{ : >$stub/once; echo '{busy}' >&2; exit 1; }}"),
    );
    made.ctr_rm(&["dev-a", "--engine", "docker"]).assert().success();
    let tried = made.changes().iter().filter(|line| *line == "docker rm --force a").count();
    assert_eq!(tried, 2);
}

#[test]
fn what_another_tool_says_is_passed_on() {
    let made = Made::new();
    let report = json!({"schema": "error/1", "tool": "sshcfg", "kind": "lock-held", "exit": 75, "message": "cannot lock", "causes": ["because"], "hint": "wait"});
    made.world.refuse("sshcfg-remove", 75, &report.to_string());
    let error = refused(&mut made.ctr_rm(&["dev-a"]), 75, "cannot-remove-ssh-entry");
    assert_eq!(error["message"], "cannot remove the ssh entry of 'dev-a': cannot lock: because");
    assert_eq!(error["hint"], "wait");
    assert_eq!(error["command"]["line"], "sshcfg remove dev-a");
    assert!(made.world.path("state/dev-a").exists());
    fs::remove_file(made.world.path("stub/sshcfg-remove.status")).unwrap();
    made.ctr_rm(&["dev-a"]).assert().success();
    made.check_gone();
}

#[test]
fn another_tool_that_fails_without_a_report_is_a_bug() {
    let made = Made::new();
    made.world.refuse("portalloc---release", 101, "panicked");
    let error = refused(&mut made.ctr_rm(&["dev-a"]), 70, "cannot-release-ports");
    assert_eq!(error["message"], "cannot release the ports of 'dev-a': panicked");
}

#[test]
fn another_tool_that_is_absent_is_69() {
    let made = Made::new();
    fs::remove_file(made.world.path("bin/sshcfg")).unwrap();
    refused(&mut made.ctr_rm(&["dev-a"]), 69, "tool-absent");
}

#[test]
fn other_tools_use_the_same_places() {
    let made = Made::new();
    let told = made.world.path("told");
    let script = format!(
        "printf '%s\\n' \"$CTRKIT_STATE_DIR\" \"$CTRKIT_SSH_CONFIG\" \"$CTRKIT_EVENTS\" >'{}'",
        told.display()
    );
    made.world.on("sshcfg-remove", &script);
    let state = made.world.path("state");
    let mut command = made.ctr_rm(&["dev-a", "--ssh-config", "/a b", "--events", "/dev/null"]);
    command.env_remove("CTRKIT_STATE_DIR").arg("--state-dir").arg(&state).assert().success();
    let expected = format!("{}\n/a b\n/dev/null\n", state.display());
    assert_eq!(fs::read_to_string(told).unwrap(), expected);
}

#[test]
fn a_container_that_another_engine_may_have_is_not_taken_for_gone() {
    let made = Made::new();
    let error = refused(&mut made.ctr_rm(&["dev-a", "--engine", "docker"]), 65, "other-engine");
    assert_eq!(error["hint"], "say --engine podman, or --force if it is gone there too");
    made.check_untouched();
    made.ctr_rm(&["dev-a", "--engine", "docker", "--force"]).assert().success();
    made.check_gone();
}

/// Lets `dev-a` be made with the engine of `host`, which alone has it if `away`,
/// and hold ports there and here.
fn made_at(made: &Made, host: &str, away: bool) {
    let path = made.world.path("state/dev-a/document.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    document["engine"]["host"] = json!(host);
    made.world.write("state/dev-a/document.json", &document.to_string());
    let held = |host: Value| {
        json!({"key": "0123456789ab", "name": "dev-a", "ports": [], "host": host,
            "path": made.world.path("worktree")})
    };
    let held = [held(json!(null)), held(json!(host)), held(json!("ssh://third"))];
    let held = json!({"schema": "ports/1", "reservations": held});
    made.world.write("state/ports.json", &held.to_string());
    if away {
        made.world.answer("podman-ps", "[]");
    }
}

fn released(made: &Made) -> Vec<String> {
    let changes = made.changes();
    let released = changes.iter().filter_map(|call| call.strip_prefix("portalloc --release "));
    released.map(str::to_owned).collect()
}

#[test]
fn a_container_that_a_server_may_have_is_not_taken_for_gone() {
    let made = Made::new();
    made_at(&made, "ssh://box", true);
    let error = refused(&mut made.ctr_rm(&["dev-a"]), 65, "other-engine");
    assert_eq!(error["message"], "the container 'dev-a' was made on ssh://box, not on local");
    assert_eq!(error["hint"], "say --host ssh://box, or --force if it is gone there too");
    made.check_untouched();
    made.ctr_rm(&["dev-a", "--force"]).assert().success();
    let hosts = ["local", "ssh://box"].map(|host| format!("0123456789ab --host {host}"));
    assert_eq!(released(&made), hosts);
    made.check_gone();
}

#[test]
fn what_is_held_on_a_server_is_not_released_with_the_container_here() {
    for force in [&[][..], &["--force"]] {
        let made = Made::new();
        made_at(&made, "ssh://box", false);
        let mut command = made.ctr_rm(&[&["dev-a"], force].concat());
        command.env("CTRKIT_HOST", "local").assert().success();
        assert_eq!(released(&made), ["0123456789ab --host local"]);
    }
}

#[test]
fn a_name_that_is_wrong_keeps_everything_as_it_is() {
    let made = Made::new();
    refused(&mut made.ctr_rm(&["dev-a", "dev-z"]), 69, "no-such-container");
    made.check_untouched();
}

#[test]
fn the_document_has_the_containers_that_are_gone() {
    let made = Made::new();
    let run = made.ctr_rm(&["dev-a", "--json"]).assert().success();
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["schema"], "containers/1");
    assert_eq!(document["containers"][0]["name"], "dev-a");
    assert_eq!(document["containers"][0]["status"], "absent");
    let run = made.ctr_rm(&["dev-a", "--json"]).assert().success();
    run.stdout("{\"schema\":\"containers/1\",\"containers\":[]}\n");
}

#[test]
fn it_works_in_a_pipe() {
    let made = Made::new();
    let mut command = made.world.command("sh");
    command.args(["-c", "echo dev-a | xargs \"$0\" --json | grep -c '\"status\":\"absent\"'"]);
    command.arg(&made.program).assert().success().stdout("1\n");
}

#[test]
fn a_signal_ends_it_between_two_steps_and_a_second_run_goes_on() {
    let made = Made::new();
    made.world.on("podman-volume-rm", "kill -TERM \"$PPID\"");
    let mut command = Process::new(&made.program);
    command.env_clear().env("PATH", made.world.search_path()).env("HOME", made.world.path("home"));
    command.env("CTRKIT_STATE_DIR", made.world.path("state"));
    let status = command.args(["--engine", "podman", "--volumes", "dev-a"]).status().unwrap();
    assert_eq!(status.signal(), Some(15));
    assert_eq!(made.changes().last().unwrap(), "podman volume rm dev-a-home");
    made.world.on("podman-volume-rm", "");
    made.ctr_rm(&["--volumes", "dev-a"]).assert().success();
    made.check_gone();
}

#[test]
fn a_kill_after_each_call_and_a_second_run_end_as_one_run() {
    for call in [
        "podman-rm",
        "podman-network-rm",
        "podman-volume-rm",
        "sshcfg-remove",
        "portalloc---release",
    ] {
        let made = Made::new();
        isolate(&made);
        let path = made.world.path("stub").join(format!("{call}.do"));
        let before = fs::read_to_string(&path).unwrap_or_default();
        made.world.on(call, &format!("{before}\nkill -KILL \"$PPID\""));
        made.ctr_rm(&["--volumes", "dev-a"]).assert().interrupted();
        made.world.on(call, &before);
        made.ctr_rm(&["--volumes", "dev-a"]).assert().success().stderr("");
        made.check_gone();
    }
}

#[test]
fn a_ledger_that_is_broken_is_left_to_portalloc() {
    let made = Made::new();
    made.world.write("state/ports.json", "{");
    made.ctr_rm(&["dev-a"]).assert().success();
    assert!(made.changes().contains(&"portalloc --release dev-a --host local".to_owned()));
}

#[test]
fn a_ledger_that_cannot_be_read_is_66() {
    let made = Made::new();
    fs::remove_file(made.world.path("state/ports.json")).unwrap();
    fs::create_dir(made.world.path("state/ports.json")).unwrap();
    refused(&mut made.ctr_rm(&["dev-a"]), 66, "cannot-read-file");
    made.check_untouched();
}

#[test]
fn wrong_usage_is_64() {
    let made = Made::new();
    made.ctr_rm(&[]).assert().code(64).stdout("");
    refused(&mut made.ctr_rm(&["dev-a", "--engine", "sh"]), 64, "engine-unknown");
}

#[test]
fn what_the_engine_and_the_configuration_have_wrong_keeps_its_kind() {
    let made = Made::new();
    made.world.refuse("docker-ps", 1, "permission denied: the Docker daemon socket");
    refused(&mut made.ctr_rm(&["dev-a", "--engine", "docker"]), 77, "engine-permission");
    made.world.answer("podman-ps", "?");
    refused(&mut made.ctr_rm(&["dev-a"]), 74, "engine-answer-unreadable");
    made.world.write("config/config.toml", "[");
    refused(&mut made.ctr_rm(&["dev-a"]), 65, "bad-configuration");
}

#[test]
fn an_engine_that_cannot_remove_is_an_error() {
    let made = Made::new();
    made.world.refuse("podman-rm", 125, "Error: device or resource busy");
    let error = refused(&mut made.ctr_rm(&["dev-a"]), 69, "engine-failed");
    assert_eq!(error["message"], "cannot remove the container 'dev-a'");
    assert!(made.world.path("state/dev-a").exists());
    assert_eq!(made.git("worktree", &["remote"]), "dev-a\n");
}

#[test]
fn standard_output_may_be_full_or_closed() {
    let run = |stdout: Stdio| {
        let made = Made::new();
        let mut command = Process::new(&made.program);
        command.env_clear().env("PATH", made.world.search_path());
        command.env("HOME", made.world.path("home"));
        command.env("CTRKIT_STATE_DIR", made.world.path("state"));
        command.args(["--engine", "podman", "--json", "dev-a"]).stderr(Stdio::null());
        let mut child = command.stdout(stdout).spawn().unwrap();
        drop(child.stdout.take());
        child.wait().unwrap()
    };
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(run(full.into()).code(), Some(74));
    assert_eq!(run(Stdio::piped()).signal(), Some(13));
}

/// What a rebuild that was killed has left: the old container, set aside.
fn set_aside(made: &Made) -> Value {
    json!({"Id": "r", "Names": ["dev-a-replaced"], "Image": "image", "State": "exited",
        "Labels": {"ctrkit.managed": "true", "ctrkit.name": "dev-a",
            "ctrkit.project.hash": "0123456789ab",
            "ctrkit.project.path": made.world.path("worktree")}})
}

#[test]
fn one_that_a_rebuild_has_set_aside_goes_as_well() {
    let made = Made::new();
    let listed = fs::read(made.world.path("stub/podman-ps.out")).unwrap();
    let mut listed: Vec<Value> = serde_json::from_slice(&listed).unwrap();
    listed.push(set_aside(&made));
    for listed in [&listed[..], &listed[2..]] {
        made.world.forget();
        made.world.answer("podman-ps", &Value::from(listed).to_string());
        made.world.command(&made.program).arg("dev-a").assert().success();
        let removed = made.world.changes();
        let removed: Vec<_> =
            removed.iter().filter_map(|call| call.strip_prefix("podman rm --force ")).collect();
        assert!(removed.contains(&"r"), "{removed:?}");
        assert_eq!(removed[0] == "a", listed.len() > 1, "{removed:?}");
        made.keep_state();
    }
}
