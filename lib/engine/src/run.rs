//! Calling the engine.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{Engine, EngineError, FailedCall, Kind};

/// How many lines of an engine's standard error are kept for a report.
const LAST_WORDS: usize = 8;

/// How many bytes of what is said are kept at least, and at most twice as many: of an
/// answer, and of what is said of a failure. What runs in a
/// container may say more than there is memory for.
const ANSWER: usize = 512 << 10;
pub(crate) const WORDS: usize = 16 << 10;

/// What engines say that means nothing: podman wherever there is no syslog, and
/// of health checks where there is no systemd; the status of docker's client,
/// which it says after the reason.
const NOISE: [&str; 3] =
    ["failed to connect to syslog", "unable to get systemd connection", "exit status 1"];

/// How long a call may take that can be given up. The slowest takes some seconds on a
/// machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked whether somebody wants it to be given up.
const GLANCE: Duration = Duration::from_millis(50);

impl Engine {
    /// Returns the engine's command with `args`, for a caller that wires its
    /// standard streams itself.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(url) = self.url() {
            let option = match self.kind {
                Kind::Podman => "--url",
                Kind::Docker => "--host",
            };
            command.arg(option).arg(url);
        }
        // A message in another language could not be told apart from others.
        command.env("LC_ALL", "C.UTF-8").args(args);
        command
    }

    /// Returns where the engine's client is to connect to, if it is not here.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let url = self.link().map(|link| link.url(self.kind));
        url.or_else(|| self.host.clone())
    }

    /// Calls the engine and returns its standard output.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String, EngineError> {
        let mut command = self.command(args);
        let output = self.output(&mut command)?;
        self.judge(&command, output)
    }

    /// Calls the engine as [`Engine::run`] does, with what can be given up at any time: a
    /// question, or a script of ours in a container, where root may make it hang. After
    /// two minutes it is, and when somebody wants this tool to end ([`Engine::heeding`]).
    pub fn ask<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String, EngineError> {
        self.succeed(&mut self.command(args))
    }

    /// Calls the engine, writing to its standard input as `feed` does.
    ///
    /// An engine that stops reading has failed: its own error is returned,
    /// not the broken pipe.
    pub fn run_with_input<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    ) -> Result<String, EngineError> {
        let mut command = self.command(args);
        let mut child = self.spawn(command.stdin(Stdio::piped()))?;
        let mut stdin = child.stdin.take();
        let (fed, output) = thread::scope(|scope| {
            let feeder = scope.spawn(move || stdin.as_mut().map_or(Ok(()), |pipe| feed(pipe)));
            let output = child.wait_with_output();
            (feeder.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())), output)
        });
        let output = self.judge(&command, output.map_err(|source| self.spawn_error(source))?)?;
        fed.map_err(|source| self.spawn_error(source))?;
        Ok(output)
    }

    /// Runs `command`, which [`Engine::command`] made and which only asks, as
    /// [`Engine::ask`] does, and judges its status.
    pub fn succeed(&self, command: &mut Command) -> Result<String, EngineError> {
        let output = self.answer(command)?;
        self.judge(command, output)
    }

    /// Calls the engine as [`Engine::run`] does, and ends it after `limit`.
    ///
    /// An engine that was torn apart once may wait for itself for ever. Of an answer of
    /// more than a mebibyte only the last is returned.
    pub fn run_within<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        limit: Duration,
    ) -> Result<String, EngineError> {
        self.succeed_within(&mut self.command(args), limit)
    }

    /// Runs `command`, judges its status, and ends it after `limit`.
    pub(crate) fn succeed_within(
        &self,
        command: &mut Command,
        limit: Duration,
    ) -> Result<String, EngineError> {
        let mut child = self.spawn(command.stdin(Stdio::null()))?;
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (finished, wait) = mpsc::channel::<()>();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                if wait.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = killpg(group, Signal::SIGKILL);
                }
            });
            let words = scope.spawn(|| last_of(stderr, WORDS));
            let stdout = last_of(stdout, ANSWER);
            let stderr = words.join().unwrap_or_default();
            let status = child.wait();
            drop(finished);
            status.map(|status| Output { status, stdout, stderr })
        });
        self.judge(command, output.map_err(|source| self.spawn_error(source))?)
    }

    /// Runs `command` and returns what it wrote, whether it failed or not.
    pub(crate) fn output(&self, command: &mut Command) -> Result<Output, EngineError> {
        let child = self.spawn(command.stdin(Stdio::null()))?;
        child.wait_with_output().map_err(|source| self.spawn_error(source))
    }

    /// Runs `command`, which can be given up at any time, and returns what it wrote,
    /// whether it failed or not.
    ///
    /// A signal that came before is of those to whom this tool is about to answer by
    /// undoing its work, for which it may have to ask.
    pub(crate) fn answer(&self, command: &mut Command) -> Result<Output, EngineError> {
        let heeded = self.interrupt.as_ref().filter(|interrupt| interrupt.check().is_ok());
        let child = self.spawn(command.stdin(Stdio::null()))?;
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let begun = Instant::now();
        loop {
            if let Ok(output) = receiver.recv_timeout(GLANCE) {
                return output.map_err(|source| self.spawn_error(source));
            }
            let signal = heeded.and_then(|interrupt| interrupt.check().err());
            if signal.is_some() || begun.elapsed() > PATIENCE {
                let _ = killpg(group, Signal::SIGKILL);
                return Err(signal.map_or_else(|| self.silence(command), EngineError::from));
            }
        }
    }

    /// Returns the error of a call that was given up.
    fn silence(&self, command: &Command) -> EngineError {
        EngineError::Failed(FailedCall {
            program: self.kind.name(),
            line: line(command),
            status: None,
            last_words: format!("it has not answered within {} s", PATIENCE.as_secs()),
        })
    }

    /// Starts `command` in a process group of its own: Ctrl-C reaches this
    /// tool, which undoes its work in order, and never tears an engine apart
    /// in the middle of a change.
    pub(crate) fn spawn(&self, command: &mut Command) -> Result<Child, EngineError> {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command.spawn().map_err(|source| self.spawn_error(source))
    }

    /// Returns the standard output of a call that succeeded.
    pub(crate) fn judge(&self, command: &Command, output: Output) -> Result<String, EngineError> {
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(EngineError::Failed(FailedCall {
            program: self.kind.name(),
            line: line(command),
            status: output.status.code(),
            last_words: last_words(&output.stderr),
        }))
    }

    pub(crate) fn spawn_error(&self, source: io::Error) -> EngineError {
        EngineError::Spawn { program: self.program.clone(), source }
    }
}

