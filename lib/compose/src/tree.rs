//! YAML as a tree whose parts know their lines, read strictly.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

/// How many parts a file may have once its aliases are replaced: a few lines of
/// aliases of aliases would otherwise be more than any memory.
const PARTS: usize = 10_000;
/// How deep parts may lie within each other.
const DEPTH: usize = 32;

/// A value, and the line that it begins on.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A value as it is written; what a scalar means is for its reader to say.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar {
        text: String,
        /// Whether it stands without quotes, and may mean something else than text.
        is_plain: bool,
    },
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl From<ScanError> for Malformed {
    fn from(error: ScanError) -> Self {
        Self { line: error.marker().line(), message: error.info().to_owned() }
    }
}

impl Node {
    /// Returns what the value is, in words.
    pub(crate) fn what(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Table(_) => "a map",
        }
    }

    /// Says whether there is a key and nothing behind it.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, is_plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns of how many parts the value is made.
    fn parts(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Self::parts).sum(),
            Value::Table(pairs) => pairs.iter().map(|(_, node)| 1 + node.parts()).sum(),
        }
    }
}

/// Parses the one document in `text`.
pub(crate) fn parse(text: &str) -> Result<Node, Malformed> {
    alike(text)?;
    let events = Parser::new_from_str(text);
    let mut loader = Loader { events, anchors: HashMap::new(), parts: 0, depth: 0 };
    let root = loader.document()?;
    // Where nothing has a name, the text of a command may look like one.
    if !loader.anchors.is_empty() {
        names(text)?;
    }
    Ok(root)
}

/// Makes sure that all readers of `text` see the same lines and characters: a file
/// that is checked here is read again by others, and what is a comment to one of
/// them must not be a key to the next.
///
/// In YAML 1.1 (4.2), which both Compose tools read, U+0085, U+2028 and U+2029 end
/// a line, and here they do not; a carriage return that stands alone and a byte
/// order mark within the text are taken in more than one way; and what is not
/// printable (YAML 1.2, 5.1) is no YAML.
fn alike(text: &str) -> Result<(), Malformed> {
    let is_alike = |at: usize, c: char| match c {
        '\u{feff}' => at == 0,
        '\r' => text[at + 1..].starts_with('\n'),
        _ => is_alike(c),
    };
    let Some((at, c)) = text.char_indices().find(|(at, c)| !is_alike(*at, *c)) else {
        return Ok(());
    };
    let code = u32::from(c);
    line(text, at).wrong(format!(
        "U+{code:04X}, which not all readers take alike, may only be there as \"\\u{code:04x}\""
    ))
}

/// Says whether all readers take `c` alike wherever it stands.
pub(crate) fn is_alike(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// Makes sure that the names of anchors end where all readers take them to: those
/// of YAML 1.1 may have some characters right behind them, which belong to the
/// names in YAML 1.2.
fn names(text: &str) -> Result<(), Malformed> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    for (at, _) in text.match_indices(['&', '*']) {
        let begins = !text[..at].ends_with(|c: char| !c.is_whitespace() && !"[{,:".contains(c));
        let behind = text[at + 1..].trim_start_matches(is_part);
        if begins && behind.starts_with(['?', ':', '%', '@', '`']) {
            let name = &text[at..text.len() - behind.len() + 1];
            return line(text, at)
                .wrong(format!("'{name}' is a name to some readers, and a part of one to others"));
        }
    }
    Ok(())
}

/// Returns the line of what is at `at`.
fn line(text: &str, at: usize) -> Line {
    Line(1 + text[..at].matches('\n').count())
}

/// The events of a text, and what was met so far.
struct Loader<'a> {
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    parts: usize,
    depth: usize,
}

/// The line of an event.
#[derive(Clone, Copy)]
struct Line(usize);

impl Line {
    fn wrong<T>(self, message: impl Into<String>) -> Result<T, Malformed> {
        Err(Malformed { line: self.0, message: message.into() })
    }
}

