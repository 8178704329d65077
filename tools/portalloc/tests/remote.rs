//! What listens at the other end of a real ssh, as a real ss tells it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::unistd::{User, getuid};
use serde_json::{Value, json};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd on the loopback address, which lets the tester in.
struct Server {
    child: Child,
}

impl Server {
    fn start(directory: &Path, port: u16) -> Self {
        assert!(Path::new(SSHD).exists(), "there is no {SSHD}: apt-get install openssh-server");
        if getuid().is_root() {
            // Its privilege separation directory, which the service makes.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let config = directory.join("sshd_config");
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
             UsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n",
            key(directory, "host").display(),
            key(directory, "id").with_extension("pub").display(),
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(SSHD);
        let child = command.arg("-D").arg("-f").arg(config).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Self { child };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert_eq!(server.child.try_wait().unwrap(), None, "sshd ended");
            assert!(begun.elapsed() < Duration::from_secs(20), "sshd does not answer");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a key without a passphrase.
fn key(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
    assert!(keygen.status().unwrap().success());
    path
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Reserves on the machine called `box`, and returns the port.
fn reserve(directory: &TempDir, n: u16, start: u16, url: &str) -> u64 {
    let document = json!({
        "schema": "container/1", "name": format!("dev-{n}"),
        "project": {"path": "/nonexistent", "name": "a", "hash": format!("{n:012x}")},
        "engine": {"kind": "podman", "host": url},
        "ports": [{"service": "web", "container": 80, "start": start, "address": "127.0.0.1"}],
    });
    let input = directory.path().join("document");
    fs::write(&input, document.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portalloc"))
        .env("CTRKIT_STATE_DIR", directory.path().join("state"))
        .env("CTRKIT_SSH_CONFIG", directory.path().join("ssh_config"))
        .stdin(fs::File::open(input).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["ports"][0]["host"].as_u64().unwrap()
}

#[test]
fn a_port_that_is_taken_there_disqualifies_a_block() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // A ledger that is there: no engine needs to be asked.
    fs::create_dir(path.join("state")).unwrap();
    fs::write(path.join("state/ports.json"), r#"{"schema":"ports/1","reservations":[]}"#).unwrap();
    let (_, port) = listener();
    let _server = Server::start(path, port);
    let config = format!(
        "Host box\n    HostName 127.0.0.1\n    Port {port}\n    IdentityFile {}\n    \
         IdentitiesOnly yes\n    StrictHostKeyChecking no\n    UserKnownHostsFile /dev/null\n    \
         LogLevel ERROR\n",
        path.join("id").display()
    );
    fs::write(path.join("ssh_config"), config).unwrap();

    let (taken, start) = listener();
    assert_ne!(reserve(&directory, 1, start, "ssh://box"), u64::from(start));
    drop(taken);
    let user = User::from_uid(getuid()).unwrap().unwrap().name;
    let url = format!("ssh://{user}@box/run/podman/podman.sock");
    assert_eq!(reserve(&directory, 2, start, &url), u64::from(start));
    // What is reserved there is not asked for again, listened on or not.
    let _own = TcpListener::bind((Ipv4Addr::LOCALHOST, start)).unwrap();
    assert_eq!(reserve(&directory, 2, start, &url), u64::from(start));
}