/// Returns the command line, quoted so that it can be pasted into a shell.
pub(crate) fn line(command: &Command) -> String {
    let words: Vec<OsString> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(Into::into).collect();
    shell_words::join(words.iter().map(|word| word.to_string_lossy()))
}

/// Reads `pipe` to its end, and returns the last of it: at least `limit` bytes.
pub(crate) fn last_of(pipe: Option<impl Read>, limit: usize) -> Vec<u8> {
    let (mut last, mut bytes) = (Vec::new(), [0; 4096]);
    let Some(mut pipe) = pipe else { return last };
    while let Ok(count @ 1..) = pipe.read(&mut bytes) {
        last.extend(bytes.iter().take(count));
        if last.len() > limit * 2 {
            last.drain(..last.len() - limit);
        }
    }
    last
}

/// Returns the last lines that say something.
pub(crate) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let says_something =
        |line: &&str| !line.trim().is_empty() && !NOISE.iter().any(|noise| line.contains(noise));
    let lines: Vec<_> = text.lines().filter(says_something).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

    use super::*;

    /// Calls an engine that is the shell script `script`, for at most so many seconds.
    fn called(script: &str, seconds: u64) -> Result<String, EngineError> {
        let directory = tempfile::tempdir().unwrap();
        let podman = directory.path().join("podman");
        fs::write(&podman, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
        let engine = Engine::named(podman.to_str().unwrap()).unwrap();
        engine.run_within(["x"], Duration::from_secs(seconds))
    }

    #[test]
    fn an_answer_of_any_length_takes_no_more_memory_than_it_may() {
        let end = "echo end; echo 'the end' >&2";
        let answer = called(&format!("head -c 3000000 /dev/zero; {end}"), 300).unwrap();
        assert!(answer.len() <= ANSWER * 2 && answer.ends_with("\0end\n"), "{}", answer.len());
        let error =
            called(&format!("head -c 3000000 /dev/zero >&2; {end}; exit 1"), 300).unwrap_err();
        let EngineError::Failed(failed) = error else { panic!("{error}") };
        assert!(failed.last_words.len() <= WORDS * 2 && failed.last_words.ends_with("the end"));
    }

    #[test]
    fn an_engine_that_does_not_end_is_ended() {
        let begun = Instant::now();
        assert!(called("yes", 1).is_err());
        assert!(called("sleep 600", 1).is_err());
        assert!(begun.elapsed() < Duration::from_secs(300));
    }
}
