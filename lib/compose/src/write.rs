//! From a model to the text of a Compose file.

use std::fmt::Write as _;

use serde_json::{Number, Value};
use toolkit::{Exit, Failure};

use crate::path;

/// How long a key may be, quotes and escapes included: a YAML parser looks 1024
/// characters ahead for the colon, and no further.
const LONGEST_KEY: usize = 1000;

/// A string that the tools would not read back as it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{path} cannot be written to a Compose file: {reason}")]
pub struct Unwritable {
    /// The key's path, such as `services.app.labels.x`.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// Returns `model` as the text of a Compose file.
///
/// It is JSON, which YAML contains, in the part that docker compose (YAML 1.2
/// and its interpolation) and podman-compose (YAML 1.1 and its own) read
/// alike: each gives back the strings of `model`, whatever is in them. What
/// one of them would change is an error.
pub fn to_text(model: &Value) -> Result<String, Unwritable> {
    to_syntax(model, Syntax::Literal)
}

/// What the strings of a model are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Syntax {
    /// What they mean: a `$` is a `$`.
    Literal,
    /// What a file has: `$NAME` and `${NAME}` are taken from the environment,
    /// and `$$` is a `$`.
    Interpolated,
}

/// Returns `model`, whose strings are in `syntax`, as the text of a Compose
/// file, as [`to_text`] does.
pub fn to_syntax(model: &Value, syntax: Syntax) -> Result<String, Unwritable> {
    let mut text = String::new();
    write(&mut text, "", 0, model, syntax)?;
    text.push('\n');
    Ok(text)
}

fn write(
    out: &mut String,
    at: &str,
    depth: usize,
    value: &Value,
    syntax: Syntax,
) -> Result<(), Unwritable> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&decimal(number)),
        Value::String(text) if syntax == Syntax::Interpolated => quote(out, at, text)?,
        Value::String(text) => quote(out, at, &text.replace('$', "$$"))?,
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next(out, index, depth + 1);
                write(out, &path::item(at, index), depth + 1, item, syntax)?;
            }
            end(out, items.is_empty(), depth, ']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                next(out, index, depth + 1);
                let at = path::key(at, key);
                write_key(out, &at, depth, key)?;
                write(out, &at, depth + 1, value, syntax)?;
            }
            end(out, members.is_empty(), depth, '}');
        }
    }
    Ok(())
}

/// Begins the line of an item.
fn next(out: &mut String, index: usize, depth: usize) {
    out.push_str(if index == 0 { "\n" } else { ",\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}

fn end(out: &mut String, is_empty: bool, depth: usize, bracket: char) {
    if !is_empty {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
    out.push(bracket);
}

/// Returns a number without an exponent, and with a dot if it is no integer:
/// YAML 1.1 takes `1e3` for a string.
fn decimal(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let text = float.to_string();
            if text.contains('.') { text } else { text + ".0" }
        }
        _ => number.to_string(),
    }
}

fn write_key(out: &mut String, at: &str, depth: usize, key: &str) -> Result<(), Unwritable> {
    let start = out.len();
    quote(out, at, key)?;
    let reason = match key {
        // docker compose leaves a `$` in a key alone, podman-compose does not.
        _ if key.contains('$') => "a key has a '$', which not all tools take as it is",
        // An extension where the format has them, docker compose loses it elsewhere.
        _ if key.starts_with("x-") && depth != 0 && depth != 2 => "a key begins with 'x-'",
        _ if out.len() - start > LONGEST_KEY => "the key is too long",
        _ => {
            out.push_str(": ");
            return Ok(());
        }
    };
    Err(Unwritable { path: at.to_owned(), reason: reason.to_owned() })
}

/// Writes `text` as a string on one line, in escapes that JSON and both
/// versions of YAML have.
fn quote(out: &mut String, at: &str, text: &str) -> Result<(), Unwritable> {
    out.push('"');
    for character in text.chars() {
        match character {
            '\0' => {
                let reason = "it has a NUL, which no program can be given".to_owned();
                return Err(Unwritable { path: at.to_owned(), reason });
            }
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if is_plain(character) => out.push(character),
            // What is beyond U+FFFF is plain: escaped, it would be a pair of
            // surrogates, which YAML 1.1 takes for two characters.
            _ => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
        }
    }
    out.push('"');
    Ok(())
}

/// Says whether every reader takes a character that stands for itself: it is
/// printable in the words of YAML, no line break in those of YAML 1.1
/// (U+0085, U+2028, U+2029), and no byte order mark.
fn is_plain(character: char) -> bool {
    matches!(character,
        ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

impl Failure for Unwritable {
    fn kind(&self) -> &'static str {
        "unwritable-model"
    }

    fn exit(&self) -> Exit {
        Exit::DataErr
    }

    fn hint(&self) -> Option<String> {
        Some("change it, or leave it out".to_owned())
    }
}
