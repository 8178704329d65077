//! The program as its callers see it, with stand-ins for ssh, the engines and
//! sshca: ssh runs what it is given in this world.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use stubs::{Command, World, refused};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@home\n";

struct Made {
    world: World,
    program: PathBuf,
}

impl Made {
    /// A world in which both engines are there, and `me` lacks nothing.
    fn new() -> Self {
        let world = World::new();
        for name in ["ssh", "ssh-add", "sshca", "id", "getsubids", "loginctl"] {
            world.program(name);
        }
        for name in ["head", "tail", "tr", "cut", "stat"] {
            let found = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(name));
            let found = found.into_iter().find(|path| path.exists()).unwrap();
            symlink(found, world.path("bin").join(name)).unwrap();
        }
        let socket = world.path("state/engine.sock");
        std::os::unix::net::UnixListener::bind(&socket).unwrap();
        world.answer("ssh-add--L", KEY);
        world.answer("id--un", "me\n").answer("id--u", "1000\n");
        world.answer("loginctl-show-user", "Linger=yes\n");
        world.answer("podman---remote", "5.4.2\n").answer("docker---host", "28.1.1\n");
        world.answer("podman-info", "5.4.2\n").answer("docker-version", "28.1.1\n");
        world.on("ssh--T", "for last; do :; done; PATH=$PATH sh -c \"$last\"; exit");
        let program = world.install(env!("CARGO_BIN_EXE_ctr-init"));
        Self { world, program }
    }

    /// The URL of a server whose engine listens in this world.
    fn url(&self) -> String {
        format!("ssh://me@box:2022{}", self.world.path("state/engine.sock").display())
    }

    fn run(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(&self.program);
        command.args(args).env_remove("CTRKIT_ENGINE");
        command
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args).assert().success().stdout("").get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    }

    fn config(&self) -> Option<String> {
        fs::read_to_string(self.world.path("config/config.toml")).ok()
    }

    fn ssh_calls(&self) -> Vec<Vec<String>> {
        self.world.calls().into_iter().filter(|call| call[0] == "ssh").collect()
    }

    /// Asserts that a refusal has left no trace.
    #[track_caller]
    fn nothing_made(&self) {
        let left: Vec<_> = fs::read_dir(self.world.path("config")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!self.world.calls().iter().any(|call| call[0] == "sshca"));
    }
}

