//! A container that has no way out: always a service of a Compose file.
//!
//! The service is the one of the model that mkcompose(1) wrote, made from the
//! repository's image or build; the sidecars are carried out by ctr-up(1), as
//! without a devcontainer.json. Nothing of the repository's file is laid over
//! it but what is inside of the container.

use devcontainer::{Base, Own};
use document::{Container, compose::Names, container::Missing};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use toolkit::files;

use crate::{Error, literal, merge, service};

/// The container's service in the model.
const APP: &str = "app";

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

/// Returns the model that mkcompose(1) wrote for `container`; another one was
/// written for another document.
pub(crate) fn model(container: &Container) -> Result<Value, Error> {
    let section = container.compose.as_ref().ok_or(Missing("compose"))?;
    let path = section.file.as_deref().ok_or(Missing("compose.file"))?;
    let digest = section.digest.as_deref().ok_or(Missing("compose.digest"))?;
    let changed = || Error::ModelChanged { path: path.to_owned() };
    let text = files::read(path)?.ok_or_else(changed)?;
    if format!("sha256:{:x}", Sha256::digest(&text)) != digest {
        return Err(changed());
    }
    let text = String::from_utf8(text).map_err(|_| changed())?;
    compose::from_text(&text).ok_or_else(changed)
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
    match own.map(Own::base) {
        Some(Base::Image(image)) => drop(keys.insert("image".to_owned(), image.into())),
        Some(Base::Build { .. }) => {
            let build = own.map(|own| merge::build(own, &container.project.path)).transpose()?;
            let build = build.flatten().unwrap_or_default();
            keys.insert("build".to_owned(), service::build(&build));
            // A name that says where it is: without that the engines do not agree
            // on the name of what they have built.
            keys.insert("image".to_owned(), service::image(container).into());
            keys.remove("pull_policy");
        }
        _ => {}
    }
    let networks = external(&model["networks"], |name| app["networks"].get(name).is_some());
    let mounts = app["volumes"].as_array().into_iter().flatten();
    let sources: Vec<_> = mounts.filter_map(|mount| mount["source"].as_str()).collect();
    let volumes = external(&model["volumes"], |name| sources.contains(&name));
    Ok(json!({
        "name": service::project(names),
        "services": {APP: app},
        "networks": networks,
        "volumes": volumes,
    }))
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
    let taken = &file["services"][APP]["environment"];
    if let Some(env) = config.get_mut("containerEnv").and_then(Value::as_object_mut) {
        env.retain(|name, _| taken.get(name).is_none());
    }
    literal::check(&common)?;
    merge::lay_over(&mut config, common);
    config.insert("service".to_owned(), APP.into());
    config.insert("overrideCommand".to_owned(), false.into());
    Ok(config)
}
