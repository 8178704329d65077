//! Runs the life-cycle commands of a devcontainer.json in its container.
//!
//! The devcontainers CLI knows which are due: onCreateCommand,
//! updateContentCommand and postCreateCommand once for each container,
//! postStartCommand at each start. It notes in the container what it has done.

mod error;

use std::path::{Path, PathBuf};

use devcontainer_cli::{CONFIG, Call, Cli, Line, config_label};
use document::{
    Container,
    container::{Missing, State},
    event::Status,
};
use engine::{Engine, HERE};
use toolkit::{Events, Failure, Interrupt, Places, Siblings};

pub use crate::error::Error;

/// The programs that are asked for.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// The devcontainers CLI.
    pub cli: Option<PathBuf>,
    /// The program for Compose files.
    pub compose: Option<PathBuf>,
}

/// What runs the commands of one container.
#[derive(Debug)]
pub struct Runner<'a> {
    /// The document, as ctr-up(1) has written it.
    pub container: &'a Container,
    /// The engine.
    pub engine: &'a Engine,
    /// The programs.
    pub programs: Programs,
    /// Where the container's state is.
    pub places: &'a Places,
    /// Asked all the while.
    pub interrupt: &'a Interrupt,
}

impl Runner<'_> {
    /// Runs the commands that are due; what they write is handed to `show`.
    pub fn run(&self, events: &mut Events, mut show: impl FnMut(&str)) -> Result<(), Error> {
        let Programs { cli, compose } = &self.programs;
        let cli = Cli::find(cli.as_deref(), self.engine, compose.as_deref())?;
        let name = &self.container.name;
        let id = self.engine.managed(name)?;
        if id.status != "running" {
            return Err(Error::NotRunning { name: name.clone() });
        }
        let config = self.places.container(name)?.join(CONFIG);
        let call = call(self.container, &config, &id.id)?;
        events.emit("life-cycle", Status::Started, None);
        let result = cli.run(&call, self.interrupt, |line| hear(line, events, &mut show));
        let (status, message) = match &result {
            Ok(_) => (Status::Done, None),
            Err(error) => (Status::Failed, Some(error.to_string())),
        };
        events.emit("life-cycle", status, message);
        result.map(drop).map_err(Error::from)
    }

    /// Takes back what the run of ctr-up(1) made that wrote the document. What
    /// was there before stays: a volume, and a container that was only started.
    pub fn take_back(&self, config: Option<&Path>, events: &mut Events) -> Result<(), Error> {
        let made = made(self.container.state.as_ref());
        let name = &self.container.name;
        if !made.contains(name) {
            return Ok(());
        }
        let siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", self.places.config()?)
            .with("CTRKIT_STATE_DIR", self.places.state()?)
            .with("CTRKIT_SSH_CONFIG", config.unwrap_or(Path::new("")))
            .with("CTRKIT_ENGINE", self.engine.program())
            .with("CTRKIT_HOST", self.engine.host().unwrap_or(HERE))
            .with("CTRKIT_EVENTS", "");
        siblings.run("ctr-rm", &[name], b"")?;
        events.emit("undo", Status::Undone, Some(name.clone()));
        for volume in made.iter().filter(|made| *made != name) {
            self.engine.run(["volume", "rm", volume])?;
            events.emit("undo", Status::Undone, Some(volume.clone()));
        }
        Ok(())
    }
}

/// Says whether `error` is a reason to take the container back.
#[must_use]
pub fn is_final(error: &Error) -> bool {
    matches!(error.kind(), "command-failed" | "interrupted")
}

fn made(state: Option<&State>) -> &[String] {
    state.map(|state| state.made.as_slice()).unwrap_or_default()
}

/// Returns the call of the CLI for the container with that id.
fn call<'a>(container: &'a Container, config: &'a Path, id: &str) -> Result<Call<'a>, Missing> {
    let section = container.devcontainer.as_ref().ok_or(Missing("devcontainer"))?;
    let mut labels =
        vec![format!("devcontainer.local_folder={}", container.project.path.display())];
    labels.push(format!("devcontainer.config_file={}", config_label(container)));
    Ok(Call {
        verb: "run-user-commands",
        folder: &container.project.path,
        config,
        project: section.project.as_deref(),
        labels,
        // What is to be run when somebody attaches is the editor's to run.
        options: ["--container-id", id, "--skip-post-attach"].map(Into::into).to_vec(),
    })
}

fn hear(line: &Line, events: &mut Events, show: &mut impl FnMut(&str)) {
    if line.output {
        show(&line.text);
    }
    if line.matters {
        events.emit("life-cycle", Status::Progress, Some(line.text.clone()));
    }
}

#[cfg(test)]
mod tests {
    use document::container::Project;

    use super::*;

    fn container(made: &[&str]) -> Container {
        let project = Project {
            path: "/p".into(),
            name: "p".into(),
            hash: "0123456789ab".into(),
            branch: None,
            extra: document::Extra::new(),
        };
        let mut container = Container::new("dev-p-012345".into(), project);
        let made = made.iter().map(|made| (*made).to_owned()).collect();
        container.state = Some(State { status: "running".into(), made, ..State::default() });
        container
    }

    #[test]
    fn without_a_devcontainer_there_is_nothing_to_call() {
        assert!(call(&container(&[]), Path::new("/c"), "1").is_err());
    }

    #[test]
    fn the_container_is_named_by_its_id() {
        let mut container = container(&[]);
        container.devcontainer = Some(document::devcontainer::Devcontainer::default());
        let call = call(&container, Path::new("/c"), "12ab").unwrap();
        assert_eq!(call.options, ["--container-id", "12ab", "--skip-post-attach"]);
        assert_eq!(call.labels[1], "devcontainer.config_file=/p/.devcontainer/devcontainer.json");
    }

    #[test]
    fn what_was_made_is_what_the_document_says() {
        assert_eq!(made(container(&["a", "b"]).state.as_ref()), ["a", "b"]);
        assert!(made(None).is_empty());
    }
}
