//! A script of Python, filled in: a placeholder is an expression there, and
//! becomes a literal of a string.

use std::fmt::Write as _;

use crate::{
    TemplateError,
    render::{
        Variables,
        place::{self, Placeholder},
    },
};

const ALONE: &str = "let it stand as an expression, outside of quotes: NAME = {{.ProjectName}}";

/// Fills `text` in.
pub(super) fn render(
    file: &str,
    text: &str,
    variables: &Variables,
) -> Result<String, TemplateError> {
    let placeholders = place::find(file, text, variables)?;
    let (mut filled, mut at, mut state) = (String::new(), 0, State::Code);
    for placeholder in &placeholders {
        let before = &text[at..placeholder.start];
        state = state.after(before);
        filled.push_str(before);
        match state {
            // In a comment it does nothing; a newline in it would.
            State::Comment => filled.push_str(placeholder.name),
            State::Code if stands_alone(text, placeholder) => {
                filled.push_str(&literal(&placeholder.value));
            }
            _ => {
                let reason = "it does not stand as an expression of its own";
                return Err(refused(file, placeholder, reason));
            }
        }
        at = placeholder.end;
    }
    filled.push_str(&text[at..]);
    Ok(filled)
}

fn refused(file: &str, placeholder: &Placeholder, reason: &str) -> TemplateError {
    TemplateError::Value {
        file: file.to_owned(),
        line: placeholder.line,
        name: placeholder.name,
        reason: reason.to_owned(),
        cure: ALONE,
    }
}

/// Says whether nothing touches a placeholder that would become one token with
/// its literal: `f"…"` is computed, `"" "…"` one string, `""` and a quote three.
fn stands_alone(text: &str, placeholder: &Placeholder) -> bool {
    let touches = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '\'' || c == '\\';
    let before = text[..placeholder.start].chars().next_back();
    let after = text[placeholder.end..].chars().next();
    !before.is_some_and(touches) && !after.is_some_and(touches)
}

/// Returns the literal of a string (The Python Language Reference, 2.4.1), in
/// plain ASCII.
fn literal(value: &str) -> String {
    let mut text = String::from('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            ' '..='~' => text.push(character),
            _ => {
                let _ = write!(text, "\\U{:08x}", u32::from(character));
            }
        }
    }
    text.push('"');
    text
}

/// What the text is at a place of a script.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Code,
    Comment,
    Text(Quoted),
    /// It cannot be told: in a formatted string there are quotes in braces,
    /// which end it in one version of Python and not in another.
    Lost,
}

/// A string that has begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Quoted {
    quote: char,
    is_triple: bool,
    /// How many braces are open, in a formatted string.
    depth: Option<usize>,
}

impl State {
    /// Returns what it is after `text`.
    fn after(mut self, text: &str) -> Self {
        let mut at = 0;
        while let Some(character) = text[at..].chars().next() {
            let rest = &text[at..];
            let mut length = character.len_utf8();
            self = match self {
                Self::Code if character == '#' => Self::Comment,
                Self::Code if character == '"' || character == '\'' => {
                    let quoted = Quoted::begin(&text[..at], rest, character);
                    length = quoted.length();
                    Self::Text(quoted)
                }
                Self::Comment if character == '\n' => Self::Code,
                Self::Text(quoted) => {
                    let (state, taken) = quoted.next(rest, character);
                    length = taken;
                    state
                }
                other => other,
            };
            at += length;
        }
        self
    }
}

impl Quoted {
    fn begin(before: &str, rest: &str, quote: char) -> Self {
        let is_triple = rest[1..].starts_with(&quote.to_string().repeat(2));
        let letters = before.bytes().rev().take_while(u8::is_ascii_alphabetic);
        let is_formatted = letters.take(2).any(|letter| b"fFtT".contains(&letter));
        Self { quote, is_triple, depth: is_formatted.then_some(0) }
    }

    /// Returns how long its quotes are.
    fn length(self) -> usize {
        if self.is_triple { 3 } else { 1 }
    }

    /// Returns what it is after `character`, with which `rest` begins, and how
    /// many bytes that took.
    fn next(mut self, rest: &str, character: char) -> (State, usize) {
        let is_end = match self.is_triple {
            true => rest.starts_with(&self.quote.to_string().repeat(3)),
            false => character == self.quote || character == '\n',
        };
        let length = character.len_utf8();
        if is_end {
            let is_open = self.depth.is_some_and(|depth| depth > 0);
            return (if is_open { State::Lost } else { State::Code }, self.length());
        }
        // Also in a raw string a backslash keeps a quote from ending it.
        if character == '\\' {
            let next = rest[1..].chars().next().map_or(0, char::len_utf8);
            return (State::Text(self), length + next);
        }
        let Some(depth) = &mut self.depth else { return (State::Text(self), length) };
        match character {
            '{' | '}' if *depth == 0 && rest[1..].starts_with(character) => {
                return (State::Text(self), 2);
            }
            '{' => *depth += 1,
            '}' if *depth == 0 => return (State::Lost, length),
            '}' => *depth -= 1,
            _ => {}
        }
        (State::Text(self), length)
    }
}
