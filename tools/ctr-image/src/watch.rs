//! Running a program that takes minutes.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
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
            end(&mut child);
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

/// Ends the child and all that it started.
fn end(child: &mut Child) {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let _ = killpg(group, Signal::SIGTERM);
    let begun = Instant::now();
    while begun.elapsed() < GRACE {
        if child.try_wait().is_ok_and(|end| end.is_some()) {
            return;
        }
        thread::sleep(TICK);
    }
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
}
