//! Parts of Compose files that more than one kind of container has.

use compose::Made;
use devcontainer::Own;
use document::{Container, compose::Names};
use serde_json::{Map, Value, json};

use crate::{Error, merge, ours};

/// Returns the name of the image that is built for `container`.
pub(crate) fn image(container: &Container) -> String {
    format!("localhost/ctrkit-dev-{}:latest", container.project.hash)
}

/// Returns `build` of a devcontainer.json in the words of Compose.
pub(crate) fn build(build: &Map<String, Value>) -> Value {
    let mut service = Map::new();
    for (key, name) in [
        ("context", "context"),
        ("dockerfile", "dockerfile"),
        ("args", "args"),
        ("target", "target"),
    ] {
        service.extend(build.get(key).map(|value| (name.to_owned(), value.clone())));
    }
    if let Some(from) = build.get("cacheFrom") {
        let from = if from.is_array() { from.clone() } else { json!([from]) };
        service.insert("cache_from".to_owned(), from);
    }
    service.into()
}

/// Returns the Compose file that is laid over the repository's own `files`: the
/// container's name, ports, volumes, labels, limits and environment.
pub(crate) fn over(
    container: &Container,
    service: &str,
    files: &[std::path::PathBuf],
) -> Result<Value, Error> {
    let ports: Vec<_> = container.ports.iter().filter_map(compose::published).collect();
    let mut app = json!({
        "container_name": container.name,
        "restart": container.restart(),
        "init": true,
        "labels": ours::all_labels(container).into_iter().collect::<Map<_, _>>(),
        "environment": ours::environment(container),
        "volumes": mounts(container),
    });
    limits(container, &mut app);
    let mut services = Map::new();
    // A container in the network of another has neither ports nor a name of its own.
    let place = compose::network_of(files, service)?;
    match place.filter(|place| place != service) {
        Some(place) => drop(services.insert(place, json!({"ports": ports}))),
        None => {
            app["hostname"] = json!(container.name);
            app["ports"] = json!(ports);
        }
    }
    services.insert(service.to_owned(), app);
    let volumes = container
        .volumes
        .iter()
        .map(|volume| (volume.name.clone(), json!({"name": volume.name, "external": true})));
    let mut model = json!({
        "name": Names::of(&container.project.hash).dev_project(),
        "services": services,
        "volumes": volumes.collect::<Map<_, _>>(),
    });
    if container.engine.as_ref().is_some_and(|engine| engine.kind == "podman") {
        model["x-podman"] = json!({"in_pod": false});
    }
    Ok(model)
}

fn mounts(container: &Container) -> Vec<Value> {
    let volumes = container
        .volumes
        .iter()
        .map(|volume| json!({"type": "volume", "source": volume.name, "target": volume.target}));
    volumes.chain(container.mounts.iter().map(compose::mounted)).collect()
}

fn limits(container: &Container, app: &mut Value) {
    let Some(limits) = &container.limits else { return };
    let all = [
        ("mem_limit", limits.memory.as_ref().map(|it| json!(it))),
        ("cpus", limits.cpus.as_ref().map(|it| json!(it))),
        ("pids_limit", limits.pids.map(|it| json!(it))),
        ("cap_drop", Some(json!(limits.cap_drop)).filter(|_| !limits.cap_drop.is_empty())),
    ];
    for (key, value) in all {
        if let Some(value) = value {
            app[key] = value;
        }
    }
}

/// Returns how the image of the repository's own service is built, with
/// absolute paths; what is not known of a build has no place in an isolation.
pub(crate) fn own_build(
    own: &Own,
    made: &Made,
    project: &std::path::Path,
) -> Result<Option<Value>, Error> {
    let Some(build) = &made.build else { return Ok(None) };
    let files = own.compose_files(project);
    let base = devcontainer::directory(&files, project).own;
    let refused = |key: &str| Error::CannotIsolate {
        path: own.path.clone(),
        key: format!("build.{key}"),
        reason: "it is not known to leave the isolation whole".to_owned(),
    };
    let text = |key: &str, usual| build.get(key).and_then(Value::as_str).unwrap_or(usual);
    let context = base.join(build.as_str().unwrap_or(text("context", ".")));
    let mut made = json!({
        "context": merge::real(&context),
        "dockerfile": merge::real(&context.join(text("dockerfile", "Dockerfile"))),
    });
    for (key, value) in build.as_object().into_iter().flatten() {
        match key.as_str() {
            "context" | "dockerfile" => {}
            _ if value.to_string().contains('$') => return Err(refused(key)),
            "args" | "target" => made[key] = value.clone(),
            _ => return Err(refused(key)),
        }
    }
    Ok(Some(made))
}
