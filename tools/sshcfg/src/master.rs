//! Closing the connection that others share.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::block::Block;

/// How long a master is given to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether it has answered.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks the control master of `block` to end.
///
/// Without a master, without ssh, or when the master does not answer, nothing
/// happens: it ends by itself when its connection does.
pub(crate) fn close(block: &Block) {
    let Some(path) = block.control_path() else { return };
    let mut command = Command::new("ssh");
    // No configuration file: the block is not in one any more.
    command.args(["-F", "none", "-o", &format!("ControlPath={path}"), "-O", "exit", &block.name]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
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
