//! The list for people, and for programs that read lines.

use comfy_table::{ContentArrangement, Table, presets};
use document::{Worktrees, worktrees::Worktree};
use toolkit::printable;

/// The blanks between two columns.
const GAP: u16 = 2;

/// Returns the table, with a line of headings.
#[must_use]
pub fn render(list: &Worktrees) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_row(["BRANCH", "CONTAINER", "PATH"]);
    for worktree in &list.worktrees {
        table.add_row(fields(worktree));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Returns one line for each, its fields separated by tabs.
#[must_use]
pub fn plain(list: &Worktrees) -> String {
    list.worktrees.iter().map(|worktree| fields(worktree).join("\t") + "\n").collect()
}

/// Returns the fields, in which nothing is that would end one.
fn fields(worktree: &Worktree) -> [String; 3] {
    let text = |text: &str| printable(text).replace('\t', "\\t");
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [text(&or_none(&worktree.branch)), or_none(&worktree.container), text(&worktree.path)]
}
