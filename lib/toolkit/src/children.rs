//! Programs that are waited for, but not for ever.

use std::{
    process::{Child, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether one has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// Waits until `child` has ended, for as long as `patience`, and returns its status; one
/// that has not by then is killed.
pub fn wait_within(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        match child.try_wait() {
            Ok(None) => thread::sleep(GLANCE),
            ended => return ended.ok().flatten(),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn who_does_not_end_is_ended() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        assert_eq!(wait_within(&mut child, Duration::from_millis(20)), None);
        assert!(child.try_wait().unwrap().is_some());
        let mut child = Command::new("true").spawn().unwrap();
        assert!(wait_within(&mut child, Duration::from_secs(60)).is_some_and(|s| s.success()));
    }
}
