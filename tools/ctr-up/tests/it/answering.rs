//! Waiting for the ssh server, and what it shows.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::world::{NAME, Up, with_each_engine};

/// Makes the container say `words` and end as soon as it is started.
fn end_at_once(up: &Up, words: &str) {
    up.after("start*", "echo exited >\"$found/state\"");
    up.world.answer(&format!("{}-logs", up.engine), words);
}

#[test]
fn a_running_container_with_an_old_certificate_gets_the_new_one() {
    with_each_engine(|up| {
        let first = up.up(&up.document());
        up.world.write("stub/wrong", "");
        up.heal();
        assert_eq!(up.up(&up.document()), first);
        let changes = up.changes();
        assert!(
            changes[0].starts_with("cp ") && changes[1].starts_with("exec --user 0:0"),
            "{changes:?}"
        );
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert_eq!(up.sent(), ["0 etc/ssh/ssh_host_ed25519_key"]);
    });
}

#[test]
fn a_certificate_is_renewed_once_and_nothing_is_removed() {
    let up = Up::new("podman");
    up.up(&up.document());
    for state in ["running", "exited"] {
        up.world.write(format!("stub/containers/{NAME}/state"), state);
        up.world.write("stub/wrong", "");
        up.after("exec*", ": >\"$stub/wrong\"");
        let error = up.refused(&up.document(), 69, "wrong-certificate");
        assert!(error["hint"].as_str().unwrap().contains("sshca"), "{error}");
        let changes = up.changes();
        let renewals = changes.iter().filter(|call| call.contains("HUP"));
        assert_eq!(renewals.count(), 1, "{changes:?}");
        assert_eq!(up.things(), Up::whole());
        up.heal();
    }
}

#[test]
fn an_sshd_that_still_shows_the_old_certificate_is_waited_for() {
    let up = Up::new("podman");
    up.up(&up.document());
    up.world.write("stub/wrong", "");
    up.after("exec*", ": >\"$stub/wrong\"; (sleep 0.5; rm \"$stub/wrong\") >/dev/null 2>&1 &");
    up.up(&up.document());
}

#[test]
fn a_server_that_comes_late_is_waited_for() {
    let up = Up::new("podman");
    up.world.write("stub/deaf", "");
    up.after("start*", "(sleep 0.7; rm \"$stub/deaf\") >/dev/null 2>&1 &");
    up.up(&up.document());
    // It is not called for a server that says nothing yet.
    assert_eq!(up.world.calls().iter().filter(|call| call[0] == "ssh").count(), 1);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    with_each_engine(|up| {
        up.world.write("stub/deaf", "");
        let mut command = up.command(&up.document());
        let error = stubs::refused(command.args(["--timeout", "1"]), 69, "no-answer");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("within 1 s") && message.ends_with(": connection reset"),
            "{message}"
        );
        assert!(up.things().is_empty());
    });
}

#[test]
fn an_ssh_that_hangs_is_given_up() {
    let up = Up::new("podman");
    up.before("'-F none '*", "echo $$ >\"$stub/pid\"; exec sleep 60");
    let begun = Instant::now();
    let mut command = up.command(&up.document());
    let error = stubs::refused(command.args(["--timeout", "1"]), 69, "no-answer");
    assert!(error["message"].as_str().unwrap().contains("did not come to an end"), "{error}");
    let hung = std::fs::read_to_string(up.world.path("stub/pid")).unwrap();
    let lives = Path::new("/proc").join(hung.trim()).join("exe");
    assert!(std::fs::read_link(lives).is_err(), "ssh still runs");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(up.things().is_empty());
}

#[test]
fn a_server_that_is_asked_in_vain_is_not_waited_for() {
    let up = Up::new("podman");
    up.up(&up.document());
    let stopped = || up.world.write(format!("stub/containers/{NAME}/state"), "exited");
    let gone = || std::fs::remove_dir_all(up.world.path("stub/containers").join(NAME)).unwrap();
    up.world.write("stub/silent", "");
    let begun = Instant::now();
    stopped();
    up.up(&up.document());
    gone();
    up.up(&up.document());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_container_that_ends_says_its_last_words() {
    with_each_engine(|up| {
        end_at_once(up, "line 1\r\n\nsshd: no hostkeys available -- exiting.\r\n");
        let error = up.refused(&up.document(), 69, "container-ended");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.ends_with(": line 1; sshd: no hostkeys available -- exiting."),
            "{message}"
        );
        assert!(up.things().is_empty());
    });
}

#[test]
fn a_stopped_container_that_ends_again_is_kept() {
    let up = Up::new("podman");
    up.up(&up.document());
    up.world.write(format!("stub/containers/{NAME}/state"), "exited");
    end_at_once(&up, "it broke\n");
    up.refused(&up.document(), 69, "container-ended");
    assert_eq!(up.things().len(), 3);
}

#[test]
fn through_a_proxy_ssh_reads_the_persons_configuration() {
    let up = Up::new("podman");
    let mut document = up.document();
    document["ssh"]["proxy_jump"] = "box".into();
    up.world.on("ssh--T", include_str!("ssh.sh"));
    up.up(&document);
    assert_eq!(up.last_ssh()[..2], ["ssh", "-T"]);
    up.command(&document).env("CTRKIT_SSH_CONFIG", "/my config").assert().success();
    assert_eq!(up.last_ssh()[..4], ["ssh", "-F", "/my config", "-T"]);
}
