//! A container that the devcontainers CLI makes.
//!
//! The CLI creates and starts in one go: the files come into a container that
//! runs already. One that is isolated waits for them, and is its own ssh server
//! from then on; of others the first process is what the devcontainer.json
//! says, and sshd is started beside it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use devcontainer_cli::{Call, Cli, Labels};
use document::{Container, container::Missing, event::Status, labels};
use engine::{Engine, EngineError, Summary, meanwhile};
use serde_json::{Value, json};
use toolkit::sshd::SERVE;

use crate::{
    Error,
    archive::{Content, Entry, Owner},
    isolated::APP,
    metadata::Judged,
    steps::Run,
};

/// What an isolated container runs, once it is there.
pub(crate) const START: &str = "/etc/ssh/ctrkit/start";

/// What it runs until then. There is no dollar sign in it: the CLI writes
/// Compose files of its own, in which podman-compose would look for variables.
pub(crate) const WAIT: &str =
    "until [ -s /etc/ssh/ctrkit/start ]; do sleep 0.2; done; exec /bin/sh /etc/ssh/ctrkit/start";

/// Takes back one thing that the CLI does: it writes the environment of the first
/// process to where pam_env(8) reads it, root's home among it, which podman
/// says and which is nobody else's.
const CLEAN: &str = "[ ! -f /etc/environment ] || sed -i /^HOME=/d /etc/environment";

/// The status with which [`SERVE`] ends where there is no sshd.
const NO_SSHD: Option<i32> = Some(69);

/// What is known of it before anything is touched.
#[derive(Clone, Debug)]
pub(crate) struct Devcontainer {
    /// The program that is asked for.
    program: Option<PathBuf>,
    /// The program for Compose files that is asked for.
    compose: Option<PathBuf>,
    /// What cannot be changed while the container stays.
    essence: Value,
}

impl Devcontainer {
    /// Reads the files of `container`, if the CLI is to make it.
    pub(crate) fn of(container: &Container, compose: Option<&Path>) -> Result<Option<Self>, Error> {
        let Some(section) = &container.devcontainer else { return Ok(None) };
        let path = section.config.as_deref().ok_or(Missing("devcontainer.config"))?;
        let bad = || devcontainer_cli::Error::BadConfig { path: path.to_owned() };
        let text = toolkit::files::read(path)?.ok_or_else(bad)?;
        let config = serde_json::from_slice(&text).map_err(|_| bad())?;
        let files: Vec<_> = section.compose_files.iter().map(|path| model(path)).collect();
        let essence = json!([section.mode, section.service, essence(config), files]);
        Ok(Some(Self { program: None, compose: compose.map(Path::to_owned), essence }))
    }

    /// Lets `program` be the CLI.
    pub(crate) fn by(self, program: Option<PathBuf>) -> Self {
        Self { program, ..self }
    }

    /// Returns what cannot be changed while the container stays.
    pub(crate) fn essence(&self) -> &Value {
        &self.essence
    }

    /// Finds the CLI.
    pub(crate) fn cli(&self, engine: &Engine) -> Result<Cli, Error> {
        Ok(Cli::find(self.program.as_deref(), engine, self.compose.as_deref())?)
    }
}

/// Returns the file without its labels, which have a digest of their own, and
/// without what says that it is ctrkit's.
fn essence(mut config: Value) -> Value {
    if let Some(args) = config["runArgs"].as_array_mut() {
        args.retain(|arg| !arg.as_str().is_some_and(|arg| arg.starts_with("--label=")));
    }
    if let Some(customizations) = config["customizations"].as_object_mut() {
        customizations.remove("ctrkit");
    }
    config
}

/// Returns the Compose file without ctrkit's labels. One that cannot be read is
/// the CLI's to complain of.
fn model(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_default();
    let Some(mut model) = compose::from_text(&text) else { return json!(text) };
    if let Some(model) = model.as_object_mut() {
        model.remove("x-ctrkit");
    }
    for service in model["services"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        if let Some(labels) = service["labels"].as_object_mut() {
            labels.retain(|name, _| !name.starts_with("ctrkit."));
        }
    }
    model
}

/// Reads the Compose file of the isolated `container`, and returns where it is.
pub(crate) fn isolated_model(container: &Container) -> Result<(PathBuf, Value), Error> {
    let section = container.devcontainer.as_ref();
    let path = section.and_then(|section| section.compose_files.first());
    let path = path.ok_or(Missing("devcontainer.compose_files"))?;
    let bad = || devcontainer_cli::Error::BadConfig { path: path.clone() };
    let text = toolkit::files::read(path)?.ok_or_else(bad)?;
    let text = String::from_utf8(text).map_err(|_| bad())?;
    Ok((path.clone(), compose::from_text(&text).ok_or_else(bad)?))
}

