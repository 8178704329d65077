//! Calling the engine.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{Engine, EngineError, FailedCall, Kind};

/// How many lines of an engine's standard error are kept for a report.
const LAST_WORDS: usize = 8;

/// What engines say that means nothing: podman wherever there is no syslog, and
/// of health checks where there is no systemd; the status of docker's client,
/// which it says after the reason.
const NOISE: [&str; 3] =
    ["failed to connect to syslog", "unable to get systemd connection", "exit status 1"];

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

    /// Runs `command`, which [`Engine::command`] made, and judges its status.
    pub fn succeed(&self, command: &mut Command) -> Result<String, EngineError> {
        let output = self.output(command)?;
        self.judge(command, output)
    }

    /// Calls the engine as [`Engine::run`] does, and ends it after `limit`.
    ///
    /// An engine that was torn apart once may wait for itself for ever.
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
        let child = self.spawn(command.stdin(Stdio::null()))?;
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
        let (finished, wait) = mpsc::channel::<()>();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                if wait.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = killpg(group, Signal::SIGKILL);
                }
            });
            let output = child.wait_with_output();
            drop(finished);
            output
        });
        self.judge(command, output.map_err(|source| self.spawn_error(source))?)
    }

    /// Runs `command` and returns what it wrote, whether it failed or not.
    pub(crate) fn output(&self, command: &mut Command) -> Result<Output, EngineError> {
        let child = self.spawn(command.stdin(Stdio::null()))?;
        child.wait_with_output().map_err(|source| self.spawn_error(source))
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

/// Returns the last lines that say something.
pub(crate) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let says_something =
        |line: &&str| !line.trim().is_empty() && !NOISE.iter().any(|noise| line.contains(noise));
    let lines: Vec<_> = text.lines().filter(says_something).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}
