//! Values of a file with their paths, and what is wrong with them.

use std::fmt;

use crate::{
    path,
    tree::{Node, Value},
};

/// A key that cannot be used, why, and what to do instead.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// The key's path, such as `services.app.privileged`.
    pub path: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// Why it is refused.
    pub reason: String,
    /// What can be done.
    pub cure: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}): {}", self.path, self.line, self.reason)
    }
}

/// All that was found wrong: a person wants to be told at once.
#[derive(Debug)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// What is read, or what is wrong with it.
pub(crate) type Checked<T> = Result<T, Problems>;

/// Returns all values, or all that is wrong with them.
pub(crate) fn gather<T>(results: impl IntoIterator<Item = Checked<T>>) -> Checked<Vec<T>> {
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(Problems(more)) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(Problems(problems)) }
}

/// A value, and the path to it.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    path: String,
    node: &'a Node,
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { path: String::new(), node }
    }

    pub(crate) fn refused(&self, reason: impl Into<String>, cure: impl Into<String>) -> Problems {
        let path = if self.path.is_empty() { "the file" } else { &self.path };
        Problem {
            path: path.to_owned(),
            line: self.node.line,
            reason: reason.into(),
            cure: cure.into(),
        }
        .into()
    }

    /// Returns where the value is, its line, and what stands there.
    pub(crate) fn place(&self) -> (&str, usize, &'a Node) {
        (&self.path, self.node.line, self.node)
    }

    fn expected<T>(&self, what: &str) -> Checked<T> {
        Err(self.refused(format!("it is {}", self.node.what()), format!("write {what}")))
    }

    pub(crate) fn is_null(&self) -> bool {
        self.node.is_null()
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    /// Returns the members of a map; one that is not there has none.
    pub(crate) fn table(&self) -> Checked<Vec<(&'a str, Self)>> {
        match &self.node.value {
            Value::Table(pairs) => Ok(pairs
                .iter()
                .map(|(key, node)| (key.as_str(), Self { path: path::key(&self.path, key), node }))
                .collect()),
            _ if self.is_null() => Ok(Vec::new()),
            _ => self.expected("a map"),
        }
    }

    /// Returns the items of a list.
    pub(crate) fn list(&self) -> Checked<Vec<Self>> {
        match &self.node.value {
            Value::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, node)| Self { path: path::item(&self.path, index), node })
                .collect()),
            _ => self.expected("a list"),
        }
    }

    /// Returns a text, in which `$$` stands for `$`.
    pub(crate) fn text(&self) -> Checked<String> {
        let Value::Scalar { text, .. } = &self.node.value else { return self.expected("text") };
        if self.is_null() {
            return Err(self.refused("it has no value", "write one; empty text is \"\""));
        }
        if text.contains('\0') {
            return Err(self.refused("it has a NUL, which no program can be given", "take it out"));
        }
        self.undoubled(text)
    }

    fn undoubled(&self, text: &str) -> Checked<String> {
        let mut parts = text.split("$$");
        if parts.any(|part| part.contains('$')) {
            return Err(self.refused(
                "'$' takes a value from this machine's environment, which is not the container's \
                 to know",
                "write the value; '$$' is a '$'",
            ));
        }
        Ok(text.replace("$$", "$"))
    }

    /// Returns `true` or `false`, as YAML 1.2 has them.
    pub(crate) fn boolean(&self) -> Checked<bool> {
        match &self.node.value {
            Value::Scalar { text, is_plain: true } if text == "true" => Ok(true),
            Value::Scalar { text, is_plain: true } if text == "false" => Ok(false),
            _ => Err(self.refused("it is neither true nor false", "write true or false")),
        }
    }

    /// Returns a whole number, in decimal notation.
    pub(crate) fn number(&self) -> Checked<u64> {
        let text = self.text()?;
        let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let has_value = is_decimal && (text == "0" || !text.starts_with('0'));
        let wrong = || self.refused("it is not a whole number", "write one, such as 512");
        if has_value { text.parse().map_err(|_| wrong()) } else { Err(wrong()) }
    }

    /// Returns a text if `is_good` says so, else asks for `what`.
    pub(crate) fn text_that(&self, is_good: fn(&str) -> bool, what: &str) -> Checked<String> {
        let text = self.text()?;
        if is_good(&text) {
            return Ok(text);
        }
        Err(self.refused(format!("'{text}' is not {what}"), format!("write {what}")))
    }

    /// Returns the items of a list of texts, or the one that stands alone.
    pub(crate) fn texts(&self) -> Checked<Vec<(Self, String)>> {
        let items = if self.is_list() { self.list()? } else { vec![self.clone()] };
        gather(items.into_iter().map(|item| item.text().map(|text| (item, text))))
    }
}
