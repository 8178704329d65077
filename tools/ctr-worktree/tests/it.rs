//! The program as its callers see it, with the real git; ctr-rm is a stand-in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{self, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

/// A world with a repository that has one commit on main.
fn world() -> World {
    let world = World::new();
    world.program("ctr-rm");
    fs::create_dir(world.path("repo")).unwrap();
    world.write("home/.gitconfig", "[user]\nname = A\nemail = a@example.org\n");
    git(&world, "repo", &["init", "--quiet", "-b", "main"]);
    world.write("repo/file", "one\n");
    git(&world, "repo", &["add", "."]);
    git(&world, "repo", &["commit", "--quiet", "-m", "start"]);
    world
}

#[track_caller]
fn git(world: &World, at: impl AsRef<Path>, args: &[&str]) -> String {
    let mut git = world.command("git");
    let run = git.arg("-C").arg(world.path(at)).args(args).assert().success();
    String::from_utf8(run.get_output().stdout.clone()).unwrap().trim_end().to_owned()
}

/// The tool, from where ctr-rm is found beside it.
fn tool(world: &World) -> PathBuf {
    let installed = world.path("bin/ctr-worktree");
    if installed.exists() { installed } else { world.install(env!("CARGO_BIN_EXE_ctr-worktree")) }
}

fn ctr_worktree(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(tool(world));
    command.arg("-C").arg(world.path("repo")).args(args);
    command
}

#[track_caller]
fn add(world: &World, args: &[&str]) -> PathBuf {
    let run = ctr_worktree(world, &[&["add"], args].concat()).assert().success().stderr("");
    let path = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    PathBuf::from(path.strip_suffix('\n').unwrap())
}

#[track_caller]
fn fails(world: &World, args: &[&str], status: i32, kind: &str) -> Value {
    refused(&mut ctr_worktree(world, args), status, kind)
}

/// Everything of the repository that adding and removing must leave as it was.
fn state(world: &World) -> String {
    let refs = git(world, "repo", &["for-each-ref"]);
    let config = fs::read_to_string(world.path("repo/.git/config")).unwrap();
    let is_there = world.path("repo.worktrees").exists();
    format!("{refs}\n{}\n{config}\n{is_there}", git(world, "repo", &["worktree", "list"]))
}

#[test]
fn what_is_added_and_removed_leaves_nothing() {
    let world = world();
    let before = state(&world);
    let path = add(&world, &["fix"]);
    assert_eq!(path, world.path("repo.worktrees/fix"));
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "one\n");
    assert_eq!(git(&world, &path, &["status", "--porcelain", "--branch"]), "## fix");
    // Again: nothing changes.
    let once = state(&world);
    assert_eq!(add(&world, &["fix", "--from", "main"]), path);
    assert_eq!(state(&world), once);
    ctr_worktree(&world, &["rm", "fix"]).assert().success().stdout("").stderr("");
    assert_eq!(state(&world), before);
    assert!(world.calls().is_empty());
    fails(&world, &["rm", "fix"], 66, "no-such-worktree");
}

#[test]
fn a_worktree_can_be_moved_together_with_its_repository() {
    let world = world();
    let path = add(&world, &["a/b"]);
    let file = fs::read_to_string(path.join(".git")).unwrap();
    assert!(file.starts_with("gitdir: ../../repo/.git/worktrees/"), "{file}");
    // No extension keeps other gits out.
    let config = fs::read_to_string(world.path("repo/.git/config")).unwrap();
    assert!(!config.contains("extensions"), "{config}");
    fs::create_dir(world.path("elsewhere")).unwrap();
    for name in ["repo", "repo.worktrees"] {
        fs::rename(world.path(name), world.path("elsewhere").join(name)).unwrap();
    }
    let moved = Path::new("elsewhere/repo.worktrees").join(path.file_name().unwrap());
    assert_eq!(git(&world, &moved, &["status", "--porcelain", "--branch"]), "## a/b");
}

