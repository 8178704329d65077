//! What an error must know to be reported, and the reporting.

use std::{
    error::Error,
    io::{self, Write},
    iter,
    process::ExitCode,
};

use document::{Document, ErrorReport, Extra, error::FailedCommand};

use crate::{ErrorFormat, Exit};

/// An error that ends a tool.
pub trait Failure: Error + 'static {
    /// Returns a stable kebab-case name that programs may match on.
    fn kind(&self) -> &'static str;

    /// Returns the exit status.
    fn exit(&self) -> Exit;

    /// Returns what the user can do about it, if that is known.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Returns the command that failed, where it is another program's failure.
    fn command(&self) -> Option<FailedCommand> {
        None
    }
}

/// Writes `error` to standard error and returns its exit status.
pub(crate) fn report(tool: &str, format: ErrorFormat, error: &impl Failure) -> ExitCode {
    if error.exit() == Exit::Sigpipe {
        return Exit::Sigpipe.end();
    }
    let report = ErrorReport {
        schema: ErrorReport::SCHEMA.to_owned(),
        tool: tool.to_owned(),
        kind: error.kind().to_owned(),
        exit: error.exit().status(),
        message: error.to_string(),
        causes: causes(error).collect(),
        hint: error.hint(),
        command: error.command(),
        extra: Extra::new(),
    };
    let text = match format {
        ErrorFormat::Text => text(&report),
        ErrorFormat::Json => serde_json::to_string(&report).unwrap_or_else(|_| text(&report)),
    };
    say(&text);
    error.exit().end()
}

/// Renders `tool: message: cause: cause`, and further facts on their own lines.
fn text(report: &ErrorReport) -> String {
    let ErrorReport { tool, message, causes, hint, command, .. } = report;
    let parts: Vec<_> = [tool, message].into_iter().chain(causes).map(String::as_str).collect();
    let mut lines = vec![printable(&parts.join(": "))];
    if let Some(FailedCommand { line, status, last_words, .. }) = command {
        let status = status.map_or("a signal".to_owned(), |status| format!("status {status}"));
        lines.push(format!("{tool}: command: {} ({status})", printable(line)));
        lines.extend(last_words.lines().map(|line| format!("{tool}:   | {}", printable(line))));
    }
    lines.extend(hint.as_ref().map(|hint| format!("{tool}: hint: {}", printable(hint))));
    lines.join("\n")
}

/// Writes `tool: warning: message` to standard error.
///
/// A caller that asked for errors as JSON gets none: standard error is then
/// for programs.
pub fn warn(tool: &str, format: ErrorFormat, message: &str) {
    if format == ErrorFormat::Text {
        say(&format!("{tool}: warning: {}", printable(message)));
    }
}

/// Writes `tool: message` to standard error, as [`warn`] does.
pub fn note(tool: &str, format: ErrorFormat, message: &str) {
    if format == ErrorFormat::Text {
        say(&format!("{tool}: {}", printable(message)));
    }
}

/// Writes `text` and the end of its line to standard error, in one call: what several
/// programs say at once does not mix within a line.
pub fn say(text: &str) {
    // Nothing is left to be done when standard error itself is gone.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Replaces control characters, which may come from names and from other
/// programs, by escapes, so that none reaches a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Renders `message: cause: cause`.
pub(crate) fn chain(error: &impl Failure) -> String {
    let parts: Vec<_> = iter::once(error.to_string()).chain(causes(error)).collect();
    parts.join(": ")
}

fn causes(error: &impl Failure) -> impl Iterator<Item = String> {
    iter::successors(error.source(), |&error| error.source()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{9b}"), "a\\u{1b}[31m\\nb\\u{9b}");
    }
}
