//! The engine's command line.

use std::{
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt,
    time::{SystemTime, UNIX_EPOCH},
};

use document::labels;
use engine::{Engine, EngineError, Summary};

use crate::{Error, Options};

/// Goes to the directory and finds the command.
const ENTER: &str = include_str!("enter.sh");

/// Runs the command without a terminal; `ENTER` stands for [`ENTER`].
const STAY: &str = include_str!("stay.sh");

/// Sends a signal to the command.
const SIGNAL: &str = include_str!("signal.sh");

/// What a shell in the container calls itself in messages.
const ZERO: &str = "ctr-exec";

/// What is to be run in a container, ready for the engine.
#[derive(Clone, Debug)]
pub struct Request {
    /// The container's name.
    pub name: String,
    user: Option<String>,
    directory: String,
    workspace: String,
    env: Vec<String>,
    command: Vec<OsString>,
    terminal: bool,
    token: String,
}

impl Request {
    /// Puts together what the options and the container's labels say; a
    /// container that does not run is an error.
    ///
    /// `token` is a word that no other running command has.
    pub fn new(
        options: &Options,
        container: &Summary,
        terminal: bool,
        token: String,
    ) -> Result<Self, Error> {
        let name = container.name.clone();
        if container.status != "running" {
            return Err(Error::NotRunning { name, status: container.status.clone() });
        }
        let label = |name| container.label(name).map(str::to_owned);
        Ok(Self {
            name,
            user: options.user.clone().or_else(|| label(labels::REMOTE_USER)),
            directory: options.workdir.clone().unwrap_or_default(),
            workspace: label(labels::WORKSPACE).unwrap_or_default(),
            env: options.env.iter().map(|variable| variable.as_str().to_owned()).collect(),
            command: options.command.clone(),
            terminal,
            token,
        })
    }

    /// Returns the arguments that run the command.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments = self.exec(self.user.as_deref(), true);
        let script = match self.terminal {
            true => format!("{ENTER}exec \"$@\""),
            false => STAY.replace("ENTER\n", ENTER),
        };
        arguments.extend(["-c", &script, ZERO].map(OsString::from));
        if !self.terminal {
            arguments.push(format!("x{}", self.token).into());
        }
        arguments.extend([&self.directory, &self.workspace].map(OsString::from));
        arguments.extend(self.command.iter().cloned());
        arguments
    }

    /// Returns the arguments that do nothing but go to the directory: what
    /// fails with these has not come as far as the command.
    #[must_use]
    pub fn probe(&self) -> Vec<OsString> {
        let mut arguments = self.exec(self.user.as_deref(), false);
        let script = r#"[ -z "$1" ] || cd -- "$1" 2>/dev/null || exit 9"#;
        arguments.extend(["-c", script, ZERO, &self.directory].map(OsString::from));
        arguments
    }

    /// Returns the arguments that send `signal`, such as `TERM`, to the
    /// command: as its user, or as root.
    #[must_use]
    pub fn signal(&self, signal: &str, as_root: bool) -> Vec<OsString> {
        let user = if as_root { Some("0") } else { self.user.as_deref() };
        let mut arguments = self.exec(user, false);
        arguments.extend(["-c", SIGNAL, ZERO, &self.token, signal].map(OsString::from));
        arguments
    }

    /// Returns the error that the probe's exit status stands for, where it is
    /// one of the probe's own.
    pub(crate) fn probed(&self, status: Option<i32>) -> Option<Error> {
        let (name, directory) = (self.name.clone(), self.directory.clone());
        (status == Some(9)).then_some(Error::NoSuchDirectory { name, directory })
    }

    /// Returns `exec OPTIONS NAME sh`; with `all` of them as the command
    /// needs them.
    fn exec(&self, user: Option<&str>, all: bool) -> Vec<OsString> {
        let mut arguments: Vec<&OsStr> = vec!["exec".as_ref()];
        if all {
            arguments.push("--interactive".as_ref());
        }
        if all && self.terminal {
            arguments.push("--tty".as_ref());
        }
        if let Some(user) = user {
            arguments.extend::<[&OsStr; 2]>(["--user".as_ref(), user.as_ref()]);
        }
        for variable in self.env.iter().filter(|_| all) {
            arguments.extend::<[&OsStr; 2]>(["--env".as_ref(), variable.as_ref()]);
        }
        arguments.extend::<[&OsStr; 2]>([self.name.as_ref(), "sh".as_ref()]);
        arguments.into_iter().map(OsStr::to_owned).collect()
    }
}

/// Lets the engine's client take this process's place; it returns only if
/// that fails.
#[must_use]
pub fn replace(engine: &Engine, request: &Request) -> Error {
    let source = engine.command(request.arguments()).exec();
    EngineError::Spawn { program: engine.program().to_owned(), source }.into()
}

/// Returns a word that no other command that runs at the same time has, made
/// of this process's id and the moment.
#[must_use]
pub fn token(process: u32, now: SystemTime) -> String {
    let nanoseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{process:08x}{nanoseconds:x}")
}
