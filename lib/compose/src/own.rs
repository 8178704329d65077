//! A repository's own Compose file.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use crate::{
    OverrideError,
    at::At,
    overrides::{merge, text},
    own_service::{self, Found},
    refused,
    tree::{self, Malformed, Node, Value},
};

/// Where a file lies.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    /// The root of the project, beneath which the file's paths have to lie.
    pub project: &'a Path,
    /// The directory that the file's paths are relative to: that of the first
    /// of the files which are laid over one another.
    pub own: &'a Path,
}

/// A key that reaches the machine, or more of it than a container of ctrkit's.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The key's path, such as `services.app.privileged`.
    pub path: String,
    /// Its value.
    pub value: Json,
    /// What it does.
    pub reason: String,
    /// Whether an isolation leaves it as it is: what is built is built outside of
    /// it, and it may see files of the project.
    pub remains: bool,
}

/// What the service that is the person's container is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    /// Its image.
    pub image: Option<String>,
    /// How its image is built, in the words of the file.
    pub build: Option<Json>,
}

/// Lists what of the file at `path` reaches the machine. Whatever is not known
/// to reach nothing does.
pub fn reaches(path: &Path, directory: Directory<'_>) -> Result<Vec<Reach>, OverrideError> {
    let root = read(path)?;
    let mut found = Found::new(directory);
    let root = At::root(&root);
    found.variables(&root);
    let Ok(members) = root.table() else { return Err(no_map(path)) };
    for (key, at) in members {
        match key {
            "services" => own_service::services(&at, &mut found),
            "volumes" => found.each(&at, |key, at, found| match key {
                "labels" => own_service::labels(at, found),
                _ if key.starts_with("x-") || is(at, "driver", key, "local") => {}
                _ => {
                    let reason = refused::of_volume(key).map_or(UNKNOWN, |(reason, _)| reason);
                    found.add(at, reason);
                }
            }),
            "networks" => found.each(&at, |key, at, found| match key {
                "labels" => own_service::labels(at, found),
                "attachable" | "enable_ipv6" | "internal" => {}
                "ipam" => own_service::addresses(at, found),
                _ if is(at, "driver", key, "bridge") => {}
                _ => found.add(at, "it is another network than one of the project's own"),
            }),
            "name" | "version" => {}
            _ if key.starts_with("x-") && refused::of_file(key).is_none() => {}
            _ => {
                let reason = refused::of_file(key).map_or(UNKNOWN, |(reason, _)| reason);
                found.add(&at, reason);
            }
        }
    }
    Ok(found.all)
}

/// Why what is not known is refused.
pub(crate) const UNKNOWN: &str = "it is not among the keys that are known to reach nothing";

/// Says whether the key is `wanted`, and has that value.
fn is(at: &At<'_>, wanted: &str, key: &str, value: &str) -> bool {
    key == wanted && at.text().is_ok_and(|text| text == value)
}

fn no_map(path: &Path) -> OverrideError {
    let file = path.to_string_lossy().into_owned();
    OverrideError::Broken { file, line: 1, message: "it is no map".to_owned() }
}

fn read(path: &Path) -> Result<Node, OverrideError> {
    let file = path.to_string_lossy().into_owned();
    tree::parse(&text(path)?).map_err(|Malformed { line, message }| OverrideError::Broken {
        file,
        line,
        message,
    })
}

