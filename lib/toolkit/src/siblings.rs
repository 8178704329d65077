//! Running the other tools of the suite, which are installed in one place.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use document::{Document, ErrorReport, error::FailedCommand};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{Exit, Failure, Interrupt};

/// How often it is looked whether a tool has ended, or is to be ended.
const GLANCE: Duration = Duration::from_millis(5);

/// How the other tools are run: in which environment, and what a signal that
/// asks this tool to end means to them.
#[derive(Clone, Debug, Default)]
pub struct Siblings {
    environment: Vec<(&'static str, OsString)>,
    interrupt: Option<Interrupt>,
}

/// Another tool could not be run, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiblingError {
    /// It is not installed.
    #[error("cannot find the tool '{tool}'")]
    Absent {
        /// The tool.
        tool: String,
        /// Why.
        source: which::Error,
    },
    /// It failed.
    #[error("{}", .0.message)]
    Failed(Box<FailedTool>),
}

/// What a tool that failed has said.
#[derive(Clone, Debug)]
pub struct FailedTool {
    /// Its error's stable name, where it wrote one.
    pub kind: Option<String>,
    /// What its exit status means to whoever ran it.
    pub exit: Exit,
    /// What went wrong, with the causes.
    pub message: String,
    /// What it says can be done.
    pub hint: Option<String>,
    /// The tool itself, as the command that failed.
    pub command: FailedCommand,
}

/// What a tool wrote, and how it ended.
type Ended = (Vec<u8>, Result<(), SiblingError>);

impl Siblings {
    /// Returns a way of running them in this tool's own environment, in which
    /// errors are written as documents.
    ///
    /// Each has a process group of its own: Ctrl-C does not reach it.
    #[must_use]
    pub fn new() -> Self {
        Self::default().with("CTRKIT_ERROR_FORMAT", "json")
    }

    /// Sets a variable of their environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Lets a signal that asks this tool to end ask them as well: they stay in
    /// its process group, and what only this tool got is passed on.
    #[must_use]
    pub fn heeding(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: Some(interrupt.clone()), ..self }
    }

    /// Returns the command that runs `tool`, for a caller that wires its standard
    /// streams itself and passes on what it says.
    pub fn command(&self, tool: &str, args: &[&str]) -> Result<Command, SiblingError> {
        let mut command = Command::new(find(tool)?);
        command.args(args).envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Runs `tool` with `input` and returns its standard output.
    pub fn run(&self, tool: &str, args: &[&str], input: &[u8]) -> Result<Vec<u8>, SiblingError> {
        let (output, ended) = self.end(tool, args, input)?;
        ended.map(|()| output)
    }

    /// Asks `tool` a question and returns its answer, whatever it is: one that
    /// has a status of its own for some of them has failed only where it has
    /// written nothing.
    pub fn ask(&self, tool: &str, args: &[&str], input: &[u8]) -> Result<Vec<u8>, SiblingError> {
        let (output, ended) = self.end(tool, args, input)?;
        if output.is_empty() { ended.map(|()| output) } else { Ok(output) }
    }

    /// Runs `tool` to its end, and returns what it wrote and how it ended.
    fn end(&self, tool: &str, args: &[&str], input: &[u8]) -> Result<Ended, SiblingError> {
        let line = shell_words::join(std::iter::once(tool).chain(args.iter().copied()));
        let mut command = self.command(tool, args)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.interrupt.is_none() {
            command.process_group(0);
        }
        let ended = command.spawn().and_then(|child| self.accompany(child, input));
        let (status, output, words) =
            ended.map_err(|error| failed(line.clone(), None, &error.to_string()))?;
        let ended = match status.success() {
            true => Ok(()),
            false => Err(failed(line, status.code(), String::from_utf8_lossy(&words).trim())),
        };
        Ok((output, ended))
    }

    /// Feeds `child`, listens to it and waits for it.
    fn accompany(
        &self,
        mut child: Child,
        input: &[u8],
    ) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            // One that does not read has its reasons, and tells them.
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            let output = scope.spawn(|| read(stdout));
            let words = scope.spawn(|| read(stderr));
            let status = self.wait(&mut child)?;
            let all =
                |reader: thread::ScopedJoinHandle<'_, Vec<u8>>| reader.join().unwrap_or_default();
            Ok((status, all(output), all(words)))
        })
    }

    fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let mut told = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let asked = self.interrupt.as_ref().and_then(|interrupt| interrupt.check().err());
            if let Some(signal) = asked.filter(|_| !told) {
                // It is not waited for yet, so that the id is still its own.
                let id = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
                let _ = kill(id, Signal::try_from(signal.0).unwrap_or(Signal::SIGTERM));
                told = true;
            }
            thread::sleep(GLANCE);
        }
    }
}

fn read(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    bytes
}

/// Returns the program beside this one, or on `PATH`.
fn find(tool: &str) -> Result<PathBuf, SiblingError> {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(tool));
    match beside.filter(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => which::which(tool)
            .map_err(|source| SiblingError::Absent { tool: tool.to_owned(), source }),
    }
}

/// Reads the error that the tool wrote, if it wrote one.
fn failed(line: String, status: Option<i32>, words: &str) -> SiblingError {
    let last = words.lines().last().unwrap_or("it failed without a word");
    let report = serde_json::from_str::<ErrorReport>(last).ok();
    let report = report.filter(|report| report.schema == ErrorReport::SCHEMA);
    let exit = report.as_ref().map_or(Exit::Software, |report| exit(report.exit));
    let hint = report.as_ref().and_then(|report| report.hint.clone());
    let kind = report.as_ref().map(|report| report.kind.clone());
    let message = report.map_or_else(
        || last.to_owned(),
        |report| [vec![report.message], report.causes].concat().join(": "),
    );
    let last_words = message.clone();
    let command = FailedCommand { line, status, last_words, ..FailedCommand::default() };
    SiblingError::Failed(Box::new(FailedTool { kind, exit, message, hint, command }))
}

/// Returns the status that means the same; of a wrong command line, which
/// this tool wrote, that is a bug.
fn exit(status: u8) -> Exit {
    let passed_on = [
        Exit::DataErr,
        Exit::NoInput,
        Exit::Unavailable,
        Exit::IoErr,
        Exit::TempFail,
        Exit::NoPerm,
    ];
    passed_on.into_iter().find(|exit| exit.status() == status).unwrap_or(Exit::Software)
}

impl Failure for SiblingError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "tool-absent",
            Self::Failed(_) => "tool-failed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Absent { .. } => Exit::Unavailable,
            Self::Failed(failed) => failed.exit,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Absent { .. } => Some("install all of ctrkit in one place".into()),
            Self::Failed(failed) => failed.hint.clone(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Absent { .. } => None,
            Self::Failed(failed) => Some(failed.command.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_a_status_of_its_own_is_one() {
        let siblings = Siblings::new();
        let script = ["-c", "cat; exit 1"];
        assert_eq!(siblings.ask("sh", &script, b"no").unwrap(), b"no");
        assert!(siblings.run("sh", &script, b"no").is_err());
        // What has written nothing has failed.
        let error = siblings.ask("sh", &["-c", "echo why >&2; exit 69"], b"").unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit()), ("why", Exit::Software));
        assert_eq!(siblings.ask("sh", &["-c", ":"], b"").unwrap(), b"");
    }
}
