//! The tools that keep what is removed with a container.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use document::{Document, ErrorReport, error::FailedCommand};
use engine::Engine;
use toolkit::{Exit, Places};

use crate::{Error, FailedStep};

/// How the other tools are run.
#[derive(Clone, Debug)]
pub struct Tools<'a> {
    config: PathBuf,
    state: PathBuf,
    engine: &'a Engine,
    events: Option<&'a Path>,
    ssh_config: Option<&'a Path>,
}

impl<'a> Tools<'a> {
    /// Makes them use the same places and the same engine.
    pub fn new(places: &Places, engine: &'a Engine) -> Result<Self, Error> {
        let (config, state) = (places.config()?, places.state()?);
        Ok(Self { config, state, engine, events: None, ssh_config: None })
    }

    /// Makes them append their events to the same file.
    #[must_use]
    pub fn telling(self, events: Option<&'a Path>) -> Self {
        Self { events, ..self }
    }

    /// Makes them edit this ssh configuration instead of the user's own.
    #[must_use]
    pub fn editing(self, ssh_config: Option<&'a Path>) -> Self {
        Self { ssh_config, ..self }
    }

    /// Returns ctrkit's state directory.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Says whether there is an ssh entry for the container.
    pub(crate) fn has_ssh_entry(&self, name: &str) -> Result<bool, Error> {
        let step = Step { kind: "cannot-list-ssh-entries", what: "look for the ssh entry", name };
        let list = self.run("sshcfg", &["list"], step)?;
        Ok(list.lines().any(|line| line == name))
    }

    /// Removes the ssh entry, and closes the connections that use it.
    pub(crate) fn forget_ssh_entry(&self, name: &str) -> Result<(), Error> {
        if !document::container::is_name(name) {
            return Ok(());
        }
        let step = Step { kind: "cannot-remove-ssh-entry", what: "remove the ssh entry", name };
        self.run("sshcfg", &["remove", name], step).map(drop)
    }

    /// Gives the ports of `key` up that are held on `host`, or here.
    pub(crate) fn release(&self, name: &str, key: &str, host: Option<&str>) -> Result<(), Error> {
        let step = Step { kind: "cannot-release-ports", what: "release the ports", name };
        let mut args = vec!["--release", key];
        args.extend(host.into_iter().flat_map(|host| ["--host", host]));
        self.run("portalloc", &args, step).map(drop)
    }

    /// Runs `tool` and returns its standard output.
    fn run(&self, tool: &str, args: &[&str], step: Step<'_>) -> Result<String, Error> {
        let program = find(tool)?;
        let mut command = Command::new(&program);
        command
            .args(args)
            .env("CTRKIT_CONFIG_DIR", &self.config)
            .env("CTRKIT_STATE_DIR", &self.state)
            .env("CTRKIT_ENGINE", self.engine.program())
            .env("CTRKIT_ERROR_FORMAT", "json")
            .stdin(Stdio::null())
            .process_group(0);
        if let Some(events) = self.events {
            command.env("CTRKIT_EVENTS", events);
        }
        if let Some(ssh_config) = self.ssh_config {
            command.env("CTRKIT_SSH_CONFIG", ssh_config);
        }
        let line = shell_words::join(std::iter::once(tool).chain(args.iter().copied()));
        let output = command
            .output()
            .map_err(|error| step.failed(line.clone(), None, &error.to_string()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        Err(step.failed(line, output.status.code(), words.trim()))
    }
}

/// Returns the program beside this one, or on `PATH`.
fn find(tool: &str) -> Result<PathBuf, Error> {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(tool));
    match beside.filter(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => {
            which::which(tool).map_err(|source| Error::ToolAbsent { tool: tool.to_owned(), source })
        }
    }
}

/// What another tool is run for.
#[derive(Clone, Copy)]
struct Step<'a> {
    kind: &'static str,
    what: &'static str,
    name: &'a str,
}

impl Step<'_> {
    /// Makes the tool's error, where it wrote one, ours.
    fn failed(self, line: String, status: Option<i32>, words: &str) -> Error {
        let last = words.lines().last().unwrap_or("it failed without a word");
        let report = serde_json::from_str::<ErrorReport>(last).ok();
        let report = report.filter(|report| report.schema == ErrorReport::SCHEMA);
        let exit = report.as_ref().map_or(Exit::Software, |report| exit(report.exit));
        let hint = report.as_ref().and_then(|report| report.hint.clone());
        let message = report.map_or_else(
            || last.to_owned(),
            |report| [vec![report.message], report.causes].concat().join(": "),
        );
        let last_words = message.clone();
        Error::Step(Box::new(FailedStep {
            kind: self.kind,
            what: self.what,
            name: self.name.to_owned(),
            exit,
            message,
            hint,
            command: Some(FailedCommand { line, status, last_words, ..FailedCommand::default() }),
        }))
    }
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
