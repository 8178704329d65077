//! Reading a document, and writing it back in the order in which it came.

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
};

use serde_json::{Map, Value};

use crate::Document;

/// A document together with the order of its keys.
///
/// It is used like the document itself. Serde puts the keys that a type does
/// not know behind those that it knows; [`Received::to_line`] puts every key
/// back where it was, so that a tool changes what it changes and no more.
#[derive(Clone, Debug)]
pub struct Received<D> {
    document: D,
    order: Value,
}

/// Why a text is not the expected document.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParseError {
    /// There is nothing but white space.
    Empty,
    /// The text is longer than any document may be.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The text is not UTF-8.
    NotUtf8,
    /// The document is of another kind or version: the `schema` found.
    Schema(Option<String>),
    /// The text is not JSON, or a key has a value of the wrong type.
    Malformed(serde_json::Error),
}

/// The size in bytes above which a text is refused unread: a document of
/// ten thousand dotfiles has less than two million.
const LIMIT: usize = 16 << 20;

/// Parses one document, looking at its `schema` before anything else.
pub fn parse<D: Document>(text: &[u8]) -> Result<Received<D>, ParseError> {
    parse_limited(text, LIMIT)
}

/// Parses as [`parse`] does, with another limit in bytes.
pub fn parse_limited<D: Document>(text: &[u8], limit: usize) -> Result<Received<D>, ParseError> {
    if text.len() > limit {
        return Err(ParseError::TooLarge { limit });
    }
    let text = std::str::from_utf8(text).map_err(|_| ParseError::NotUtf8)?;
    if text.trim().is_empty() {
        return Err(ParseError::Empty);
    }
    let order: Value = serde_json::from_str(text).map_err(ParseError::Malformed)?;
    match order.get("schema").and_then(Value::as_str) {
        Some(found) if found == D::SCHEMA => {}
        found => return Err(ParseError::Schema(found.map(str::to_owned))),
    }
    // From the text and not from the value: errors then have line and column.
    let document = serde_json::from_str(text).map_err(ParseError::Malformed)?;
    Ok(Received { document, order })
}

impl<D: Document> Received<D> {
    /// Returns the document as one line of JSON, without the newline.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        let value = serde_json::to_value(&self.document)?;
        serde_json::to_string(&in_order(value, &self.order))
    }

    /// Returns the document alone.
    pub fn into_inner(self) -> D {
        self.document
    }
}

impl<D> From<D> for Received<D> {
    fn from(document: D) -> Self {
        Self { document, order: Value::Null }
    }
}

impl<D> Deref for Received<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.document
    }
}

impl<D> DerefMut for Received<D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.document
    }
}

/// Returns `value` with its keys in the order of `order`, new keys last.
fn in_order(value: Value, order: &Value) -> Value {
    match (value, order) {
        (Value::Object(mut new), Value::Object(old)) => {
            let mut ordered = Map::with_capacity(new.len());
            for (key, before) in old {
                if let Some(now) = new.shift_remove(key) {
                    ordered.insert(key.clone(), in_order(now, before));
                } else if is_omitted(before) {
                    ordered.insert(key.clone(), before.clone());
                }
            }
            ordered.extend(new);
            Value::Object(ordered)
        }
        (Value::Array(new), Value::Array(old)) => {
            let elsewhere: HashMap<_, _> =
                old.iter().filter_map(|item| Some((identity(item)?, item))).collect();
            let ordered = new.into_iter().enumerate().map(|(index, now)| {
                let here = old.get(index).filter(|item| identity(item) == identity(&now));
                let there = || identity(&now).and_then(|identity| elsewhere.get(identity).copied());
                let before = here.or_else(there).unwrap_or(&Value::Null);
                in_order(now, before)
            });
            Value::Array(ordered.collect())
        }
        (value, _) => value,
    }
}

/// Returns what tells an item of a list from the others, also when its place
/// in the list has changed.
fn identity(item: &Value) -> Option<&str> {
    let keys = ["target", "service", "key", "name"];
    keys.into_iter().find_map(|key| item.get(key)?.as_str())
}

/// Says whether `value` is one that the types write by leaving the key out.
fn is_omitted(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Bool(value) => !value,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Container;

    #[track_caller]
    fn check_unchanged(json: &str) {
        let document = parse::<Container>(json.as_bytes()).unwrap();
        assert_eq!(document.to_line().unwrap(), json);
    }

    #[test]
    fn unknown_keys_stay_in_their_places_at_every_level() {
        check_unchanged(
            r#"{"x-first":1,"schema":"container/1","zz":[1,{"b":1,"a":2}],"name":"dev-a","project":{"owner":"ops","path":"/a","name":"a","hash":"0"},"ports":[{"note":"n","service":"ssh","container":22,"b":{"z":1,"a":2}}],"last":{}}"#,
        );
    }

    #[test]
    fn empty_lists_that_were_there_stay() {
        check_unchanged(
            r#"{"schema":"container/1","name":"a","project":{"path":"/a","name":"a","hash":"0"},"ports":[],"mounts":[{"type":"bind","target":"/b","read_only":false}]}"#,
        );
    }

    #[test]
    fn an_item_that_moves_takes_its_own_keys_along() {
        let text = r#"{"schema":"container/1","name":"a","project":{"path":"/a","name":"a","hash":"0"},"labels":[{"name":"one","x":false,"value":"1"},{"value":"2","name":"two"}]}"#;
        let mut document = parse::<Container>(text.as_bytes()).unwrap();
        document.labels.remove(0);
        let expected = text.replace(r#"{"name":"one","x":false,"value":"1"},"#, "");
        assert_eq!(document.to_line().unwrap(), expected);
    }

    #[test]
    fn new_keys_come_last() {
        let text = r#"{"schema":"container/1","project":{"path":"/a","name":"a","hash":"0"},"name":"a","x":1}"#;
        let mut document = parse::<Container>(text.as_bytes()).unwrap();
        document.user = Some("dev".into());
        assert_eq!(
            document.to_line().unwrap(),
            text.replace(r#""x":1}"#, r#""x":1,"user":"dev"}"#)
        );
    }

    #[test]
    fn the_schema_comes_before_the_shape() {
        let error = parse::<Container>(br#"{"schema":"container/2","name":7}"#).unwrap_err();
        assert!(matches!(error, ParseError::Schema(Some(found)) if found == "container/2"));
    }

    #[test]
    fn rubbish_is_told_apart() {
        assert!(matches!(parse::<Container>(b" \n"), Err(ParseError::Empty)));
        assert!(matches!(parse::<Container>(b"\xff{}"), Err(ParseError::NotUtf8)));
        assert!(matches!(parse::<Container>(b"{"), Err(ParseError::Malformed(_))));
        assert!(matches!(parse::<Container>(b"[]"), Err(ParseError::Schema(None))));
        assert!(matches!(
            parse_limited::<Container>(b"    ", 3),
            Err(ParseError::TooLarge { limit: 3 })
        ));
    }
}
