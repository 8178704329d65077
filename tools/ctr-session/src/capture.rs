//! What a session shows.

use crate::{Error, SessionName, Tmux, tmux::command};

/// What is wanted of a session's pane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Capture {
    /// How many lines, of those that have scrolled away too; absent: what the
    /// pane shows.
    pub lines: Option<usize>,
    /// Whether colours are kept.
    pub escapes: bool,
}

impl Capture {
    /// Returns the line from which tmux is asked: `-` for the oldest. A line
    /// of the program may be several of the pane, so that no number would do.
    pub(crate) fn first(self) -> &'static str {
        if self.lines.is_some_and(|lines| lines > 0) { "-" } else { "0" }
    }

    /// Returns the lines that are wanted of `text`: blank ones at the end are
    /// the unused part of the pane.
    pub(crate) fn lines(self, text: &str) -> Vec<&str> {
        let mut lines: Vec<_> = text.lines().map(str::trim_end).collect();
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let wanted = self.lines.unwrap_or(lines.len());
        lines.split_off(lines.len().saturating_sub(wanted))
    }
}

/// Returns the last lines of a session's active pane: one call of the engine.
pub fn capture(tmux: Tmux<'_>, session: &SessionName, wanted: Capture) -> Result<String, Error> {
    let target = session.target();
    let mut ask = command(["capture-pane", "-p", "-J", "-t", &target, "-S", wanted.first()]);
    ask.extend(wanted.escapes.then(|| "-e".into()));
    let text = tmux.call(&[], &[ask], Some(session))?;
    Ok(wanted.lines(&text).into_iter().map(|line| format!("{line}\n")).collect())
}
