//! The places of values in a document, as people read them:
//! `services.app.volumes[0]`.

/// Returns the path of the member `name` of what is at `path`.
pub(crate) fn key(path: &str, name: &str) -> String {
    let is_simple = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let dot = if path.is_empty() { "" } else { "." };
    if is_simple { format!("{path}{dot}{name}") } else { format!("{path}{dot}{name:?}") }
}

/// Returns the path of the item at `index`, counted from 0.
pub(crate) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
