//! From the text of a Compose file back to the model.

use serde_json::{Map, Value};

/// Returns the model that [`to_text`](crate::to_text) wrote as `text`, or
/// `None` if it did not.
#[must_use]
pub fn from_text(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(literal)
}

/// Makes every doubled dollar a single one again.
fn literal(value: Value) -> Value {
    let single = |text: String| text.replace("$$", "$");
    match value {
        Value::String(text) => single(text).into(),
        Value::Array(items) => items.into_iter().map(literal).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| (single(key), literal(value)));
            members.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::from_text;
    use crate::to_text;

    #[test]
    fn what_was_written_is_read_back() {
        let model =
            json!({"a": ["$", "$$", "${A}", "\u{85} \u{1f600}\n\"\\"], "b": {"c": 1.5, "d": true}});
        assert_eq!(from_text(&to_text(&model).unwrap()), Some(model));
        assert_eq!(from_text("a: b"), None);
    }
}