/// Returns a value as JSON, every scalar as text.
pub(crate) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, .. } => json!(text),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Table(pairs) => {
            let pairs = pairs.iter().map(|(key, node)| (key.clone(), json(node)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

/// What the model decides of every service.
const DECIDED: [&str; 13] = [
    "attach",
    "container_name",
    "domainname",
    "expose",
    "hostname",
    "links",
    "networks",
    "platform",
    "ports",
    "pull_policy",
    "restart",
    "stdin_open",
    "tty",
];

/// What it decides of the person's container besides.
const OF_APP: [&str; 9] = [
    "build",
    "command",
    "entrypoint",
    "healthcheck",
    "image",
    "init",
    "stop_signal",
    "user",
    "working_dir",
];

/// Returns the repository's own files as the text of one override of a model, in
/// which the person's container, `service` there, is called
/// `app`; and what that container is made from.
///
/// Names, networks and ports are those of the model. All else stands there as it
/// was, and is yet to be checked as in any override.
pub fn as_override(
    paths: &[PathBuf],
    service: &str,
    app: &str,
    directory: Directory<'_>,
) -> Result<(String, Made), OverrideError> {
    let (mut whole, mut made) = (json!({}), Made::default());
    for path in paths {
        let mut root = read(path)?;
        let Value::Table(members) = &mut root.value else { return Err(no_map(path)) };
        members.retain(|(key, _)| key != "networks" && key != "name");
        let services = members.iter_mut().filter(|(key, _)| key == "services");
        for (_, services) in services {
            let Value::Table(services) = &mut services.value else { continue };
            if service != app && services.iter().any(|(name, _)| name == app) {
                let message = format!("'{app}' is what the container's own service is called");
                let (file, line) = (path.to_string_lossy().into_owned(), root.line);
                return Err(OverrideError::Broken { file, line, message });
            }
            for (name, node) in services {
                let is_app = name == service;
                prepare(node, is_app.then_some(&mut made), directory);
                if is_app {
                    app.clone_into(name);
                }
            }
        }
        merge(&mut whole, &typed(&root));
    }
    Ok((escaped(&format!("{whole:#}\n")), made))
}

/// Writes what is only in strings of `json`, and read by some in another way, as
/// escapes.
fn escaped(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut out, c| {
        match tree::is_alike(c) {
            true => out.push(c),
            false => out += &format!("\\u{:04x}", u32::from(c)),
        }
        out
    })
}

/// Returns the service whose network `service` has, as the last of the files at
/// `paths` says that names one.
pub fn network_of(paths: &[PathBuf], service: &str) -> Result<Option<String>, OverrideError> {
    let mut found = None;
    for path in paths {
        let root = json(&read(path)?);
        let mode = root.get("services").and_then(|all| all.get(service)?.get("network_mode"));
        let mode = mode.and_then(Json::as_str);
        found = mode.map(|mode| mode.strip_prefix("service:").map(str::to_owned)).unwrap_or(found);
    }
    Ok(found)
}

/// Returns a value as JSON that is read back as it stands there: what is true or
/// false only without quotes has none.
fn typed(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, is_plain: true } if text == "true" => json!(true),
        Value::Scalar { text, is_plain: true } if text == "false" => json!(false),
        Value::Scalar { .. } if node.is_null() => Json::Null,
        Value::Scalar { text, .. } => json!(text),
        Value::List(items) => items.iter().map(typed).collect(),
        Value::Table(pairs) => {
            let pairs = pairs.iter().map(|(key, node)| (key.clone(), typed(node)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

/// Takes out of a service what the model decides, and makes its paths relative
/// to the project. What the person's container is made from goes into `made`.
fn prepare(service: &mut Node, made: Option<&mut Made>, directory: Directory<'_>) {
    let Value::Table(keys) = &mut service.value else { return };
    let is_app = made.is_some();
    if let Some(made) = made {
        for (key, node) in keys.iter() {
            match (key.as_str(), &node.value) {
                ("image", Value::Scalar { text, .. }) => made.image = Some(text.clone()),
                ("build", _) => made.build = Some(json(node)),
                _ => {}
            }
        }
    }
    keys.retain(|(key, _)| {
        !(DECIDED.contains(&key.as_str()) || is_app && OF_APP.contains(&key.as_str()))
    });
    for (_, volumes) in keys.iter_mut().filter(|(key, _)| key == "volumes") {
        let Value::List(mounts) = &mut volumes.value else { continue };
        // The code is in a volume, and in the container's workspace.
        mounts.retain(|mount| !is_app || !is_project(mount, directory));
        mounts.iter_mut().for_each(|mount| rebase(mount, directory));
    }
}

/// Returns the source of a mount, if it is a relative path.
fn source(mount: &mut Node) -> Option<&mut String> {
    let text = match &mut mount.value {
        Value::Scalar { text, .. } => text,
        Value::Table(pairs) => {
            match &mut pairs.iter_mut().find(|(key, _)| key == "source")?.1.value {
                Value::Scalar { text, .. } => text,
                _ => return None,
            }
        }
        Value::List(_) => return None,
    };
    text.starts_with('.').then_some(text)
}

/// Says whether a mount is that of the project's root.
pub(crate) fn is_project(mount: &Node, directory: Directory<'_>) -> bool {
    let mut mount = mount.clone();
    let Some(text) = source(&mut mount) else { return false };
    let path = text.split(':').next().unwrap_or_default();
    place(directory, path).is_some_and(|place| place.as_os_str().is_empty())
}

/// Makes a relative path one from the project's root.
fn rebase(mount: &mut Node, directory: Directory<'_>) {
    let Some(text) = source(mount) else { return };
    let (path, rest) = text.split_once(':').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
    let Some(place) = place(directory, path) else { return };
    let place = format!("./{}", place.to_string_lossy());
    *text = rest.map_or(place.clone(), |rest| format!("{place}:{rest}"));
}

/// Returns the path from the project's root that `path` is, if it lies beneath.
fn place(directory: Directory<'_>, path: &str) -> Option<PathBuf> {
    let below = directory.own.strip_prefix(directory.project).ok()?;
    let mut place = PathBuf::new();
    for part in below.join(path).components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            Component::ParentDir if place.pop() => {}
            _ => return None,
        }
    }
    Some(place)
}
