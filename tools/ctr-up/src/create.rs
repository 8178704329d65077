//! The arguments with which a container and its volumes are created.

use document::{
    Container,
    container::{Limits, Missing, Mount, Port},
    labels,
};
use toolkit::sshd::START;

/// The restart policy of a document that names none: back after a reboot,
/// but not after a person stopped it.
const RESTART: &str = "unless-stopped";

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
        format!("--restart={}", restart(container)),
        label(labels::SPEC, spec),
    ];
    args.extend(identity(container));
    let own = [labels::SPEC].into_iter().chain(IDENTITY).collect::<Vec<_>>();
    let others = container.labels.iter().filter(|label| !own.contains(&label.name.as_str()));
    args.extend(others.map(|other| label(&other.name, &other.value)));
    args.extend(container.env.iter().map(|v| format!("--env={}={}", v.name, v.value)));
    args.extend(container.ports.iter().filter_map(published).map(|p| format!("--publish={p}")));
    args.extend(container.volumes.iter().map(|volume| {
        format!("--mount=type=volume,{},{}", field("source", &volume.name), target(&volume.target))
    }));
    args.extend(container.mounts.iter().map(mount));
    args.extend(container.limits.iter().flat_map(limits));
    args.push(container.image()?.to_owned());
    args.extend(["-c", START].map(str::to_owned));
    Ok(args)
}

/// Returns the restart policy.
#[must_use]
pub(crate) fn restart(container: &Container) -> &str {
    container.restart.as_deref().unwrap_or(RESTART)
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

/// Returns `address:host:container`, as `--publish` has it, for a port that
/// is allocated and published.
pub(crate) fn published(port: &Port) -> Option<String> {
    let (host, address) = (port.host?, port.address.as_deref()?);
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(format!("{address}:{host}:{}", port.container))
}

fn mount(mount: &Mount) -> String {
    let mut fields = vec![field("type", &mount.kind)];
    if let Some(source) = &mount.source {
        fields.push(field("source", &source.to_string_lossy()));
    }
    fields.push(target(&mount.target));
    if mount.read_only {
        fields.push("readonly".to_owned());
    }
    format!("--mount={}", fields.join(","))
}

fn target(path: &str) -> String {
    field("target", path)
}

/// Returns `key=value` as one field of a CSV record (RFC 4180 section 2),
/// which is how both engines read `--mount`.
fn field(key: &str, value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        return format!("\"{key}={}\"", value.replace('"', "\"\""));
    }
    format!("{key}={value}")
}

fn limits(limits: &Limits) -> Vec<String> {
    let memory = limits.memory.iter().map(|memory| format!("--memory={memory}"));
    let cpus = limits.cpus.iter().map(|cpus| format!("--cpus={cpus}"));
    let pids = limits.pids.iter().map(|pids| format!("--pids-limit={pids}"));
    let caps = limits.cap_drop.iter().map(|cap| format!("--cap-drop={cap}"));
    memory.chain(cpus).chain(pids).chain(caps).collect()
}
