//! Parts of a document, as a Compose file has them.

use document::container::{Mount, Port};
use serde_json::{Value, json};

/// Returns a port that is allocated and published.
#[must_use]
pub fn published(port: &Port) -> Option<Value> {
    let (host, address) = (port.host?, port.address.as_deref()?);
    Some(json!({
        "target": port.container,
        "published": host.to_string(),
        "host_ip": address,
        "protocol": "tcp",
    }))
}

/// Returns a mount.
#[must_use]
pub fn mounted(mount: &Mount) -> Value {
    let mut value = json!({"type": mount.kind, "target": mount.target});
    if let Some(source) = &mount.source {
        value["source"] = json!(source.to_string_lossy());
    }
    if mount.read_only {
        value["read_only"] = json!(true);
    }
    value
}