#[test]
fn a_server_is_tested_over_one_connection_and_written_down() {
    let made = Made::new();
    let url = made.url();
    let told = made.done(&["--host", &url, "--engine", "docker"]);
    assert_eq!(made.config().unwrap(), format!("host = \"{url}\"\nengine = \"docker\"\n"));
    let calls = made.ssh_calls();
    assert_eq!(calls.len(), 1);
    let (options, script) = calls[0].split_at(calls[0].len() - 1);
    let expected = "ssh -T -o BatchMode=yes -o ConnectTimeout=10 -o ClearAllForwardings=yes \
                    -o RemoteCommand=none -o ControlPath=none -p 2022 -l me -- box";
    assert_eq!(options.join(" "), expected);
    // Neither the data nor the script is in the command line.
    assert!(!script[0].contains("engine.sock") && script[0].len() < 200, "{script:?}");
    for line in [
        "ctr-init: the containers will let in the key ssh-ed25519 (me@home)",
        "ctr-init: docker 28.1.1 on me@box:2022 answers",
        "ctr-init: the authority vouches for dev-* in '",
        "config.toml' is written",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let mode = fs::metadata(made.world.path("config/config.toml")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Again: the same, and nothing is written.
    let inode = fs::metadata(made.world.path("config/config.toml")).unwrap().ino();
    assert!(made.done(&["--host", &url, "--engine", "docker"]).contains("needs no change"));
    assert!(made.done(&[]).contains("needs no change"));
    assert_eq!(fs::metadata(made.world.path("config/config.toml")).unwrap().ino(), inode);
}

#[test]
fn a_configuration_that_is_there_is_edited() {
    let made = Made::new();
    let text = "# mine\nprefix = \"my\" # short\n\n[ssh] # keys\nvalidity_days = 9\n";
    made.world.write("config/config.toml", text);
    let key = made.world.write("home/id.pub", KEY);
    let key = key.with_extension("");
    let key = key.to_str().unwrap();
    made.done(&["--host", "local", "--engine", "podman", "--identity-file", key, "--batch"]);
    let expected = format!(
        "# mine\nprefix = \"my\" # short\nengine = \"podman\"\n\n[ssh] # keys\n\
         validity_days = 9\nidentity_file = \"{key}\"\n"
    );
    assert_eq!(made.config().unwrap(), expected);
    assert!(made.world.changes().contains(&"sshca init --prefix my".to_owned()));
    assert_eq!(made.ssh_calls(), Vec::<Vec<String>>::new());
    made.done(&["--batch"]);
    assert_eq!(made.config().unwrap(), expected);
}

#[test]
fn another_server_is_not_reached_over_a_connection_of_the_old_one() {
    let made = Made::new();
    let connections = "\n[[connections]]\nname = \"home\"\naddress = \"me@192.0.2.1\"\n";
    let text = format!("host = \"ssh://me@old\"\nconnection = \"home\"\n{connections}");
    made.world.write("config/config.toml", &text);
    let told = made.done(&["--host", &made.url()]);
    assert!(told.contains("none is in force now"), "{told}");
    assert_eq!(made.config().unwrap(), format!("host = \"{}\"\n{connections}", made.url()));
    assert!(made.ssh_calls()[0].contains(&"box".to_owned()));
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let made = Made::new();
    for args in [&[][..], &["--batch"], &["--engine", "podman"]] {
        let error = refused(made.run(args).write_stdin("ssh://me@box\n"), 64, "missing-option");
        assert_eq!(error["hint"], "say it: --host local, or --host ssh://USER@SERVER");
    }
    made.nothing_made();
}

#[test]
fn what_is_missing_is_told_with_its_cure_and_nothing_is_written() {
    let made = Made::new();
    made.world.answer("loginctl-show-user", "Linger=no\n");
    made.world.refuse("podman---remote", 125, "Cannot connect");
    fs::remove_file(made.world.path("stub/podman---remote.out")).unwrap();
    let url = made.url();
    let wanted = ["--host", url.as_str(), "--engine", "podman"];
    let error = refused(&mut made.run(&wanted), 69, "engine-not-ready");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("me@box:2022 cannot be used yet: podman does not answer"));
    assert!(message.ends_with("; containers of 'me' end when it logs out: it does not linger"));
    assert!(error["hint"].as_str().unwrap().contains("loginctl enable-linger me"), "{error}");
    // The other one is well.
    let other = made.done(&["--host", &url, "--no-test", "--engine", "podman"]);
    assert!(other.contains("is written"));
    fs::remove_file(made.world.path("config/config.toml")).unwrap();
    made.world.forget();
    let _ = fs::remove_dir_all(made.world.path("config"));
    fs::create_dir(made.world.path("config")).unwrap();
    fs::remove_file(made.world.path("bin/podman")).unwrap();
    fs::remove_file(made.world.path("state/engine.sock")).unwrap();
    let error = refused(&mut made.run(&wanted), 69, "engine-not-ready");
    assert!(error["message"].as_str().unwrap().contains("podman is not installed"), "{error}");
    made.nothing_made();
}

#[test]
fn ssh_that_fails_is_told_apart() {
    let made = Made::new();
    let url = made.url();
    for (words, status, kind) in [
        ("ssh: connect to host box port 2022: Connection refused", 69, "server-unreachable"),
        (
            "ssh: Could not resolve hostname box: Name or service not known",
            69,
            "server-unreachable",
        ),
        ("me@box: Permission denied (publickey).", 77, "key-refused"),
        ("Host key verification failed.", 77, "host-key-unknown"),
        (
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n  ssh-keygen -f '/k' -R \
             'box'\nHost key verification failed.",
            77,
            "host-key-changed",
        ),
    ] {
        made.world.on("ssh--T", "cat >/dev/null");
        made.world.refuse("ssh--T", 255, words);
        let error = refused(&mut made.run(&["--host", &url]), status, kind);
        assert!(error["hint"].as_str().is_some(), "{error}");
    }
    made.world.on("ssh--T", "cat >/dev/null; echo 'This account is not available'; exit 1");
    refused(&mut made.run(&["--host", &url]), 69, "test-failed");
    made.nothing_made();
}

#[test]
fn the_token_is_stored_for_its_owner_alone_and_never_shown() {
    let made = Made::new();
    let stored = made.world.path("config/github-token");
    let args = ["--host", "local", "--github-token-file", "-"];
    let run = made.run(&args).write_stdin("github_pat_11SECRET\n").assert().success().stdout("");
    let told = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(!told.contains("SECRET") && !told.contains("warning"), "{told}");
    assert_eq!(fs::read_to_string(&stored).unwrap(), "github_pat_11SECRET\n");
    assert_eq!(fs::metadata(&stored).unwrap().mode() & 0o777, 0o600);
    assert!(!made.world.calls().concat().concat().contains("SECRET"));
    // Another shape is a warning, and the bits are mended.
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o644)).unwrap();
    let file = made.world.write("home/token", "ghp_OTHER");
    let told = made.done(&["--host", "local", "--github-token-file", file.to_str().unwrap()]);
    assert!(told.contains("warning: the token is not a fine-grained one"), "{told}");
    assert!(!told.contains("OTHER"));
    assert_eq!(fs::read_to_string(&stored).unwrap(), "ghp_OTHER\n");
    assert_eq!(fs::metadata(&stored).unwrap().mode() & 0o777, 0o600);
    // Where the configuration says that it is.
    let elsewhere = made.world.path("home/deep/token");
    made.world.write(
        "config/config.toml",
        &format!("[github]\ntoken_file = \"{}\"\n", elsewhere.display()),
    );
    made.run(&args).write_stdin("github_pat_2").assert().success();
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "github_pat_2\n");
}

