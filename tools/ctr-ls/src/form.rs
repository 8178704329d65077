//! The forms in which the list is written.

use clap::Args;
use document::containers::Listed;
use jiff::Timestamp;

use crate::table;

/// The form of the list; without any of these, a table for people.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Form")]
pub struct Form {
    /// Write one containers/1 document
    #[arg(long)]
    pub json: bool,

    /// Write one line per container, its fields separated by tabs: name,
    /// status, ssh, web and audio port, branch, creation time
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,

    /// Write the names alone, one per line
    #[arg(long, conflicts_with_all = ["json", "plain"])]
    pub names: bool,

    /// End each name with a NUL instead of a newline
    #[arg(short = '0', long, requires = "names")]
    pub null: bool,

    /// Write no colours, which only a terminal gets
    #[arg(
        long,
        env = "NO_COLOR",
        value_name = "ANY",
        num_args = 0,
        default_missing_value = "yes",
        hide_env_values = true
    )]
    pub no_color: Option<String>,
}

impl Form {
    /// Says whether it has more than a list alone tells.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.plain && !self.names
    }

    /// Returns the text to be written, or `None` for the document.
    ///
    /// `terminal` says whether a terminal shows it, `now` is what ages count
    /// from.
    #[must_use]
    pub fn text(&self, containers: &[Listed], terminal: bool, now: Timestamp) -> Option<String> {
        // https://no-color.org: any value but the empty one.
        let plain = self.no_color.as_ref().is_some_and(|value| !value.is_empty());
        match self {
            Self { json: true, .. } => None,
            Self { plain: true, .. } => Some(containers.iter().map(line).collect()),
            Self { names: true, null, .. } => Some(names(containers, *null)),
            _ => Some(table::render(containers, terminal && !plain, now)),
        }
    }
}

fn names(containers: &[Listed], null: bool) -> String {
    let end = if null { '\0' } else { '\n' };
    containers.iter().map(|listed| format!("{}{end}", listed.name)).collect()
}

/// Returns one line for programs, `-` for what there is none of.
fn line(listed: &Listed) -> String {
    let port = |service| listed.host_port(service).map(|port| port.to_string());
    let fields = [
        Some(listed.name.clone()),
        Some(listed.status.clone()),
        port("ssh"),
        port("web"),
        port("audio"),
        listed.branch.clone(),
        listed.created.clone(),
    ];
    let fields = fields.map(|field| field.map_or("-".to_owned(), |field| escape(&field)));
    format!("{}\n", fields.join("\t"))
}

/// Escapes backslashes and control characters as Rust and JSON do, so that a
/// tab is always the end of a field and a newline that of a line.
fn escape(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    for character in field.chars() {
        if character == '\\' || character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}
