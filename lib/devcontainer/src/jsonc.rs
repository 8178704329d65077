//! JSON with comments and trailing commas, as editors write it.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{self, ObjectPropName},
    common::Ranged,
    parse_to_ast,
    tokens::Token,
};
use serde_json::{Map, Number, Value};

/// How deep values may lie within each other: the parser goes down with them.
const DEPTH: usize = 64;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads the one object in `text`, and the line on which each of its members
/// begins.
///
/// A key that is there twice means different things to different readers: it
/// is an error.
pub fn parse(text: &str) -> Result<(Map<String, Value>, Vec<usize>), Malformed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let at = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
    check_depth(text, &at)?;
    let options = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
        Malformed { line: at(error.range().start), message: error.kind().to_string() }
    })?;
    let Some(ast::Value::Object(object)) = parsed.value else {
        return Err(Malformed { line: 1, message: "it is no object: {…}".to_owned() });
    };
    let lines = object.properties.iter().map(|property| at(property.start())).collect();
    Ok((members(&object, &at)?, lines))
}

fn check_depth(text: &str, at: &impl Fn(usize) -> usize) -> Result<(), Malformed> {
    let mut scanner = jsonc_parser::Scanner::new(text);
    let mut depth = 0_usize;
    // What is wrong with a token is told by the parser.
    while let Ok(Some(token)) = scanner.scan() {
        match token {
            Token::OpenBrace | Token::OpenBracket => depth += 1,
            Token::CloseBrace | Token::CloseBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            let message = format!("values lie in each other more than {DEPTH} deep");
            return Err(Malformed { line: at(scanner.token_start()), message });
        }
    }
    Ok(())
}

type Read<T> = Result<T, Malformed>;

fn members(object: &ast::Object<'_>, at: &impl Fn(usize) -> usize) -> Read<Map<String, Value>> {
    let mut members = Map::new();
    for property in &object.properties {
        let name = match &property.name {
            ObjectPropName::String(name) => name.value.clone().into_owned(),
            ObjectPropName::Word(name) => name.value.to_owned(),
        };
        if members.contains_key(&name) {
            let message = format!("the key '{name}' is there twice");
            return Err(Malformed { line: at(property.start()), message });
        }
        members.insert(name, value(&property.value, at)?);
    }
    Ok(members)
}

fn value(found: &ast::Value<'_>, at: &impl Fn(usize) -> usize) -> Read<Value> {
    Ok(match found {
        ast::Value::StringLit(text) => Value::String(text.value.clone().into_owned()),
        ast::Value::NumberLit(text) => Value::Number(number(text.value).ok_or_else(|| {
            let message = format!("'{}' is no number", text.value);
            Malformed { line: at(text.start()), message }
        })?),
        ast::Value::BooleanLit(is) => Value::Bool(is.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Object(object) => Value::Object(members(object, at)?),
        ast::Value::Array(array) => {
            let items: Read<Vec<_>> = array.elements.iter().map(|item| value(item, at)).collect();
            Value::Array(items?)
        }
    })
}

/// Reads a number as JSON has it (RFC 8259 section 6).
fn number(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_read_over() {
        let text = "\u{feff}// a\n{\n  /* b */ \"image\": \"x//y\", // c\n  \"n\": [1, -2.5, true, null,],\n}";
        let (members, lines) = parse(text).unwrap();
        assert_eq!(Value::Object(members), json!({"image": "x//y", "n": [1, -2.5, true, null]}));
        assert_eq!(lines, [3, 4]);
    }

    #[track_caller]
    fn check(text: &str, line: usize, says: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.line == line && error.message.contains(says), "{error:?}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        check("", 1, "no object");
        check("[]", 1, "no object");
        check("{\n\"a\": 1,\n\"a\": 2}", 3, "twice");
        check("{\n\"a\": {\"b\": 1,\n\"b\": 2}}", 3, "twice");
        check("{\n\"a\": x}", 2, "");
        check("{\"a\": 1", 1, "");
        check("{a: 1}", 1, "");
        check("{\"a\": 1} {}", 1, "");
        check("{\"a\": 0x10}", 1, "");
        check(&format!("{{\"a\": {}", "[".repeat(100_000)), 1, "deep");
    }
}
