//! The table for people.

use comfy_table::{ContentArrangement, Table, presets};
use document::{
    Sessions,
    sessions::{Session, Without},
};
use jiff::Timestamp;

/// The blanks between two columns.
const GAP: u16 = 2;

/// Returns the table, with a line of headings also when there is nothing.
pub(crate) fn render(list: &Sessions, now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_row(["CONTAINER", "SESSION", "WINDOWS", "ATTACHED", "AGE", "IDLE"]);
    for session in &list.sessions {
        table.add_row(row(session, now));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.chain(list.without.iter().map(reason)).map(|line| line + "\n").collect()
}

fn row(session: &Session, now: Timestamp) -> [String; 6] {
    let age = |time: Option<&String>| {
        time.and_then(|time| age(time, now)).unwrap_or_else(|| "-".to_owned())
    };
    [
        session.container.clone(),
        shown(&session.name),
        session.windows.to_string(),
        session.attached.to_string(),
        age(session.created.as_ref()),
        age(session.activity.as_ref()),
    ]
}

/// Returns the line below the table that says why a container has no sessions.
fn reason(without: &Without) -> String {
    format!("{}: {}", without.container, shown(&without.reason))
}

/// Returns what a terminal may be shown of `text`, in one cell.
fn shown(text: &str) -> String {
    toolkit::printable(text).replace('\t', "\\t")
}

/// Returns how long ago `time` was, in its largest unit; a clock that was set
/// back makes nothing younger than new.
fn age(time: &str, now: Timestamp) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    let seconds = now.duration_since(time).as_secs().max(0);
    Some(match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    })
}
