//! The table for people.

use comfy_table::{ContentArrangement, Table, presets};
use document::doctor::Check;

/// The blanks between two columns.
const GAP: u16 = 2;

/// Returns the table; a cure has a line of its own below what it cures.
#[must_use]
pub fn render(checks: &[Check]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for check in checks {
        let found = match &check.subject {
            Some(subject) => format!("{}: {}", shown(subject), shown(&check.found)),
            None => shown(&check.found),
        };
        table.add_row([check.status.word().to_owned(), check.name.clone(), found]);
        if let Some(cure) = &check.cure {
            table.add_row([String::new(), String::new(), format!("cure: {}", shown(cure))]);
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Returns what a terminal may be shown of `text`, in one cell.
fn shown(text: &str) -> String {
    toolkit::printable(text).replace('\t', "\\t")
}
