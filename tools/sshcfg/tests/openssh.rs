//! A block at work: a real ssh, a real sshd, and the connection they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::unistd::{User, getuid};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where Debian and most others have it; it is not on everybody's PATH.
const SSHD: &str = "/usr/sbin/sshd";

/// How long things that take milliseconds may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An sshd on the loopback address, and a user's configuration in a directory
/// whose name ssh could misread.
struct World {
    directory: TempDir,
    port: u16,
    sshd: Child,
}

impl World {
    fn new() -> Self {
        assert!(Path::new(SSHD).exists(), "there is no {SSHD}: apt-get install openssh-server");
        if getuid().is_root() {
            // Its privilege separation directory, which the service makes.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let hostile = directory.path().join("it's #1, 50% of %h");
        fs::create_dir(&hostile).unwrap();
        let (host, key) = (directory.path().join("host"), hostile.join("key"));
        for key in [&host, &key] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key);
            assert!(keygen.status().unwrap().success());
        }
        fs::copy(hostile.join("key.pub"), directory.path().join("authorized_keys")).unwrap();
        let public = fs::read_to_string(directory.path().join("host.pub")).unwrap();
        fs::write(hostile.join("known_hosts"), format!("dev-a {public}")).unwrap();
        let sshd = start(directory.path(), port);
        Self { directory, port, sshd }
    }

    fn hostile(&self, name: &str) -> PathBuf {
        self.directory.path().join("it's #1, 50% of %h").join(name)
    }

    fn document(&self) -> Value {
        json!({
            "schema": "container/1", "name": "dev-a",
            "user": User::from_uid(getuid()).unwrap().unwrap().name,
            "project": {"path": "/a", "name": "a", "hash": "123456789abc"},
            "ports": [{"service": "ssh", "container": 22, "host": self.port, "address": "127.0.0.1"}],
            "ssh": {"identity_file": self.hostile("key"), "known_hosts": self.hostile("known_hosts")},
        })
    }

    fn user_config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    #[track_caller]
    fn sshcfg(&self, args: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sshcfg"));
        command.args(args).env("CTRKIT_CONFIG_DIR", self.directory.path().join("c"));
        command.env("CTRKIT_STATE_DIR", self.hostile("s")).stdin(Stdio::piped());
        command.env("CTRKIT_SSH_CONFIG", self.user_config()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(self.document().to_string().as_bytes());
        assert!(child.wait().unwrap().success());
    }

    fn ssh(&self, args: &[&str]) -> Output {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(self.user_config()).args(["-o", "BatchMode=yes"]).args(args);
        // The master inherits them; a pipe would stay open for as long as it lives.
        let out = self.directory.path().join("out");
        let file = fs::File::create(&out).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let status = command.status().unwrap();
        Output { status, stdout: fs::read(out).unwrap(), stderr: Vec::new() }
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.hostile("s/mux")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn start(directory: &Path, port: u16) -> Child {
    let config = directory.join("sshd_config");
    let text = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized_keys\n\
         StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n",
        directory.display(),
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(SSHD);
    let mut sshd = command.arg("-D").arg("-f").arg(config).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert_eq!(sshd.try_wait().unwrap(), None, "sshd ended");
        assert!(begun.elapsed() < PATIENCE, "sshd does not answer");
        thread::sleep(Duration::from_millis(10));
    }
    sshd
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

#[test]
fn connections_are_shared_until_the_block_is_removed() {
    let world = World::new();
    world.sshcfg(&["add"]);
    let first = world.ssh(&["dev-a", "echo", "hello"]);
    assert_eq!(String::from_utf8_lossy(&first.stdout), "hello\n");
    assert_eq!(world.sockets().len(), 1);
    assert!(world.ssh(&["-O", "check", "dev-a"]).status.success(), "there is no master");
    world.sshcfg(&["remove", "dev-a"]);
    assert!(!world.user_config().exists());
    let begun = Instant::now();
    while !world.sockets().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "the master lives on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_host_key_that_is_not_known_is_refused() {
    let world = World::new();
    fs::write(world.hostile("known_hosts"), "# nobody\n").unwrap();
    world.sshcfg(&["add"]);
    let refused = world.ssh(&["dev-a", "echo", "hello"]);
    assert_eq!(refused.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("requested strict checking"));
    assert_eq!(fs::read_to_string(world.hostile("known_hosts")).unwrap(), "# nobody\n");
}

#[test]
fn a_block_that_leads_elsewhere_closes_the_connection_that_was_shared() {
    let mut world = World::new();
    world.sshcfg(&["add"]);
    assert!(world.ssh(&["dev-a", "true"]).status.success());
    world.port = 1;
    world.sshcfg(&["add"]);
    let begun = Instant::now();
    while !world.sockets().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "the master lives on");
        thread::sleep(Duration::from_millis(10));
    }
}
