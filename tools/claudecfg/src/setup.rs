//! Asking Claude Code for a token: `claude setup-token`.
//!
//! The program talks to a person on a terminal, and shows the token there at
//! the end. So it gets a terminal of its own, and what it says goes to the
//! person's and is read on the way. Without a person it may still have one to
//! give.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{Winsize, openpty},
    sys::{
        signal::{Signal, killpg},
        termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr},
    },
    unistd::Pid,
};
use toolkit::{Interrupt, Interrupted};

/// The program, and what it is asked for.
const PROGRAM: &str = "claude";
const VERB: &str = "setup-token";

/// What the tokens begin with, and how many characters follow at least.
const PREFIX: &str = "sk-ant-";
const REST: usize = 16;

/// How much of what it says is kept; the token comes at its end.
const KEPT: usize = 1 << 20;

/// How often it is asked whether to stop while nothing happens.
const GLANCE: u16 = 100;

/// How wide the terminal says it is, in characters: a token that is shown in
/// several lines would not be found.
const WIDTH: u16 = 1000;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoToken {
    /// The program is not there.
    #[error("there is no program 'claude' on this machine")]
    NoProgram,
    /// It took too long.
    #[error("'claude setup-token' had none after {0} s")]
    TimedOut(u64),
    /// It failed.
    #[error("'claude setup-token' failed with status {0}")]
    Failed(i32),
    /// It succeeded, and said none.
    #[error("'claude setup-token' said none")]
    Silent,
    /// It could not be run or heard.
    #[error("'claude setup-token' cannot be run: {0}")]
    Io(#[from] io::Error),
    /// This process is to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Asks for a token, for at most as long as `limit`, and returns it.
pub(crate) fn ask(
    person: Option<&Terminal>,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<String, NoToken> {
    let program = which::which(PROGRAM).map_err(|_| NoToken::NoProgram)?;
    let conversation = Conversation::begin(&program, person)?;
    let (said, status) = conversation.follow(limit, interrupt)?;
    match (token(&said), status) {
        (Some(token), 0) => Ok(token),
        (None, 0) => Err(NoToken::Silent),
        (_, status) => Err(NoToken::Failed(status)),
    }
}

/// The terminal at which a person is.
#[derive(Debug)]
pub(crate) struct Terminal(File);

impl Terminal {
    /// Returns it, if somebody is there to see what is asked.
    pub(crate) fn find() -> Option<Self> {
        let is_seen = io::IsTerminal::is_terminal(&io::stderr());
        let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
        opened.ok().filter(|_| is_seen).map(Self)
    }
}

/// The person's terminal while every key goes to the program; it is put back
/// when this is dropped. Signals stay with this process.
struct Unbuffered {
    terminal: File,
    before: Termios,
}

impl Unbuffered {
    fn new(terminal: &File) -> io::Result<Self> {
        let terminal = terminal.try_clone()?;
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        tcsetattr(&terminal, SetArg::TCSANOW, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Unbuffered {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

/// The program at work.
struct Conversation {
    child: Child,
    /// What it says.
    voice: File,
    /// Where a person hears it.
    ear: Option<Unbuffered>,
}

impl Conversation {
    fn begin(program: &Path, person: Option<&Terminal>) -> io::Result<Self> {
        let mut command = Command::new(program);
        // A group of its own, so that nothing of it is left when it is ended.
        command.arg(VERB).process_group(0);
        match person {
            Some(Terminal(terminal)) => Self::at(terminal, &mut command),
            None => Self::alone(&mut command),
        }
    }

    fn at(terminal: &File, command: &mut Command) -> io::Result<Self> {
        let size = Winsize { ws_row: 50, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None)?;
        let end = |slave: &OwnedFd| slave.try_clone().map(Stdio::from);
        command.stdin(end(&pty.slave)?).stdout(end(&pty.slave)?).stderr(end(&pty.slave)?);
        let ear = Unbuffered::new(terminal)?;
        let child = command.spawn()?;
        // What has ended would not be heard of through an end that is held here.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(pty.slave);
        let (mut keys, mut to) = (terminal.try_clone()?, File::from(pty.master.try_clone()?));
        // It ends with this process, which does not wait for the next key.
        thread::spawn(move || io::copy(&mut keys, &mut to));
        Ok(Self { child, voice: pty.master.into(), ear: Some(ear) })
    }

    fn alone(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let voice = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, voice: OwnedFd::from(voice).into(), ear: None })
    }

    /// Listens until the program has ended, and returns what it said last, and
    /// its status.
    fn follow(mut self, limit: Duration, interrupt: &Interrupt) -> Result<(Vec<u8>, i32), NoToken> {
        let begun = Instant::now();
        let (mut said, mut heard) = (Vec::new(), Heard::Nothing);
        loop {
            interrupt.check()?;
            if begun.elapsed() >= limit {
                return Err(NoToken::TimedOut(limit.as_secs()));
            }
            match heard {
                // Nothing more comes; its end may still be waited for.
                Heard::End => thread::sleep(Duration::from_millis(10)),
                _ => heard = self.listen(&mut said)?,
            }
            // What has its end of the pipe too may live longer than it.
            if heard != Heard::Something {
                if let Some(status) = self.child.try_wait()? {
                    return Ok((said, status.code().unwrap_or(-1)));
                }
            }
        }
    }

    /// Hears what is said now, if anything is.
    fn listen(&mut self, said: &mut Vec<u8>) -> io::Result<Heard> {
        let mut descriptors = [PollFd::new(self.voice.as_fd(), PollFlags::POLLIN)];
        if !poll(&mut descriptors, PollTimeout::from(GLANCE)).is_ok_and(|ready| ready > 0) {
            return Ok(Heard::Nothing);
        }
        let mut piece = [0; 4096];
        // A terminal that nobody is at any more is an error, a pipe its end.
        let Ok(count @ 1..) = self.voice.read(&mut piece) else { return Ok(Heard::End) };
        if let Some(ear) = &mut self.ear {
            ear.terminal.write_all(&piece[..count])?;
        }
        said.extend(&piece[..count]);
        said.drain(..said.len().saturating_sub(KEPT));
        Ok(Heard::Something)
    }
}

/// What was heard of the program.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Heard {
    Something,
    Nothing,
    End,
}

impl Drop for Conversation {
    /// Ends the program, if it has not, and all that it has started.
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// Returns the last token in what was said.
fn token(said: &[u8]) -> Option<String> {
    let text = plain(said);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let tokens = text.match_indices(PREFIX).filter_map(|(start, _)| {
        let rest = &text[start + PREFIX.len()..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        (end >= REST).then(|| text[start..start + PREFIX.len() + end].to_owned())
    });
    tokens.last()
}

/// Returns what a person would have read: without what moves a cursor or
/// changes a colour.
fn plain(said: &[u8]) -> String {
    let (mut parser, mut reader) = (vte::Parser::new(), Reader::default());
    parser.advance(&mut reader, said);
    reader.0
}

#[derive(Default)]
struct Reader(String);

impl vte::Perform for Reader {
    fn print(&mut self, c: char) {
        self.0.push(c);
    }

    fn execute(&mut self, _: u8) {
        self.0.push('\n');
    }

    fn csi_dispatch(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        // Colours may change inside a word; what moves the cursor ends one.
        if action != 'm' {
            self.0.push('\n');
        }
    }
}

/// Watches for signals, so that the person's terminal is put back.
pub(crate) fn watch() -> io::Result<Interrupt> {
    Interrupt::watch()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_noise() {
        let good = "sk-ant-oat01-AbC_dEf-0123456789";
        let said = |text: &str| token(text.as_bytes());
        assert_eq!(said(good).as_deref(), Some(good));
        assert_eq!(said(&format!("Your token:\r\n\n{good}\r\nKeep it.")).as_deref(), Some(good));
        let coloured = "\x1b[2J\x1b[1;33msk-ant-\x1b[0moat01-AbC_dEf-0123456789\x1b[0m.";
        assert_eq!(said(coloured).as_deref(), Some(good));
        let titled = format!("\x1b]0;claude\x07\x1b[?25l{good}\x1b[K");
        assert_eq!(said(&titled).as_deref(), Some(good));
        let two = format!("sk-ant-oat01-old0123456789old {good}");
        assert_eq!(said(&two).as_deref(), Some(good));
        assert_eq!(token(b"\xff\xfesk-ant-oat01-AbC_dEf-0123456789\xff").as_deref(), Some(good));
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in
            ["", "sk-ant-", "it begins with sk-ant-…", "sk-ant-short", "SK-ANT-0123456789abcdef"]
        {
            assert_eq!(token(text.as_bytes()), None, "{text}");
        }
        // A cursor that moves between two pieces does not join them.
        assert_eq!(token(b"sk-ant-0123456789\x1b[5;1Habcdefghij"), None);
    }
}