impl Run<'_> {
    /// Has the CLI make the container, which runs then, and returns its id.
    pub(crate) fn create_by_cli(&mut self, by: &Devcontainer) -> Result<Option<String>, Error> {
        let cli = by.cli(self.engine)?;
        self.note_unfinished()?;
        self.images = Some(self.built()?);
        self.note_project()?;
        self.check_own_files()?;
        let image = self.judge_image(&cli)?;
        self.before_cli()?;
        let result = self.call(&cli, &image);
        // A call that failed may have made it; the name was free before.
        let found = self.engine.container(&self.plan.container.name);
        let is_ours = |found: &Summary| self.plan.is_ours(found);
        let found = found.ok().flatten().filter(is_ours).map(|found| found.id);
        self.made.container = found.clone().or_else(|| self.made.container.take());
        result?;
        self.note_made_volumes()?;
        self.check_own_files()?;
        match found {
            Some(id) => {
                self.judge_container(&id, &image)?;
                self.engine.ask(["exec", "--user", "0:0", &id, "/bin/sh", "-c", CLEAN])?;
                Ok(Some(id))
            }
            None => Err(Error::OtherName { name: self.plan.container.name.clone() }),
        }
    }

    /// Makes sure that the repository's own Compose files are those that were
    /// judged: the CLI reads them itself.
    fn check_own_files(&self) -> Result<(), Error> {
        let Some(section) = &self.plan.container.devcontainer else { return Ok(()) };
        let directory = section.config.as_deref().and_then(Path::parent);
        let own = section.compose_files.iter().filter(|file| file.parent() != directory);
        if ::devcontainer::compose_digest(own) == section.compose_digest {
            return Ok(());
        }
        let path = section.own.clone().unwrap_or_default();
        Err(devcontainer_cli::Error::ComposeChanged { path }.into())
    }

    fn call(&mut self, cli: &Cli, image: &Judged) -> Result<(), Error> {
        let (engine, plan) = (self.engine, self.plan);
        let container = plan.container;
        let given = Labels::of(container, &plan.spec.to_label());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let isolated = plan.isolated.as_ref();
        let file = isolated.map(|_| self.write_isolated(&given, image)).transpose()?;
        let directory = &plan.directory;
        let config = devcontainer_cli::in_force(
            container,
            engine.kind(),
            directory,
            &given,
            file.as_deref(),
            image.built.as_deref(),
        )?;
        let own = container.devcontainer.as_ref().and_then(|section| section.project.clone());
        let project = isolated.map(|isolated| isolated.throwaway(now)).or(own);
        let mut options = vec!["--skip-post-create".into()];
        if self.old.is_some() && isolated.is_none() && project.is_some() {
            // It knows the old one by its project, and would start that.
            options.push("--remove-existing-container".into());
        }
        let labels =
            vec![format!("{}={}", labels::NAME, container.name), format!("ctrkit.made={now}")];
        let folder = &container.project.path;
        let (project, config) = (project.as_deref(), &config);
        let call = Call { verb: "up", folder, config, project, labels, options };
        self.cli_step("create", cli, &call)
    }

    /// Carries `call` out, and tells what comes of it as the step `name`. Where the
    /// CLI has podman-compose make a network, one of the machine's interfaces may go.
    pub(crate) fn cli_step(&mut self, name: &str, cli: &Cli, call: &Call<'_>) -> Result<(), Error> {
        self.events.emit(name, Status::Started, None);
        let events = &mut *self.events;
        let result = meanwhile::again(meanwhile::INTERFACE, || {
            cli.run(call, self.interrupt, |line| {
                if line.matters {
                    events.emit(name, Status::Progress, Some(line.text.clone()));
                }
            })
        });
        let (status, message) = match &result {
            Ok(_) => (Status::Done, None),
            Err(error) => (Status::Failed, Some(error.to_string())),
        };
        self.events.emit(name, status, message);
        result?;
        Ok(())
    }

    /// Writes the Compose file of an isolated container: that of mkdevcontainer(1),
    /// which waits until its files are there.
    fn write_isolated(&self, labels: &Labels, image: &Judged) -> Result<PathBuf, Error> {
        let container = self.plan.container;
        let (path, mut model) = isolated_model(container)?;
        let bad = || devcontainer_cli::Error::BadConfig { path: path.clone() };
        let app = model["services"][APP].as_object_mut().ok_or_else(bad)?;
        if app.get("container_name") != Some(&json!(container.name)) {
            return Err(bad().into());
        }
        app.insert("entrypoint".to_owned(), json!(["/bin/sh", "-c"]));
        app.insert("command".to_owned(), json!([WAIT]));
        if let Some(image) = &image.built {
            app.remove("build");
            app.insert("image".to_owned(), json!(image));
            app.insert("pull_policy".to_owned(), json!("never"));
        }
        let known = app.entry("labels").or_insert_with(|| json!({}));
        for (name, value) in labels.to_object() {
            known[name] = value;
        }
        let path = self.plan.directory.join("devcontainer.up.compose.json");
        let text = compose::to_text(&model).map_err(|_| bad())?;
        toolkit::files::replace(&path, text.as_bytes(), 0o600)?;
        Ok(path)
    }

    /// Starts sshd beside the container's first process, where that is none and
    /// it does not run.
    pub(crate) fn serve(&mut self) -> Result<(), Error> {
        if self.plan.devcontainer.is_none() || self.plan.isolated.is_some() {
            return Ok(());
        }
        let name = &self.plan.container.name;
        let args = ["exec", "--user", "0:0", name, "/bin/sh", "-c", SERVE];
        match self.events.step("serve", || self.engine.ask(args)) {
            Ok(_) => Ok(()),
            Err(EngineError::Failed(call)) if call.status == NO_SSHD => {
                Err(Error::NoServer { name: name.clone() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what an isolated container waits for: what it is to run. It has
    /// to be the last of its files.
    pub(crate) fn start_file(&self) -> Option<Entry> {
        self.plan.devcontainer.as_ref()?;
        let script = self.plan.isolated.as_ref()?.script()?;
        Some(Entry {
            target: START.to_owned(),
            mode: 0o755,
            owner: Owner::Root,
            content: Content::File(script.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_count_twice() {
        let one = json!({"runArgs": ["--name=a", "--label=x=1"], "image": "i",
            "customizations": {"ctrkit": {"digest": "1"}, "vscode": {}}});
        let other = json!({"runArgs": ["--name=a", "--label=x=2"], "image": "i",
            "customizations": {"ctrkit": {"digest": "2"}, "vscode": {}}});
        assert_eq!(essence(one.clone()), essence(other));
        let other = json!({"runArgs": ["--name=a"], "image": "j"});
        assert_ne!(essence(one), essence(other));
    }
}
