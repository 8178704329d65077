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
    let events = Parser::new_from_str(text);
    let mut loader = Loader { events, anchors: HashMap::new(), parts: 0, depth: 0 };
    let mut root = None;
    loop {
        let (event, at) = loader.next()?;
        match event {
            Event::DocumentStart(_) if root.is_some() => {
                return at.wrong("there is a second document");
            }
            Event::DocumentStart(_) => root = Some(loader.node()?),
            Event::StreamEnd => {
                return root.map_or_else(|| at.wrong("there is nothing in it"), Ok);
            }
            _ => {}
        }
    }
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
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let Value::Scalar { text: key, is_plain } = self.node_of(event, at)?.value else {
                return at.wrong("a key is a list or a map");
            };
            if pairs.iter().any(|(known, _)| *known == key) {
                return at.wrong(format!("duplicate key '{key}'"));
            }
            let value = self.node()?;
            if is_plain && key == "<<" {
                merged.extend(merges(value)?);
            } else {
                pairs.push((key, value));
            }
        }
        // What stands in the map itself comes before what is merged into it.
        for (key, value) in merged {
            if !pairs.iter().any(|(known, _)| *known == key) {
                pairs.push((key, value));
            }
        }
        Ok(Value::Table(pairs))
    }
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