#[test]
fn nothing_of_the_repositorys_is_run() {
    let world = world();
    let ran = world.path("ran");
    let program = world.write("evil", &format!("#!/bin/sh\necho $0 >>{}\ncat\n", ran.display()));
    process::Command::new("chmod").arg("755").arg(&program).status().unwrap();
    let program = program.to_str().unwrap();
    world.write("repo/.gitattributes", "* filter=evil\n");
    git(&world, "repo", &["add", "."]);
    git(&world, "repo", &["commit", "--quiet", "-m", "attributes"]);
    for hook in ["post-checkout", "reference-transaction", "post-index-change"] {
        fs::copy(program, world.path("repo/.git/hooks").join(hook)).unwrap();
    }
    for key in ["filter.evil.smudge", "filter.evil.clean", "filter.e=vil.process", "core.fsmonitor"]
    {
        git(&world, "repo", &["-c", "core.fsmonitor=", "config", key, program]);
    }
    git(&world, "repo", &["config", "filter.evil.required", "true"]);
    let _ = fs::remove_file(&ran);
    let path = add(&world, &["fix"]);
    fs::write(path.join("file"), "changed\n").unwrap();
    fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    fs::write(path.join("file"), "one\n").unwrap();
    ctr_worktree(&world, &["rm", "fix"]).assert().success();
    assert!(!ran.exists(), "{}", fs::read_to_string(&ran).unwrap());
    // The proof that they would have run.
    git(&world, "repo", &["worktree", "add", "--quiet", "-b", "proof", "../proof"]);
    assert!(ran.exists());
}

#[test]
fn what_leads_git_astray_does_not() {
    let world = world();
    let mut command = ctr_worktree(&world, &["add", "fix"]);
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env(variable, "/nowhere");
    }
    command.assert().success();
    assert!(world.path("repo.worktrees/fix/file").exists());
}

#[test]
fn work_is_not_lost_unless_by_force() {
    let world = world();
    let path = add(&world, &["fix"]);
    fs::write(path.join("new"), "x").unwrap();
    let error = fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    assert!(error["message"].as_str().unwrap().contains("'new'"), "{error}");
    git(&world, &path, &["add", "."]);
    fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    git(&world, &path, &["commit", "--quiet", "-m", "work"]);
    let error = fails(&world, &["rm", "fix"], 65, "unmerged-work");
    assert!(error["message"].as_str().unwrap().contains("a commit"), "{error}");
    // A container has it: that is not elsewhere.
    git(&world, "repo", &["update-ref", "refs/remotes/dev-a/fix", "fix"]);
    ledger(&world, &path);
    fails(&world, &["rm", "fix"], 65, "unmerged-work");
    // By whatever name: the remote goes with the container.
    git(&world, "repo", &["update-ref", "refs/remotes/agent/fix", "fix"]);
    git(&world, "repo", &["config", "remote.agent.url", "dev-a:/workspace/repo"]);
    fails(&world, &["rm", "fix"], 65, "unmerged-work");
    // A remote of the person's has it: that is.
    git(&world, "repo", &["update-ref", "refs/remotes/origin/fix", "fix"]);
    ctr_worktree(&world, &["rm", "fix"]).assert().success();
    assert_eq!(git(&world, "repo", &["branch", "--list", "fix"]), "");
}

#[test]
fn force_loses_it_and_a_kept_branch_keeps_it() {
    let world = world();
    let before = state(&world);
    for (args, branch) in
        [(["rm", "fix", "--keep-branch"], "  fix"), (["rm", "fix", "--force"], "")]
    {
        let path = add(&world, &["fix"]);
        git(&world, &path, &["commit", "--quiet", "--allow-empty", "-m", "work"]);
        ctr_worktree(&world, &args).assert().success();
        assert_eq!(git(&world, "repo", &["branch", "--list", "fix"]), branch);
        let _ = world
            .command("git")
            .arg("-C")
            .arg(world.path("repo"))
            .args(["branch", "-D", "fix"])
            .assert();
    }
    assert_eq!(state(&world), before);
}

#[test]
fn a_branch_that_was_there_stays() {
    let world = world();
    git(&world, "repo", &["branch", "old"]);
    fails(&world, &["add", "old", "--from", "nowhere"], 65, "no-such-commit");
    git(&world, "repo", &["commit", "--quiet", "--allow-empty", "-m", "more"]);
    fails(&world, &["add", "old", "--from", "main"], 65, "branch-exists");
    add(&world, &["old"]);
    ctr_worktree(&world, &["rm", "old"]).assert().success();
    assert_eq!(git(&world, "repo", &["branch", "--list", "old"]), "  old");
}

