//! Asking sshd who it is.
//!
//! The real ssh(1) goes by the very rules that the person's own ssh will
//! follow, and is not let in: that the server refuses it is the proof
//! that the server's certificate was accepted first (RFC 4253 section 7).

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use document::{
    Container,
    container::{Missing, Ssh},
};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use toolkit::ssh_config::{self, Expansion};

use crate::{
    Error,
    connect::{GLANCE, connect},
};

/// The ssh client.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The program.
    pub program: &'a Path,
    /// What it reads in the place of the user's own configuration.
    pub config: Option<&'a Path>,
    /// The ProxyCommand that shares the connection to the engine's server, if
    /// the engine is elsewhere.
    pub proxy: Option<&'a str>,
}

/// What came of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// The server showed the right certificate.
    Right,
    /// The server showed something else: ssh's words.
    Wrong(String),
    /// Nobody answers yet: ssh's words.
    None(String),
}

/// How the container's sshd is asked.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    program: PathBuf,
    args: Vec<String>,
    /// Where to connect to, unless a proxy finds the way.
    place: Option<(String, u16)>,
    /// What ssh says, at the start of a line, when the server refuses the user.
    refusal: String,
}

impl Probe {
    /// Returns the probe of `container`.
    pub(crate) fn new(client: Client<'_>, container: &Container) -> Result<Self, Error> {
        let ssh = container.ssh.as_ref().ok_or(Missing("ssh"))?;
        let (name, user) = (&container.name, container.user()?);
        let place = place(container, ssh)?;
        let mut options = FIXED.map(str::to_owned).to_vec();
        options.push(format!("HostKeyAlias={name}"));
        options.push(format!("User={user}"));
        options.extend(trust(ssh)?);
        let host = place.as_ref().map_or(name.as_str(), |(host, _)| host);
        let refusal = format!("{user}@{host}: Permission denied (");
        options.extend(way(client, ssh, place.as_ref()));
        let mut args = configuration(client, ssh)?;
        args.push("-T".to_owned());
        args.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        args.extend(["--".to_owned(), name.clone(), "true".to_owned()]);
        let place = place.filter(|_| !is_proxied(ssh));
        Ok(Self { program: client.program.to_owned(), args, place, refusal })
    }

    #[cfg(test)]
    pub(crate) fn args(&self) -> &[String] {
        &self.args
    }

    /// Makes one attempt, which is given up after `limit` or when it is told
    /// to `stop`.
    pub(crate) fn ask(&self, limit: Duration, stop: impl Fn() -> bool) -> io::Result<Answer> {
        let begun = Instant::now();
        let mut ssh = Command::new(&self.program);
        ssh.args(&self.args).env("LC_ALL", "C").process_group(0);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if let Some((host, port)) = &self.place {
            match connect(host, *port, limit, &stop) {
                Ok(stream) => {
                    let stream = OwnedFd::from(stream);
                    ssh.stdout(stream.try_clone()?).stdin(stream);
                }
                Err(error) => return Ok(Answer::None(format!("{host} port {port}: {error}"))),
            }
        }
        match output(ssh, || begun.elapsed() > limit || stop())? {
            Some(output) => Ok(self.judge(&output)),
            None => Ok(Answer::None("ssh did not come to an end".to_owned())),
        }
    }

    /// Tells the outcomes apart. ssh exits with 255 for all of them; its
    /// messages are not translated, and these have not changed since OpenSSH 5.
    pub(crate) fn judge(&self, output: &Output) -> Answer {
        let words = String::from_utf8_lossy(&output.stderr);
        // A proxy has refusals of its own; only the container's own counts.
        let refused = words.lines().any(|line| line.starts_with(&self.refusal));
        if output.status.success() || refused {
            return Answer::Right;
        }
        let wrong = ["Host key verification failed", "no matching host key type"];
        let words = crate::one_line(&words);
        match wrong.iter().any(|part| words.contains(part)) {
            true => Answer::Wrong(words),
            false => Answer::None(words),
        }
    }
}

