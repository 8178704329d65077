//! The forms in which the list is written.

use clap::Args;
use document::{Sessions, sessions::Session};
use jiff::Timestamp;

use crate::table;

/// The form of the list; without any of these, a table for people.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Form {
    /// Write one sessions/1 document
    #[arg(long)]
    pub json: bool,

    /// Write one line per session, its fields separated by tabs: container,
    /// name, windows, attached terminals, time of creation, of last activity
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,
}

impl Form {
    /// Returns the text to be written, or `None` for the document. `now` is
    /// what ages count from.
    #[must_use]
    pub fn text(self, list: &Sessions, now: Timestamp) -> Option<String> {
        match self {
            Self { json: true, .. } => None,
            Self { plain: true, .. } => Some(list.sessions.iter().map(line).collect()),
            Self { .. } => Some(table::render(list, now)),
        }
    }
}

/// Returns one line for programs; tmux has no control character in a name.
fn line(session: &Session) -> String {
    let Session { container, name, windows, attached, .. } = session;
    let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".to_owned());
    let (created, activity) = (time(&session.created), time(&session.activity));
    format!("{container}\t{name}\t{windows}\t{attached}\t{created}\t{activity}\n")
}