impl<'a> Loader<'a> {
    /// Reads the one document.
    fn document(&mut self) -> Result<Node, Malformed> {
        let mut root = None;
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::DocumentStart(_) if root.is_some() => {
                    return at.wrong("there is a second document");
                }
                Event::DocumentStart(_) => root = Some(self.node()?),
                Event::StreamEnd => {
                    return root.map_or_else(|| at.wrong("there is nothing in it"), Ok);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Line), Malformed> {
        match self.events.next_event() {
            Some(event) => {
                let (event, span) = event?;
                Ok((event, Line(span.start.line())))
            }
            None => Err(ScanError::new_str(Marker::default(), "it ends too early").into()),
        }
    }

    fn node(&mut self) -> Result<Node, Malformed> {
        let (event, at) = self.next()?;
        self.node_of(event, at)
    }

    /// Reads the value that begins with `event`.
    fn node_of(&mut self, event: Event<'a>, at: Line) -> Result<Node, Malformed> {
        self.count(1, at)?;
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                // In YAML 1.1 `{?a: b}` is `{a: b}`.
                if is_plain && text.starts_with('?') {
                    return at.wrong("to some readers '?' begins a key; put it in quotes");
                }
                (Value::Scalar { text: text.into_owned(), is_plain }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (self.deeper(at, Self::list)?, anchor, tag),
            Event::MappingStart(anchor, tag) => (self.deeper(at, Self::table)?, anchor, tag),
            other => return at.wrong(format!("there is no value, but {other:?}")),
        };
        if let Some(tag) = tag {
            return at.wrong(format!("the tag '{tag}' is there, and tags are not taken"));
        }
        let node = Node { line: at.0, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, parts: usize, at: Line) -> Result<(), Malformed> {
        self.parts += parts;
        if self.parts > PARTS {
            return at.wrong(format!("there are more than {PARTS} values, aliases replaced"));
        }
        Ok(())
    }

    fn deeper(
        &mut self,
        at: Line,
        read: fn(&mut Self) -> Result<Value, Malformed>,
    ) -> Result<Value, Malformed> {
        if self.depth == DEPTH {
            return at.wrong(format!("values lie in each other more than {DEPTH} deep"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Returns what an alias stands for. What is still being read has no name yet.
    fn alias(&mut self, anchor: usize, at: Line) -> Result<Node, Malformed> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return at.wrong("an alias stands for what it is in");
        };
        self.count(node.parts(), at)?;
        Ok(node)
    }

    fn list(&mut self) -> Result<Value, Malformed> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, at) => items.push(self.node_of(event, at)?),
            }
        }
    }

    fn table(&mut self) -> Result<Value, Malformed> {
        let mut pairs: Vec<(String, Node)> = Vec::new();
        let mut merged = None;
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let Value::Scalar { text: key, is_plain } = self.node_of(event, at)?.value else {
                return at.wrong("a key is a list or a map");
            };
            // Of two `<<` the last counts for some readers, and the first for others.
            let is_merge = is_plain && key == "<<";
            let is_twice = if is_merge { merged.is_some() } else { has(&pairs, &key) };
            if is_twice {
                return at.wrong(format!("duplicate key '{key}'"));
            }
            let value = self.node()?;
            if is_merge {
                merged = Some(merges(value)?);
            } else {
                pairs.push((key, value));
            }
        }
        // What stands in the map itself comes before what is merged into it.
        for (key, value) in merged.unwrap_or_default() {
            if !has(&pairs, &key) {
                pairs.push((key, value));
            }
        }
        Ok(Value::Table(pairs))
    }
}

fn has(pairs: &[(String, Node)], key: &str) -> bool {
    pairs.iter().any(|(known, _)| known == key)
}

/// Returns the pairs that `<<: VALUE` brings into a map.
fn merges(value: Node) -> Result<Vec<(String, Node)>, Malformed> {
    let line = Line(value.line);
    match value.value {
        Value::Table(pairs) => Ok(pairs),
        Value::List(items) => {
            let mut pairs = Vec::new();
            for item in items {
                let Value::Table(more) = item.value else {
                    return line.wrong("'<<' takes maps");
                };
                pairs.extend(more);
            }
            Ok(pairs)
        }
        Value::Scalar { .. } => line.wrong("'<<' takes maps"),
    }
}
