//! Files that ctrkit writes itself, and knows again.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Returns the text of `config`, with a digest by which it is known again as
/// what nobody has changed.
#[must_use]
pub fn signed(mut config: Map<String, Value>) -> String {
    // One that is empty could not be told from ours with the digest taken out.
    if config.get("customizations") == Some(&json!({})) {
        config.remove("customizations");
    }
    if let Some(Value::Object(all)) = config.get_mut("customizations") {
        all.remove("ctrkit");
    }
    let digest = digest(&config);
    let customizations = config.entry("customizations").or_insert_with(|| json!({}));
    customizations["ctrkit"] = json!({"digest": digest});
    format!("{:#}\n", Value::Object(config))
}

/// Says whether `text` is a devcontainer.json that this tool wrote, and nobody
/// has changed since.
#[must_use]
pub fn is_ours(text: &[u8]) -> bool {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(text) else { return false };
    let Some(Value::Object(customizations)) = config.get_mut("customizations") else {
        return false;
    };
    let Some(mark) = customizations.remove("ctrkit") else { return false };
    if customizations.is_empty() {
        config.remove("customizations");
    }
    mark["digest"] == json!(digest(&config))
}

fn digest(config: &Map<String, Value>) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    format!("sha256:{:x}", Sha256::digest(text))
}
