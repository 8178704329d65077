//! The arguments with which a container and its volumes are created.

use document::{Container, container::Missing, labels};
use engine::options;
use toolkit::sshd::START;

/// Returns the arguments that create `container`, not started, with the
/// label `ctrkit.spec` set to `spec`.
///
/// Everything is spelled `--option=value` in one argument, so that a value
/// that begins with a hyphen stays a value.
pub(crate) fn container(container: &Container, spec: &str) -> Result<Vec<String>, Missing> {
    let name = &container.name;
    let mut args = vec![
        "create".to_owned(),
        "--pull=never".to_owned(),
        "--init".to_owned(),
        "--user=0:0".to_owned(),
        "--workdir=/".to_owned(),
        "--entrypoint=/bin/sh".to_owned(),
        format!("--name={name}"),
        format!("--hostname={name}"),
        format!("--restart={}", container.restart()),
        label(labels::SPEC, spec),
    ];
    args.extend(identity(container));
    let own = [labels::SPEC].into_iter().chain(IDENTITY).collect::<Vec<_>>();
    let others = container.labels.iter().filter(|label| !own.contains(&label.name.as_str()));
    args.extend(others.map(|other| label(&other.name, &other.value)));
    args.extend(container.env.iter().map(|v| format!("--env={}={}", v.name, v.value)));
    let published = container.ports.iter().filter_map(options::published);
    args.extend(published.map(|port| format!("--publish={port}")));
    let volumes = container.volumes.iter().map(options::volume);
    let mounts = volumes.chain(container.mounts.iter().map(options::mount));
    args.extend(mounts.map(|mount| format!("--mount={mount}")));
    args.extend(container.limits.iter().flat_map(options::limits));
    args.push(container.image()?.to_owned());
    args.extend(["-c", START].map(str::to_owned));
    Ok(args)
}

/// Returns the arguments that create the volume `name` of `container`.
///
/// Its labels say whose it is, but not by the path: podman reads the value of
/// this option as CSV and docker does not, and a path may have anything in it.
#[must_use]
pub(crate) fn volume(container: &Container, name: &str) -> Vec<String> {
    let mut args = vec!["volume".to_owned(), "create".to_owned()];
    let [managed, name_label, _path, hash] = identity(container);
    args.extend([managed, name_label, hash]);
    args.extend(container.label(labels::AUTHORITY).map(|value| label(labels::AUTHORITY, value)));
    args.push(name.to_owned());
    args
}

/// The labels by which ctrkit knows what is its own, and whose it is.
const IDENTITY: [&str; 4] =
    [labels::MANAGED, labels::NAME, labels::PROJECT_PATH, labels::PROJECT_HASH];

/// Returns these labels, also for a document that has none.
fn identity(container: &Container) -> [String; 4] {
    let path = container.project.path.to_string_lossy();
    let values = ["true", &container.name, &path, &container.project.hash];
    std::array::from_fn(|index| label(IDENTITY[index], values[index]))
}

fn label(name: &str, value: &str) -> String {
    format!("--label={name}={value}")
}
