//! Features (containers.dev/implementors/features): parts that are installed
//! into the image, and that may ask for more of the machine.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    Danger, Own, Scope,
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

/// How many files a feature may have that is looked through.
const FILES: usize = 10_000;

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
        match local(own, scope, id) {
            Ok(asked) => found.extend(asked),
            Err(reason) => found.push(danger(&reason).breaking()),
        }
        return found;
    }
    let name = id.strip_prefix(OFFICIAL).and_then(|name| name.split([':', '@']).next());
    if !name.is_some_and(|name| HARMLESS.contains(&name)) {
        let reason = "what it asks of this machine is not known before it is there";
        found.push(danger(reason).breaking());
    }
    found
}

/// Lists what a feature asks for that lies in the repository.
fn local(own: &Own, scope: &Scope<'_>, id: &str) -> Result<Vec<Danger>, String> {
    let directory = inside(scope.project, &own.directory().join(id))?;
    no_links(&directory)?;
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
    Ok(found)
}

/// Makes sure that nothing in `directory` leads elsewhere: all of it is copied
/// into a build, and by some a link is followed.
fn no_links(directory: &Path) -> Result<(), String> {
    let (mut waiting, mut count) = (vec![directory.to_owned()], 0);
    while let Some(directory) = waiting.pop() {
        let unreadable = |error: std::io::Error| format!("'{}': {error}", directory.display());
        for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            count += 1;
            if count > FILES {
                return Err(format!("it has more than {FILES} files, too many to look through"));
            }
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if !kind.is_file() {
                return Err(format!("in it is '{}', which is no file", entry.path().display()));
            }
        }
    }
    Ok(())
}

fn read(project: &Path, path: &Path) -> Result<String, String> {
    std::fs::read_to_string(inside(project, path)?).map_err(|error| error.to_string())
}