#[test]
fn what_is_under_way_or_locked_is_told() {
    let world = world();
    let path = add(&world, &["fix"]);
    let own = git(&world, &path, &["rev-parse", "--absolute-git-dir"]);
    fs::write(Path::new(&own).join("MERGE_HEAD"), "").unwrap();
    fails(&world, &["rm", "fix"], 65, "operation-under-way");
    fs::remove_file(Path::new(&own).join("MERGE_HEAD")).unwrap();
    git(&world, "repo", &["worktree", "lock", "--reason", "why", path.to_str().unwrap()]);
    let error = fails(&world, &["rm", "fix", "--force"], 65, "locked-worktree");
    assert!(error["message"].as_str().unwrap().ends_with("is locked: why"), "{error}");
    git(&world, "repo", &["worktree", "unlock", path.to_str().unwrap()]);
    git(&world, &path, &["checkout", "--quiet", "--detach"]);
    git(&world, &path, &["commit", "--quiet", "--allow-empty", "-m", "nobody has it"]);
    fails(&world, &["rm", "fix"], 65, "unmerged-work");
    let id = git(&world, "repo", &["rev-parse", "HEAD"]);
    let entry = format!("160000,{id},sub");
    git(&world, &path, &["update-index", "--add", "--cacheinfo", &entry]);
    fails(&world, &["rm", "fix"], 65, "has-submodules");
}

#[test]
fn bad_input_is_refused_and_leaves_nothing() {
    let world = world();
    let before = state(&world);
    for name in ["@", "HEAD", "-x", "a..b", "a b", "a~1", "", "/a", "a/", "a.lock", "@{-1}"] {
        fails(&world, &["add", "--", name], 65, "bad-branch");
    }
    fails(&world, &["add", "fix", "--from=--upload-pack=x"], 65, "no-such-commit");
    fails(&world, &["add", "main"], 65, "branch-in-use");
    fails(&world, &["rm", "main"], 65, "main-worktree");
    let inside = world.path("repo/.worktrees");
    fails(&world, &["add", "x", "--directory", inside.to_str().unwrap()], 65, "inside-worktree");
    let own = world.path("repo/.git/x");
    fails(&world, &["add", "x", "--directory", own.to_str().unwrap()], 65, "inside-worktree");
    world.write("full", "");
    let file = world.path("full/x");
    fails(&world, &["add", "x", "--directory", file.to_str().unwrap()], 74, "bad-directory");
    assert_eq!(state(&world), before);
    world.write("repo.worktrees/x/mine", "");
    fails(&world, &["add", "x"], 65, "path-taken");
    assert!(world.path("repo.worktrees/x/mine").exists());
    let mut elsewhere = world.command(tool(&world));
    refused(elsewhere.arg("list").current_dir(world.path("home")), 66, "not-a-repository");
}

#[test]
fn a_link_where_the_worktree_is_to_be_is_not_followed() {
    let world = world();
    fs::create_dir(world.path("repo.worktrees")).unwrap();
    std::os::unix::fs::symlink(world.path("repo"), world.path("repo.worktrees/x")).unwrap();
    fails(&world, &["add", "x"], 65, "path-taken");
    // One that leads into the main worktree as a whole is seen.
    std::os::unix::fs::symlink(world.path("repo"), world.path("link")).unwrap();
    let link = world.path("link");
    fails(&world, &["add", "x", "--directory", link.to_str().unwrap()], 65, "inside-worktree");
}

#[test]
fn those_who_add_at_once_each_get_theirs() {
    let world = world();
    let tool = tool(&world);
    let branches: Vec<_> = (0..8).map(|number| format!("team/{number}")).collect();
    thread::scope(|scope| {
        for branch in &branches {
            let mut command = world.command(&tool);
            command.arg("-C").arg(world.path("repo")).args(["add", branch]);
            scope.spawn(move || command.assert().success());
        }
    });
    let run = ctr_worktree(&world, &["list", "--json"]).assert().success();
    let list: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(list["worktrees"].as_array().unwrap().len(), 9);
    thread::scope(|scope| {
        for branch in &branches {
            let mut command = world.command(&tool);
            command.arg("-C").arg(world.path("repo")).args(["rm", branch]);
            scope.spawn(move || command.assert().success());
        }
    });
    assert_eq!(git(&world, "repo", &["branch", "--list"]), "* main");
    assert!(!world.path("repo.worktrees").exists());
}

