//! Our one line in the user's file: put there, and taken away without a trace.
//!
//! The file is bytes. No line of it but ours is understood further than it
//! takes to tell where the first Host or Match is, and none is changed.

use std::path::Path;

use toolkit::ssh_config::{self, Expansion};

use crate::{Error, words};

/// Returns the line that includes the file at `path`, without a newline.
pub(crate) fn line(path: &Path) -> Result<String, Error> {
    // ssh takes the argument for a glob(3) pattern, whose escapes come first.
    words::path("the file of blocks", path, Expansion::Uncertain)?;
    let mut pattern = String::new();
    for character in path.to_string_lossy().chars() {
        if "*?[]\\".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Ok(format!("Include {}", ssh_config::quoted(&pattern)))
}

/// Returns the file with `line` before any Host or Match; `None` is a file
/// that does not exist.
///
/// In a file that exists an empty line follows ours, for the eye, and so that
/// one that was empty is told apart from one that was not there.
pub(crate) fn with(contents: Option<&[u8]>, line: &str) -> Vec<u8> {
    let Some(contents) = contents else { return format!("{line}\n").into_bytes() };
    if is_read_first(contents, line) {
        return contents.to_owned();
    }
    // In a Host or Match it would count for some hosts only: it moves up.
    let others = stripped(contents, line);
    [format!("{line}\n\n").as_bytes(), others.as_slice()].concat()
}

/// Says whether the file has `line`.
pub(crate) fn is_in(contents: &[u8], line: &str) -> bool {
    contents.split_inclusive(|&byte| byte == b'\n').any(|found| is_ours(found, line))
}

/// Returns the file without `line`; `None` is no file.
pub(crate) fn without(contents: &[u8], line: &str) -> Option<Vec<u8>> {
    if contents == format!("{line}\n").as_bytes() {
        return None;
    }
    Some(stripped(contents, line))
}

/// Returns the file without `line`, wherever it is, and without the empty
/// line that follows it.
fn stripped(contents: &[u8], line: &str) -> Vec<u8> {
    let mut kept = Vec::with_capacity(contents.len());
    let mut lines = contents.split_inclusive(|&byte| byte == b'\n').peekable();
    while let Some(found) = lines.next() {
        if is_ours(found, line) {
            lines.next_if(|next| matches!(*next, b"\n" | b"\r\n"));
        } else {
            kept.extend(found);
        }
    }
    kept
}

/// Says whether `line` comes before the first Host or Match.
fn is_read_first(contents: &[u8], line: &str) -> bool {
    let mut lines = contents.split_inclusive(|&byte| byte == b'\n');
    lines
        .find(|found| is_ours(found, line) || begins_block(found))
        .is_some_and(|found| is_ours(found, line))
}

/// Says whether `found` is our line, also where an editor has given the file
/// the line ends of another system.
fn is_ours(found: &[u8], line: &str) -> bool {
    let found = found.strip_suffix(b"\n").unwrap_or(found);
    found.strip_suffix(b"\r").unwrap_or(found) == line.as_bytes()
}

/// Says whether a line is a Host or a Match, in any of the spellings that
/// ssh_config(5) allows.
fn begins_block(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let end = line.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(line.len());
    [&b"host"[..], b"match"].iter().any(|keyword| line[..end].eq_ignore_ascii_case(keyword))
}
