//! Running a program whose output is not trusted.

use std::{
    io::{self, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use toolkit::{Interrupt, Interrupted};

use crate::Error;

/// How many bytes are kept of what a container writes: one that writes without
/// end fills no memory with it.
pub(crate) const FEW: usize = 1 << 20;

/// How many bytes of standard error are kept.
const TAIL: usize = 1 << 16;

/// How many lines of standard error are kept for a report.
const LAST_WORDS: usize = 8;

/// How often a signal is looked for while a program runs.
const GLANCE: Duration = Duration::from_millis(50);

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) status: ExitStatus,
    /// Standard output, as much of it as was to be kept.
    pub(crate) stdout: Vec<u8>,
    /// The last lines of standard error that say something.
    pub(crate) words: String,
}

impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// What goes into a program, and when it is enough.
#[derive(Debug, Default)]
pub(crate) struct Terms<'a> {
    /// What it finds on its standard input.
    pub(crate) input: Option<Vec<u8>>,
    /// A signal that comes meanwhile ends the program, and then the call.
    pub(crate) interrupt: Option<&'a Interrupt>,
    /// How long the program may go on after the signal.
    pub(crate) grace: Duration,
    /// How many bytes of standard output are kept; `None`: all.
    pub(crate) kept: Option<usize>,
    /// Whether nobody reads on where that many are reached, which ends a
    /// program that writes more.
    pub(crate) closing: bool,
}

/// Runs `command` to its end.
pub(crate) fn capture(command: &mut Command, terms: Terms<'_>) -> Result<Captured, Error> {
    let Terms { input, interrupt, grace, kept, closing } = terms;
    let kept = kept.unwrap_or(usize::MAX);
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let spawned = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|source| cannot_run(command, source))?;
    let (ended, end) = mpsc::channel();
    feed(&mut child, input);
    let keep = move |all: &mut Vec<u8>, new: &[u8]| {
        head(all, new, kept);
        !closing || all.len() < kept
    };
    let stdout = collect(child.stdout.take(), ended.clone(), keep);
    let stderr = collect(child.stderr.take(), ended, |all, new| {
        tail(all, new);
        true
    });
    let asked = watch(&child, &end, interrupt, grace);
    let status = child.wait().map_err(|source| cannot_run(command, source))?;
    // What the program has started ends by itself when it finds it gone.
    asked?;
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    if let (Some(interrupt), false) = (interrupt, status.success()) {
        interrupt.check()?;
    }
    Ok(Captured { status, stdout, words: last_words(&stderr) })
}

fn cannot_run(command: &Command, source: io::Error) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    match (source.kind(), &*program) {
        (io::ErrorKind::NotFound, "git") => Error::GitAbsent,
        (io::ErrorKind::NotFound, "ssh") => Error::SshAbsent,
        _ => Error::CannotRun { program, source },
    }
}

/// Writes `input` from a thread; a program that does not read it says why by
/// its status.
fn feed(child: &mut Child, input: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }
}

/// Reads a stream in a thread, to its end or until `keep` has enough; the
/// thread then drops `ended`.
fn collect(
    stream: Option<impl Read + Send + 'static>,
    ended: Sender<()>,
    keep: impl Fn(&mut Vec<u8>, &[u8]) -> bool + Send + 'static,
) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
        let mut stream = stream;
        while let Some(count) = stream.as_mut().and_then(|stream| read(stream, &mut buffer)) {
            if !keep(&mut kept, &buffer[..count]) {
                break;
            }
        }
        drop(stream);
        drop(ended);
        kept
    })
}

/// Reads some bytes, or returns `None` at the end.
fn read(stream: &mut impl Read, buffer: &mut [u8]) -> Option<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return None,
            Ok(count) => return Some(count),
        }
    }
}

fn head(all: &mut Vec<u8>, new: &[u8], kept: usize) {
    let room = kept - all.len();
    all.extend(&new[..new.len().min(room)]);
}

fn tail(all: &mut Vec<u8>, new: &[u8]) {
    all.extend(new);
    if all.len() > 2 * TAIL {
        all.drain(..all.len() - TAIL);
    }
}

/// Waits until both streams have ended, or a signal came and the time of grace
/// is over; then the program is told to end.
fn watch(
    child: &Child,
    end: &Receiver<()>,
    interrupt: Option<&Interrupt>,
    grace: Duration,
) -> Result<(), Interrupted> {
    let mut since = None;
    while end.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
        let Err(interrupted) = interrupt.map_or(Ok(()), Interrupt::check) else { continue };
        if since.get_or_insert_with(Instant::now).elapsed() < grace {
            continue;
        }
        if let Ok(id) = i32::try_from(child.id()) {
            // The child is not waited for yet, so the id is still its own.
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        return Err(interrupted);
    }
    Ok(())
}

fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}
