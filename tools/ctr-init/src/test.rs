//! Asking the machine of the engine, over one ssh connection where it is not
//! this one.

use std::{
    io::{self, Read, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use config::Address;
use document::error::FailedCommand;

use crate::{Error, facts::Facts};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// What is run there: it takes its data, and then the script itself, from
/// standard input, so that no login shell gets to see either. It means the
/// same to all shells, csh and fish included.
const LOADER: &str =
    "IFS= read -r where; IFS= read -r program; IFS= read -r socket; eval \"$(cat)\"";

const SCRIPT: &str = include_str!("probe.sh");

/// The machine that is asked.
#[derive(Clone, Copy, Debug)]
pub enum Machine<'a> {
    /// This one; the engine's program, where it is said.
    Here(Option<&'a str>),
    /// One at the end of an ssh connection.
    There {
        /// What ssh connects to.
        address: &'a Address,
        /// The engine's socket, where it is said.
        socket: Option<&'a str>,
        /// What ssh reads instead of its own files.
        config: Option<&'a Path>,
    },
}

impl Machine<'_> {
    /// Returns its name for people.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Here(_) => "this machine".to_owned(),
            Self::There { address, .. } => address.to_string(),
        }
    }

    /// Asks it.
    pub fn facts(self) -> Result<Facts, Error> {
        let (program, socket) = match self {
            Self::Here(program) => (program, None),
            Self::There { socket, .. } => (None, socket),
        };
        let place = if matches!(self, Self::Here(_)) { "here" } else { "there" };
        let lines = [place, program.unwrap_or_default(), socket.unwrap_or_default(), SCRIPT];
        let mut command = self.command();
        let output = run(&mut command, &lines.join("\n")).map_err(Error::Run)?;
        let facts = output.as_ref().and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout);
            Facts::parse(&text).filter(|_| output.status.success())
        });
        facts.ok_or_else(|| self.failed(&command, output.as_ref()))
    }

    fn command(self) -> Command {
        let Self::There { address, config, .. } = self else {
            let mut command = Command::new("sh");
            command.args(["-c", LOADER]);
            return command;
        };
        let mut command = Command::new("ssh");
        // A question would wait for ever, and ours is the terminal.
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        command.args(["-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"]);
        // A connection that is open already would prove nothing.
        command.args(["-o", "ControlPath=none"]);
        if let Some(config) = config {
            command.arg("-F").arg(config);
        }
        if let Some(port) = address.port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &address.user {
            command.arg("-l").arg(user);
        }
        command.args(["--", &address.host, &format!("exec sh -c '{LOADER}'")]);
        command
    }

    fn failed(self, command: &Command, output: Option<&Output>) -> Error {
        let stderr = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let words = stderr.as_deref().map_or("it did not come to an end", str::trim).to_owned();
        let line = std::iter::once(command.get_program()).chain(command.get_args());
        let line = shell_words::join(line.map(|word| word.to_string_lossy()));
        let status = output.and_then(|output| output.status.code());
        let failed =
            FailedCommand { line, status, last_words: words.clone(), ..FailedCommand::default() };
        let failed = Box::new(failed);
        let Self::There { address, .. } = self else { return Error::Probe { failed } };
        let address = address.to_string();
        let says = |part: &str| words.contains(part);
        if status.is_some_and(|status| status != 255) {
            Error::Probe { failed }
        } else if says("IDENTIFICATION HAS CHANGED") {
            Error::HostKeyChanged { address, failed }
        } else if says("Host key verification failed") || says("authenticity of host") {
            Error::HostKeyUnknown { address, failed }
        } else if says("Permission denied") || says("Too many authentication failures") {
            Error::KeyRefused { address, failed }
        } else {
            Error::Unreachable { address, failed }
        }
    }
}

/// Runs `command` with `input`; `None` if it did not end in time.
fn run(command: &mut Command, input: &str) -> io::Result<Option<Output>> {
    command.env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = input.to_owned();
    thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(input.as_bytes())));
    let stdout = thread::spawn(move || read(stdout));
    let stderr = thread::spawn(move || read(stderr));
    let Some(status) = wait(&mut child)? else { return Ok(None) };
    let all = |reader: thread::JoinHandle<Vec<u8>>| reader.join().unwrap_or_default();
    Ok(Some(Output { status, stdout: all(stdout), stderr: all(stderr) }))
}

fn wait(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    let begun = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            None => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
        }
    }
}

fn read(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    bytes
}
