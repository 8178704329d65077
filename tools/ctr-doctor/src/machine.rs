//! What is checked of the machine: programs that are needed, and room.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use document::doctor::{Check, Verdict};
use engine::{Compose, Info, Kind};
use nix::{
    sys::{
        signal::{Signal, killpg},
        statvfs::statvfs,
    },
    unistd::Pid,
};

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Below this an image does not fit any more, and below that nothing does.
const LITTLE: u64 = 1 << 30;
const NOTHING: u64 = 100 << 20;

/// The oldest OpenSSH that knows `Include` and `ProxyJump`.
const OLDEST_SSH: (u32, u32) = (7, 3);

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
    /// Which engine is in force, if one is.
    pub kind: Option<Kind>,
    /// What it says of itself.
    pub info: Option<&'a Info>,
    /// Where it runs, if not here.
    pub host: Option<&'a str>,
    /// ctrkit's state directory, which need not exist.
    pub state: PathBuf,
}

/// Returns the checks of the machine; programs are asked all at once.
#[must_use]
pub fn checks(machine: &Machine<'_>) -> Vec<Check> {
    let (compose, devcontainers, ssh, git) = thread::scope(|scope| {
        let compose = scope.spawn(|| compose(machine));
        let devcontainers = scope.spawn(devcontainers);
        let ssh = scope.spawn(ssh);
        let git = scope.spawn(git);
        (compose.join(), devcontainers.join(), ssh.join(), git.join())
    });
    let mut all: Vec<_> = [compose, devcontainers, ssh, git].into_iter().flatten().collect();
    all.extend(disks(machine));
    all
}

/// Checks the program that makes isolated containers: the plugin of docker, or
/// podman-compose.
fn compose(machine: &Machine<'_>) -> Check {
    let plugin = machine.info.and_then(|info| info.compose.clone());
    let (kind, program, found, cure) = match machine.kind {
        Some(kind @ Kind::Docker) => {
            (kind, "docker compose", plugin, "apt-get install docker-compose-plugin")
        }
        _ => {
            let found = version("podman-compose", "--version");
            (Kind::Podman, "podman-compose", found, "pipx install podman-compose")
        }
    };
    let found = found.map(|version| version.trim_start_matches('v').to_owned());
    let oldest = Compose::oldest(kind);
    match &found {
        Some(version) if engine::is_older(version, oldest) => {
            let (major, minor) = oldest;
            let found = format!(
                "{program} {version} is too old for isolated containers: {major}.{minor} is needed"
            );
            Check::new("compose", Verdict::Warning, found).cure(cure)
        }
        _ => {
            let found = found.map(|version| format!("{program} {version}"));
            optional("compose", found, "for isolated containers alone", cure)
        }
    }
}

fn devcontainers() -> Check {
    let found = version("devcontainer", "--version");
    let cure = "npm install -g @devcontainers/cli";
    optional("devcontainers", found, "for devcontainer.json alone", cure)
}

fn optional(name: &str, found: Option<String>, needed: &str, cure: &str) -> Check {
    match found {
        Some(found) => Check::new(name, Verdict::Ok, found),
        None => {
            let found = format!("not installed; it is needed {needed}");
            Check::new(name, Verdict::Warning, found).cure(cure)
        }
    }
}

fn ssh() -> Check {
    let Some(found) = version("ssh", "-V") else {
        let check = Check::new("ssh", Verdict::Failed, "not installed");
        return check.cure("apt-get install openssh-client");
    };
    let mut parts = found.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let is_old = match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < OLDEST_SSH,
        _ => false,
    };
    let found = format!("OpenSSH {found}");
    match is_old {
        true => Check::new("ssh", Verdict::Failed, found).cure("update it to OpenSSH 7.3 or newer"),
        false => Check::new("ssh", Verdict::Ok, found),
    }
}

fn git() -> Check {
    match version("git", "--version") {
        Some(found) => Check::new("git", Verdict::Ok, format!("git {found}")),
        None => Check::new("git", Verdict::Failed, "not installed").cure("apt-get install git"),
    }
}

/// Returns the first word that begins with a digit of what `program` says to
/// `option`; an underscore ends a word, for `OpenSSH_9.2p1`.
fn version(program: &str, option: &str) -> Option<String> {
    let said = ask(program, option, PATIENCE)?;
    let mut words = said.split(|c: char| c.is_whitespace() || "_,".contains(c));
    let word = words.find(|word| {
        word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit())
    })?;
    Some(word.trim_start_matches('v').to_owned())
}

/// Runs a program that says one line, and ends it, with all that it has started, if
/// it does not come to an end: one of those may have its pipe.
fn ask(program: &str, option: &str, patience: Duration) -> Option<String> {
    let program = which::which(program).ok()?;
    let mut command = Command::new(program);
    command.arg(option).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).spawn().ok()?;
    let group = Pid::from_raw(child.id().try_into().ok()?);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(patience) else {
        let _ = killpg(group, Signal::SIGKILL);
        return None;
    };
    let output = output.ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn disks(machine: &Machine<'_>) -> Vec<Check> {
    let mut all = Vec::new();
    if let Some(data) = machine.info.and_then(|info| info.data.as_deref()) {
        let free = match machine.host {
            None => free(data),
            Some(_) => machine.info.and_then(|info| info.free),
        };
        let prune = machine.kind.map_or("", Kind::name);
        let cure = format!("see what takes the room: {prune} system df");
        all.push(disk(data, free, &cure));
    }
    all.push(disk(&machine.state, free(&machine.state), "make room in the home directory"));
    all
}

fn disk(path: &Path, free: Option<u64>, cure: &str) -> Check {
    let check = |status, found| Check::new("disk", status, found).of(path.to_string_lossy());
    let Some(free) = free else {
        return check(Verdict::Unknown, "how much is free is not known".into());
    };
    let found = format!("{} free", size(free));
    match free {
        0..NOTHING => check(Verdict::Failed, found).cure(cure),
        NOTHING..LITTLE => check(Verdict::Warning, found).cure(cure),
        _ => check(Verdict::Ok, found),
    }
}

/// Returns the bytes that this user can still write below `path`, or where it
/// would be made.
fn free(path: &Path) -> Option<u64> {
    let found = path.ancestors().find_map(|path| statvfs(path).ok())?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()))
}

/// Returns bytes in the largest unit, as df(1) does.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use stubs::World;

    use super::*;

    #[test]
    fn a_program_whose_child_keeps_the_pipe_is_ended_with_it() {
        let world = World::new();
        let path = world.write("hangs", "#!/bin/sh\nsleep 600 &\n[ $1 = -V ] || wait\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        for option in ["-V", "--wait"] {
            let (sender, receiver) = mpsc::channel();
            let program = path.to_str().unwrap().to_owned();
            let patience = Duration::from_millis(200);
            thread::spawn(move || sender.send(ask(&program, option, patience)));
            assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(None), "{option}");
        }
    }
}
