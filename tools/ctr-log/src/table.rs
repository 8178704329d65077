//! A record as a line for people.

use serde_json::Value;

use crate::select::Record;

/// The columns of fixed width; what was asked for comes after them.
const HEADINGS: [&str; 5] = ["TIME", "DECISION", "STATUS", "METHOD", "REASON"];
const WIDTHS: [usize; 5] = [20, 8, 6, 7, 12];

/// The last column, which is as long as it is.
const LAST: &str = "REQUEST";

/// Returns the line of headings.
pub(crate) fn headings() -> String {
    line(HEADINGS.map(str::to_owned), LAST, None)
}

/// Returns the line of `record`; `is_probe` says whether it is of a request of
/// ctr-verify(1).
pub(crate) fn row(record: &Record, is_probe: bool, colours: bool) -> String {
    let text = |key: &str| shown(record.get(key));
    let cells = ["time", "decision", "status", "method", "reason"].map(text);
    let [time, decision, status, method, reason] = cells;
    let reason = match text("operation") {
        operation if operation == "-" => reason,
        operation if reason == "-" => operation,
        operation => format!("{reason}: {operation}"),
    };
    // In a column of which the container makes up nothing.
    let reason = if is_probe { format!("probe: {reason}") } else { reason };
    let (decision, request) = match record.get("kind").and_then(Value::as_str) {
        Some("lost") => {
            ("lost".to_owned(), format!("{} records could not be written", text("count")))
        }
        Some("tunnel") => (decision, format!("{} (passed through)", request(record))),
        _ => (decision, request(record)),
    };
    let colour = match decision.as_str() {
        _ if is_probe => None,
        "allowed" => Some(32),
        "refused" | "lost" => Some(31),
        _ => None,
    };
    let cells = [seconds(&time), decision, status, method, reason];
    line(cells, &request, colour.filter(|_| colours))
}

/// Joins the cells, the second of them in the colour that ECMA-48 gives that
/// number in "select graphic rendition".
fn line(cells: [String; 5], last: &str, colour: Option<u8>) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        let padding = " ".repeat(width.saturating_sub(cell.len()) + 2);
        text += &match colour.filter(|_| index == 1) {
            Some(colour) => format!("\u{1b}[{colour}m{cell}\u{1b}[0m{padding}"),
            None => format!("{cell}{padding}"),
        };
    }
    format!("{text}{last}\n")
}

/// Returns what was asked for, as a URL as far as it is known.
fn request(record: &Record) -> String {
    let part = |key: &str| {
        record.get(key).filter(|value| !value.is_null()).map(|value| shown(Some(value)))
    };
    let host = part("host").unwrap_or_default();
    let port = part("port").unwrap_or_default();
    match (part("scheme"), part("path")) {
        (Some(scheme), Some(path)) => {
            let is_usual =
                matches!((scheme.as_str(), port.as_str()), ("https", "443") | ("http", "80"));
            let port = if is_usual { String::new() } else { format!(":{port}") };
            format!("{scheme}://{host}{port}{path}")
        }
        _ => format!("{host}:{port}"),
    }
}

/// Takes the fraction of a second away.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) if fraction.ends_with('Z') => format!("{seconds}Z"),
        _ => time.to_owned(),
    }
}

/// Returns what may be shown of a value: on the wire names and paths are ASCII,
/// and whatever is not to be seen in it is escaped, as what turns text around is.
fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ' '..='~') && character != '\\' {
            out.push(character);
        } else {
            out.extend(character.escape_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, colours: bool, expected: &str) {
        let record = serde_json::from_str(record).unwrap();
        assert_eq!(row(&record, false, colours), format!("{expected}\n"));
    }

    #[test]
    fn a_request_is_a_line() {
        assert_eq!(
            headings(),
            "TIME                  DECISION  STATUS  METHOD   REASON        REQUEST\n"
        );
        check(
            r#"{"time":"2026-11-27T08:00:00.123Z","kind":"request","method":"GET","scheme":"https","path":"/a?b=...","host":"a.example","port":443,"decision":"allowed","status":200,"unknown":{}}"#,
            false,
            "2026-11-27T08:00:00Z  allowed   200     GET      -             https://a.example/a?b=...",
        );
        check(
            r#"{"time":"2026-11-27T08:00:00.123Z","kind":"request","method":"PUT","scheme":"http","path":"/","host":"a.example","port":8080,"decision":"refused","reason":"operation","operation":"pr-merge","status":403}"#,
            false,
            "2026-11-27T08:00:00Z  refused   403     PUT      operation: pr-merge  http://a.example:8080/",
        );
    }

    #[test]
    fn a_request_of_ctr_verify_is_marked() {
        let record = r#"{"time":"t","kind":"connect","method":"CONNECT","host":"1.1.1.1","port":443,"decision":"refused","reason":"no-name","status":403}"#;
        assert_eq!(
            row(&serde_json::from_str(record).unwrap(), true, true),
            "t                     refused   403     CONNECT  probe: no-name  1.1.1.1:443\n"
        );
    }

    #[test]
    fn what_is_no_request_is_told_by_its_host() {
        check(
            r#"{"time":"t","kind":"connect","method":"CONNECT","scheme":"https","host":"b.example","port":22,"decision":"refused","reason":"port","status":403}"#,
            false,
            "t                     refused   403     CONNECT  port          b.example:22",
        );
        check(
            r#"{"time":"t","kind":"tunnel","host":"b.example","port":443,"decision":"allowed"}"#,
            false,
            "t                     allowed   -       -        -             b.example:443 (passed through)",
        );
        check(
            r#"{"time":"t","kind":"lost","count":7}"#,
            false,
            "t                     lost      -       -        -             7 records could not be written",
        );
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_sent() {
        check(
            r#"{"time":"t","kind":"request","method":"G\u001b[2J","scheme":"https","path":"/\u0007\n\u009b\u202e\t\\x","host":"a\u0000b","port":443,"decision":"refused"}"#,
            true,
            "t                     \u{1b}[31mrefused\u{1b}[0m   -       G\\u{1b}[2J  -             https://a\\u{0}b/\\u{7}\\n\\u{9b}\\u{202e}\\t\\\\x",
        );
    }

    #[test]
    fn only_a_decision_that_is_known_has_a_colour() {
        check(
            r#"{"decision":"allowed\u001b[0m","host":"a","port":1}"#,
            true,
            "-                     allowed\\u{1b}[0m  -       -        -             a:1",
        );
    }
}
