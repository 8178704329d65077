//! Features (containers.dev/implementors/features): parts that are installed
//! into the image, and that may ask for more of the machine.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    Danger, Own, Scope, contents,
    danger::{self, inside},
    jsonc,
};

/// Where the specification's own features are.
const OFFICIAL: &str = "ghcr.io/devcontainers/features/";

/// Those of them that ask the machine for nothing: neither privileges nor
/// mounts nor another filter of system calls (their devcontainer-feature.json).
const HARMLESS: [&str; 18] = [
    "anaconda",
    "aws-cli",
    "azure-cli",
    "common-utils",
    "conda",
    "dotnet",
    "git",
    "git-lfs",
    "github-cli",
    "hugo",
    "java",
    "node",
    "oryx",
    "php",
    "powershell",
    "python",
    "ruby",
    "terraform",
];

/// Lists what of the features reaches more than a container of ctrkit's does.
pub(crate) fn dangers(own: &Own, scope: &Scope<'_>) -> Vec<Danger> {
    own.table("features").flat_map(|(id, options)| of_one(own, scope, id, options)).collect()
}

fn of_one(own: &Own, scope: &Scope<'_>, id: &str, options: &Value) -> Vec<Danger> {
    let key = format!("features.{id}");
    let mut found = Vec::new();
    let danger = |reason: &str| Danger::new(&key, options, reason);
    if scope.isolated {
        let reason = "its installation runs outside of the isolation, with this machine's network";
        found.push(danger(reason));
    }
    if id.starts_with("./") || id.starts_with("../") {
        return match local(own, scope, id) {
            Ok((asked, contents)) => {
                found.extend(asked);
                found.into_iter().map(|danger| danger.with(Some(contents.clone()))).collect()
            }
            Err(reason) => {
                found.push(danger(&reason).breaking());
                found
            }
        };
    }
    let name = id.strip_prefix(OFFICIAL).and_then(|name| name.split([':', '@']).next());
    if !name.is_some_and(|name| HARMLESS.contains(&name)) {
        let reason = "what it asks of this machine is not known before it is there";
        found.push(danger(reason).breaking());
    }
    found
}

/// Lists what a feature asks for that lies in the repository, with the digest of
/// all its files.
fn local(own: &Own, scope: &Scope<'_>, id: &str) -> Result<(Vec<Danger>, String), String> {
    let directory = inside(scope.project, &own.directory().join(id))?;
    let contents = contents::of_directory(&directory)?;
    let path = directory.join("devcontainer-feature.json");
    let unreadable =
        |why: &dyn std::fmt::Display| format!("its '{}' cannot be read: {why}", path.display());
    let text = read(scope.project, &path).map_err(|why| unreadable(&why))?;
    let (feature, _) = jsonc::parse(&text).map_err(|broken| unreadable(&broken.message))?;
    let at = format!("features.{id}.");
    let mut found = danger::of_properties(&at, &feature, scope);
    for (key, value) in &feature {
        danger::of_host(&format!("{at}{key}"), value, &mut found);
    }
    let others = feature.get("dependsOn").filter(|others| **others != json!({}));
    let reason = "what it brings along is not known before it is there";
    let key = format!("{at}dependsOn");
    found.extend(others.map(|others| Danger::new(&key, others, reason).breaking()));
    Ok((found, contents))
}

fn read(project: &Path, path: &Path) -> Result<String, String> {
    std::fs::read_to_string(inside(project, path)?).map_err(|error| error.to_string())
}
