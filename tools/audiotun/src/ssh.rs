//! The connection that carries the sound, and what is asked of its master.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use toolkit::{
    Places, Siblings, children,
    ssh_config::{self, Expansion},
};

use crate::Error;

/// How long a master is given to answer; one that hangs would be asked for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ssh connection to one container.
#[derive(Clone, Debug)]
pub(crate) struct Ssh {
    name: String,
    /// The value of ControlPath, quoted as ssh_config(5) has it; absent: no
    /// connection is shared.
    control: Option<String>,
}

impl Ssh {
    /// Returns the connection to the container called `name`, as the block that
    /// sshcfg(1) keeps has it.
    pub(crate) fn of(name: &str, places: &Places) -> Result<Self, Error> {
        let siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", places.config()?)
            .with("CTRKIT_STATE_DIR", places.state()?);
        let blocks = siblings.run("sshcfg", &["list", "--long"], b"")?;
        let control = control_path(&String::from_utf8_lossy(&blocks), name)
            .and_then(|path| ssh_config::path(&path, Expansion::Tokens).ok());
        Ok(Self { name: name.to_owned(), control })
    }

    /// Says whether several sessions share a connection.
    pub(crate) fn is_shared(&self) -> bool {
        self.control.is_some()
    }

    /// Asks for the process id of the control master, where one runs.
    pub(crate) fn master(&self) -> Option<u32> {
        let output = self.ask("check", &[])?;
        pid(&String::from_utf8_lossy(&output.stderr))
    }

    /// Has the master do `what`, `forward` or `cancel`, about a forwarding.
    pub(crate) fn tell(&self, what: &str, option: &str, forwarding: &str) -> bool {
        self.ask(what, &[option, forwarding]).is_some_and(|output| output.status.success())
    }

    fn ask(&self, what: &str, args: &[&str]) -> Option<Output> {
        let control = format!("ControlPath={}", self.control.as_ref()?);
        let mut command = Command::new("ssh");
        // No configuration is read: what is in it for this host is done already.
        command.args(["-F", "none", "-o", &control, "-O", what]).args(args).arg(&self.name);
        limited(&mut command)
    }
}

/// Starts a connection to `name` that only carries what is forwarded; it shares the
/// master, or becomes it.
pub(crate) fn connect(name: &str, config: Option<&Path>) -> Result<Child, Error> {
    let mut command = Command::new("ssh");
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    command.args(["-N", "-o", "BatchMode=yes", name]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let failed = |source| Error::Run { program: "ssh".into(), source };
    command.spawn().map_err(failed)
}

/// Returns the control socket of `name` in what `sshcfg list --long` writes.
fn control_path(blocks: &str, name: &str) -> Option<PathBuf> {
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let line = blocks.lines().map(fields).find(|fields| fields.first().is_some_and(|n| n == name));
    line?.get(3).filter(|path| *path != "-").map(PathBuf::from)
}

/// Returns the process id in `Master running (pid=N)`, and nothing else: without
/// a master ssh prints the path of the socket, which may have anything in it.
fn pid(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("Master running (pid=")?;
    rest.split_once(')')?.0.parse().ok()
}

/// Runs `command` to its end, but not for ever.
fn limited(command: &mut Command) -> Option<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    children::wait_within(&mut child, PATIENCE)?;
    child.wait_with_output().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_is_told_by_its_pid_alone() {
        assert_eq!(pid("Master running (pid=4711)\r\n"), Some(4711));
        let absent = "Control socket connect(/s/pid=12/mux): No such file or directory";
        assert_eq!(pid(absent), None);
        assert_eq!(pid("Master running (pid=)"), None);
    }

    #[test]
    fn the_control_socket_is_that_of_the_name() {
        let blocks = "a\t127.0.0.1:1\t-\t-\nab\t127.0.0.1:2\tu@box:22\t/s t/mux/0f\n";
        assert_eq!(control_path(blocks, "ab"), Some("/s t/mux/0f".into()));
        assert_eq!(control_path(blocks, "a"), None);
        assert_eq!(control_path(blocks, "b"), None);
    }
}
