//! Placeholders, and words in their places that no format takes for anything.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    TemplateError,
    render::{Variables, variable},
};

/// A placeholder in a text.
#[derive(Clone, Debug)]
pub(super) struct Placeholder {
    /// The variable.
    pub(super) name: &'static str,
    /// What it stands for.
    pub(super) value: String,
    /// Its line, counted from 1.
    pub(super) line: usize,
    /// Where its first brace is, in bytes.
    pub(super) start: usize,
    /// Where its last brace ends.
    pub(super) end: usize,
}

/// A text with a word in the place of each placeholder.
#[derive(Debug)]
pub(super) struct Marked {
    pub(super) file: String,
    pub(super) text: String,
    /// What all words begin with: it is nowhere else in the text.
    stem: String,
    placeholders: Vec<Placeholder>,
}

/// A piece of a string that had placeholders in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// What the file has.
    Text(&'a str),
    /// What a placeholder stands for.
    Value(&'a Placeholder),
}

/// Finds the placeholders in `text`: `{{.Name}}` or `{{Name}}`.
pub(super) fn find(
    file: &str,
    text: &str,
    variables: &Variables,
) -> Result<Vec<Placeholder>, TemplateError> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(start) = text[at..].find("{{").map(|offset| at + offset) {
        let line = text[..start].matches('\n').count() + 1;
        let file = || file.to_owned();
        let Some(length) = text[start..].find("}}") else {
            let message = "'{{' has no '}}'".to_owned();
            return Err(TemplateError::Malformed { file: file(), line, message });
        };
        let end = start + length + 2;
        let inner = text[start + 2..end - 2].trim();
        let word = inner.strip_prefix('.').unwrap_or(inner);
        let Some((name, value)) = variables.find(word) else {
            let (name, like) = (inner.to_owned(), variable::like(word));
            return Err(TemplateError::Unknown { file: file(), line, name, like });
        };
        let value =
            value.map_err(|cure| TemplateError::Unset { file: file(), line, name, cure })?;
        found.push(Placeholder { name, value: value.to_owned(), line, start, end });
        at = end;
    }
    Ok(found)
}

/// Puts a word into the place of each placeholder of `text`.
pub(super) fn mark(file: &str, text: &str, variables: &Variables) -> Result<Marked, TemplateError> {
    let placeholders = find(file, text, variables)?;
    // Letters alone, so that no parser takes it for a number or a keyword.
    let stem = (0_u32..).map(stem).find(|stem| !text.contains(stem)).unwrap_or_default();
    let (mut marked, mut at) = (String::with_capacity(text.len()), 0);
    for (index, placeholder) in placeholders.iter().enumerate() {
        marked.push_str(&text[at..placeholder.start]);
        marked.push_str(&format!("{stem}{index:06}"));
        at = placeholder.end;
    }
    marked.push_str(&text[at..]);
    Ok(Marked { file: file.to_owned(), text: marked, stem, placeholders })
}

fn stem(number: u32) -> String {
    let digits = number.to_string();
    let letters = digits.bytes().map(|digit| char::from(b'a' + (digit - b'0')));
    format!("ctrkitvalue{}z", letters.collect::<String>())
}

impl Marked {
    /// Returns the pieces of a parsed string.
    pub(super) fn pieces<'a>(&'a self, text: &'a str) -> Vec<Piece<'a>> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(start) = rest.find(&self.stem) {
            let number = start + self.stem.len();
            let index =
                rest.get(number..number + 6).and_then(|digits| digits.parse::<usize>().ok());
            let Some(placeholder) = index.and_then(|index| self.placeholders.get(index)) else {
                break;
            };
            if start > 0 {
                pieces.push(Piece::Text(&rest[..start]));
            }
            pieces.push(Piece::Value(placeholder));
            rest = &rest[number + 6..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest));
        }
        pieces
    }

    /// Returns the error of a value that would not come out as what it is.
    pub(super) fn refused(
        &self,
        placeholder: &Placeholder,
        reason: impl Into<String>,
        cure: &'static str,
    ) -> TemplateError {
        TemplateError::Value {
            file: self.file.clone(),
            line: placeholder.line,
            name: placeholder.name,
            reason: reason.into(),
            cure,
        }
    }

    /// Refuses values with which two keys of a map would be one.
    pub(super) fn unique(&self, members: &Map<String, Value>) -> Result<(), TemplateError> {
        let mut names: BTreeMap<String, Option<&Placeholder>> = BTreeMap::new();
        for key in members.keys() {
            let pieces = self.pieces(key);
            let value = pieces.iter().find_map(|piece| match piece {
                Piece::Value(placeholder) => Some(*placeholder),
                Piece::Text(_) => None,
            });
            let name = joined(&pieces, str::to_owned);
            if let Some(other) = names.insert(name, value) {
                let Some(placeholder) = value.or(other) else { continue };
                let reason = "with its value a key is there twice";
                return Err(self.refused(placeholder, reason, "write another key"));
            }
        }
        Ok(())
    }

    /// Refuses values in which one of `characters` is.
    pub(super) fn without(
        &self,
        pieces: &[Piece<'_>],
        characters: &[char],
        cure: &'static str,
    ) -> Result<(), TemplateError> {
        for piece in pieces {
            let Piece::Value(placeholder) = piece else { continue };
            if let Some(found) = placeholder.value.chars().find(|c| characters.contains(c)) {
                let reason =
                    format!("its value has a {found:?}, at which the string is taken apart");
                return Err(self.refused(placeholder, reason, cure));
            }
        }
        Ok(())
    }

    /// Refuses values that a shell would take for more than one word.
    pub(super) fn plain(
        &self,
        pieces: &[Piece<'_>],
        cure: &'static str,
    ) -> Result<(), TemplateError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./@%+=:,-".contains(c);
        for piece in pieces {
            let Piece::Value(placeholder) = piece else { continue };
            let value = &placeholder.value;
            if value.is_empty() || value.starts_with('-') || !value.chars().all(is_plain) {
                let reason = "its value is not one plain word, and the string is a command line";
                return Err(self.refused(placeholder, reason, cure));
            }
        }
        Ok(())
    }
}

/// Puts `pieces` together, each value as `value` makes it.
pub(super) fn joined(pieces: &[Piece<'_>], value: impl Fn(&str) -> String) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Value(placeholder) => value(&placeholder.value),
    };
    pieces.iter().map(piece).collect()
}

/// Says whether there is a value among `pieces`.
pub(super) fn has_value(pieces: &[Piece<'_>]) -> bool {
    pieces.iter().any(|piece| matches!(piece, Piece::Value(_)))
}
