//! The list for people.

use document::diff::{Change, Class, State};
use toolkit::printable;

/// Returns the list, grouped by what would execute the changes; nothing where
/// there is none.
#[must_use]
pub fn text(changes: &[Change]) -> String {
    let width = changes.iter().map(|change| shown(&change.path).chars().count()).max();
    // One name that is longer than a line does not push all others out of it.
    let width = width.unwrap_or_default().min(40);
    let mut text = String::new();
    let mut last = None;
    for change in changes {
        if last != Some(change.class) {
            let gap = if last.is_some() { "\n" } else { "" };
            text += &format!("{gap}{}\n", heading(change.class));
            last = Some(change.class);
        }
        text += &line(change, width);
    }
    text
}

fn heading(class: Class) -> &'static str {
    match class {
        Class::ByItself => "Executed or obeyed by itself:",
        Class::Agent => "Told to an agent that works here:",
        Class::OnBuild => "Executed by whoever builds, tests or runs it:",
        Class::Elsewhere => "Executed elsewhere, after a push:",
        _ => "Executed by something else:",
    }
}

fn line(change: &Change, width: usize) -> String {
    let Change { change: manner, path, runs, detail, state, patch, .. } = change;
    let detail = detail.as_ref().map(|detail| format!(": {}", shown(detail))).unwrap_or_default();
    let state = if *state == State::Uncommitted { " (not committed)" } else { "" };
    let mut text = format!(
        "  {:<8}  {:<width$}  {}{detail}{state}\n",
        manner.word(),
        shown(path),
        shown(runs)
    );
    for line in patch.iter().flat_map(|patch| patch.lines()) {
        text += &format!("    | {}\n", printable(line));
    }
    text
}

/// Returns what a terminal may be shown of `text`, in one line.
fn shown(text: &str) -> String {
    printable(text).replace('\t', "\\t")
}
