//! What a repository's own file says is the same for all who read it: it is
//! checked by this library, and read again by the tools.

use std::{fs, process::Command};

use compose::read;
use serde_json::{Value, json};

use crate::{random::Random, tools};

/// Files of which a part can be hidden from some readers, and their twins.
const TEXTS: &[&str] = &[
    "a: 1\n# note\u{2028}b: 2\n",
    "a: 1\n# note\u{2029}b: 2\n",
    "a: 1\n# note\u{85}b: 2\n",
    "a: 1\n# note\rb: 2\n",
    "a: 1\r\n# note\r\nb: 2\r\n",
    "a: 'x\u{2028}y'\n",
    "a: \"x\\u2028y\\x85z\"\n",
    "a: |\n  x\u{85}b: 2\n",
    "\u{feff}a: 1\n",
    "a: 1\n\u{feff}b: 2\n",
    "a: 1\n#\0b: 2\n",
    "x: &x {a: 1}\ny: &y {a: 2}\nz: {<<: *x, <<: *y}\n",
    "x: &x {a: 1}\ny: &y {a: 2}\nz:\n  <<: *x\n  <<: *y\n",
    "x: &x {a: 1, b: 1}\ny: &y {a: 2, c: 2}\nz: {<<: [*x, *y], b: 3}\n",
    "x: &x {a: 1}\ny: &y {<<: *x, b: 2}\nz: {b: 3, <<: *y}\n",
    "x: &x {a: 1}\nz: {'<<': *x}\n",
    "a: 1\na: 2\n",
    "a: 1\n...\n---\na: 2\n",
    "a: &x 1\nb: *x\n&x c: &x 2\nd: *x\n",
    "a: b\n c # d\nd: [e # f\n , g]#h\n",
    "a: 'b'#c\nd: e#f\n",
    "a: {b:c, d: e}\n",
    "a: {'b':c, 'd':e}\n",
    "a: {?b: c}\n",
    "a: [? b: c]\n",
    "? a\n: b\n",
    "a: |1-\n  b\n c\n",
    "a: >\n b\n\n c\n  d\n e\n",
    "a: |\n\n  b\n # c\nd: e\n",
    "a:\tb\n",
    "a: b\n\tc: d\n",
    "a:\n - b\n -\tc\n",
    "a:\n- b\n- c\nd: -\n",
    "a: b: c\n",
    "a: \"b\n  c\\\n  d\n\n  e\"\n",
    "a: [b, c,]\n",
    "a: [b,, c]\n",
    "a: {b, c: }\n",
    "a: @b\n",
    "a: `b\n",
    "a: %b\n",
    "a: *b.c\n",
    "a: &b.c d\ne: *b.c\n",
    "a: &b:c d\n",
    "a: !!str 1\n",
    "%TAG ! x\n---\na: 1\n",
    "a: --- b\n",
    "a: b\n--- c\n",
    "a: 'b\n--- c'\n",
];

/// What is merged, by rules that are easily mistaken.
const MERGED: &[&str] = &[
    "x-a: &a {a: 1, b: 1}\nx-b: &b {a: 2, c: 2}\nx-z: {<<: [*a, *b], b: 3}\n",
    "x-a: &a {a: 1}\nx-b: &b {<<: *a, b: 2}\nx-z: {b: 3, <<: *b}\n",
    "x-a: &a {a: 1}\nx-z: {a: 2, <<: *a}\n",
    "x-a: &a {a: {b: 1}}\nx-z: {<<: *a, a: {c: 2}}\n",
    "x-a: &a {a: 1}\nx-z: {'<<': *a}\n",
];

