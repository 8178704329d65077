//! A worktree, and a directory of this machine that plays the container.
//!
//! Git, ssh and sshd are real. The sshd is started for each connection by
//! `ProxyCommand`, so it needs no port and leaves nothing behind. The
//! engine is a stand-in that runs here what it is told to run there.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{self, Output},
};

use nix::unistd::{User, geteuid};
use serde_json::{Value, json};
use stubs::{Command, World, refused};

/// The container's name.
pub(crate) const NAME: &str = "dev-app";

/// A worktree with one commit on `main`, and its container, which runs and has
/// no repository yet.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) worktree: PathBuf,
    pub(crate) workspace: PathBuf,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let (worktree, workspace) = (world.path("app"), world.path("there/workspace/app"));
        world.write("home/.gitconfig", "[user]\n\tname = Ann O'Hara\n\temail = ann@example.org\n[init]\n\tdefaultBranch = main\n");
        fs::create_dir_all(world.path("there/home")).unwrap();
        let stage = Self { world, worktree, workspace };
        stage.engine();
        stage.sshd();
        stage.ssh("known_hosts", "authorized_keys");
        fs::create_dir(&stage.worktree).unwrap();
        stage.git(&["init", "--quiet"]);
        stage.commit("file", "one\n");
        stage.hold(&stage.worktree, NAME);
        stage
    }

    /// Lets the stand-in for the engine run commands here.
    fn engine(&self) {
        let home = self.world.path("there/home");
        self.lists("running", "true");
        self.world.on(
            "podman-exec",
            &format!(
                "shift\nwhile [ \"${{1#-}}\" != \"$1\" ]; do shift; done\nshift\n\
                 HOME='{}' GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8 exec \"$@\"\n",
                home.display()
            ),
        );
    }

    /// Makes the engine list the container with this status.
    pub(crate) fn lists(&self, status: &str, managed: &str) {
        let user = User::from_uid(geteuid()).unwrap().unwrap().name;
        let labels = json!({"ctrkit.managed": managed, "ctrkit.remote_user": user});
        let list = json!([{"Id": "ab", "Names": [NAME], "State": status, "Labels": labels}]);
        self.world.answer("podman-ps", &list.to_string());
    }

    fn sshd(&self) {
        let directory = self.world.path("sshd");
        fs::create_dir(&directory).unwrap();
        for key in ["host_key", "other_key", "user_key"] {
            let key = directory.join(key);
            run(process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&key));
        }
        let public = |key: &str| fs::read_to_string(directory.join(format!("{key}.pub"))).unwrap();
        self.world.write("sshd/known_hosts", &format!("{NAME} {}", public("host_key")));
        self.world.write("sshd/known_hosts-other", &format!("{NAME} {}", public("other_key")));
        self.world.write("sshd/authorized_keys", &public("user_key"));
        self.world.write("sshd/authorized_keys-none", "");
    }

    /// Writes the ssh configuration, with these files in the place of the
    /// right ones.
    pub(crate) fn ssh(&self, known_hosts: &str, authorized_keys: &str) {
        if geteuid().is_root() {
            // sshd(8) wants it, where no service has made it yet.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let directory = self.world.path("sshd");
        let (directory, home) = (directory.display(), self.world.path("there/home"));
        self.world.write(
            "sshd/sshd_config",
            &format!(
                "HostKey {directory}/host_key\nAuthorizedKeysFile {directory}/{authorized_keys}\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\n\
                 SetEnv HOME={} GIT_CONFIG_NOSYSTEM=1\nLogLevel QUIET\n",
                home.display()
            ),
        );
        let sshd = which("sshd");
        self.proxy(known_hosts, &format!("exec {} -i -f {directory}/sshd_config", sshd.display()));
    }

    /// Writes the ssh configuration with `command` as the way to the container.
    pub(crate) fn proxy(&self, known_hosts: &str, command: &str) {
        let directory = self.world.path("sshd");
        let directory = directory.display();
        let script = format!("echo connected >>{directory}/connections\n{command}\n");
        let script = self.world.write("sshd/proxy", &script);
        self.world.write(
            "ssh config",
            &format!(
                "Host {NAME}\n  IdentityFile {directory}/user_key\n  IdentitiesOnly yes\n  \
                 StrictHostKeyChecking yes\n  UserKnownHostsFile {directory}/{known_hosts}\n  \
                 GlobalKnownHostsFile /dev/null\n  HostKeyAlias {NAME}\n  \
                 ProxyCommand /bin/sh {}\n",
                script.display()
            ),
        );
    }

    /// Writes a ledger in which the worktree at `path` holds the container.
    pub(crate) fn hold(&self, path: &Path, name: &str) {
        let ledger = json!({"schema": "ports/1", "reservations": [
            {"key": "000000000000", "name": name, "path": path, "ports": []}]});
        self.world.write("state/ports.json", &ledger.to_string());
    }

    /// Returns how often ssh has connected so far.
    pub(crate) fn connections(&self) -> usize {
        let log = fs::read_to_string(self.world.path("sshd/connections")).unwrap_or_default();
        log.lines().count()
    }

    /// Returns what the engine was asked to do so far: `ps`, `prepare` or
    /// `checkout`.
    pub(crate) fn engine_calls(&self) -> Vec<String> {
        let calls = self.world.calls();
        let mode = |call: &Vec<String>| {
            let script = call.iter().position(|word| word == "ctr-git");
            script.map_or_else(|| call[1].clone(), |at| call[at + 1].clone())
        };
        calls.iter().map(mode).collect()
    }

    /// Returns the document of the container, for `branch`.
    pub(crate) fn document(&self, branch: &str) -> String {
        let user = User::from_uid(geteuid()).unwrap().unwrap().name;
        let project = json!({"path": self.worktree, "x-first": 1, "name": "app", "hash": "0", "branch": branch});
        let document = json!({"x-note": ["keep", {"b": 1, "a": 2}], "schema": "container/1", "name": NAME,
            "project": project, "user": user, "workspace": self.workspace, "git": {"x-own": true}});
        format!("{document}\n")
    }

    /// Returns the stand-ins, then the tester's `PATH`, for git and ssh.
    fn search_path(&self) -> OsString {
        #[allow(clippy::disallowed_methods, reason = "the tester's, not the tool's")]
        let inherited = std::env::var_os("PATH").unwrap();
        let mut path = self.world.search_path().into_os_string();
        path.push(":");
        path.push(inherited);
        path
    }

    /// Has git run `script` first where it is called with `word`; the real one is
    /// `$git` there.
    pub(crate) fn before(&self, word: &str, script: &str) {
        let git = self.world.path("bin/git");
        let real = fs::canonicalize(&git).unwrap();
        fs::remove_file(&git).unwrap();
        let text = format!(
            "#!/bin/sh\ngit='{}'\ncase \" $* \" in *' {word} '*) {script} ;; esac\n\
             exec \"$git\" \"$@\"\n",
            real.display()
        );
        self.world.write("bin/git", &text);
        fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Returns ctr-git with `args`.
    pub(crate) fn ctr_git(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(env!("CARGO_BIN_EXE_ctr-git"));
        command.env("CTRKIT_SSH_CONFIG", self.world.path("ssh config"));
        command.env("PATH", self.search_path());
        command.current_dir(&self.worktree).args(args);
        command
    }

    /// Returns ctr-git with the document of `branch` on its standard input.
    pub(crate) fn pipe(&self, branch: &str) -> Command {
        let mut command = self.ctr_git(&[]);
        command.write_stdin(self.document(branch));
        command
    }

    /// Brings `main` into the container.
    #[track_caller]
    pub(crate) fn create(&self) -> Value {
        let run = self.pipe("main").assert().success().stderr("");
        serde_json::from_slice(&run.get_output().stdout).unwrap()
    }

    /// Runs `ctr-git` with `args`, which must succeed in silence.
    #[track_caller]
    pub(crate) fn succeeds(&self, args: &[&str]) {
        self.ctr_git(args).assert().success().stdout("").stderr("");
    }

    /// Runs `ctr-git` with `args`, which must fail; returns the error.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], status: i32, kind: &str) -> Value {
        refused(&mut self.ctr_git(args), status, kind)
    }

    /// Runs git in the worktree, and returns its output.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.worktree, "home", args)
    }

    /// Runs git in the container, and returns its output.
    #[track_caller]
    pub(crate) fn git_there(&self, args: &[&str]) -> String {
        self.git_in(&self.workspace, "there/home", args)
    }

    #[track_caller]
    pub(crate) fn git_in(&self, directory: &Path, home: &str, args: &[&str]) -> String {
        let mut git = process::Command::new("git");
        git.env_clear()
            .env("PATH", self.search_path())
            .env("HOME", self.world.path(home))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .arg("-C")
            .arg(directory)
            .args(args);
        let output = run(&mut git);
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Commits `file` with `contents` in the worktree.
    #[track_caller]
    pub(crate) fn commit(&self, file: &str, contents: &str) -> String {
        write(&self.worktree.join(file), contents);
        self.git(&["add", "--force", "--", file]);
        self.git(&["commit", "--quiet", "--message", file]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits `file` with `contents` in the container.
    #[track_caller]
    pub(crate) fn commit_there(&self, file: &str, contents: &str) -> String {
        write(&self.workspace.join(file), contents);
        self.git_there(&["add", "--force", "--", file]);
        self.git_there(&["commit", "--quiet", "--message", file]);
        self.git_there(&["rev-parse", "HEAD"])
    }

    /// Returns everything that git and the file system say of the container,
    /// to see that nothing has changed.
    pub(crate) fn there(&self) -> String {
        let refs = self.git_there(&["for-each-ref"]);
        let head = fs::read_to_string(self.workspace.join(".git/HEAD")).unwrap();
        let config = fs::read_to_string(self.workspace.join(".git/config")).unwrap();
        let status = self.git_there(&["status", "--porcelain=v1", "--ignored"]);
        let files: Vec<_> = files(&self.workspace);
        format!("{refs}\n{head}\n{config}\n{status}\n{files:?}")
    }
}

/// Returns all files below `directory` outside of `.git`, with their contents.
pub(crate) fn files(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut entries: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let each = |path: PathBuf| match path.is_dir() {
        true if path.ends_with(".git") => Vec::new(),
        true => files(&path),
        false => vec![(path.clone(), fs::read_to_string(&path).unwrap_or_default())],
    };
    entries.into_iter().flat_map(each).collect()
}

/// Writes a file, making the directories above it.
pub(crate) fn write(path: &Path, contents: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

#[track_caller]
fn run(command: &mut process::Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Finds a program where system programs are, too.
fn which(name: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];
    let mut candidates = places.iter().map(|place| Path::new(place).join(name));
    candidates.find(|path| path.is_file()).unwrap_or_else(|| panic!("{name} is not installed"))
}
