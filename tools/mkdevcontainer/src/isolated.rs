//! A container that has no way out: always a service of a Compose file.
//!
//! The service is the one of the model that mkcompose(1) wrote, made from the
//! repository's image or build; the sidecars are carried out by ctr-up(1), as
//! without a devcontainer.json. Nothing of the repository's file is laid over
//! it but what is inside of the container. Compose files of the repository's are
//! laid over the model by mkcompose(1), which refuses what leads out.

use std::path::{Path, PathBuf};

use compose::{APP, Made};
use devcontainer::{Base, Own};
use document::{Container, compose::Names, container::Missing};
use serde_json::{Map, Value, json};
use toolkit::{SiblingError, files};

use crate::{DIRECTORY, Error, literal, merge, service};

/// The repository's own Compose files, as an override of the model.
const OVERRIDE: &str = "override.json";

/// Keys that the model decides.
const DECIDED: [&str; 14] = [
    "appPort",
    "build",
    "capAdd",
    "containerUser",
    "context",
    "dockerComposeFile",
    "dockerFile",
    "image",
    "init",
    "overrideCommand",
    "privileged",
    "runArgs",
    "runServices",
    "securityOpt",
];

/// Returns the model in `text`, which mkcompose(1) wrote.
#[must_use]
pub fn model_in(text: &[u8]) -> Option<Value> {
    compose::from_text(std::str::from_utf8(text).ok()?)
}

/// Returns what stands for the model where none is written: what the repository's
/// own file says is judged without it.
#[must_use]
pub fn empty_model() -> Value {
    json!({"services": {APP: {}}})
}

/// Returns the repository's own Compose files as one override of the model, and
/// what the container is made from; nothing where there are none.
fn composed(own: &Own, project: &Path) -> Result<Option<(String, Made)>, Error> {
    let Base::Compose { service, .. } = own.base() else { return Ok(None) };
    let files = own.compose_files(project);
    let directory = devcontainer::directory(&files, project);
    Ok(Some(compose::as_override(&files, &service, APP, directory)?))
}

/// Writes the repository's own Compose files as an override of the model, and
/// returns where; nothing where there are none. It goes into the container's
/// `state` directory, whatever directory the other files are for, or into one
/// that is `aside`, where nothing is to be kept.
pub fn write_override(
    container: &Container,
    own: Option<&Own>,
    state: &Path,
    aside: Option<&Path>,
) -> Result<Option<PathBuf>, Error> {
    let Some(own) = own.filter(|_| container.isolation.is_some()) else { return Ok(None) };
    let Some((text, _)) = composed(own, &container.project.path)? else { return Ok(None) };
    let ours = state.join(DIRECTORY).join(OVERRIDE);
    let person = container.compose.as_ref().and_then(|compose| compose.over.clone());
    if let Some(person) = person.filter(|person| *person != ours) {
        return Err(Error::TwoOverrides { person, own: own.path.clone() });
    }
    let path = aside.map_or(ours, |aside| aside.join(OVERRIDE));
    files::create_private_dir(path.parent().unwrap_or(state))?;
    files::replace(&path, text.as_bytes(), 0o600)?;
    Ok(Some(path))
}

/// Returns what it means that mkcompose(1) did not lay an override over the model.
pub fn refused(own: Option<&Own>, error: SiblingError) -> Error {
    match (error, own) {
        (SiblingError::Failed(failed), Some(own))
            if failed.kind.as_deref().is_some_and(|kind| kind.starts_with("override-")) =>
        {
            let (path, reason) = (own.path.clone(), failed.message);
            Error::CannotIsolate { path, key: "dockerComposeFile".to_owned(), reason }
        }
        (error, _) => error.into(),
    }
}

/// Returns the Compose file with the container alone: what stands around it is
/// there when it is made.
pub(crate) fn file(
    container: &Container,
    own: Option<&Own>,
    mut model: Value,
) -> Result<Value, Error> {
    let names = Names::of(&container.project.hash);
    let mut app = model["services"][APP].take();
    let Some(keys) = app.as_object_mut() else { return Err(Missing("compose.file: app").into()) };
    keys.remove("depends_on");
    let project = &container.project.path;
    let made = own.map(|own| composed(own, project)).transpose()?.flatten().map(|(_, made)| made);
    match own.map(Own::base) {
        Some(Base::Compose { .. }) => {
            let made = made.unwrap_or_default();
            let build =
                own.map(|own| service::own_build(own, &made, project)).transpose()?.flatten();
            set(keys, container, build, made.image);
        }
        Some(Base::Image(image)) => drop(keys.insert("image".to_owned(), image.into())),
        Some(Base::Build { .. }) => {
            let build = own.map(|own| merge::build(own, &container.project.path)).transpose()?;
            set(keys, container, build.flatten().map(|build| service::build(&build)), None);
        }
        _ => {}
    }
    let networks = external(&model["networks"], |name| app["networks"].get(name).is_some());
    let mounts = app["volumes"].as_array().into_iter().flatten();
    let sources: Vec<_> = mounts.filter_map(|mount| mount["source"].as_str()).collect();
    let volumes = external(&model["volumes"], |name| sources.contains(&name));
    let mut file = json!({
        "name": names.dev_project(),
        "services": {APP: app},
        "networks": networks,
        "volumes": volumes,
    });
    // Without its word podman-compose would put the container into a pod.
    if let Some(word) = model.get("x-podman") {
        file["x-podman"] = word.clone();
    }
    Ok(file)
}

/// Lets the service be made by `build`, or else from `image`.
fn set(
    app: &mut Map<String, Value>,
    container: &Container,
    build: Option<Value>,
    image: Option<String>,
) {
    // A name that says where it is: without that the engines do not agree on the
    // name of what they have built.
    let image = if build.is_some() { Some(service::image(container)) } else { image };
    app.extend(image.map(|image| ("image".to_owned(), image.into())));
    if let Some(build) = build {
        app.insert("build".to_owned(), build);
        app.remove("pull_policy");
    }
}

/// Returns those of `all` that are `used`, as what is there already.
fn external(all: &Value, used: impl Fn(&str) -> bool) -> Map<String, Value> {
    let all = all.as_object().into_iter().flatten().filter(|(key, _)| used(key));
    all.map(|(key, one)| {
        let name = one.get("name").and_then(Value::as_str).unwrap_or(key);
        (key.clone(), json!({"name": name, "external": true}))
    })
    .collect()
}

/// Returns the devcontainer.json: of the repository's own what is inside of the
/// container.
pub(crate) fn config(
    own: Option<&Own>,
    file: &Value,
    common: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    let mut config = own.map(|own| own.config.clone()).unwrap_or_default();
    config.retain(|key, _| !DECIDED.contains(&key.as_str()) && key != "workspaceMount");
    // A variable of the model leads to the proxy, or to what it is trusted by.
    if let Some(decided) = file["services"][APP]["environment"].as_object() {
        merge::without(&mut config, decided);
    }
    literal::check(&common)?;
    merge::lay_over(&mut config, common);
    config.insert("service".to_owned(), APP.into());
    config.insert("overrideCommand".to_owned(), false.into());
    Ok(config)
}