/// Runs `command` and returns what came of it, or `None` if it was ended
/// because it was to `stop`.
fn output(mut command: Command, stop: impl Fn() -> bool) -> io::Result<Option<Output>> {
    let child = command.spawn()?;
    // What it was given as its standard streams is its own from now on.
    drop(command);
    let group = Pid::from_raw(child.id().try_into().map_err(io::Error::other)?);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(output) => return output.map(Some),
            Err(_) if !stop() => {}
            Err(_) => {
                let _ = killpg(group, Signal::SIGKILL);
                return Ok(None);
            }
        }
    }
}

/// Options that are the same for every container.
///
/// Nothing of the person's is asked for a key, and no connection is shared.
/// With a higher LogLevel ssh does not say that the server has no certificate.
/// The key exchange begins with the algorithm that costs least: nothing secret
/// is said, and the default takes a tenth of a second to make a key for it.
const FIXED: [&str; 18] = [
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ConnectTimeout=5",
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "GlobalKnownHostsFile=none",
    "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "IdentityFile=none",
    "KexAlgorithms=^curve25519-sha256",
    "LogLevel=INFO",
    "PreferredAuthentications=none",
    "PubkeyAuthentication=no",
    "RemoteCommand=none",
    "StrictHostKeyChecking=yes",
    "VerifyHostKeyDNS=no",
];

/// Returns what says whose certificates are right.
fn trust(ssh: &Ssh) -> Result<Vec<String>, Error> {
    let known_hosts = ssh.known_hosts.as_deref().ok_or(Missing("ssh.known_hosts"))?;
    let mut options =
        vec![format!("UserKnownHostsFile={}", quoted(known_hosts, Expansion::Tokens)?)];
    if let Some(revoked) = &ssh.revoked_host_keys {
        options.push(format!("RevokedHostKeys={}", quoted(revoked, Expansion::Uncertain)?));
    }
    Ok(options)
}

/// Returns how ssh gets to the server: by a proxy of the person's, else by the
/// connection that it finds as its standard input and output, which OpenSSH
/// calls `-` (sshconnect.c).
fn way(client: Client<'_>, ssh: &Ssh, place: Option<&(String, u16)>) -> Vec<String> {
    let mut options = Vec::new();
    if let Some((host, port)) = place {
        options.extend([format!("HostName={host}"), format!("Port={port}")]);
    }
    match (client.proxy, &ssh.proxy_jump) {
        // The same machine, by the connection that is there already.
        (Some(proxy), Some(_)) => options.push(format!("ProxyCommand={proxy}")),
        (_, jump) => options.extend(jump.iter().map(|jump| format!("ProxyJump={jump}"))),
    }
    options.extend(ssh.proxy_command.iter().map(|proxy| format!("ProxyCommand={proxy}")));
    if !is_proxied(ssh) {
        options.push("ProxyCommand=-".to_owned());
    }
    options
}

fn is_proxied(ssh: &Ssh) -> bool {
    ssh.proxy_jump.is_some() || ssh.proxy_command.is_some()
}

/// Returns which configuration ssh reads: the person's where a proxy may be
/// known by a name of theirs, else none.
fn configuration(client: Client<'_>, ssh: &Ssh) -> Result<Vec<String>, Error> {
    let file = match client.config {
        _ if !is_proxied(ssh) => "none",
        Some(file) => file.to_str().ok_or_else(|| unwritable(file, "it is not UTF-8"))?,
        None => return Ok(Vec::new()),
    };
    Ok(vec!["-F".to_owned(), file.to_owned()])
}

/// Returns the host and the port to connect to, unless a proxy finds the way.
fn place(container: &Container, ssh: &Ssh) -> Result<Option<(String, u16)>, Missing> {
    if ssh.proxy_command.is_some() {
        return Ok(None);
    }
    let port = container.port("ssh").ok_or(Missing("ports: ssh"))?;
    let host = port.host.ok_or(Missing("ports: ssh: host"))?;
    let given = ssh.hostname.as_deref().or(port.address.as_deref());
    let hostname = match given.ok_or(Missing("ports: ssh: address"))? {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        address => address,
    };
    Ok(Some((hostname.to_owned(), host)))
}

fn quoted(path: &Path, expansion: Expansion) -> Result<String, Error> {
    ssh_config::path(path, expansion).map_err(|rule| unwritable(path, rule))
}

fn unwritable(path: &Path, rule: &'static str) -> Error {
    Error::Unwritable { path: path.to_owned(), rule }
}
