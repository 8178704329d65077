//! Asking a person, or reading what a script has written beforehand.
//!
//! There is one reader of standard input, which all questions share: what it
//! has read ahead for one of them is there for the next.

use std::io::{self, BufRead, BufReader, Read, Stdin, Write};

use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use toolkit::Interrupted;

use crate::Error;

/// What Ctrl-C, Ctrl-D and the erasing keys send.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const ERASE: [u8; 2] = [8, 127];

/// A conversation: questions on standard error, answers on standard input.
#[derive(Debug)]
pub struct Dialogue<R = Stdin> {
    answers: BufReader<R>,
}

impl Dialogue {
    /// Begins one on the standard streams.
    #[must_use]
    pub fn new() -> Self {
        Self::over(io::stdin())
    }

    /// Asks for a line that the terminal does not show; an empty one is
    /// `None`.
    pub fn ask_secret(&mut self, question: &str) -> Result<Option<Vec<u8>>, Error> {
        say(&format!("{question}: "))?;
        let _silence = Silence::begin().map_err(Error::Terminal)?;
        let line = self.secret_line()?;
        say("\n")?;
        Ok(Some(line).filter(|line| !line.is_empty()))
    }
}

impl Default for Dialogue {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Read> Dialogue<R> {
    /// Begins one that reads the answers from `answers`.
    pub fn over(answers: R) -> Self {
        Self { answers: BufReader::new(answers) }
    }

    /// Asks until `check` accepts the answer; an empty one means `default`.
    pub fn ask<T>(
        &mut self,
        question: &str,
        default: &str,
        check: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Error> {
        loop {
            say(&format!("{question} [{default}]: "))?;
            let mut line = String::new();
            if self.answers.read_line(&mut line).map_err(Error::Stdin)? == 0 {
                return Err(Error::NoAnswer { question: question.to_owned() });
            }
            let answer = line.trim();
            match check(if answer.is_empty() { default } else { answer }) {
                Ok(value) => return Ok(value),
                Err(why) => say(&format!("{}\n", toolkit::printable(&why)))?,
            }
        }
    }

    /// Returns all that is left to read, up to `limit` bytes.
    pub fn rest(&mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut contents = Vec::new();
        (&mut self.answers).take(limit).read_to_end(&mut contents).map_err(Error::Stdin)?;
        Ok(contents)
    }

    /// Reads a line whose keys the terminal passes on one by one.
    fn secret_line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        loop {
            let mut key = [0];
            if self.answers.read(&mut key).map_err(Error::Stdin)? == 0 {
                return Ok(line);
            }
            match key[0] {
                b'\n' | b'\r' => return Ok(line),
                INTERRUPT => return Err(Interrupted(nix::libc::SIGINT).into()),
                END if line.is_empty() => return Ok(line),
                key if ERASE.contains(&key) => drop(line.pop()),
                key => line.push(key),
            }
        }
    }
}

/// Writes a question, or a remark on an answer, for the person.
fn say(text: &str) -> Result<(), Error> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).map_err(Error::Terminal)
}

/// A terminal that does not show what is typed, until this is dropped.
///
/// Ctrl-C comes as a key like any other, so that nothing ends this process
/// while the terminal is like this.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.0);
    }
}
