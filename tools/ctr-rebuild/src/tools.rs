//! The tools that a rebuild consists of.

use std::path::Path;

use document::{Container, Received};
use engine::EngineArgs;
use toolkit::{FailedTool, Interrupt, Places, SiblingError, Siblings};

use crate::{Error, FailedStep};

/// How the tools are run.
#[derive(Clone, Debug)]
pub struct Tools(Siblings);

impl Tools {
    /// Makes them use the same places, and heed the same signals.
    pub fn new(places: &Places, interrupt: &Interrupt) -> Result<Self, Error> {
        let (config, state) = (places.config()?, places.state()?);
        let siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", config)
            .with("CTRKIT_STATE_DIR", state)
            .heeding(interrupt);
        Ok(Self(siblings))
    }

    /// Makes them use the engine that is asked for, and the same ssh
    /// configuration.
    #[must_use]
    pub fn on(self, engine: &EngineArgs) -> Self {
        self.with("CTRKIT_ENGINE", engine.engine.as_deref().map(Path::new))
            .with("CTRKIT_HOST", engine.host.as_deref().map(Path::new))
            .with("CTRKIT_SSH_CONFIG", engine.ssh_config())
    }

    /// Makes them append their events to the same file.
    #[must_use]
    pub fn telling(self, events: Option<&Path>) -> Self {
        self.with("CTRKIT_EVENTS", events)
    }

    fn with(self, name: &'static str, value: Option<&Path>) -> Self {
        match value {
            Some(value) => Self(self.0.with(name, value)),
            None => self,
        }
    }

    /// Runs `words`, a tool and its arguments, on a document of the container
    /// `name`, and returns the document that it writes.
    pub(crate) fn run(&self, words: Vec<&str>, name: &str, input: &[u8]) -> Result<Vec<u8>, Error> {
        let (tool, args) = words.split_first().map_or(("", &[][..]), |(tool, args)| (*tool, args));
        self.0.run(tool, args, input).map_err(|error| match error {
            SiblingError::Failed(failed) => failure(tool, name, *failed),
            error => error.into(),
        })
    }
}

/// Makes the tool's error ours.
fn failure(tool: &str, name: &str, failed: FailedTool) -> Error {
    let FailedTool { exit, message, hint, command, .. } = failed;
    let kind = match tool {
        "ctr-spec" => "cannot-describe",
        "portalloc" => "cannot-reserve-ports",
        "sshca" => "cannot-certify",
        "dotfiles" => "cannot-choose-dotfiles",
        "ghtoken" => "cannot-push-token",
        "audiotun" => "cannot-prepare-sound",
        "claudecfg" => "cannot-configure-agent",
        "filtergen" => "cannot-make-filter",
        "ctr-image" => "cannot-make-image",
        "mkcompose" => "cannot-compose",
        "mkdevcontainer" => "cannot-make-devcontainer",
        "ctr-lifecycle" => "cannot-run-commands",
        "sshcfg" => "cannot-configure-ssh",
        _ => "cannot-replace",
    };
    let (tool, name, command) = (tool.to_owned(), name.to_owned(), Some(command));
    Error::Step(Box::new(FailedStep { kind, tool, name, exit, message, hint, command }))
}

/// Returns the document as it goes into a tool.
pub(crate) fn to_line(document: &Received<Container>) -> Result<Vec<u8>, Error> {
    Ok(toolkit::line(document)?.into_bytes())
}
