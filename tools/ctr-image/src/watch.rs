//! Running a program that takes minutes.

use std::{
    collections::VecDeque,
    fs,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use toolkit::{Interrupt, Interrupted};

/// How many lines are kept for a report.
const LAST_WORDS: usize = 8;

/// How much of a line is kept, in characters.
const LINE: usize = 300;

/// How often a signal is looked for while the program is silent.
const TICK: Duration = Duration::from_millis(100);

/// How long a program may take to end that was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// How a program is ended when a signal comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// It is asked to end, and all that runs in its process group.
    Group,
    /// What it runs in sessions of their own is killed: the program sees a
    /// step that fails, and tidies up before it ends. `podman build` that is
    /// asked to end itself leaves its working containers behind, and what
    /// runs in them running (seen with podman 4.3).
    Steps,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its status.
    pub(crate) status: ExitStatus,
    /// The last lines that it wrote, to either stream.
    pub(crate) last_words: String,
}

/// Why a program did not end by itself.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It could not be run.
    Cannot(io::Error),
    /// A signal came, and it was ended.
    Interrupted(Interrupted),
}

/// Runs `command` and hands each line that it writes to `on_line`.
///
/// It runs in a process group of its own, so that Ctrl-C reaches this process
/// alone, which passes it on to all of the group and waits for its end.
pub(crate) fn watch(
    command: &mut Command,
    interrupt: &Interrupt,
    ending: Ending,
    mut on_line: impl FnMut(&str),
) -> Result<Ended, Stopped> {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.process_group(0).spawn().map_err(Stopped::Cannot)?;
    let (sender, lines) = mpsc::channel();
    pass_on(child.stdout.take(), sender.clone());
    pass_on(child.stderr.take(), sender);
    let mut last = VecDeque::new();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                on_line(&line);
                last.push_back(line);
                if last.len() > LAST_WORDS {
                    last.pop_front();
                }
            }
            // A grandchild may keep the pipe open after the child's end.
            Err(RecvTimeoutError::Timeout) if child.try_wait().is_ok_and(|end| end.is_some()) => {
                break;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Err(interrupted) = interrupt.check() {
            end(&mut child, ending);
            return Err(Stopped::Interrupted(interrupted));
        }
    }
    let status = child.wait().map_err(Stopped::Cannot)?;
    let last_words = Vec::from(last).join("\n");
    Ok(Ended { status, last_words })
}

/// Sends the lines of `stream` that say something, in a thread of its own.
fn pass_on(stream: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text: String =
                String::from_utf8_lossy(&line).trim_end().chars().take(LINE).collect();
            line.clear();
            if !text.is_empty() && sender.send(text).is_err() {
                break;
            }
        }
    });
}

/// Ends the child and all that it started, by gentle means first.
///
/// Its pipes are read on meanwhile: an engine that cannot speak dies of it.
fn end(child: &mut Child, ending: Ending) {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    if matches!(ending, Ending::Steps) && ends(child, || kill_steps(group)) {
        return;
    }
    let _ = killpg(group, Signal::SIGTERM);
    if !ends(child, || ()) {
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait();
    }
}

/// Says whether the child ends in time; `push` is called at every look.
fn ends(child: &mut Child, push: impl Fn()) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < GRACE {
        push();
        if child.try_wait().is_ok_and(|end| end.is_some()) {
            return true;
        }
        thread::sleep(TICK);
    }
    false
}

/// Kills the descendants of `leader` that are not in its process group.
fn kill_steps(leader: Pid) {
    let processes: Vec<_> = processes();
    let mut family = vec![leader];
    // A parent may be listed after its child: look until nobody is new.
    loop {
        let new =
            |process: &&Process| family.contains(&process.parent) && !family.contains(&process.id);
        let found: Vec<_> = processes.iter().filter(new).map(|process| process.id).collect();
        if found.is_empty() {
            break;
        }
        family.extend(found);
    }
    let step = |process: &&Process| family.contains(&process.id) && process.group != leader;
    for process in processes.iter().filter(step) {
        let _ = kill(process.id, Signal::SIGKILL);
    }
}

/// A process, its parent and its process group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) id: Pid,
    /// The id of its parent.
    pub(crate) parent: Pid,
    /// The id of its process group.
    pub(crate) group: Pid,
}

/// Returns the processes of this machine; none where there is no proc(5).
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.map(|entry| entry.path().join("stat")).map(fs::read_to_string);
    stats.filter_map(|stat| parse_stat(&stat.ok()?)).collect()
}

/// Reads `/proc/PID/stat`: `id (name) state parent group …`, where the name
/// may hold anything (proc_pid_stat(5)).
pub(crate) fn parse_stat(stat: &str) -> Option<Process> {
    let (id, rest) = stat.split_once(" (")?;
    let (_name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(1).map(|field| field.parse().map(Pid::from_raw));
    let mut next = || fields.next()?.ok();
    Some(Process { id: Pid::from_raw(id.parse().ok()?), parent: next()?, group: next()? })
}
