//! What the CLI says while it works.

use std::collections::VecDeque;

use serde::Deserialize;

/// How many of its last lines are kept for a report.
const LAST: usize = 12;

/// The level from which on a line is meant for people: 3 is `info` in the
/// CLI's LogLevel, 1 and 2 are `trace` and `debug`.
const INFO: u8 = 3;

/// What its programs wrote has no level of its own.
const KINDS: [&str; 3] = ["text", "raw", "start"];

/// One thing that it said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The words, without colours and control characters.
    pub text: String,
    /// Whether it begins a step of its own.
    pub step: bool,
    /// Whether a person wants to know.
    pub matters: bool,
    /// Whether a life-cycle command wrote it.
    pub output: bool,
}

/// All that it said, of which the end is kept.
#[derive(Clone, Debug, Default)]
pub struct Lines(VecDeque<String>);

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    level: u8,
    #[serde(default)]
    text: String,
    /// The command that it comes from.
    channel: Option<String>,
}

impl Lines {
    /// Takes one line of its standard error, and returns what that says.
    pub fn take(&mut self, text: &str) -> Option<Line> {
        let event = serde_json::from_str::<Event>(text).ok();
        let Event { kind, level, text, channel } = match event {
            Some(event) if KINDS.contains(&event.kind.as_str()) => event,
            Some(_) => return None,
            // What is no event is the end of it: a message of node's.
            None => Event { kind: "text".into(), level: INFO, text: text.into(), channel: None },
        };
        let step = kind == "start";
        let output = kind == "raw" && channel.is_some();
        let matters = level >= INFO || step;
        let text = plain(&text);
        if text.is_empty() {
            return None;
        }
        if !step {
            self.0.extend(text.lines().map(str::to_owned));
            while self.0.len() > LAST {
                self.0.pop_front();
            }
        }
        Some(Line { text, step, matters, output })
    }

    /// Returns the last words, without the places in the CLI's own source.
    #[must_use]
    pub fn last_words(&self) -> String {
        let lines = self.0.iter().filter(|line| !line.trim_start().starts_with("at "));
        lines.cloned().collect::<Vec<_>>().join("\n")
    }
}

/// Returns `text` without escape sequences (ECMA-48) and control characters
/// but the end of a line.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars().peekable();
    while let Some(each) = characters.next() {
        if each == '\u{1b}' && characters.peek() == Some(&'[') {
            characters.next();
            // A control sequence ends at its first byte of 0x40 to 0x7e.
            while characters.next().is_some_and(|each| !('@'..='~').contains(&each)) {}
        } else if each == '\n' || !each.is_control() {
            plain.push(each);
        }
    }
    let lines = plain.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
