//! A person's own files of a container, filled in with what the document says.
//!
//! No text is pasted into text. Each placeholder becomes a word that means
//! nothing anywhere, the result is parsed as what it is, and the words are
//! replaced by the values in the parsed strings: a value stays a value,
//! whatever is in it. Where the format itself takes a string apart, such as
//! `SOURCE:TARGET`, a value that would shift the parts is refused.

mod compose;
mod json;
mod place;
mod python;
mod variable;

use crate::TemplateError;

pub use self::{json::parse as jsonc, variable::Variables};

/// The ending of files that are filled in.
const ENDING: &str = ".tmpl";

/// The files of a template that are rendered, and the one that is copied, as
/// they are called in the template.
pub const FILES: [&str; 4] =
    ["docker-compose.yml.tmpl", "filter.py.tmpl", "devcontainer.json.tmpl", "Dockerfile.proxy"];

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Compose,
    Json,
    Python,
    Static,
}

/// Returns the name of what the file `name` is rendered to: the same without
/// `.tmpl`; none where it is not a file that is rendered.
#[must_use]
pub fn rendered_name(name: &str) -> Option<&str> {
    format(name).map(|_| name.strip_suffix(ENDING).unwrap_or(name))
}

fn format(name: &str) -> Option<Format> {
    let Some(stem) = name.strip_suffix(ENDING) else {
        return (name == "Dockerfile.proxy").then_some(Format::Static);
    };
    match stem.rsplit_once('.')?.1 {
        "yml" | "yaml" => Some(Format::Compose),
        "json" => Some(Format::Json),
        "py" => Some(Format::Python),
        _ => None,
    }
}

/// Fills `text` in. What it is follows from `name`; `file` is its name in
/// errors.
pub fn render(
    name: &str,
    file: &str,
    text: &str,
    variables: &Variables,
) -> Result<String, TemplateError> {
    match format(name) {
        Some(Format::Compose) => compose::render(&place::mark(file, text, variables)?),
        Some(Format::Json) => json::render(&place::mark(file, text, variables)?),
        Some(Format::Python) => python::render(file, text, variables),
        Some(Format::Static) => Ok(text.to_owned()),
        None => Err(TemplateError::Malformed {
            file: file.to_owned(),
            line: 1,
            message: format!("'{name}' is none of the files that are rendered"),
        }),
    }
}