/// What a text is put together from: what begins and ends parts of it, and where
/// lines go on.
const PIECES: &[&str] = &[
    "a", "b", "c", "a: ", "b: ", "c:", "? ", "?", "- ", "-", ":", ": ", ",", ", ", "[", "]", "{",
    "}", "'", "\"", "|", ">", "|+", ">-", "|2", "#", " #", "# ", "\n", "\n", "\n", "\n ", "\n  ",
    "\n    ", " ", "  ", "\t", "\n\t", "\n \t", "\n\n", "\r\n", "&x ", "*x", "*x ", "<<: ",
    "<<: *x", "---", "\n---\n", "...", "\n...\n", "%", "@", "`", "!", "!!str ", "\\", "\\\n", "''",
    "\"\"", "~", "\n- ", "\na: ", "\nb: ", "\n a: ", "\n  b: ", "\n  c: ", "{?", "[?", "{? ",
    "{a:b}", "{'a':b}", "{a: b", "}", "}", "{a: ", "{b: ", "[a, ", "\u{a0}", "\u{3000}", "ü", "=",
    "null",
];

/// How many texts are put together, and how many of them all have to read for the
/// test to mean something.
const TRIES: usize = 8000;
const ENOUGH: usize = 500;

/// Returns what of `read` is there, every scalar as text: what `true` or `1`
/// mean is another question, and so is a key that is nothing.
fn shape(read: &Value) -> Value {
    let name = |key: &str| if matches!(key, "" | "~") { "null" } else { key }.to_owned();
    match read {
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, it)| (name(key), shape(it))).collect())
        }
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}

/// Returns what podman-compose would read `texts` as, or nothing of what it would not.
fn pyyaml(texts: &[String]) -> Vec<Option<Value>> {
    let script = "import sys, json, yaml\n\
                  def read(text):\n\
                  \x20   try: return json.dumps(yaml.safe_load(text.encode()), default=str)\n\
                  \x20   except (yaml.YAMLError, TypeError, ValueError): return None\n\
                  json.dump([read(text) for text in json.load(open(sys.argv[1]))], sys.stdout)";
    let interpreter = tools::interpreter(&tools::program("podman-compose"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), serde_json::to_string(texts).unwrap()).unwrap();
    let json = tools::run(Command::new(interpreter).arg("-c").arg(script).arg(file.path()));
    let read: Vec<Option<String>> = serde_json::from_str(&json).unwrap();
    read.into_iter().map(|read| Some(serde_json::from_str(&read?).unwrap())).collect()
}

/// Compares what is made of `texts`, and returns how many of them both read as maps
/// or lists: what one refuses, nothing is hidden in, and a text alone all refuse.
fn alike(texts: &[String]) -> usize {
    let mut both = 0;
    for (text, theirs) in texts.iter().zip(pyyaml(texts)) {
        let (Ok(ours), Some(theirs)) = (read(text), theirs) else { continue };
        if !ours.is_string() || !theirs.is_string() {
            assert_eq!(shape(&theirs), shape(&ours), "{text:?}");
            both += 1;
        }
    }
    both
}

#[test]
fn what_is_read_is_what_pyyaml_reads() {
    let texts: Vec<_> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    assert!(alike(&texts) > TEXTS.len() / 3, "what is refused cannot differ");
}

#[test]
fn whatever_is_put_together_is_read_alike() {
    let mut random = Random::new();
    let texts = (0..TRIES).map(|number| {
        let begin = if number % 2 == 0 { "a: " } else { "" };
        let pieces: String = (0..2 + random.below(9)).map(|_| random.of(PIECES)).collect();
        // Without its end readers differ in the end of the last line.
        format!("{begin}{pieces}\n")
    });
    assert!(alike(&texts.collect::<Vec<_>>()) > ENOUGH, "too little is read");
}

#[test]
fn what_is_merged_is_what_docker_merges() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in MERGED {
        let text = format!("services: {{s: {{image: i}}}}\n{text}");
        fs::write(file.path(), &text).unwrap();
        let (ours, theirs) = (read(&text).unwrap(), tools::docker(&[file.path()]));
        assert_eq!(shape(&theirs["x-z"]), shape(&ours["x-z"]), "{text}");
    }
}
