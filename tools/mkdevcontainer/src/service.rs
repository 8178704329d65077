//! Parts of Compose files that more than one kind of container has.

use document::{Container, compose::Names};
use serde_json::{Map, Value, json};

/// Returns the Compose project of the container: not that of its sidecars, of
/// which another run would remove what it does not know.
pub(crate) fn project(names: Names<'_>) -> String {
    format!("{}-dev", names.project())
}

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
