//! What a service may use: memory, processors, processes.

pub(crate) use document::limits::bytes;
use document::limits::decimal;
use serde_json::{Value, json};

use crate::at::{At, Checked};

/// Returns a limit of `key` that is no higher than `bound`, in its notation:
/// podman-compose does not merge a text with a number.
pub(crate) fn lowered(key: &str, at: &At<'_>, bound: Option<&Value>) -> Checked<Value> {
    let text = at.text()?;
    let read = reader(key);
    let value = read(&text).filter(|value| *value > 0.0);
    let Some(value) = value else {
        let example = if key == "mem_limit" { "2g" } else { "1" };
        return Err(at.refused(
            format!("'{text}' is no limit"),
            format!("write a number above 0, such as {example}"),
        ));
    };
    let most = bound.map(plain);
    if let Some(most) = &most {
        // A bound that cannot be read lets nothing pass.
        if read(most).is_none_or(|most| value > most) {
            return Err(at.refused(
                format!("'{text}' is more than the {most} that the container may have"),
                "limits can only be lowered here; say a higher one to ctr-spec",
            ));
        }
    }
    Ok(in_notation_of(bound, key, value))
}

/// Returns a size that is no more than `bound`, in bytes.
pub(crate) fn size(at: &At<'_>, bound: Option<&Value>) -> Checked<Value> {
    lowered("mem_limit", at, bound)
}

fn reader(key: &str) -> fn(&str) -> Option<f64> {
    match key {
        "mem_limit" => bytes,
        "cpus" => decimal,
        _ => whole,
    }
}

fn in_notation_of(bound: Option<&Value>, key: &str, value: f64) -> Value {
    // Sizes and counts are whole, and far below 2^53.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    let whole = value as u64;
    match bound {
        Some(Value::Number(_)) if key == "cpus" => json!(value),
        Some(Value::Number(_)) => json!(whole),
        Some(_) if key != "cpus" => json!(whole.to_string()),
        None if key == "pids_limit" => json!(whole),
        None if key == "mem_limit" => json!(whole.to_string()),
        _ => json!(value.to_string()),
    }
}

/// Returns a value as a person would write it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn whole(text: &str) -> Option<f64> {
    if text.contains('.') { None } else { decimal(text).filter(|value| *value < 2_f64.powi(53)) }
}
