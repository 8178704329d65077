//! Literals of Python, read as data: nothing is ever run.

/// A value that a literal stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String, usize),
    Boolean(bool),
    List(Vec<Literal>),
    Map(Vec<(Literal, Literal)>),
    Other,
}

/// What the reader stumbled over, and at which line.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Stumble {
    pub(crate) line: usize,
    pub(crate) problem: &'static str,
}

/// Returns what is assigned to `name` at the beginning of a line, if it is.
///
/// An assignment in a nested block, or of something computed, is none.
pub(crate) fn assigned(text: &str, name: &str) -> Result<Option<Literal>, Stumble> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(value) = line.strip_prefix(name).and_then(value_of) {
            let start = at + line.len() - value.len();
            let mut reader = Reader { text, at: start, depth: 0 };
            return reader.value().map(Some);
        }
        at += line.len();
    }
    Ok(None)
}

/// Returns what follows `= ` or `: annotation = `.
fn value_of(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches(' ');
    let rest = match rest.strip_prefix(':') {
        Some(annotated) => &annotated[annotated.find('=')?..],
        None => rest,
    };
    rest.strip_prefix('=').filter(|rest| !rest.starts_with('='))
}

/// As deep as anything that people write is nested.
const DEPTH: usize = 16;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn line(&self) -> usize {
        self.text[..self.at].matches('\n').count() + 1
    }

    fn stumble<T>(&self, problem: &'static str) -> Result<T, Stumble> {
        Err(Stumble { line: self.line(), problem })
    }

    /// Passes white space, comments and, as lists go on over lines, newlines.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', '\\']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn value(&mut self) -> Result<Literal, Stumble> {
        self.skip();
        self.depth += 1;
        if self.depth > DEPTH {
            return self.stumble("it is nested too deeply");
        }
        let value = match self.rest().chars().next() {
            Some('[') => self.sequence("[", "]")?,
            Some('(') => self.sequence("(", ")")?,
            Some('{') => self.braces()?,
            Some('"' | '\'') => self.strings()?,
            Some(c) if c.is_ascii_alphabetic() && self.is_prefixed() => self.strings()?,
            Some(c) if c.is_ascii_alphanumeric() || c == '-' => self.word()?,
            _ => return self.stumble("it is not a literal"),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn sequence(&mut self, open: &str, close: &str) -> Result<Literal, Stumble> {
        self.take(open);
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value()?);
            if !self.take(",") {
                if self.take(close) {
                    break;
                }
                return self.stumble("a comma is missing");
            }
        }
        Ok(Literal::List(items))
    }

    /// Reads a dictionary or a set.
    fn braces(&mut self) -> Result<Literal, Stumble> {
        self.take("{");
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        while !self.take("}") {
            let key = self.value()?;
            if self.take(":") {
                pairs.push((key, self.value()?));
            } else {
                items.push(key);
            }
            if !self.take(",") {
                if self.take("}") {
                    break;
                }
                return self.stumble("a comma is missing");
            }
        }
        Ok(if items.is_empty() { Literal::Map(pairs) } else { Literal::List(items) })
    }

    /// Says whether letters and a quote follow, as in `r"…"`.
    fn is_prefixed(&self) -> bool {
        let letters = self.rest().chars().take_while(char::is_ascii_alphabetic).count();
        letters <= 2 && self.rest()[letters..].starts_with(['"', '\''])
    }

    /// Reads strings, of which several in a row are one.
    fn strings(&mut self) -> Result<Literal, Stumble> {
        let line = self.line();
        let mut text = String::new();
        loop {
            text.push_str(&self.string()?);
            self.skip();
            if !(self.rest().starts_with(['"', '\'']) || self.is_prefixed()) {
                return Ok(Literal::Text(text, line));
            }
        }
    }

    fn string(&mut self) -> Result<String, Stumble> {
        let letters = self.rest().chars().take_while(char::is_ascii_alphabetic).count();
        let prefix = self.rest()[..letters].to_ascii_lowercase();
        if prefix.contains(['f', 't']) {
            return self.stumble("a string is computed");
        }
        self.at += letters;
        let quote = self.rest().chars().next().unwrap_or('"').to_string();
        let three = quote.repeat(3);
        let close = if self.rest().starts_with(&three) { three } else { quote };
        self.at += close.len();
        let mut text = String::new();
        while !self.rest().starts_with(&close) {
            match self.rest().chars().next() {
                None => return self.stumble("a string does not end"),
                Some('\n') if close.len() == 1 => return self.stumble("a string does not end"),
                // No name has one; to read them all would be to read Python.
                Some('\\') => return self.stumble("a string has a backslash"),
                Some(character) => {
                    text.push(character);
                    self.at += character.len_utf8();
                }
            }
        }
        self.at += close.len();
        Ok(text)
    }

    /// Reads `True`, `False`, `None` or a number.
    fn word(&mut self) -> Result<Literal, Stumble> {
        let word: String = self
            .rest()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c))
            .collect();
        self.at += word.len();
        match word.as_str() {
            "True" => Ok(Literal::Boolean(true)),
            "False" => Ok(Literal::Boolean(false)),
            "None" => Ok(Literal::Other),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(Literal::Other),
            _ => self.stumble("it is computed"),
        }
    }
}
