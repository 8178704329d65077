//! Parts of a document as options of `create` and `run`, which devcontainer.json
//! has in its `runArgs` and `mounts`: each is one argument, so that a value that
//! begins with a hyphen stays a value.

use document::container::{Limits, Mount, Port, Volume};

/// Returns `address:host:container`, as `--publish` has it, for a port that
/// is allocated and published.
#[must_use]
pub fn published(port: &Port) -> Option<String> {
    let (host, address) = (port.host?, port.address.as_deref()?);
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(format!("{address}:{host}:{}", port.container))
}

/// Returns the options that limit a container.
#[must_use]
pub fn limits(limits: &Limits) -> Vec<String> {
    let memory = limits.memory.iter().map(|memory| format!("--memory={memory}"));
    let cpus = limits.cpus.iter().map(|cpus| format!("--cpus={cpus}"));
    let pids = limits.pids.iter().map(|pids| format!("--pids-limit={pids}"));
    let caps = limits.cap_drop.iter().map(|cap| format!("--cap-drop={cap}"));
    memory.chain(cpus).chain(pids).chain(caps).collect()
}

/// Returns a volume, as `--mount` has it.
#[must_use]
pub fn volume(volume: &Volume) -> String {
    format!("type=volume,{},{}", field("source", &volume.name), field("target", &volume.target))
}

/// Returns a mount, as `--mount` has it.
#[must_use]
pub fn mount(mount: &Mount) -> String {
    let mut fields = vec![field("type", &mount.kind)];
    if let Some(source) = &mount.source {
        fields.push(field("source", &source.to_string_lossy()));
    }
    fields.push(field("target", &mount.target));
    if mount.read_only {
        fields.push("readonly".to_owned());
    }
    fields.join(",")
}

/// Returns `key=value` as one field of a CSV record (RFC 4180 section 2),
/// which is how both engines read `--mount`.
fn field(key: &str, value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        return format!("\"{key}={}\"", value.replace('"', "\"\""));
    }
    format!("{key}={value}")
}
