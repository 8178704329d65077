//! What stands around an isolated container: its Compose model, taken apart
//! into the sidecars, which outlive it, and the container itself.
//!
//! They are two projects to the program that carries Compose files out. It
//! knows a container by the project alone, and would remove the one that is to
//! be replaced; under a name that is used once it finds nothing to remove.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub(crate) use compose::APP;
use document::{Container, compose::Names, labels};
use engine::{Compose, Engine, EngineError};
use serde_json::{Map, Value, json};
use toolkit::files;

use crate::Error;

/// How long the program may take for one call.
const LIMIT: Duration = Duration::from_secs(120);

/// The model of an isolated container.
#[derive(Clone, Debug)]
pub(crate) struct Isolated {
    model: Value,
    project: String,
    directory: PathBuf,
    program: Option<PathBuf>,
    compose: OnceLock<Compose>,
}

impl Isolated {
    /// Reads the model of `container`, if it is to be isolated. One that is not
    /// what the document says was written for another document.
    pub(crate) fn of(
        container: &Container,
        directory: &Path,
        program: Option<&Path>,
    ) -> Result<Option<Self>, Error> {
        let Some(isolation) = &container.isolation else { return Ok(None) };
        if isolation.mode != "proxy" {
            return Err(Error::BadValue {
                key: "isolation.mode",
                value: isolation.mode.clone(),
                rule: "the only one is 'proxy'",
            });
        }
        Ok(Some(Self {
            model: compose::model_of(container)?,
            project: Names::of(&container.project.hash).project(),
            directory: directory.to_owned(),
            program: program.map(Path::to_owned),
            compose: OnceLock::new(),
        }))
    }

    /// Returns the program that carries it out, which is asked for its version
    /// once.
    pub(crate) fn compose(&self, engine: &Engine) -> Result<&Compose, EngineError> {
        if let Some(compose) = self.compose.get() {
            return Ok(compose);
        }
        let compose = engine.compose(self.program.as_deref())?;
        Ok(self.compose.get_or_init(|| compose))
    }

    /// Returns what cannot be changed while it stays: all but the labels, of
    /// which some may, and which have a digest of their own.
    pub(crate) fn essence(&self) -> Value {
        let mut model = self.model.clone();
        for service in members(&mut model["services"]) {
            service.remove("labels");
        }
        for kind in ["networks", "volumes"] {
            for each in members(&mut model[kind]) {
                each.remove("labels");
            }
        }
        model
    }

    /// Returns the names of the services that are sidecars.
    pub(crate) fn services(&self) -> Vec<&str> {
        let services = self.model["services"].as_object().into_iter().flat_map(Map::keys);
        services.map(String::as_str).filter(|name| *name != APP).collect()
    }

    /// Returns the name of the container of `service`.
    pub(crate) fn container(&self, service: &str) -> &str {
        self.model["services"][service]["container_name"].as_str().unwrap_or_default()
    }

    /// Returns the command that tells inside `service` whether it is well, if
    /// there is one.
    pub(crate) fn check(&self, service: &str) -> Option<Vec<String>> {
        let test = self.model["services"][service]["healthcheck"]["test"].as_array()?;
        let words: Vec<_> = test.iter().filter_map(Value::as_str).collect();
        match words.split_first()? {
            (&"CMD", words) => Some(words.iter().map(|word| (*word).to_owned()).collect()),
            _ => None,
        }
    }

    /// Makes the sidecars be there and run; `anew` also where they do already.
    pub(crate) fn up(&self, engine: &Engine, anew: bool) -> Result<(), EngineError> {
        let compose = self.compose(engine)?;
        let mut model = self.part(|service| service != APP);
        for service in members(&mut model["services"]) {
            service.remove("depends_on");
        }
        let file = self.write("compose.sidecars.json", &model)?;
        let anew = anew.then_some("--force-recreate");
        let args = ["up", "--detach", "--no-deps", "--remove-orphans"].into_iter().chain(anew);
        compose.run(&self.project, &file, args, LIMIT)?;
        Ok(())
    }

    /// Creates the container, not started, with the label `ctrkit.spec` set to
    /// `spec`. Networks and volumes are there.
    pub(crate) fn create(&self, engine: &Engine, spec: &str) -> Result<(), EngineError> {
        let compose = self.compose(engine)?;
        let mut model = self.part(|service| service == APP);
        let app = &mut model["services"][APP];
        app["labels"][labels::SPEC] = json!(spec);
        if let Some(app) = app.as_object_mut() {
            app.remove("depends_on");
        }
        for kind in ["networks", "volumes"] {
            for each in members(&mut model[kind]) {
                each.retain(|key, _| key == "name");
                each.insert("external".to_owned(), json!(true));
            }
        }
        let file = self.write("compose.app.json", &model)?;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let project = self.throwaway(time.as_millis());
        compose.run(&project, &file, ["up", "--no-start", "--no-deps"], LIMIT)?;
        Ok(())
    }

    /// Returns the name of a project that is used once.
    pub(crate) fn throwaway(&self, time: u128) -> String {
        format!("{}-app-{time:x}", self.project)
    }

    /// Returns what the container runs, a script for `sh`.
    pub(crate) fn script(&self) -> Option<&str> {
        self.model["services"][APP]["command"].as_array()?.last()?.as_str()
    }

    /// Returns the model with those services alone, and with what they use.
    fn part(&self, is_wanted: impl Fn(&str) -> bool) -> Value {
        let mut model = self.model.clone();
        if let Some(services) = model["services"].as_object_mut() {
            services.retain(|name, _| is_wanted(name));
        }
        let mut used = BTreeSet::new();
        for service in members(&mut model["services"]) {
            let networks = service.get("networks").and_then(Value::as_object);
            used.extend(networks.into_iter().flat_map(Map::keys).cloned());
            let mounts = service.get("volumes").and_then(Value::as_array);
            let sources = mounts.into_iter().flatten().map(|mount| mount["source"].as_str());
            used.extend(sources.flatten().map(str::to_owned));
        }
        for kind in ["networks", "volumes"] {
            if let Some(all) = model[kind].as_object_mut() {
                all.retain(|name, _| used.contains(name));
            }
        }
        if let Some(model) = model.as_object_mut() {
            model.remove("name");
        }
        model
    }

    fn write(&self, name: &str, model: &Value) -> Result<PathBuf, files::FileError> {
        let path = self.directory.join(name);
        // It was read from such a text: what is in it can be written.
        let text = compose::to_text(model).unwrap_or_default();
        files::replace(&path, text.as_bytes(), 0o600)?;
        Ok(path)
    }
}

/// Returns the members of an object that are objects themselves.
fn members(value: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let members = value.as_object_mut().into_iter().flat_map(Map::values_mut);
    members.filter_map(Value::as_object_mut)
}
