//! The certificates as OpenSSH sees them: ssh-keygen, a real sshd, a real ssh
//! with the block that sshcfg prints.
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

const SSHCA: &str = env!("CARGO_BIN_EXE_sshca");

/// Where Debian and most others have it; it is not on everybody's PATH.
const SSHD: &str = "/usr/sbin/sshd";

/// Returns sshcfg, which is built with the workspace, beside sshca.
fn sshcfg() -> PathBuf {
    let path = Path::new(SSHCA).with_file_name("sshcfg");
    assert!(path.exists(), "{} is not built: cargo build -p sshcfg", path.display());
    path
}

fn user() -> String {
    User::from_uid(getuid()).unwrap().unwrap().name
}

/// ctrkit's directories with an authority, and a person's key.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        world.ctrkit(SSHCA.as_ref(), &["init"], "");
        world.keygen("id");
        fs::copy(world.path("id.pub"), world.path("authorized_keys")).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn keygen(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
        assert!(keygen.status().unwrap().success());
        path
    }

    /// Runs one of our tools and returns what it wrote.
    fn ctrkit(&self, program: &Path, args: &[&str], stdin: &str) -> String {
        let mut command = Command::new(program);
        command.args(args).env("CTRKIT_CONFIG_DIR", self.path("config"));
        command.env("CTRKIT_STATE_DIR", self.path("state")).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{} failed", program.display());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Certifies `name` and returns its document, for an sshd on `port`.
    fn certified(&self, name: &str, port: u16) -> Value {
        let document = json!({
            "schema": "container/1", "name": name, "user": user(),
            "project": {"path": "/a", "name": "a", "hash": "123456789abc"},
            "ports": [{"service": "ssh", "container": 22, "host": port, "address": "127.0.0.1"}],
            "ssh": {"identity_file": self.path("id")},
        });
        let text = self.ctrkit(SSHCA.as_ref(), &[], &document.to_string());
        serde_json::from_str(&text).unwrap()
    }

    fn host_key(&self, name: &str) -> PathBuf {
        self.path("state").join(name).join("ssh_host_ed25519_key")
    }

    /// Logs in as the document says and runs `echo hello` there.
    fn ssh(&self, document: &Value) -> Output {
        let config = self.path("ssh_config");
        fs::write(&config, self.ctrkit(&sshcfg(), &["print"], &document.to_string())).unwrap();
        let mut command = Command::new("ssh");
        // A shared connection would not look at the host key again.
        command.args(["-o", "BatchMode=yes", "-S", "none", "-F"]).arg(config);
        command.arg(document["name"].as_str().unwrap()).args(["echo", "hello"]);
        command.stdin(Stdio::null()).output().unwrap()
    }

    #[track_caller]
    fn check_accepted(&self, document: &Value) {
        let output = self.ssh(document);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
    }

    #[track_caller]
    fn check_refused(&self, document: &Value, because: &str) {
        let output = self.ssh(document);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty(), "it was let in");
        assert_eq!(output.status.code(), Some(255));
        assert!(stderr.contains(because), "{stderr}");
    }
}

/// An sshd on the loopback address.
struct Server {
    child: Child,
}

