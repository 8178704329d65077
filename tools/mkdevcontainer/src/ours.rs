//! What is ours in the file: name, ports, volumes, labels, limits, environment.

use document::{
    Container,
    container::{Missing, Volume},
    labels,
};
use engine::options;
use serde_json::{Map, Value, json};

/// Returns the keys that every devcontainer.json of ours has, whatever the
/// container is made from.
pub(crate) fn common(container: &Container) -> Result<Map<String, Value>, Missing> {
    let keys = json!({
        "name": container.name,
        "workspaceFolder": container.workspace()?,
        "remoteUser": container.user()?,
        // The code is in a volume that the account has already. Without this an
        // image would be made once more, for an account with another number.
        "updateRemoteUserUID": false,
        // An editor that is closed stops nothing.
        "shutdownAction": "none",
    });
    Ok(object(keys))
}

/// Returns the keys by which a container that the engine makes without Compose
/// has what the document says.
pub(crate) fn engine(container: &Container) -> Map<String, Value> {
    let workspace = container.workspace.as_deref().unwrap_or_default();
    let holds = |volume: &&Volume| std::path::Path::new(workspace).starts_with(&volume.target);
    let home = container.volumes.iter().find(holds);
    let others = container.volumes.iter().filter(|volume| Some(*volume) != home);
    let mounts = others.map(options::volume).chain(container.mounts.iter().map(options::mount));
    let mounts: Vec<_> = mounts.map(Value::from).collect();
    let mut keys = object(json!({
        "init": true,
        "runArgs": run_args(container),
        // Without one it would be the worktree itself, which could be written.
        "workspaceMount": home.map(options::volume).unwrap_or_default(),
    }));
    if !mounts.is_empty() {
        keys.insert("mounts".to_owned(), mounts.into());
    }
    let env = environment(container);
    if !env.is_empty() {
        keys.insert("containerEnv".to_owned(), env.into());
    }
    keys
}

/// Returns the document's environment.
pub(crate) fn environment(container: &Container) -> Map<String, Value> {
    container.env.iter().map(|each| (each.name.clone(), json!(each.value))).collect()
}

/// Returns the members of `value`, which is an object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Returns the options of `run`, each in one argument: a value that begins
/// with a hyphen stays a value.
fn run_args(container: &Container) -> Vec<String> {
    let name = &container.name;
    let mut args = vec![
        format!("--name={name}"),
        format!("--hostname={name}"),
        format!("--restart={}", container.restart()),
    ];
    let labels = all_labels(container);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    args.extend(labels.iter().map(|(name, value)| format!("--label={name}={}", text(value))));
    let published = container.ports.iter().filter_map(options::published);
    args.extend(published.map(|port| format!("--publish={port}")));
    args.extend(container.limits.iter().flat_map(options::limits));
    args
}

/// Returns the labels, those by which ctrkit knows its own included, also for
/// a document that has none.
pub(crate) fn all_labels(container: &Container) -> Vec<(String, Value)> {
    let path = container.project.path.to_string_lossy();
    let identity = [
        (labels::MANAGED, "true"),
        (labels::NAME, &container.name),
        (labels::PROJECT_PATH, &path),
        (labels::PROJECT_HASH, &container.project.hash),
    ];
    let is_other = |name: &str| identity.iter().all(|(known, _)| *known != name);
    let others = container.labels.iter().filter(|label| is_other(&label.name));
    let others = others.map(|label| (label.name.clone(), json!(label.value)));
    identity
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .chain(others)
        .collect()
}
