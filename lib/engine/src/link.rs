//! The way to an engine on another machine: one connection of OpenSSH's own,
//! which all calls share.
//!
//! The connection is a control master (ssh_config(5), ControlMaster) that goes
//! by the person's own configuration, agent and known hosts. The engine's
//! socket is forwarded through it to a socket here, which the engine's client
//! is told of: it needs no ssh of its own, and neither does anything else that
//! has to get there.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};
use toolkit::{
    Places, Sockets,
    files::Lock,
    ssh_config::{self, Expansion},
};

use crate::{EngineError, FailedCall, Kind, Place, Server, run};

/// What the connection's own socket is for.
const CONTROL: &str = "control";

/// How long the connection stays after its last use.
const PERSIST: &str = "ControlPersist=10m";

/// How long another run may take to make the connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options of every connection: nothing is asked on a terminal that may not be
/// there, a server that is gone is noticed, and of the person's configuration
/// nothing is taken that is meant for sessions.
const OPTIONS: [&str; 13] = [
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ConnectTimeout=10",
    "ControlMaster=auto",
    PERSIST,
    "ForwardAgent=no",
    "LogLevel=ERROR",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "ServerAliveCountMax=3",
    "ServerAliveInterval=10",
    "StreamLocalBindUnlink=yes",
];

/// The way to the engine of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    server: Server,
    place: Place,
    /// What ssh reads in the place of the person's own configuration.
    config: Option<PathBuf>,
    sockets: Sockets,
    state: PathBuf,
}

impl Link {
    /// Returns the way to `server`, at `address` if another than its name is
    /// in force. Nothing is connected yet.
    pub fn new(
        server: Server,
        address: Option<&str>,
        config: Option<&Path>,
        places: &Places,
    ) -> Result<Self, EngineError> {
        let bad = |address: &str| EngineError::BadHost { url: address.to_owned() };
        let place = match address {
            Some(address) => Place::parse(address).ok_or_else(|| bad(address))?,
            None => server.place().clone(),
        };
        let state = places.state()?;
        let config = config.map(std::path::absolute).transpose().unwrap_or_default();
        Ok(Self { server, place, config, sockets: Sockets::choose(&state), state })
    }

    /// Returns what ssh connects to.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the sockets that the link has while it is open: that of ssh and
    /// those that lead to the engines.
    #[must_use]
    pub fn sockets(&self) -> Vec<PathBuf> {
        let engines = Kind::ALL.map(|kind| self.socket(kind));
        std::iter::once(self.path(CONTROL, "")).chain(engines).collect()
    }

    /// Returns the URL by which the engine's client gets at the engine of
    /// `kind`, once the link is open.
    pub(crate) fn url(&self, kind: Kind) -> String {
        format!("unix://{}", self.socket(kind).display())
    }

    /// Makes the link work, where it does not yet.
    pub fn open(&self, kind: Kind) -> Result<(), EngineError> {
        let socket = self.socket(kind);
        if UnixStream::connect(&socket).is_ok() {
            return Ok(());
        }
        let _lock = self.lock()?;
        if UnixStream::connect(&socket).is_ok() {
            return Ok(());
        }
        let there = self.find_socket(kind)?;
        // A master may be left that believes in a forwarding whose socket is gone.
        if self.forward(&socket, &there).is_err() || UnixStream::connect(&socket).is_err() {
            self.close();
            self.find_socket(kind)?;
            self.forward(&socket, &there)?;
        }
        Ok(())
    }

