//! Asking sshd who it is.
//!
//! The real ssh(1) connects under the very rules that the person's own ssh
//! will follow, and is not let in: that the server refuses it is the proof
//! that the server's certificate was accepted first (RFC 4253 section 7).

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use document::{Container, container::Missing};

/// What came of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The server showed the right certificate.
    Right,
    /// The server showed something else: ssh's words.
    Wrong(String),
    /// Nobody answers yet: ssh's words.
    None(String),
}

/// How the container's sshd is asked.
#[derive(Clone, Debug)]
pub struct Probe {
    program: PathBuf,
    args: Vec<String>,
}

/// A path that ssh_config(5) has no way of writing.
#[derive(Debug, Eq, PartialEq)]
pub struct Unwritable(pub PathBuf);

impl Probe {
    /// Returns the probe of `container`, by the ssh client `program`.
    pub fn new(program: PathBuf, container: &Container) -> Result<Self, ProbeError> {
        let ssh = container.ssh.as_ref().ok_or(Missing("ssh"))?;
        let known_hosts = ssh.known_hosts.as_deref().ok_or(Missing("ssh.known_hosts"))?;
        let name = &container.name;
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "ConnectTimeout=5".to_owned(),
            "ControlMaster=no".to_owned(),
            "ControlPath=none".to_owned(),
            "ForwardAgent=no".to_owned(),
            "GlobalKnownHostsFile=none".to_owned(),
            "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com".to_owned(),
            format!("HostKeyAlias={name}"),
            "LogLevel=ERROR".to_owned(),
            "PreferredAuthentications=none".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            format!("User={}", container.user()?),
            format!("UserKnownHostsFile={}", quoted(known_hosts)?),
        ];
        if let Some(revoked) = &ssh.revoked_host_keys {
            options.push(format!("RevokedHostKeys={}", quoted(revoked)?));
        }
        options.extend(ssh.proxy_jump.iter().map(|jump| format!("ProxyJump={jump}")));
        options.extend(ssh.proxy_command.iter().map(|proxy| format!("ProxyCommand={proxy}")));
        options.extend(address(container)?);
        let mut args = vec!["-F".to_owned(), "none".to_owned(), "-T".to_owned()];
        args.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        args.extend(["--".to_owned(), name.clone(), "true".to_owned()]);
        Ok(Self { program, args })
    }

    /// Makes one attempt.
    pub fn ask(&self) -> std::io::Result<Answer> {
        let mut ssh = Command::new(&self.program);
        let ssh = ssh.args(&self.args).env("LC_ALL", "C").stdin(Stdio::null());
        let output = ssh.output()?;
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(judge(output.status.success(), words))
    }
}

/// Why no probe can be made.
#[derive(Debug)]
pub enum ProbeError {
    /// The document lacks a key.
    Missing(Missing),
    /// A path cannot be written.
    Unwritable(Unwritable),
}

impl From<Missing> for ProbeError {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl From<Unwritable> for ProbeError {
    fn from(unwritable: Unwritable) -> Self {
        Self::Unwritable(unwritable)
    }
}

/// Returns where to connect to, unless a proxy finds the way.
fn address(container: &Container) -> Result<Vec<String>, Missing> {
    let ssh = container.ssh.as_ref();
    if ssh.is_some_and(|ssh| ssh.proxy_command.is_some()) {
        return Ok(Vec::new());
    }
    let port = container.port("ssh").ok_or(Missing("ports: ssh"))?;
    let host = port.host.ok_or(Missing("ports: ssh: host"))?;
    let given = ssh.and_then(|ssh| ssh.hostname.as_deref()).or(port.address.as_deref());
    let hostname = match given {
        Some("0.0.0.0") => "127.0.0.1",
        Some("::") => "::1",
        Some(address) => address,
        None => return Err(Missing("ports: ssh: address")),
    };
    Ok(vec![format!("HostName={hostname}"), format!("Port={host}")])
}

/// Tells the outcomes apart. ssh exits with 255 for all of them; its
/// messages are not translated, and these have not changed since OpenSSH 5.
fn judge(let_in: bool, words: String) -> Answer {
    if let_in || words.contains("Permission denied") {
        return Answer::Right;
    }
    let wrong = ["Host key verification failed", "no matching host key type", "REVOKED"];
    match wrong.iter().any(|part| words.contains(part)) {
        true => Answer::Wrong(words),
        false => Answer::None(words),
    }
}

/// Writes `path` for ssh_config(5), where `%` begins a token and `"` quotes.
fn quoted(path: &Path) -> Result<String, Unwritable> {
    let unwritable = || Unwritable(path.to_owned());
    let text = path.to_str().ok_or_else(unwritable)?;
    if text.contains(|c: char| c == '"' || c.is_control()) {
        return Err(unwritable());
    }
    Ok(format!("\"{}\"", text.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_after_the_key_exchange_is_the_proof() {
        let answer = |words: &str| judge(false, words.to_owned());
        assert_eq!(answer("dev@127.0.0.1: Permission denied (publickey)."), Answer::Right);
        assert!(matches!(answer("Host key verification failed."), Answer::Wrong(_)));
        assert!(matches!(answer("no matching host key type found."), Answer::Wrong(_)));
        assert!(matches!(answer("kex_exchange_identification: reset"), Answer::None(_)));
        assert!(matches!(answer(""), Answer::None(_)));
        assert_eq!(judge(true, String::new()), Answer::Right);
    }
}