#[test]
fn what_is_no_token_is_refused_before_anything_is_made() {
    let made = Made::new();
    for text in ["", "\n", "two\nlines", "github_pat_\0", "a b", &"x".repeat(5000)] {
        let mut run = made.run(&["--host", "local", "--github-token-file", "-"]);
        let error = refused(run.write_stdin(text), 65, "bad-token");
        assert!(!error.to_string().contains("two"), "{error}");
    }
    let absent = made.world.path("absent");
    let args = ["--host", "local", "--github-token-file", absent.to_str().unwrap()];
    refused(&mut made.run(&args), 66, "cannot-read-file");
    made.nothing_made();
}

#[test]
fn bad_input_is_refused_and_nothing_is_touched() {
    let made = Made::new();
    for args in [
        &["--host", "box"][..],
        &["--host", "ssh://-oProxyCommand=x"],
        &["--host", "ssh://a b"],
        &["--engine", "nerdctl", "--host", "local"],
        &["--identity-file", "", "--host", "local"],
        &["--no-github-token", "--github-token-file", "-", "--host", "local"],
    ] {
        made.run(args).assert().code(64).stdout("");
    }
    made.nothing_made();
    for text in ["user = \"dev\"\nnew_in_2030 = 1\n", "user = \"dev\"\n\0", "\u{feff}]"] {
        made.world.write("config/config.toml", text);
        refused(&mut made.run(&["--host", "local"]), 65, "bad-configuration");
        assert_eq!(made.config().unwrap(), text);
    }
}

#[test]
fn without_a_key_nothing_is_made() {
    let made = Made::new();
    let absent = made.world.path("home/none");
    let args = ["--host", "local", "--identity-file", absent.to_str().unwrap()];
    let error = refused(&mut made.run(&args), 66, "no-ssh-key");
    assert!(error["hint"].as_str().unwrap().starts_with("write it: ssh-keygen -y -f "), "{error}");
    made.nothing_made();
}

#[test]
fn an_authority_that_cannot_be_made_leaves_the_configuration_alone() {
    let made = Made::new();
    made.world.refuse("sshca-init", 74, "no space left on device");
    refused(&mut made.run(&["--host", "local", "--engine", "podman"]), 70, "cannot-make-authority");
    assert_eq!(made.config(), None);
}
