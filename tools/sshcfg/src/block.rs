//! One Host block, made from a document.

use std::{fmt::Write, net::IpAddr, path::Path};

use document::{
    Container,
    audio::Audio,
    container::{self, Ssh},
};
use sha2::{Digest, Sha256};
use toolkit::{Sockets, ssh_config::Expansion, ssh_master};

use crate::{Error, words};

/// What ssh is to accept of a server that has a certificate: nothing else, so
/// that a key without one is refused before anything is looked up.
const CERTIFICATE: &str = "ssh-ed25519-cert-v01@openssh.com";

/// A Host block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Block {
    /// The alias: the name of the container.
    pub(crate) name: String,
    /// The block as ssh_config(5) has it, with a newline at its end.
    pub(crate) text: String,
}

/// The lines of a block.
#[derive(Default)]
struct Lines(Vec<(&'static str, String)>);

impl Lines {
    fn push(&mut self, keyword: &'static str, value: impl Into<String>) {
        self.0.push((keyword, value.into()));
    }

    fn path(
        &mut self,
        keyword: &'static str,
        key: &'static str,
        path: &Path,
        expansion: Expansion,
    ) -> Result<(), Error> {
        self.push(keyword, words::path(key, path, expansion)?);
        Ok(())
    }
}

impl Block {
    /// Returns the block of the container that the document describes.
    ///
    /// All that comes out of the document is checked: a value that ssh does
    /// not understand would make it refuse the user's whole configuration.
    pub(crate) fn of(container: &Container, sockets: &Sockets) -> Result<Self, Error> {
        if !container::is_name(&container.name) {
            return Err(Error::BadName { name: container.name.clone() });
        }
        let none = Ssh::default();
        let ssh = container.ssh.as_ref().unwrap_or(&none);
        let mut lines = Lines::default();
        destination(container, ssh, &mut lines)?;
        proxy(ssh, &mut lines)?;
        // So far the lines say where the connection leads, and no two
        // connections that lead to different places may share a socket.
        let digest = digest(&container.name, &lines);
        trust(&container.name, ssh, &mut lines)?;
        identity(ssh, &mut lines)?;
        session(sockets, &digest, &mut lines)?;
        published(container, ssh, &mut lines);
        forwards(ssh, &mut lines)?;
        let is_strict = lines.0.iter().all(|(keyword, _)| *keyword != "LocalForward");
        let mut text = format!("Host {}\n", container.name);
        for (keyword, value) in lines.0 {
            // Writing into a String does not fail.
            let _ = writeln!(text, "    {keyword} {value}");
        }
        if let Some(audio) = &container.audio {
            text += &sound(&container.name, audio, is_strict)?;
        }
        Ok(Self { name: container.name.clone(), text })
    }

    /// Asks the control master of the block to end, if there is one.
    pub(crate) fn close_master(&self) {
        if let Some(path) = self.control_path() {
            ssh_master::close_at(path, &self.name);
        }
    }

    /// Returns the value of the block's ControlPath, quoted as it stands.
    pub(crate) fn control_path(&self) -> Option<&str> {
        self.value("ControlPath").filter(|&path| path != "none")
    }

    /// Returns the value of the block's first `keyword`, as it stands.
    pub(crate) fn value(&self, keyword: &str) -> Option<&str> {
        let mut lines = self.text.lines().map(str::trim_start);
        lines.find_map(|line| line.strip_prefix(keyword)?.strip_prefix(' '))
    }
}

fn destination(container: &Container, ssh: &Ssh, lines: &mut Lines) -> Result<(), Error> {
    let port = container.port("ssh").ok_or(Error::Missing("ports[service=ssh]"))?;
    let number = port.host.ok_or(Error::Missing("ports[service=ssh].host"))?;
    let hostname = match (ssh.hostname.as_deref(), port.address.as_deref()) {
        (Some(hostname), _) => words::host("ssh.hostname", hostname)?,
        (None, Some(address)) => reachable(words::host("ports[service=ssh].address", address)?),
        // What a command connects to is the command's business.
        (None, None) if ssh.proxy_command.is_some() => "127.0.0.1",
        (None, None) => return Err(Error::Unpublished),
    };
    let user = container.user.as_deref().ok_or(Error::Missing("user"))?;
    lines.push("HostName", hostname);
    lines.push("Port", number.to_string());
    lines.push("User", words::user("user", user)?);
    Ok(())
}

/// Returns an address to connect to, for one to listen on.
fn reachable(address: &str) -> &str {
    match address.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => "127.0.0.1",
        _ => address,
    }
}

fn proxy(ssh: &Ssh, lines: &mut Lines) -> Result<(), Error> {
    if let Some(jump) = &ssh.proxy_jump {
        lines.push("ProxyJump", words::jump("ssh.proxy_jump", jump)?);
    }
    if let Some(command) = &ssh.proxy_command {
        lines.push("ProxyCommand", words::command("ssh.proxy_command", command)?);
    }
    Ok(())
}

fn trust(name: &str, ssh: &Ssh, lines: &mut Lines) -> Result<(), Error> {
    let missing = Error::Missing("ssh.known_hosts");
    let known_hosts = ssh.known_hosts.as_deref().ok_or(missing)?;
    lines.push("HostKeyAlias", name);
    if ssh.certificate.is_some() {
        lines.push("HostKeyAlgorithms", CERTIFICATE);
    }
    lines.push("StrictHostKeyChecking", "yes");
    lines.path("UserKnownHostsFile", "ssh.known_hosts", known_hosts, Expansion::Tokens)?;
    // Who else vouches for hosts on this machine does not vouch for this one.
    lines.push("GlobalKnownHostsFile", "/dev/null");
    if let Some(revoked) = &ssh.revoked_host_keys {
        let key = "ssh.revoked_host_keys";
        lines.path("RevokedHostKeys", key, revoked, Expansion::Uncertain)?;
    }
    Ok(())
}

fn identity(ssh: &Ssh, lines: &mut Lines) -> Result<(), Error> {
    if let Some(key) = &ssh.identity_file {
        lines.path("IdentityFile", "ssh.identity_file", key, Expansion::Tokens)?;
        lines.push("IdentitiesOnly", "yes");
    }
    lines.push("ForwardAgent", "no");
    Ok(())
}

fn session(sockets: &Sockets, digest: &str, lines: &mut Lines) -> Result<(), Error> {
    match sockets.path(digest) {
        Some(path) => {
            lines.push("ControlMaster", "auto");
            lines.path("ControlPath", "ControlPath", &path, Expansion::Tokens)?;
            lines.push("ControlPersist", "1h");
        }
        // Multiplexing that a `Host *` of the user's turns on would fail too.
        None => {
            lines.push("ControlMaster", "no");
            lines.push("ControlPath", "none");
        }
    }
    lines.push("ServerAliveInterval", "30");
    lines.push("ServerAliveCountMax", "6");
    lines.push("ConnectTimeout", "10");
    lines.push("TCPKeepAlive", "yes");
    Ok(())
}

/// Brings the ports that are published on another machine's loopback address
/// to the same ones here, for as long as a connection lasts.
fn published(container: &Container, ssh: &Ssh, lines: &mut Lines) {
    if ssh.proxy_jump.is_none() {
        return;
    }
    for port in container.ports.iter().filter(|port| port.service != "ssh") {
        if let (Some(host), Some(_)) = (port.host, &port.address) {
            let (here, there) = (format!("127.0.0.1:{host}"), port.container);
            lines.push("LocalForward", format!("{here} 127.0.0.1:{there}"));
        }
    }
}

fn forwards(ssh: &Ssh, lines: &mut Lines) -> Result<(), Error> {
    for forward in &ssh.local_forward {
        let forward = words::local_forward("ssh.local_forward", forward)?;
        lines.push("LocalForward", forward);
    }
    for forward in &ssh.remote_forward {
        let forward = words::remote_forward("ssh.remote_forward", forward)?;
        lines.push("RemoteForward", forward);
    }
    Ok(())
}

/// Returns what carries sound: a socket in the container that leads back to the guard
/// here, which is started first. Where it does not start, the connection is one
/// without sound. Where the container sees the guard by itself, no more than its start is
/// left, and a TCP port if one is wanted.
///
/// A socket that cannot be had is an error if `is_strict`, and not silence. It is only a
/// warning where ports are brought here as well: one that is taken on this machine would
/// be an error too, and nobody could log in. The same goes for a port there, which a
/// connection that hangs keeps. ssh runs the command only where the name fits, so that
/// nobody else waits for it.
fn sound(name: &str, audio: &Audio, is_strict: bool) -> Result<String, Error> {
    let (Some(guard), Some(socket)) = (&audio.guard, &audio.socket) else {
        return Ok(String::new());
    };
    let starter = words::starter("audio.starter", &audio.starter)?;
    let mut text = format!("Match originalhost {name} exec {starter}\n");
    let socket = Some(socket.clone()).filter(|_| !audio.is_bound());
    let port = audio.port.map(|port| format!("127.0.0.1:{port}"));
    let is_strict = is_strict && socket.is_some() && port.is_none();
    for listener in socket.into_iter().chain(port) {
        let forward = format!("{listener} {}", guard.display());
        let forward = words::remote_forward("audio.guard", &forward)?;
        // Writing into a String does not fail.
        let _ = writeln!(text, "    RemoteForward {forward}");
    }
    if is_strict {
        text += "    ExitOnForwardFailure yes\n";
    }
    Ok(text)
}

/// Returns 12 hex digits that are others for another destination.
fn digest(name: &str, lines: &Lines) -> String {
    let mut hasher = Sha256::new_with_prefix(name);
    for (keyword, value) in &lines.0 {
        hasher.update(format!("\n{keyword} {value}"));
    }
    hasher.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
