//! Following what the program in a session writes.

use std::{
    io::{self, Read, Write},
    mem,
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use engine::{EngineError, FailedCall};
use toolkit::{DocumentError, audience};

use crate::{Capture, Error, Screen, SessionName, Tmux};

const FOLLOW: &str = include_str!("follow.sh");
const PUMP: &str = include_str!("pump.sh");

/// How long a pane that is drawn on must rest before what it shows counts.
const REST: Duration = Duration::from_millis(250);

/// How much is read at once, and how often that may lie here unwritten: a
/// reader that is slow does not hold up the others at once.
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 1024;

/// How long the container may take to clean up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The status with which the script says that the pane has another's pipe.
const PIPED: i32 = 8;

/// Writes the last lines of a session's active pane to `out`, then each line
/// that comes, until the session's program ends.
pub fn follow(
    tmux: Tmux<'_>,
    session: &SessionName,
    wanted: Capture,
    out: &mut (impl Write + AsFd),
) -> Result<(), Error> {
    let mut follower = Follower::start(tmux, session, wanted)?;
    let mut teller = Teller::new(wanted);
    let mut frames = Frames::default();
    loop {
        let mut told = Vec::new();
        match follower.output.recv_timeout(REST) {
            Ok(bytes) => {
                frames.bytes.extend_from_slice(&bytes);
                for frame in frames.by_ref() {
                    teller.hear(&frame, &mut told);
                }
            }
            Err(RecvTimeoutError::Timeout) if audience::has_left(out) => {
                return Err(DocumentError::Write(io::ErrorKind::BrokenPipe.into()).into());
            }
            Err(RecvTimeoutError::Timeout) => teller.rest(&mut told),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        out.write_all(&told).and_then(|()| out.flush()).map_err(DocumentError::Write)?;
        if teller.has_ended {
            return Ok(());
        }
    }
    Err(follower.judge(tmux, session, teller.has_begun))
}

/// The engine's client with the script in the container.
struct Follower {
    child: Child,
    /// Its end is what ends the script.
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    words: Option<thread::JoinHandle<String>>,
}

impl Follower {
    fn start(tmux: Tmux<'_>, session: &SessionName, wanted: Capture) -> Result<Self, Error> {
        let mut arguments = tmux.exec(&["--interactive"]);
        let words = ["sh", "-c", FOLLOW, "ctr-session", &session.target(), wanted.first(), PUMP];
        arguments.extend(words.map(Into::into));
        let mut command = tmux.engine.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: a signal from the terminal ends this
        // process, and that ends the script in order.
        let spawned = command.process_group(0).spawn();
        let mut child = spawned.map_err(|source| {
            Error::from(EngineError::Spawn { program: tmux.engine.program().to_owned(), source })
        })?;
        let (sender, output) = mpsc::sync_channel(CHUNKS);
        let mut stdout = child.stdout.take();
        thread::spawn(move || {
            let mut chunk = vec![0; CHUNK];
            while let Some(read) = stdout.as_mut().and_then(|pipe| some(pipe.read(&mut chunk))) {
                if sender.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut stderr = child.stderr.take();
        let words = thread::spawn(move || {
            let mut words = Vec::new();
            let _ = stderr.as_mut().map(|pipe| pipe.read_to_end(&mut words));
            String::from_utf8_lossy(&words).trim().to_owned()
        });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, output, words: Some(words) })
    }

    /// Returns why it ended by itself.
    fn judge(&mut self, tmux: Tmux<'_>, session: &SessionName, has_begun: bool) -> Error {
        let (name, of) = (tmux.place.name.clone(), session.as_str().to_owned());
        self.stdin = None;
        let status = self.child.wait().ok().and_then(|status| status.code());
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        match status {
            Some(PIPED) if !has_begun => Error::Piped { name, session: of },
            _ if has_begun => Error::CutOff { name, session: of },
            status => {
                let program = tmux.engine.kind().name();
                let line = format!("{} exec {name}", tmux.engine.program().display());
                let call = FailedCall { program, line, status, last_words: words };
                tmux.judge(EngineError::Failed(call), Some(session))
            }
        }
    }
}

impl Drop for Follower {
    /// Lets the script clean up.
    fn drop(&mut self) {
        self.stdin = None;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            // What still comes is nobody's, but would hold up the end.
            while self.output.try_recv().is_ok() {}
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                _ => return,
            }
        }
    }
}

/// Returns how much was read, unless that is the end.
fn some(read: io::Result<usize>) -> Option<usize> {
    read.ok().filter(|read| *read > 0)
}

/// One frame of the script's.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Frame {
    /// The width and height of the pane, where they are known.
    pub(crate) size: Option<(usize, usize)>,
    pub(crate) bytes: Vec<u8>,
}

/// Bytes that frames are made of.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) bytes: Vec<u8>,
}

impl Iterator for Frames {
    type Item = Frame;

    /// Returns the next frame, once all of it is there.
    fn next(&mut self) -> Option<Frame> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        let mut numbers = head.split_whitespace().map(|word| word.parse().unwrap_or_default());
        let length: usize = numbers.next().unwrap_or_default();
        let (width, height) = (numbers.next(), numbers.next());
        let all = end + 1 + length;
        if self.bytes.len() < all {
            return None;
        }
        let rest = self.bytes.split_off(all);
        let mut bytes = mem::replace(&mut self.bytes, rest);
        Some(Frame { size: width.zip(height), bytes: bytes.split_off(end + 1) })
    }
}

/// Makes text of frames.
struct Teller {
    wanted: Capture,
    screen: Option<Screen>,
    has_begun: bool,
    has_ended: bool,
}

impl Teller {
    fn new(wanted: Capture) -> Self {
        Self { wanted, screen: None, has_begun: false, has_ended: false }
    }

    fn hear(&mut self, frame: &Frame, told: &mut Vec<u8>) {
        let Some(screen) = &mut self.screen else {
            self.has_begun = true;
            let (screen, lines) = Screen::start(&frame.bytes);
            let skipped = self.wanted.lines.map_or(0, |wanted| lines.len().saturating_sub(wanted));
            tell(lines.into_iter().skip(skipped), told);
            self.screen = Some(screen);
            return;
        };
        self.has_ended |= frame.bytes.is_empty();
        if self.wanted.escapes {
            // As it is: whoever wants the colours wants them in their places.
            told.extend_from_slice(&frame.bytes);
            return;
        }
        if let Some((width, height)) = frame.size {
            screen.resize(width, height);
        }
        screen.write(&frame.bytes);
        if self.has_ended {
            screen.finish();
        }
        tell(screen.lines(), told);
    }

    fn rest(&mut self, told: &mut Vec<u8>) {
        if let Some(screen) = &mut self.screen {
            screen.rest();
            tell(screen.lines(), told);
        }
    }
}

fn tell(lines: impl IntoIterator<Item = String>, told: &mut Vec<u8>) {
    for line in lines {
        told.extend_from_slice(line.as_bytes());
        told.push(b'\n');
    }
}
