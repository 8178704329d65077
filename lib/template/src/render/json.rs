//! A devcontainer.json (containers.dev/implementors/json_reference), filled in.

use serde_json::{Map, Value};

use crate::{
    TemplateError,
    render::place::{Marked, Piece, has_value},
};

/// Life-cycle commands: a string is a command line, a list is not, and a map
/// has some of each.
const COMMANDS: [&str; 6] = [
    "initializeCommand",
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "postAttachCommand",
];

/// The variable that is a command line itself.
const COMMAND: &str = "CertInstallCommand";

const LIST: &str = "write the command as a list";
const APART: &str = "write the option and its value as two strings, or mounts as maps";
const DOLLAR: &str = "rename it: the format has no way to write '${' that is not replaced";

/// Reads an object of JSON with comments and commas at the end of lists, as the
/// repository's own file is read; `file` is its name in errors.
pub fn parse(file: &str, text: &str) -> Result<Map<String, Value>, TemplateError> {
    let wrong = |devcontainer::Malformed { line, message }| TemplateError::Malformed {
        file: file.to_owned(),
        line,
        message,
    };
    Ok(devcontainer::parse(text).map_err(wrong)?.0)
}

/// Returns the JSON of a marked text.
pub(super) fn render(marked: &Marked) -> Result<String, TemplateError> {
    let members = parse(&marked.file, &marked.text)?;
    let value = Walk { marked }.object(Place::default(), members)?;
    Ok(format!("{value:#}\n"))
}

struct Walk<'a> {
    marked: &'a Marked,
}

/// Where a string is.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Whether it is below a key of a command.
    in_command: bool,
    /// The characters at which a string there is taken apart.
    parted: &'static [char],
    /// Whether it is an item of a list.
    is_item: bool,
    /// How many keys are above it.
    depth: usize,
}

impl Walk<'_> {
    fn value(&self, place: Place, value: Value) -> Result<Value, TemplateError> {
        match value {
            Value::String(text) => Ok(Value::String(self.string(place, &text)?)),
            Value::Array(items) => {
                let place = Place { is_item: true, ..place };
                let items = items.into_iter().map(|item| self.value(place, item));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Value::Object(members) => self.object(place, members),
            other => Ok(other),
        }
    }

    fn object(&self, place: Place, members: Map<String, Value>) -> Result<Value, TemplateError> {
        self.marked.unique(&members)?;
        let mut filled = Map::new();
        for (key, value) in members {
            let below = match place.depth {
                0 => Place {
                    in_command: COMMANDS.contains(&key.as_str()),
                    parted: match key.as_str() {
                        "mounts" | "workspaceMount" => &[',', '"', '\n'],
                        "runArgs" | "appPort" | "forwardPorts" => &[',', ':', '"', '\n'],
                        _ => &[],
                    },
                    ..place
                },
                _ => place,
            };
            let below = Place { is_item: false, depth: place.depth + 1, ..below };
            let value = self.value(below, value)?;
            let pieces = self.marked.pieces(&key);
            let name = self.joined(&pieces)?;
            filled.insert(name, value);
        }
        Ok(Value::Object(filled))
    }

    fn string(&self, place: Place, text: &str) -> Result<String, TemplateError> {
        let pieces = self.marked.pieces(text);
        if has_value(&pieces) && place.in_command && !place.is_item {
            let is_data =
                |piece: &&Piece<'_>| !matches!(piece, Piece::Value(value) if value.name == COMMAND);
            let data: Vec<_> = pieces.iter().filter(is_data).copied().collect();
            self.marked.plain(&data, LIST)?;
        }
        // An argument that is all a value is one argument.
        let is_whole = pieces.len() == 1 && place.is_item && place.parted.contains(&':');
        if has_value(&pieces) && !is_whole {
            self.marked.without(&pieces, place.parted, APART)?;
        }
        self.joined(&pieces)
    }

    /// Puts the pieces together, and refuses what the CLI would replace by
    /// something else: `${localEnv:NAME}` and the like.
    fn joined(&self, pieces: &[Piece<'_>]) -> Result<String, TemplateError> {
        let mut text = String::new();
        for piece in pieces {
            let Piece::Value(placeholder) = piece else {
                let Piece::Text(own) = piece else { continue };
                text.push_str(own);
                continue;
            };
            let is_open = text.rfind("${").is_some_and(|start| !text[start..].contains('}'));
            let meets = text.ends_with('$') && placeholder.value.starts_with('{');
            // The variable's own text has no such thing, and '$' is its shell's.
            let ends = placeholder.value.ends_with('$');
            if is_open || meets || ends || placeholder.value.contains("${") {
                let reason = "with its value there is a '${', which is replaced";
                return Err(self.marked.refused(placeholder, reason, DOLLAR));
            }
            text.push_str(&placeholder.value);
        }
        Ok(text)
    }
}