    /// Says whether there is a connection, without making one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        UnixStream::connect(self.path(CONTROL, "")).is_ok()
    }

    /// Ends the connection; without one nothing happens.
    pub fn close(&self) {
        let mut ssh = self.ssh(&["ControlMaster=no"]);
        let _ = ssh.args(["-O", "exit"]).args(self.place.arguments()).output();
        // ssh leaves the sockets that it forwarded, to which nobody listens.
        for kind in Kind::ALL {
            let _ = fs::remove_file(self.socket(kind));
        }
    }

    /// Runs `line`, a line for a shell, on the server, over the link.
    pub fn run(&self, line: &str) -> Result<String, EngineError> {
        // Only the first needs the lock: two that connect at once would both
        // become the master, of which one is in vain.
        let _lock = if self.is_open() { None } else { Some(self.lock()?) };
        self.ask(line)
    }

    fn lock(&self) -> Result<Lock, EngineError> {
        self.sockets.prepare()?;
        Ok(Lock::take(&self.state.join("mux.lock"), PATIENCE)?)
    }

    fn ask(&self, line: &str) -> Result<String, EngineError> {
        let mut ssh = self.ssh(&OPTIONS);
        self.call(ssh.arg("-T").args(self.place.arguments()).arg(line))
    }

    /// Returns a ProxyCommand (ssh_config(5)) that leads over the link.
    #[must_use]
    pub fn proxy_command(&self) -> String {
        let ssh = self.ssh(&OPTIONS);
        let words = std::iter::once(ssh.get_program()).chain(ssh.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().replace('%', "%%")).collect();
        let place = self.place.arguments();
        let words = words.iter().map(String::as_str).chain(["-W", "[%h]:%p"]);
        shell_words::join(words.chain(place.iter().map(String::as_str)))
    }

    fn socket(&self, kind: Kind) -> PathBuf {
        let what = format!("{} {}", kind.name(), self.server.socket().unwrap_or_default());
        // It is no master's, and ssh must not be asked to talk to it.
        self.path(&what, ".engine")
    }

    /// Returns the path of a socket that nothing else has, whatever leads
    /// elsewhere, or by another configuration.
    fn path(&self, what: &str, suffix: &str) -> PathBuf {
        let config = self.config.as_deref().unwrap_or_else(|| Path::new(""));
        let text = format!("{}\n{}\n{what}", self.place, config.display());
        let digest = Sha256::digest(text);
        let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let digest = digest + suffix;
        // Without a private place there is none that ssh would take either.
        self.sockets.path(&digest).unwrap_or_else(|| self.state.join("mux").join(digest))
    }

    /// Returns ssh with `options`, sharing the connection.
    fn ssh(&self, options: &[&str]) -> Command {
        let mut ssh = Command::new("ssh");
        if let Some(config) = &self.config {
            ssh.arg("-F").arg(config);
        }
        let control = self.path(CONTROL, "");
        let quoted = ssh_config::path(&control, Expansion::Tokens).unwrap_or_default();
        ssh.arg("-o").arg(format!("ControlPath={quoted}"));
        ssh.args(options.iter().flat_map(|option| ["-o", option]));
        ssh.env("LC_ALL", "C").stdin(Stdio::null()).process_group(0);
        ssh
    }

    /// Asks the server for the socket of its engine, and connects for that
    /// where no connection is shared yet.
    fn find_socket(&self, kind: Kind) -> Result<String, EngineError> {
        let answer = self.ask(&question(kind, self.server.socket()))?;
        let said = |word: &str| answer.lines().find_map(|line| line.strip_prefix(word));
        let place = self.place.to_string();
        match (said("socket "), said("denied ")) {
            (Some(path), _) if path.starts_with('/') => Ok(path.to_owned()),
            (_, Some(path)) => {
                Err(EngineError::SocketDenied { place, path: path.to_owned(), kind })
            }
            _ => {
                let path = self.server.socket().map(str::to_owned);
                Err(EngineError::SocketAbsent { place, path, kind })
            }
        }
    }

    fn forward(&self, here: &Path, there: &str) -> Result<(), EngineError> {
        let mut ssh = self.ssh(&["ControlMaster=no"]);
        let mut forward = here.as_os_str().to_owned();
        forward.push(OsStr::new(":"));
        forward.push(there);
        ssh.args(["-O", "forward", "-L"]).arg(forward);
        self.call(ssh.args(self.place.arguments())).map(drop)
    }

    fn call(&self, ssh: &mut Command) -> Result<String, EngineError> {
        let output = ssh.output();
        let output =
            output.map_err(|source| EngineError::Spawn { program: "ssh".into(), source })?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(self.failed(ssh, &output)),
        }
    }

    fn failed(&self, ssh: &Command, output: &Output) -> EngineError {
        let call = FailedCall {
            program: "ssh",
            line: run::line(ssh),
            status: output.status.code(),
            last_words: run::last_words(&output.stderr),
        };
        EngineError::Link { place: self.place.to_string(), call: Box::new(call) }
    }
}

/// Returns the line that asks for a socket: the one at `path`, or the first of
/// the places where the engine has one. It is read by whatever shell the
/// account there has, and so is but one command with quoted words.
fn question(kind: Kind, path: Option<&str>) -> String {
    let usual = match kind {
        Kind::Podman => {
            r#""${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/podman/podman.sock" /run/podman/podman.sock"#
        }
        Kind::Docker => {
            r#""${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock" /var/run/docker.sock"#
        }
    };
    let places = path.unwrap_or(usual);
    format!(
        "sh -c 'for s in {places}; do if test -S \"$s\"; then \
         if test -w \"$s\"; then echo \"socket $s\"; exit; fi; d=$s; fi; done; \
         test -z \"$d\" || echo \"denied $d\"'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str, address: Option<&str>) -> Link {
        let places = Places { state_dir: Some("/s%".into()), ..Places::default() };
        let config = Some(Path::new("/a b"));
        Link::new(Server::parse(url).unwrap(), address, config, &places).unwrap()
    }

    #[test]
    fn the_address_in_force_is_what_ssh_connects_to() {
        assert_eq!(link("ssh://me@box", None).place().to_string(), "me@box");
        assert_eq!(link("ssh://me@box", Some("10.0.0.1:2")).place().to_string(), "10.0.0.1:2");
    }

    #[test]
    fn a_connection_to_another_address_is_another_one() {
        let path = |link: Link| link.path(CONTROL, "");
        assert_ne!(path(link("ssh://box", None)), path(link("ssh://box", Some("10.0.0.1"))));
        assert_eq!(path(link("ssh://box/a", None)), path(link("ssh://box/b", None)));
        let socket = |url| link(url, None).socket(Kind::Podman);
        assert_ne!(socket("ssh://box/a"), socket("ssh://box/b"));
    }

    #[test]
    fn the_proxy_command_is_one_line_for_a_shell_in_which_ssh_expands_what_is_meant() {
        let line = link("ssh://me@box:7", None).proxy_command();
        let words = shell_words::split(&line).unwrap();
        assert_eq!(words[..3], ["ssh", "-F", "/a b"]);
        assert!(words[4].starts_with("ControlPath=\"/s%%%%/mux/"), "{}", words[4]);
        let end = ["-W", "[%h]:%p", "-l", "me", "-p", "7", "--", "box"];
        assert_eq!(words[words.len() - end.len()..], end);
    }

    #[test]
    fn the_question_is_one_command() {
        let line = question(Kind::Podman, Some("/run/podman/podman.sock"));
        let words = shell_words::split(&line).unwrap();
        assert_eq!((words.len(), words[0].as_str(), words[1].as_str()), (3, "sh", "-c"));
    }
}
