//! The repository's own file with ours laid over it.

use std::path::Path;

use devcontainer::{Base, Own};
use document::Container;
use serde_json::{Map, Value, json};

use crate::{Error, literal, ours};

/// Keys of a file that are said in another way, or by the document.
const REPLACED: [&str; 4] = ["build", "context", "dockerFile", "workspaceMount"];

/// Returns the keys of an image that is built: paths are absolute, because the
/// file lies elsewhere now.
pub(crate) fn build(own: &Own, project: &Path) -> Result<Option<Map<String, Value>>, Error> {
    let Base::Build { dockerfile, context, .. } = own.base() else { return Ok(None) };
    let mut build: Map<String, Value> =
        own.table("build").map(|(key, value)| (key.to_owned(), value.clone())).collect();
    for (key, path) in [("dockerfile", dockerfile), ("context", context)] {
        build.insert(key.to_owned(), json!(real(&own.place(project, &path))));
    }
    let paths = ours::object(json!({"build": {
        "dockerfile": build["dockerfile"], "context": build["context"],
    }}));
    literal::check(&paths)?;
    Ok(Some(build))
}

/// Returns where `path` really is, as text: a project's path is UTF-8.
pub(crate) fn real(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real.to_string_lossy().into_owned()
}

/// Returns the file of a container that the engine makes without Compose.
pub(crate) fn engine(
    own: &Own,
    container: &Container,
    ours: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    let mut config = own.config.clone();
    for key in REPLACED {
        config.remove(key);
    }
    match build(own, &container.project.path)? {
        Some(build) => config.insert("build".to_owned(), build.into()),
        None if own.base() == Base::Nothing => {
            config.insert("overrideCommand".to_owned(), false.into());
            config.insert("image".to_owned(), container.image()?.into())
        }
        None => None,
    };
    // Of options that are there twice the last counts.
    let args: Vec<Value> = own.run_args().into_iter().map(Value::from).collect();
    config.insert("runArgs".to_owned(), args.into());
    lay_over(&mut config, ours);
    Ok(config)
}

/// Lays `ours` over `config`: lists and maps are added to, and all else is
/// replaced, but for what only has a default here.
pub(crate) fn lay_over(config: &mut Map<String, Value>, ours: Map<String, Value>) {
    for (key, value) in ours {
        match (config.get_mut(&key), value) {
            (Some(Value::Array(under)), Value::Array(over)) => under.extend(over),
            (Some(Value::Object(under)), Value::Object(over)) => under.extend(over),
            (Some(_), _) if ["init", "updateRemoteUserUID"].contains(&key.as_str()) => {}
            (_, value) => drop(config.insert(key, value)),
        }
    }
}

/// Lays what a template adds under `config`, in which what is there stays. The
/// document's environment is said in another way.
pub(crate) fn lay_under(
    config: &mut Map<String, Value>,
    additions: Option<&Map<String, Value>>,
    container: &Container,
) {
    let mut additions = additions.cloned().unwrap_or_default();
    without(&mut additions, &ours::environment(container));
    for (key, value) in additions {
        match (config.get_mut(&key), value) {
            (Some(Value::Object(over)), Value::Object(under)) => {
                for (key, value) in under {
                    over.entry(key).or_insert(value);
                }
            }
            (Some(_), _) => {}
            (None, value) => drop(config.insert(key, value)),
        }
    }
}

/// Takes out of `config` the variables that are `decided` elsewhere: they would
/// be laid over those of a Compose file.
pub(crate) fn without(config: &mut Map<String, Value>, decided: &Map<String, Value>) {
    if let Some(env) = config.get_mut("containerEnv").and_then(Value::as_object_mut) {
        env.retain(|name, _| !decided.contains_key(name));
    }
}
