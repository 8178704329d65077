//! Files of Compose (Compose Specification), filled in.

use compose::Syntax;
use serde_json::{Map, Value};

use crate::{
    TemplateError,
    render::place::{Marked, Piece, has_value, joined},
};

/// Strings that are taken apart, by the key that they are under, and where.
const PARTED: &[(&str, &[char])] = &[
    ("devices", &[':']),
    ("external_links", &[':']),
    ("extra_hosts", &[':', '=']),
    ("ipc", &[':']),
    ("links", &[':']),
    ("network_mode", &[':']),
    ("pid", &[':']),
    ("ports", &[':', '/', '-']),
    ("expose", &[':', '/', '-']),
    ("security_opt", &[':', '=']),
    ("tmpfs", &[':']),
    ("userns_mode", &[':']),
    ("volumes", &[':']),
    ("volumes_from", &[':']),
];

/// Lists whose items are `NAME=VALUE`.
const PAIRS: &[&str] =
    &["additional_contexts", "annotations", "args", "environment", "labels", "options", "sysctls"];

/// Strings that are command lines where they are no lists.
const COMMANDS: &[&str] = &["command", "entrypoint", "test", "post_start", "pre_stop"];

const LONG: &str = "write it in the long syntax, with a key for each part";
const LIST: &str = "write the command as a list";
const MAP: &str = "write it as a map, not as a list";
const APART: &str = "put something between '$' and the placeholder, or '$$'";

/// Returns the Compose file of a marked text.
pub(super) fn render(marked: &Marked) -> Result<String, TemplateError> {
    let file = marked.file.clone();
    let model = match compose::read(&marked.text) {
        Ok(model) => model,
        Err(compose::Malformed { line, message }) => {
            return Err(TemplateError::Malformed { file, line, message });
        }
    };
    let model = Walk { marked }.value(&mut Vec::new(), model)?;
    compose::to_syntax(&model, Syntax::Interpolated).map_err(|error| TemplateError::Malformed {
        file,
        line: 1,
        message: error.to_string(),
    })
}

struct Walk<'a> {
    marked: &'a Marked,
}

/// Where a value is: the keys above it, and `None` for an item of a list.
type Path = Vec<Option<String>>;

impl Walk<'_> {
    fn value(&self, path: &mut Path, value: Value) -> Result<Value, TemplateError> {
        match value {
            Value::String(text) => Ok(Value::String(self.string(path, &text)?)),
            Value::Array(items) => {
                path.push(None);
                let items = items.into_iter().map(|item| self.value(path, item));
                let items = items.collect::<Result<_, _>>()?;
                path.pop();
                Ok(Value::Array(items))
            }
            Value::Object(members) => self.object(path, members),
            other => Ok(other),
        }
    }

    fn object(&self, path: &mut Path, members: Map<String, Value>) -> Result<Value, TemplateError> {
        self.marked.unique(&members)?;
        let mut filled = Map::new();
        for (key, value) in members {
            let pieces = self.marked.pieces(&key);
            let name = joined(&pieces, str::to_owned);
            path.push(Some(name.clone()));
            let value = self.value(path, value)?;
            path.pop();
            filled.insert(name, value);
        }
        Ok(Value::Object(filled))
    }

    fn string(&self, path: &Path, text: &str) -> Result<String, TemplateError> {
        let pieces = self.marked.pieces(text);
        if has_value(&pieces) {
            self.dollars(text, &pieces)?;
            self.check(path, &pieces)?;
        }
        Ok(joined(&pieces, |value| value.replace('$', "$$")))
    }

    /// Refuses values that would shift the parts of a string.
    fn check(&self, path: &Path, pieces: &[Piece<'_>]) -> Result<(), TemplateError> {
        let is_item = matches!(path.last(), Some(None));
        let Some(key) = path.iter().rev().flatten().next() else { return Ok(()) };
        let key = key.as_str();
        if path.first().and_then(Option::as_deref).is_some_and(|first| first.starts_with("x-")) {
            return Ok(());
        }
        if COMMANDS.contains(&key) && !is_item {
            return self.marked.plain(pieces, LIST);
        }
        if PAIRS.contains(&key) && is_item {
            return self.pair(pieces);
        }
        let parted = PARTED.iter().find(|(parted, _)| *parted == key);
        match parted {
            Some((_, characters)) => {
                self.marked.without(pieces, characters, LONG)?;
                self.begins(pieces)
            }
            None => Ok(()),
        }
    }

    /// Refuses a value before the `=` of a pair that has one itself.
    fn pair(&self, pieces: &[Piece<'_>]) -> Result<(), TemplateError> {
        let is_end = |piece: &Piece<'_>| matches!(piece, Piece::Text(text) if text.contains('='));
        let name = pieces.iter().position(is_end).unwrap_or(pieces.len());
        self.marked.without(&pieces[..name], &['='], MAP)
    }

    /// Refuses a value at the beginning that would be a path where the file has
    /// none, or one of the home directory.
    fn begins(&self, pieces: &[Piece<'_>]) -> Result<(), TemplateError> {
        match pieces.first() {
            Some(Piece::Value(placeholder))
                if placeholder.value.is_empty() || placeholder.value.starts_with(['~', '.']) =>
            {
                let reason = "its value would be taken for a path of another place";
                Err(self.marked.refused(placeholder, reason, LONG))
            }
            _ => Ok(()),
        }
    }

    /// Refuses placeholders in what Compose itself replaces: `$NAME`, `${…}`.
    fn dollars(&self, text: &str, pieces: &[Piece<'_>]) -> Result<(), TemplateError> {
        let replaced = interpolated(text);
        let inside = replaced.iter().find_map(|part| {
            self.marked.pieces(part).into_iter().find_map(|piece| match piece {
                Piece::Value(placeholder) => Some(placeholder.clone()),
                Piece::Text(_) => None,
            })
        });
        let before = pieces.windows(2).find_map(|pair| match pair {
            [Piece::Text(text), Piece::Value(placeholder)] => {
                let dollars = text.len() - text.trim_end_matches('$').len();
                (dollars % 2 == 1).then_some((*placeholder).clone())
            }
            _ => None,
        });
        match inside.or(before) {
            Some(placeholder) => {
                let reason = "it stands in what Compose takes from the environment";
                Err(self.marked.refused(&placeholder, reason, APART))
            }
            None => Ok(()),
        }
    }
}

/// Returns the parts of `text` that Compose replaces: after a `$` that is not
/// doubled, a name or what is in braces.
fn interpolated(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let length = match rest.starts_with('{') {
            // What is nested ends later: the last brace is the safe one.
            true => rest.rfind('}').map_or(rest.len(), |end| end + 1),
            false => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                rest.find(|c| !is_name(c)).unwrap_or(rest.len())
            }
        };
        parts.push(&rest[..length]);
        rest = &rest[length..];
    }
    parts
}
