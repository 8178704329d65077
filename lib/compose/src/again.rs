//! What a container sees of the worktree, looked at again before it starts.

use std::path::Path;

use document::Container;
use serde_json::Value;

use crate::{ModelError, place};

/// Makes sure that `sources`, paths of this machine that the isolated `container`
/// and what stands around it have mounted, are still what an override may name,
/// as far as they lie in the worktree.
///
/// An engine resolves a path at each start, and what the container has committed
/// may have put a link there. Mounts of the document's own are a person's.
pub fn look_again<'a>(
    container: &Container,
    sources: impl IntoIterator<Item = &'a Path>,
) -> Result<(), ModelError> {
    let project = &container.project.path;
    let is_own =
        |path: &Path| container.mounts.iter().any(|own| own.source.as_deref() == Some(path));
    for path in sources.into_iter().filter(|path| path.starts_with(project) && !is_own(path)) {
        place::beneath(project, &path.to_string_lossy())
            .map_err(|wrong| ModelError::Moved { path: path.to_owned(), wrong })?;
    }
    Ok(())
}

/// Returns the paths of this machine that the services of `model` have mounted.
pub(crate) fn sources(model: &Value) -> impl Iterator<Item = &Path> {
    let services = model["services"].as_object().into_iter().flat_map(|all| all.values());
    let mounts = services.filter_map(|service| service["volumes"].as_array()).flatten();
    let binds = mounts.filter(|mount| mount["type"] == "bind");
    binds.filter_map(|mount| mount["source"].as_str().map(Path::new))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    use document::{Container, container::Mount};
    use serde_json::json;
    use toolkit::Failure;

    use super::{look_again, sources};

    #[test]
    fn a_link_that_came_later_is_found() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().canonicalize().unwrap();
        let at = |name: &str| path.join(name);
        fs::create_dir(at("fixtures")).unwrap();
        symlink("/", at("mine")).unwrap();
        let project = json!({"path": path, "name": "a", "hash": "0123456789ab"});
        let project = serde_json::from_value(project).unwrap();
        let mut container = Container::new("dev-a".into(), project);
        container.mounts = vec![Mount::bind(at("mine"), "/mine")];
        let bind = |source: PathBuf| json!({"type": "bind", "source": source, "target": "/x"});
        let model = json!({"services": {
            "app": {"volumes": [bind(at("mine")), bind("/ca.pem".into()), {"type": "volume", "source": "x"}]},
            "db": {"volumes": [bind(at("fixtures"))]},
            "proxy": {},
        }});
        assert_eq!(sources(&model).count(), 3);
        look_again(&container, sources(&model)).unwrap();
        fs::remove_dir(at("fixtures")).unwrap();
        assert_eq!(look_again(&container, sources(&model)).unwrap_err().kind(), "mount-changed");
        symlink("/home", at("fixtures")).unwrap();
        let error = look_again(&container, sources(&model)).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert!(error.hint().is_some());
    }
}
