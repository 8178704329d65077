//! Closing the ssh connection that others share.
//!
//! A control master (ssh_config(5), ControlMaster) whose container is gone
//! looks alive for minutes, and every further ssh would hang on it.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::children;

/// How long a master is given to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the master that the ssh configuration gives the host `name` to end;
/// `config` is read in the place of ssh's own files.
///
/// Without a master, without ssh, or when the master does not answer, nothing
/// happens: it ends by itself when it sees that nobody is there.
pub fn close(name: &str, config: Option<&Path>) {
    let mut command = Command::new("ssh");
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    end(command.args(["-O", "exit", name]));
}

/// Asks the master of the host `name` at the control socket `path`, which is
/// written as ssh_config(5) has it, to end, as [`close`] does. No
/// configuration is read: the host may not be in one any more.
pub fn close_at(path: &str, name: &str) {
    let mut command = Command::new("ssh");
    end(command.args(["-F", "none", "-o", &format!("ControlPath={path}"), "-O", "exit", name]));
}

fn end(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    if let Ok(mut child) = command.spawn() {
        children::wait_within(&mut child, PATIENCE);
    }
}
