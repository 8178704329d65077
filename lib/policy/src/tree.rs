//! TOML or JSON as one tree whose parts know their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value, and the line that it is on.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A value of the kinds that a policy has; other kinds have but a name.
#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(u64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    Other(&'static str),
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Value {
    /// Returns what the value is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// Parses `text`, which is JSON if it begins like an object, else TOML.
pub(crate) fn parse(text: &str) -> Result<Node, Malformed> {
    let lines = Lines::of(text);
    if text.trim_start().starts_with('{') {
        let root: &RawValue = serde_json::from_str(text)
            .map_err(|error| Malformed { line: error.line(), message: strip_place(&error) })?;
        return json(root, text, &lines);
    }
    let root = DeTable::parse(text).map_err(|error| Malformed {
        line: lines.at(error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', " "),
    })?;
    Ok(Node { line: 1, value: table(root.get_ref(), &lines) })
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// Returns the line of the byte at `offset`, counted from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|&start| start <= offset)
    }
}

fn table(table: &DeTable<'_>, lines: &Lines) -> Value {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        (key.clone().into_owned(), toml_node(value, lines))
    };
    Value::Table(table.iter().map(entry).collect())
}

fn toml_node(node: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let value = match node.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number out of range"), Value::Integer),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|node| toml_node(node, lines)).collect())
        }
        DeValue::Table(inner) => table(inner, lines),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
    };
    Node { line: lines.at(node.span().start), value }
}

/// Turns a part of `text` into a node; its place is that of its first byte.
fn json(raw: &RawValue, text: &str, lines: &Lines) -> Result<Node, Malformed> {
    let source = raw.get();
    let line = lines.at(source.as_ptr().addr().saturating_sub(text.as_ptr().addr()));
    let failed = |error: serde_json::Error| Malformed {
        line: line + error.line().saturating_sub(1),
        message: strip_place(&error),
    };
    let value = match source.bytes().next() {
        Some(b'{') => {
            let Pairs(pairs) = serde_json::from_str(source).map_err(failed)?;
            let entry = |(key, raw): (String, &RawValue)| Ok((key, json(raw, text, lines)?));
            Value::Table(pairs.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(source).map_err(failed)?;
            let items = items.into_iter().map(|raw| json(raw, text, lines));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str(source).map_err(failed)?),
        Some(b't' | b'f') => Value::Boolean(source == "true"),
        Some(b'n') => Value::Other("null"),
        _ => source.parse().map_or(Value::Other("a number out of range"), Value::Integer),
    };
    Ok(Node { line, value })
}

/// The members of a JSON object, none of them twice.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs: Self::Value = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    if pairs.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format!("duplicate key '{key}'")));
                    }
                    pairs.push((key, value));
                }
                Ok(pairs)
            }
        }

        deserializer.deserialize_map(Members).map(Self)
    }
}

/// Returns the message without its place, which is relative to a part.
fn strip_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |at| text[..at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders a tree with the line of each value.
    fn show(node: &Node) -> String {
        let inside = match &node.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(value) => value.to_string(),
            Value::List(items) => items.iter().map(show).collect::<Vec<_>>().join(" "),
            Value::Table(pairs) => {
                let pairs = pairs.iter().map(|(key, node)| format!("{key}={}", show(node)));
                pairs.collect::<Vec<_>>().join(" ")
            }
            Value::Other(kind) => (*kind).to_owned(),
        };
        format!("{}({inside})", node.line)
    }

    #[test]
    fn toml_and_json_are_the_same_tree() {
        let toml = "a = 1\nb = [\n true,\n \"x\"]\n[c]\nd = 1.5\n";
        assert_eq!(
            show(&parse(toml).unwrap()),
            "1(a=1(1) b=2(3(true) 4(\"x\")) c=5(d=6(a fraction)))"
        );
        let json = "{\"a\": 1,\n\"b\": [\n true,\n \"x\"],\n\"c\": {\n\"d\": 1.5}}\n";
        let expected = "1(a=1(1) b=2(3(true) 4(\"x\")) c=5(d=6(a number out of range)))";
        assert_eq!(show(&parse(json).unwrap()), expected);
    }

    #[test]
    fn errors_have_their_line() {
        for (text, line) in [
            ("a = 1\na = 2\n", 2),
            ("a = 1\nb =\n", 2),
            ("{\"a\": 1,\n\"b\": }", 2),
            ("{\"a\": 1,\n\"b\": {\n\"c\": 1, \"c\": 2}}", 3),
            ("{}\n x", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