/// Has git, when it is called with `word`, first send its caller SIGTERM.
fn end_at(world: &World, word: &str) {
    let git = fs::read_link(world.path("bin/git")).unwrap();
    fs::create_dir_all(world.path("ending")).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *\" {word} \"*) kill -TERM $PPID ;; esac\nexec {} \"$@\"\n",
        git.display()
    );
    let path = world.write("ending/git", &script);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Adds `fix` while [`end_at`] is at work: it ends by the signal.
#[track_caller]
fn is_ended(world: &World) {
    let path = format!("{}:{}", world.path("ending").display(), world.search_path().display());
    let run = ctr_worktree(world, &["add", "fix"]).env("PATH", path).assert().stdout("");
    assert_eq!(run.get_output().status.signal(), Some(15), "{run}");
}

#[test]
fn a_signal_ends_it_between_two_steps() {
    let world = world();
    let before = state(&world);
    for word in ["check-ref-format", "worktree", "--no-checkout"] {
        end_at(&world, word);
        is_ended(&world);
        assert_eq!(state(&world), before, "{word}");
    }
    // What is whole stays, as another run would leave it.
    end_at(&world, "reset");
    is_ended(&world);
    let tree = world.path("repo.worktrees/fix");
    assert_eq!(git(&world, &tree, &["status", "--porcelain", "--branch"]), "## fix");
    let once = state(&world);
    assert!(once.contains("ctrkit = made"), "{once}");
    assert_eq!(add(&world, &["fix"]), tree);
    assert_eq!(state(&world), once);
}

