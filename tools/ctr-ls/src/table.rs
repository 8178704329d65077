//! The table for people.

use std::net::{IpAddr, SocketAddr};

use comfy_table::{ContentArrangement, Table, presets};
use document::{container::Port, containers::Listed};
use jiff::Timestamp;

/// The blanks between two columns.
const GAP: u16 = 2;

/// Returns the table, with a line of headings also when there is nothing.
pub(crate) fn render(containers: &[Listed], colours: bool, now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let any_isolated = containers.iter().any(|listed| listed.isolation.is_some());
    let refused = any_isolated.then_some("REFUSED");
    let headings = ["NAME", "STATUS", "SSH", "WEB", "AUDIO"].into_iter().chain(refused);
    table.add_row(headings.chain(["BRANCH", "AGE"]));
    for listed in containers {
        table.add_row(row(listed, any_isolated, now));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let names = containers.iter().map(|listed| listed.name.len());
    let status_at = names.max().unwrap_or(0).max("NAME".len()) + usize::from(GAP);
    let mut text = String::new();
    for (index, line) in table.lines().enumerate() {
        let status = index.checked_sub(1).and_then(|index| containers.get(index));
        let colour = status.filter(|_| colours).map(|listed| (listed.status.as_str(), status_at));
        text += &painted(line.trim_end(), colour);
        text.push('\n');
    }
    text
}

/// Returns the cells of a container; that of what was refused only where any is
/// isolated.
fn row(listed: &Listed, any_isolated: bool, now: Timestamp) -> Vec<String> {
    let port = |service| port(listed.ports.iter().find(|port| port.service == service)?);
    let branch = listed.branch.as_deref().map(shown);
    let age = listed.created.as_deref().and_then(|created| age(created, now));
    let refused = || Some(listed.isolation.as_ref()?.refused?.to_string());
    let mut cells = vec![
        Some(shown(&listed.name)),
        Some(shown(&listed.status)),
        port("ssh"),
        port("web"),
        sound(port("audio"), listed.audio.as_deref()),
    ];
    cells.extend(any_isolated.then(refused));
    cells.extend([branch, age]);
    cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect()
}

/// Returns the port for sound, and how it is heard where it is.
fn sound(port: Option<String>, level: Option<&str>) -> Option<String> {
    let words: Vec<_> = port.into_iter().chain(level.map(shown)).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Returns the host port, with the address where others than the engine's own
/// machine get at it.
fn port(port: &Port) -> Option<String> {
    let address = port.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    let host = port.host?;
    match address.filter(|address| !address.is_loopback()) {
        Some(address) => Some(SocketAddr::new(address, host).to_string()),
        None => Some(host.to_string()),
    }
}

/// Returns what a terminal may be shown of `text`, in one cell.
fn shown(text: &str) -> String {
    toolkit::printable(text).replace('\t', "\\t")
}

/// Puts the colour of a status around it.
///
/// This is done on the finished line: names, which stand before it, have one
/// byte to a column, and so has the status.
fn painted(line: &str, status: Option<(&str, usize)>) -> String {
    let painted = status.and_then(|(status, at)| {
        let colour = colour(status)?;
        let (before, rest) = line.split_at_checked(at)?;
        let after = rest.strip_prefix(status)?;
        Some(format!("{before}\u{1b}[{colour}m{status}\u{1b}[0m{after}"))
    });
    painted.unwrap_or_else(|| line.to_owned())
}

/// Returns the colour, as ECMA-48 numbers it in "select graphic rendition".
fn colour(status: &str) -> Option<u8> {
    match status {
        "running" => Some(32),
        "paused" | "created" | "restarting" => Some(33),
        "stopped" | "dead" => Some(31),
        _ => None,
    }
}

/// Returns how long ago `created` was, in its largest unit; a clock that was
/// set back makes nothing younger than new.
fn age(created: &str, now: Timestamp) -> Option<String> {
    let created: Timestamp = created.parse().ok()?;
    let seconds = now.duration_since(created).as_secs().max(0);
    Some(match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    })
}
