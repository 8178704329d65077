//! From the text of any Compose file to data, checked for nothing.

use serde_json::{Number, Value};

use crate::tree::{self, Malformed, Node};

/// Reads the YAML in `text`: one document without tags, in which aliases and
/// `<<` are replaced.
///
/// What stands without quotes means what docker compose takes it for: the core
/// schema of YAML 1.2 and, of 1.1, octal numbers that begin with 0, in which
/// modes are written.
pub fn read(text: &str) -> Result<Value, Malformed> {
    tree::parse(text).map(data)
}

fn data(node: Node) -> Value {
    match node.value {
        tree::Value::Scalar { text, is_plain: false } => Value::String(text),
        tree::Value::Scalar { text, is_plain: true } => scalar(text),
        tree::Value::List(items) => items.into_iter().map(data).collect(),
        tree::Value::Table(pairs) => {
            Value::Object(pairs.into_iter().map(|(key, node)| (key, data(node))).collect())
        }
    }
}

/// Returns what `text` means without quotes (YAML 1.2, 10.3.2).
fn scalar(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = integer(&text).map(Number::from).or_else(|| float(&text));
    number.map_or(Value::String(text), Value::Number)
}

fn integer(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let radix = |digits: &str, radix: u32| {
        let is_good = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        is_good.then(|| i64::from_str_radix(digits, radix).ok()).flatten()
    };
    let value = match digits.get(..2) {
        Some("0x") => radix(&digits[2..], 16),
        Some("0o") => radix(&digits[2..], 8),
        Some(_) if digits.starts_with('0') => radix(digits, 8),
        _ => radix(digits, 10),
    }?;
    Some(if is_negative { -value } else { value })
}

fn float(text: &str) -> Option<Number> {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_float = rest.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && rest.contains(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
        && rest.contains(['.', 'e', 'E']);
    if is_float { Number::from_f64(text.parse().ok()?) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn what_is_without_quotes_means_what_it_does_in_yaml() {
        let text = "a: [1, -2, 0x1f, 0440, 1.5, 1e3, true, null, ~, yes, 1:30, 08, '1', 1.2.3]";
        let meant = json!({"a": [1, -2, 31, 288, 1.5, 1000.0, true, null, null, "yes", "1:30",
            "08", "1", "1.2.3"]});
        assert_eq!(read(text).unwrap(), meant);
        assert_eq!(read("a: &x {b: c}\nd: {<<: *x}").unwrap()["d"], json!({"b": "c"}));
        assert_eq!(read("a: [\n").unwrap_err().line, 2);
    }
}