/// Begins a run and kills it after `delay`; git goes on by itself.
fn kill(world: &World, args: &[&str], delay: Duration) {
    let mut command = process::Command::new(tool(world));
    command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
    command.env("CTRKIT_CONFIG_DIR", world.path("config"));
    command.env("CTRKIT_STATE_DIR", world.path("state"));
    command.arg("-C").arg(world.path("repo")).args(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(delay);
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn killed_at_any_moment_and_run_again_it_ends_the_same() {
    let world = world();
    for number in 0..200 {
        world.write(format!("repo/files/{number}"), "x\n");
    }
    git(&world, "repo", &["add", "."]);
    git(&world, "repo", &["commit", "--quiet", "-m", "files"]);
    let before = state(&world);
    for delay in 0..12 {
        let delay = Duration::from_millis(delay * 7);
        kill(&world, &["add", "fix"], delay);
        let path = add(&world, &["fix"]);
        assert_eq!(git(&world, &path, &["status", "--porcelain", "--branch"]), "## fix");
        assert!(fs::read_to_string(path.join(".git")).unwrap().starts_with("gitdir: ../"));
        kill(&world, &["rm", "fix"], delay);
        let mut again = ctr_worktree(&world, &["rm", "fix"]);
        // It may have come to its end.
        let run = again.assert();
        assert!([Some(0), Some(66)].contains(&run.get_output().status.code()), "{run}");
        assert_eq!(state(&world), before, "{delay:?}");
    }
}

/// Returns the path of `name` in git's own directory of the worktree at `path`.
fn own(world: &World, path: &Path, name: &str) -> PathBuf {
    Path::new(&git(world, path, &["rev-parse", "--absolute-git-dir"])).join(name)
}

#[test]
fn what_is_worked_on_after_a_run_that_was_killed_is_kept() {
    let world = world();
    world.write("repo/other", "two\n");
    git(&world, "repo", &["add", "."]);
    git(&world, "repo", &["commit", "--quiet", "-m", "other"]);
    let path = add(&world, &["fix"]);
    // Killed when all was there, or kept from writing that down.
    git(&world, "repo", &["config", "branch.fix.ctrkit", "making"]);
    fs::write(path.join("file"), "edited\n").unwrap();
    fs::remove_file(path.join("other")).unwrap();
    add(&world, &["fix"]);
    assert_eq!(git(&world, &path, &["status", "--short"]), " M file\n D other");
    assert_eq!(git(&world, "repo", &["config", "branch.fix.ctrkit"]), "made");
    // Killed during the checkout, or when git had begun to remove it.
    git(&world, "repo", &["config", "branch.fix.ctrkit", "making"]);
    fs::remove_file(own(&world, &path, "index")).unwrap();
    for _ in 0..2 {
        let error = fails(&world, &["add", "fix"], 65, "uncommitted-work");
        assert!(error["message"].as_str().unwrap().ends_with("'file'"), "{error}");
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "edited\n");
    }
    fs::write(path.join("file"), "one\n").unwrap();
    fs::write(path.join("new"), "mine\n").unwrap();
    add(&world, &["fix"]);
    assert_eq!(git(&world, &path, &["status", "--short"]), "?? new");
    fs::write(own(&world, &path, "ctrkit-going"), "").unwrap();
    fs::remove_file(path.join("other")).unwrap();
    git(&world, &path, &["add", "new"]);
    fails(&world, &["add", "fix"], 65, "uncommitted-work");
    git(&world, &path, &["reset", "--quiet"]);
    add(&world, &["fix"]);
    assert_eq!(git(&world, &path, &["status", "--short"]), "?? new");
}

#[test]
fn a_worktree_that_git_was_killed_over_is_made_unless_something_is_in_it() {
    let world = world();
    let path = add(&world, &["fix"]);
    git(&world, "repo", &["config", "branch.fix.ctrkit", "making"]);
    fs::write(own(&world, &path, "locked"), "initializing").unwrap();
    fs::remove_file(own(&world, &path, "index")).unwrap();
    fails(&world, &["add", "fix"], 65, "path-taken");
    assert!(path.join("file").exists());
    fs::remove_file(path.join("file")).unwrap();
    add(&world, &["fix"]);
    assert_eq!(git(&world, &path, &["status", "--short"]), "");
}

#[test]
fn what_is_worked_on_after_a_removal_that_was_killed_is_kept() {
    let world = world();
    let before = state(&world);
    let path = add(&world, &["fix"]);
    let going = || {
        git(&world, "repo", &["config", "branch.fix.ctrkit", "going"]);
        fs::write(own(&world, &path, "ctrkit-going"), "").unwrap();
    };
    going();
    fs::write(path.join("new"), "").unwrap();
    let error = fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    assert!(error["message"].as_str().unwrap().ends_with("'new'"), "{error}");
    git(&world, &path, &["add", "new"]);
    git(&world, &path, &["commit", "--quiet", "-m", "work"]);
    going();
    fails(&world, &["rm", "fix"], 65, "unmerged-work");
    // As it is when git was killed at its very end.
    fs::remove_dir_all(&path).unwrap();
    fails(&world, &["rm", "fix"], 65, "unmerged-work");
    git(&world, "repo", &["branch", "other", "fix"]);
    ctr_worktree(&world, &["rm", "fix"]).assert().success();
    git(&world, "repo", &["branch", "-D", "other"]);
    assert_eq!(state(&world), before);
}

#[test]
fn what_git_has_half_removed_is_removed_by_the_next_run() {
    let world = world();
    let before = state(&world);
    let path = add(&world, &["fix"]);
    let own = git(&world, &path, &["rev-parse", "--absolute-git-dir"]);
    fs::remove_file(path.join(".git")).unwrap();
    // Somebody else may have done this.
    fails(&world, &["rm", "fix"], 65, "broken-worktree");
    fs::write(Path::new(&own).join("ctrkit-going"), "").unwrap();
    git(&world, "repo", &["config", "branch.fix.ctrkit", "going"]);
    ctr_worktree(&world, &["rm", "fix"]).assert().success();
    assert_eq!(state(&world), before);
    // Or it is made whole again.
    let path = add(&world, &["fix"]);
    let own = git(&world, &path, &["rev-parse", "--absolute-git-dir"]);
    fs::remove_file(path.join("file")).unwrap();
    fs::remove_file(path.join(".git")).unwrap();
    fs::write(Path::new(&own).join("ctrkit-going"), "").unwrap();
    git(&world, "repo", &["config", "branch.fix.ctrkit", "going"]);
    add(&world, &["fix"]);
    assert!(path.join("file").exists() && !Path::new(&own).join("ctrkit-going").exists());
    fs::write(path.join("new"), "").unwrap();
    fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    // A directory that is gone is no work.
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(add(&world, &["fix"]), path);
    fs::remove_dir_all(&path).unwrap();
    ctr_worktree(&world, &["rm", "fix"]).assert().success();
    assert_eq!(state(&world), before);
}

#[test]
fn a_branch_that_a_killed_run_has_left_may_have_been_worked_on() {
    let world = world();
    let before = state(&world);
    let path = add(&world, &["fix"]);
    git(&world, "repo", &["config", "branch.fix.ctrkit", "going"]);
    git(&world, "repo", &["worktree", "remove", path.to_str().unwrap()]);
    git(&world, "repo", &["switch", "--quiet", "fix"]);
    git(&world, "repo", &["commit", "--quiet", "--allow-empty", "-m", "more"]);
    let commit = git(&world, "repo", &["rev-parse", "HEAD"]);
    git(&world, "repo", &["switch", "--quiet", "-"]);
    let error = fails(&world, &["rm", "fix"], 65, "unmerged-work");
    assert!(error["message"].as_str().unwrap().contains("'fix'"), "{error}");
    assert_eq!(git(&world, "repo", &["rev-parse", "fix"]), commit);
    ctr_worktree(&world, &["rm", "fix", "--force"]).assert().success();
    assert_eq!(state(&world), before);
}

/// Writes a ledger in which the worktree at `path` holds ports for dev-a.
fn ledger(world: &World, path: &Path) {
    ledger_of(
        world,
        json!([
        {"key": "0123456789ab", "name": "dev-a", "path": path, "ports": []}]),
    );
}

fn ledger_of(world: &World, reservations: Value) {
    let text = json!({"schema": "ports/1", "reservations": reservations});
    world.write("state/ports.json", &text.to_string());
}

#[test]
fn all_containers_of_a_worktree_go_with_it() {
    let world = world();
    let path = add(&world, &["fix"]);
    ledger_of(
        &world,
        json!([
        {"key": "0123456789ab", "name": "dev-a", "path": path, "ports": []},
        {"key": "0123456789ab", "name": "dev-a", "path": path, "ports": [], "host": "ssh://box"},
        {"key": "ba9876543210", "name": "dev-b", "path": "/elsewhere", "ports": []}]),
    );
    ctr_worktree(&world, &["rm", "fix"]).assert().success();
    let calls =
        ["local", "ssh://box"].map(|host| format!("ctr-rm --volumes --host {host} -- dev-a"));
    assert_eq!(world.changes(), calls);
}

#[test]
fn a_container_goes_with_its_worktree_and_work_in_it_keeps_both() {
    let world = world();
    let path = add(&world, &["fix"]);
    ledger(&world, &path);
    let run = ctr_worktree(&world, &["list", "--plain"]).assert().success();
    let lines = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert_eq!(lines.lines().nth(1).unwrap(), format!("fix\tdev-a\t{}", path.display()));
    let words = r#"{"schema":"error/1","tool":"ctr-rm","kind":"uncommitted-work","exit":65,"message":"the container 'dev-a' has work"}"#;
    world.refuse("ctr-rm---volumes", 65, words);
    let error = fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    assert_eq!(error["message"], "the container 'dev-a' has work");
    assert!(path.join("file").exists());
    // What is in the worktree is looked at first.
    world.forget();
    fs::write(path.join("new"), "x").unwrap();
    fails(&world, &["rm", "fix"], 65, "uncommitted-work");
    assert_eq!(world.changes(), [""; 0]);
    fs::remove_file(path.join("new")).unwrap();
    for name in ["err", "status"] {
        fs::remove_file(world.path(format!("stub/ctr-rm---volumes.{name}"))).unwrap();
    }
    ctr_worktree(&world, &["rm", "fix", "--force"]).assert().success();
    assert_eq!(world.changes(), ["ctr-rm --volumes --host local --force -- dev-a"]);
    assert!(!path.exists());
}

#[test]
fn the_configuration_says_where() {
    let world = world();
    world.write("config/config.toml", "worktrees = \"~/trees\"\n");
    let path = add(&world, &["fix"]);
    assert!(path.starts_with(world.path("home/trees")), "{path:?}");
    assert_eq!(git(&world, &path, &["branch", "--show-current"]), "fix");
    ctr_worktree(&world, &["rm", path.to_str().unwrap()]).assert().success();
    assert_eq!(fs::read_dir(world.path("home/trees")).unwrap().count(), 0);
}

#[test]
fn a_bare_repository_has_worktrees_too() {
    let world = world();
    git(&world, "repo", &["clone", "--quiet", "--bare", ".", "../bare.git"]);
    let mut command = world.command(tool(&world));
    command.arg("-C").arg(world.path("bare.git")).args(["add", "fix"]).assert().success();
    let path = world.path("bare.git.worktrees/fix");
    assert_eq!(git(&world, &path, &["status", "--porcelain", "--branch"]), "## fix");
    // From within the worktree itself.
    let mut command = world.command(tool(&world));
    command.args(["rm", "fix"]).current_dir(&path).assert().success();
    assert!(!path.exists());
}
