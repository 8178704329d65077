//! The devcontainer.json in force: the document's, and what only the tool
//! knows that makes the container.

use std::path::{Path, PathBuf};

use document::{Container, devcontainer::Devcontainer, labels};
use engine::Kind;
use serde_json::{Map, Value, json};
use toolkit::files;

use crate::Error;

/// Where it lies in the container's state directory.
pub const CONFIG: &str = "devcontainer.up.json";

/// The Compose file that goes on top, likewise.
const COMPOSE: &str = "devcontainer.up.compose.json";

/// By which the CLI and editors know the container of a worktree again.
const FOLDER: &str = "devcontainer.local_folder";

/// And the file that it was made from.
const FILE: &str = "devcontainer.config_file";

/// The labels that the container gets besides those of the file.
#[derive(Clone, Debug)]
pub struct Labels(Vec<(&'static str, String)>);

impl Labels {
    /// Returns those of `container`, made from what has the digest `spec`.
    ///
    /// The CLI is told to know its container by others, of which each creation
    /// has its own: it would start the one that is to be replaced.
    #[must_use]
    pub fn of(container: &Container, spec: &str) -> Self {
        let folder = container.project.path.to_string_lossy().into_owned();
        Self(vec![
            (labels::SPEC, spec.to_owned()),
            (labels::VIA, labels::DEVCONTAINER.to_owned()),
            (FOLDER, folder),
            (FILE, config_label(container)),
        ])
    }

    /// Returns them as the members of an object.
    #[must_use]
    pub fn to_object(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }
}

/// Returns the path of the file that an editor finds in the worktree, or would.
#[must_use]
pub fn config_label(container: &Container) -> String {
    let own = container.devcontainer.as_ref().and_then(|section| section.own.clone());
    let own = own.unwrap_or_else(|| container.project.path.join(".devcontainer/devcontainer.json"));
    own.to_string_lossy().into_owned()
}

/// Writes the file in force into `directory` and returns its path.
///
/// `isolated` is the Compose file with the container's service alone, which
/// has the labels already; without it they go into the file's own options, or
/// into one more Compose file. `image` is what it is made from, whatever the file
/// says; absent: what the file says.
pub fn in_force(
    container: &Container,
    kind: Kind,
    directory: &Path,
    labels: &Labels,
    isolated: Option<&Path>,
    image: Option<&str>,
) -> Result<PathBuf, Error> {
    let section = container.devcontainer.clone().unwrap_or_default();
    let path = section.config.clone().unwrap_or_default();
    let bad = || Error::BadConfig { path: path.clone() };
    let text = files::read(&path)?.ok_or_else(bad)?;
    let Ok(Value::Object(mut config)) = serde_json::from_slice(&text) else { return Err(bad()) };
    let is_compose = section.mode.as_deref() == Some("compose");
    if let Some(isolated) = isolated {
        if !is_compose {
            return Err(bad());
        }
        config.insert("dockerComposeFile".to_owned(), json!([isolated]));
        config.insert("runServices".to_owned(), json!([section.service]));
        // What it runs waits for its files, and is its ssh server then.
        config.insert("overrideCommand".to_owned(), json!(false));
    } else if is_compose {
        let over = write_over(&section, directory, labels, image)?;
        let all: Vec<_> = section.compose_files.iter().chain([&over]).collect();
        config.insert("dockerComposeFile".to_owned(), json!(all));
    } else {
        set_run_args(&mut config, kind, labels);
        let usual = container.image.as_deref();
        if !config.contains_key("build") && config.get("image").and_then(Value::as_str) == usual {
            // The image's own command is sshd, which has no key of its own yet.
            config.insert("overrideCommand".to_owned(), json!(true));
        }
        if let Some(image) = image {
            config.remove("build");
            config.insert("image".to_owned(), json!(image));
        }
    }
    let path = directory.join(CONFIG);
    let text = format!("{:#}\n", Value::Object(config));
    files::replace(&path, text.as_bytes(), 0o600)?;
    Ok(path)
}

/// Writes the Compose file that goes on top of the person's own.
fn write_over(
    section: &Devcontainer,
    directory: &Path,
    labels: &Labels,
    image: Option<&str>,
) -> Result<PathBuf, Error> {
    let path = directory.join(COMPOSE);
    let mut services = Map::new();
    let service = section.service.clone().unwrap_or_default();
    // Compose would take a dollar sign for the beginning of a variable.
    let doubled = |value: Value| json!(value.as_str().unwrap_or_default().replace('$', "$$"));
    let labels: Map<_, _> =
        labels.to_object().into_iter().map(|(name, value)| (name, doubled(value))).collect();
    let mut over = json!({ "labels": labels });
    if let Some(image) = image {
        over["image"] = json!(image);
    }
    services.insert(service, over);
    let text = json!({ "services": services }).to_string();
    files::replace(&path, text.as_bytes(), 0o600)?;
    Ok(path)
}

/// Adds the labels to the options of the engine's `run`.
///
/// For an account that is not root the CLI adds `--userns=keep-id` where the
/// engine is podman, which podman refuses to root; the code lies in a volume,
/// for which no numbers have to be the same. Of several the last one counts.
fn set_run_args(config: &mut Map<String, Value>, kind: Kind, labels: &Labels) {
    let entry = config.entry("runArgs").or_insert_with(|| json!([]));
    let Value::Array(args) = entry else { return };
    let is_said = args.iter().filter_map(Value::as_str).any(|arg| arg.starts_with("--userns"));
    if kind == Kind::Podman && !is_said {
        args.push(json!("--userns=host"));
    }
    args.extend(labels.0.iter().map(|(name, value)| json!(format!("--label={name}={value}"))));
}
