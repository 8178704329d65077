//! What is written is what the tools read.

use std::fs;

use serde_json::{Map, Value, json};

use crate::{random::Random, tools};

/// What strings are made of: all that YAML, its older version, interpolation or
/// a shell could take for something else.
const PIECES: &[&str] = &[
    "a",
    "B",
    "0",
    "1",
    " ",
    "  ",
    " #",
    ": ",
    ":",
    "-",
    "- ",
    "?",
    "? ",
    "$",
    "$$",
    "${X}",
    "$X",
    "${X:-y}",
    "${",
    "}",
    "{{",
    "}}",
    "{",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "\\",
    "\\n",
    "\\x41",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\t",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{1b}",
    "\u{1f}",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{9f}",
    "\u{a0}",
    "\u{ad}",
    "\u{2028}",
    "\u{2029}",
    "\u{200b}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{d7ff}",
    "\u{e000}",
    "ü",
    "中",
    "😀",
    "\u{10ffff}",
    "\u{1fffe}",
    "~",
    "null",
    "yes",
    "No",
    "on",
    "true",
    "0o7",
    "012",
    "0x1f",
    "1e3",
    "1.0",
    "1:30",
    ".inf",
    ".nan",
    "2001-01-01",
    "=",
    "<<",
    "!tag ",
    "!!str ",
    "&a ",
    "*a",
    "|",
    ">",
    "%",
    "%YAML 1.1",
    "---",
    "...",
    "@",
    "`",
    "/",
    "//",
    "x-",
    "!reset",
    "%s",
];

fn text(random: &mut Random) -> String {
    (0..random.below(6)).map(|_| random.of(PIECES)).collect()
}

/// Returns a model with each string as a value of a map, of a list, and as the
/// key of a label if it can be one.
fn model(strings: &[String]) -> Value {
    let numbered = || strings.iter().enumerate();
    let variables: Map<_, _> =
        numbered().map(|(number, text)| (format!("V{number}"), json!(text))).collect();
    let labels: Map<_, _> = numbered()
        .filter(|(_, text)| !text.contains('$') && !text.starts_with("x-"))
        .map(|(number, text)| (format!("{text}{number}"), json!(text)))
        .collect();
    json!({"services": {"app": {
        "image": "i", "environment": variables, "labels": labels, "command": strings,
    }}})
}

#[track_caller]
fn survives(strings: &[String]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yaml");
    let model = model(strings);
    let text = compose::to_text(&model).unwrap();
    fs::write(&file, &text).unwrap();
    for (tool, read) in
        [("docker compose", tools::docker(&[&file])), ("podman-compose", tools::podman(&[&file]))]
    {
        for key in ["environment", "labels", "command"] {
            let (read, meant) = (&read["services"]["app"][key], &model["services"]["app"][key]);
            same(tool, key, read, meant);
        }
    }
}

/// Compares part by part: a difference in a thousand strings is to be seen.
#[track_caller]
fn same(tool: &str, key: &str, read: &Value, meant: &Value) {
    match (read, meant) {
        (Value::Object(read), Value::Object(meant)) => {
            let names = |map: &Map<String, Value>| {
                let mut names: Vec<_> = map.keys().cloned().collect();
                names.sort();
                names
            };
            for (name, (read, meant)) in
                names(meant).iter().map(|name| (name, (read.get(name), meant.get(name))))
            {
                assert_eq!(read, meant, "{tool}, {key}, {name:?}");
            }
            assert_eq!(names(read), names(meant), "{tool}, {key}");
        }
        (Value::Array(read), Value::Array(meant)) => {
            for (read, meant) in read.iter().zip(meant) {
                assert_eq!(read, meant, "{tool}, {key}");
            }
            assert_eq!(read.len(), meant.len(), "{tool}, {key}");
        }
        _ => assert_eq!(read, meant, "{tool}, {key}"),
    }
}

#[test]
fn every_piece_survives_alone() {
    survives(&PIECES.iter().map(|piece| (*piece).to_owned()).collect::<Vec<_>>());
}

#[test]
fn every_character_of_the_first_thousand_and_those_around_the_edges_survive() {
    let edges =
        [0x2000..0x2070, 0xd7f0..0xd800, 0xe000..0xe010, 0xfef0..0x10010, 0x1_fff0..0x2_0000];
    let characters = (1..0x400).chain(edges.into_iter().flatten()).filter_map(char::from_u32);
    let characters: Vec<_> = characters.collect();
    survives(&characters.chunks(16).map(between).collect::<Vec<_>>());
}

/// Returns a text in which each character stands alone, and some at the edge.
fn between(characters: &[char]) -> String {
    characters.iter().map(char::to_string).collect::<Vec<_>>().join("a")
}

#[test]
fn whatever_is_put_together_survives() {
    let mut random = Random::new();
    survives(&(0..400).map(|_| text(&mut random)).collect::<Vec<_>>());
}
