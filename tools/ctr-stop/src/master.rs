//! Closing the connection that others share.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a master is given to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether it has answered.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks the control master (ssh_config(5), ControlMaster) of `name` to end.
///
/// It would look alive for minutes, and every further ssh would
/// hang on it. Without one, without ssh, or when it does not answer,
/// nothing happens: it ends by itself when it sees that nobody is there.
pub(crate) fn close(name: &str, config: Option<&Path>) {
    let mut command = Command::new("ssh");
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    command.args(["-O", "exit", name]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let Ok(mut child) = command.spawn() else { return };
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(PAUSE);
    }
    let _ = child.kill();
    let _ = child.wait();
}