impl Server {
    /// Starts an sshd with a host key and, if it has one, its certificate.
    fn start(world: &World, port: u16, key: &Path) -> Self {
        assert!(Path::new(SSHD).exists(), "there is no {SSHD}: apt-get install openssh-server");
        if getuid().is_root() {
            // Its privilege separation directory, which the service makes.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let config = world.path("sshd_config");
        let certificate = PathBuf::from(format!("{}-cert.pub", key.display()));
        let certificate = match certificate.exists() {
            true => format!("HostCertificate {}\n", certificate.display()),
            false => String::new(),
        };
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\n{certificate}AuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n",
            key.display(),
            world.path("authorized_keys").display(),
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(SSHD);
        command.arg("-D").arg("-f").arg(config).stderr(Stdio::null());
        let mut server = Self { child: command.spawn().unwrap() };
        server.wait(port);
        server
    }

    fn wait(&mut self, port: u16) {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert_eq!(self.child.try_wait().unwrap(), None, "sshd ended");
            assert!(begun.elapsed() < Duration::from_secs(20), "sshd does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a port that nobody listens on just now.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn ssh_keygen_reads_the_certificate_and_the_keys() {
    let world = World::new();
    world.certified("dev-a", 22);
    let key = world.host_key("dev-a");
    let keygen = |args: &[&str], path: &Path| {
        let output = Command::new("ssh-keygen").args(args).arg(path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let certificate = PathBuf::from(format!("{}-cert.pub", key.display()));
    let said = keygen(&["-L", "-f"], &certificate);
    let lines: Vec<_> = said.lines().map(str::trim).collect();
    assert!(lines.contains(&"Type: ssh-ed25519-cert-v01@openssh.com host certificate"), "{said}");
    assert!(lines.contains(&"Key ID: \"dev-a\"") && lines.contains(&"Serial: 1"), "{said}");
    let principals = lines.iter().position(|line| *line == "Principals:").unwrap();
    assert_eq!(
        lines[principals + 1..],
        ["dev-a", "Critical Options: (none)", "Extensions: (none)"]
    );
    for private in [key, world.path("config/ca/ca_key")] {
        let public = fs::read_to_string(format!("{}.pub", private.display())).unwrap();
        let derived = keygen(&["-y", "-f"], &private);
        let words = |text: &str| text.split(' ').take(2).map(str::trim).collect::<String>();
        assert_eq!(words(&derived), words(&public));
    }
}

#[test]
fn a_container_is_accepted_under_its_own_name() {
    let world = World::new();
    let port = free_port();
    let document = world.certified("dev-a", port);
    let _server = Server::start(&world, port, &world.host_key("dev-a"));
    world.check_accepted(&document);
}

#[test]
fn the_certificate_of_another_container_is_refused() {
    let world = World::new();
    let port = free_port();
    let document = world.certified("dev-a", port);
    world.certified("dev-b", port);
    let _server = Server::start(&world, port, &world.host_key("dev-b"));
    world.check_refused(&document, "Certificate invalid: name is not a listed principal");
}

#[test]
fn a_swapped_host_key_is_refused() {
    let world = World::new();
    let port = free_port();
    let document = world.certified("dev-a", port);
    let _server = Server::start(&world, port, &world.keygen("other"));
    world.check_refused(&document, "no matching host key type found");
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (world, other) = (World::new(), World::new());
    let port = free_port();
    let document = world.certified("dev-a", port);
    other.certified("dev-a", port);
    let _server = Server::start(&world, port, &other.host_key("dev-a"));
    world.check_refused(&document, "Host key verification failed");
}

#[test]
fn a_revoked_host_key_is_refused_and_the_next_one_accepted() {
    let world = World::new();
    let port = free_port();
    let document = world.certified("dev-a", port);
    let server = Server::start(&world, port, &world.host_key("dev-a"));
    world.ctrkit(SSHCA.as_ref(), &["revoke", "dev-a"], "");
    world.check_refused(&document, "revoked by file");
    drop(server);
    let document = world.certified("dev-a", port);
    let _server = Server::start(&world, port, &world.host_key("dev-a"));
    world.check_accepted(&document);
}

#[test]
fn a_list_of_revoked_keys_that_is_gone_refuses_everything() {
    let world = World::new();
    let port = free_port();
    let document = world.certified("dev-a", port);
    let _server = Server::start(&world, port, &world.host_key("dev-a"));
    fs::remove_file(world.path("config/revoked_keys")).unwrap();
    world.check_refused(&document, "revoked keys file");
    world.certified("dev-a", port);
    world.check_accepted(&document);
}
