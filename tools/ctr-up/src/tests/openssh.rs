//! The probe, asked of real servers.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use document::{Container, container::Ssh};
use tempfile::TempDir;

use super::{container, port};
use crate::probe::{Answer, Client, Probe};

/// A directory with an authority, a host key, and an sshd that uses it.
struct Server {
    directory: TempDir,
    port: u16,
    sshd: Option<Child>,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { directory: tempfile::tempdir().unwrap(), port, sshd: None };
        for key in ["authority", "host"] {
            server.keygen(&["-qt", "ed25519", "-N", "", "-f", &server.path(key)]);
        }
        let authority = fs::read_to_string(server.path("authority.pub")).unwrap();
        server.write("known hosts", &format!("@cert-authority dev-* {authority}"));
        server.write("revoked", "");
        server
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn keygen(&self, args: &[&str]) {
        let output = Command::new("ssh-keygen").args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Certifies the host key by `authority` for `principal`, during `validity`.
    fn certify(&self, authority: &str, principal: &str, validity: &str) {
        let (authority, key) = (self.path(authority), self.path("host.pub"));
        self.keygen(&["-qs", &authority, "-I", "x", "-h", "-n", principal, "-V", validity, &key]);
    }

    /// Starts sshd, with the certificate if there is one.
    fn start(&mut self) {
        const SSHD: &str = "/usr/sbin/sshd";

        assert!(fs::exists(SSHD).unwrap(), "there is no {SSHD}: apt-get install openssh-server");
        let mut text = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            self.port,
            self.path("host")
        );
        let certificate = self.path("host-cert.pub");
        if fs::exists(&certificate).unwrap() {
            text += &format!("HostCertificate {certificate}\n");
        }
        self.write("sshd_config", &text);
        // Its privilege separation directory, which the service makes.
        let _ = fs::create_dir("/run/sshd");
        let mut sshd = Command::new(SSHD);
        sshd.args(["-D", "-e", "-f", &self.path("sshd_config")]).stderr(Stdio::null());
        self.sshd = Some(sshd.spawn().unwrap());
    }

    fn document(&self) -> Container {
        let mut container = container();
        // Any account does: nobody is let in.
        container.user = Some("nobody".into());
        container.ports = vec![port("ssh", 22, self.port, Some("127.0.0.1"))];
        container.ssh = Some(Ssh {
            known_hosts: Some(PathBuf::from(self.path("known hosts"))),
            revoked_host_keys: Some(PathBuf::from(self.path("revoked"))),
            ..Ssh::default()
        });
        container
    }

    /// Asks until somebody answers.
    fn answer(&self) -> Answer {
        let client = Client { program: "ssh".as_ref(), config: None, proxy: None };
        let probe = Probe::new(client, &self.document()).unwrap();
        let begun = Instant::now();
        loop {
            let answer = probe.ask(Duration::from_secs(20), || false).unwrap();
            let is_up = !matches!(&answer, Answer::None(words) if words.contains("refused"));
            if is_up || self.sshd.is_none() || begun.elapsed() > Duration::from_secs(20) {
                return answer;
            }
            sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn check_wrong(&mut self, says: &str) {
        self.start();
        match self.answer() {
            Answer::Wrong(words) => assert!(words.contains(says), "{words}"),
            answer => panic!("{answer:?}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(sshd) = &mut self.sshd {
            sshd.kill().unwrap();
            sshd.wait().unwrap();
        }
    }
}

#[test]
fn the_right_certificate_is_right() {
    let mut server = Server::new();
    server.certify("authority", "dev-myapp-b3e5ed", "-1m:+1d");
    server.start();
    assert_eq!(server.answer(), Answer::Right);
}

#[test]
fn another_containers_certificate_is_wrong() {
    let mut server = Server::new();
    server.certify("authority", "dev-other-000000", "-1m:+1d");
    server.check_wrong("Certificate invalid: name is not a listed principal");
}

#[test]
fn an_expired_certificate_is_wrong() {
    let mut server = Server::new();
    server.certify("authority", "dev-myapp-b3e5ed", "-2d:-1d");
    server.check_wrong("Certificate invalid: expired");
}

#[test]
fn a_certificate_of_the_future_is_wrong() {
    let mut server = Server::new();
    server.certify("authority", "dev-myapp-b3e5ed", "+1d:+2d");
    server.check_wrong("Certificate invalid: not yet valid");
}

#[test]
fn another_authoritys_certificate_is_wrong() {
    let mut server = Server::new();
    server.keygen(&["-qt", "ed25519", "-N", "", "-f", &server.path("other")]);
    server.certify("other", "dev-myapp-b3e5ed", "-1m:+1d");
    server.check_wrong("Host key verification failed.");
}

#[test]
fn a_key_without_a_certificate_is_wrong() {
    let mut server = Server::new();
    server.check_wrong("no matching host key type found");
}

#[test]
fn a_revoked_key_is_wrong() {
    let mut server = Server::new();
    server.certify("authority", "dev-myapp-b3e5ed", "-1m:+1d");
    let key = fs::read_to_string(server.path("host.pub")).unwrap();
    server.write("revoked", &key);
    server.check_wrong("revoked");
}

#[test]
fn silence_is_neither() {
    let server = Server::new();
    match server.answer() {
        Answer::None(words) => assert!(words.contains("Connection refused"), "{words}"),
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn a_listener_that_says_nothing_is_given_up() {
    let mut server = Server::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    server.port = listener.local_addr().unwrap().port();
    let client = Client { program: "ssh".as_ref(), config: None, proxy: None };
    let probe = Probe::new(client, &server.document()).unwrap();
    let begun = Instant::now();
    let answer = probe.ask(Duration::from_secs(1), || false).unwrap();
    assert!(matches!(answer, Answer::None(_)), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
