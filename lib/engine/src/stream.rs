//! A call of the engine that is read while it runs.

use std::{
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    process::{Child, ChildStdout, Command, Output, Stdio},
    thread::{self, JoinHandle},
};

use crate::{
    Engine, EngineError,
    run::{WORDS, last_of},
};

/// A call of the engine, whose standard output is read from it.
///
/// Its standard input stays open and empty until the stream is finished or
/// dropped, also by a death of this process: what runs at the other end can
/// tell by it that nobody reads any more.
#[derive(Debug)]
pub struct Stream<'a> {
    engine: &'a Engine,
    command: Command,
    child: Child,
    output: ChildStdout,
    words: Option<JoinHandle<Vec<u8>>>,
}

impl Engine {
    /// Calls the engine, for its output to be read as it comes.
    pub fn stream<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Result<Stream<'_>, EngineError> {
        let mut command = self.command(args);
        let mut child = self.spawn(command.stdin(Stdio::piped()))?;
        let stderr = child.stderr.take();
        let words = Some(thread::spawn(move || last_of(stderr, WORDS)));
        let Some(output) = child.stdout.take() else {
            return Err(self.spawn_error(io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Stream { engine: self, command, child, output, words })
    }
}

impl Stream<'_> {
    /// Ends the call, and judges how it ended.
    pub fn finish(mut self) -> Result<(), EngineError> {
        drop(self.child.stdin.take());
        drop(self.output);
        let status = self.child.wait().map_err(|source| self.engine.spawn_error(source))?;
        let stderr = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        let output = Output { status, stdout: Vec::new(), stderr };
        self.engine.judge(&self.command, output).map(drop)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.output.read(buffer)
    }
}

impl AsFd for Stream<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }
}
