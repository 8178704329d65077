//! The tools that keep what is removed with a container.

use std::path::{Path, PathBuf};

use engine::{Engine, HERE};
use toolkit::{FailedTool, Places, SiblingError, Siblings};

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
        // Always said: the environment may name another.
        let args = ["--release", key, "--host", host.unwrap_or(HERE)];
        self.run("portalloc", &args, step).map(drop)
    }

    /// Runs `tool` and returns its standard output.
    fn run(&self, tool: &str, args: &[&str], step: Step<'_>) -> Result<String, Error> {
        let mut siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", &self.config)
            .with("CTRKIT_STATE_DIR", &self.state)
            .with("CTRKIT_ENGINE", self.engine.program());
        if let Some(events) = self.events {
            siblings = siblings.with("CTRKIT_EVENTS", events);
        }
        if let Some(ssh_config) = self.ssh_config {
            siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
        }
        match siblings.run(tool, args, b"") {
            Ok(output) => Ok(String::from_utf8_lossy(&output).into_owned()),
            Err(SiblingError::Failed(failed)) => Err(step.failed(*failed)),
            Err(error) => Err(error.into()),
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
    /// Makes the tool's error ours.
    fn failed(self, failed: FailedTool) -> Error {
        let FailedTool { exit, message, hint, command, .. } = failed;
        let (kind, what, name) = (self.kind, self.what, self.name.to_owned());
        let command = Some(command);
        Error::Step(Box::new(FailedStep { kind, what, name, exit, message, hint, command }))
    }
}
