//! Which records are shown.

use clap::{Args, value_parser};
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde_json::{Map, Value};

/// One line of the log.
pub(crate) type Record = Map<String, Value>;

/// The most records that `--lines` keeps in hand.
const MOST: u64 = 1_000_000;

/// Which records are wanted; without any of these, all.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Selection")]
pub struct Selection {
    /// Only what was refused
    #[arg(long)]
    pub refused: bool,

    /// Only what began at TIME or later: RFC 3339, or how long ago, such as 10m
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,

    /// Only the last NUMBER of those that there are
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = value_parser!(u64).range(0..=MOST))]
    pub lines: Option<u64>,
}

impl Selection {
    /// Says whether `record` is among those that are wanted.
    pub(crate) fn takes(&self, record: &Record) -> bool {
        let word = |key: &str| record.get(key).and_then(Value::as_str);
        let is_refused = || word("decision") == Some("refused") || word("kind") == Some("lost");
        // One whose time cannot be read is not hidden.
        let began = || word("time").and_then(|time| time.parse::<Timestamp>().ok());
        (!self.refused || is_refused())
            && self.since.is_none_or(|since| began().is_none_or(|began| began >= since))
    }
}

/// Reads a line of the log, if it is a record.
///
/// A path may have bytes that are no UTF-8, which Python writes as halves of
/// surrogate pairs: what a container asks for must not hide the record of it.
pub(crate) fn parse(line: &str) -> Option<Record> {
    serde_json::from_str(line).or_else(|_| serde_json::from_str(&whole(line))).ok()
}

/// Makes of each escape of half a surrogate pair the text of that escape.
fn whole(line: &str) -> String {
    let unit = |at: usize| {
        let digits = line.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut text, mut at) = (String::with_capacity(line.len()), 0);
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let is_pair =
            matches!((unit(at), unit(at + 6)), (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)));
        let length = match (unit(at), rest.strip_prefix('\\')) {
            _ if is_pair => 12,
            (Some(0xd800..=0xdfff), _) => {
                text.push('\\');
                6
            }
            // An escape of another kind, such as that of a backslash.
            (_, Some(after)) => 1 + after.chars().next().map_or(0, char::len_utf8),
            (_, None) => rest.chars().next().map_or(1, char::len_utf8),
        };
        text.push_str(&rest[..length.min(rest.len())]);
        at += length;
    }
    text
}

/// Reads a moment: a time stamp, or how long ago it was.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let ago = text
        .parse::<Span>()
        .and_then(|span| span.abs().to_duration(SpanRelativeTo::days_are_24_hours()));
    ago.and_then(|ago| Timestamp::now().checked_sub(ago)).map_err(|_| {
        "it is neither a time such as 2026-11-27T08:00:00Z nor one such as 10m".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selection: &Selection, record: &str, expected: bool) {
        assert_eq!(selection.takes(&serde_json::from_str(record).unwrap()), expected, "{record}");
    }

    #[test]
    fn what_was_refused_or_lost_is_refused() {
        let selection = Selection { refused: true, ..Selection::default() };
        check(&selection, r#"{"decision":"refused"}"#, true);
        check(&selection, r#"{"kind":"lost","count":3}"#, true);
        check(&selection, r#"{"decision":"allowed","reason":"refused"}"#, false);
        check(&selection, r#"{"decision":["refused"]}"#, false);
    }

    #[test]
    fn half_a_surrogate_pair_hides_no_record() {
        for (line, expected) in [
            (r#"{"path":"/\udc9b[2J"}"#, r"/\udc9b[2J"),
            (r#"{"path":"\ud83d\ude00\ud83d"}"#, "\u{1f600}\\ud83d"),
            (r#"{"path":"\\udc9b"}"#, r"\udc9b"),
            (r#"{"path":"\\\udc9bé"}"#, r"\\udc9bé"),
        ] {
            assert_eq!(parse(line).unwrap()["path"], expected, "{line}");
        }
        for line in ["", "[]", "{", r#"{"path":"\u12"}"#, "\\", "\\u", "{\"a\":\"\\"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let since = Some(moment("2026-11-27T08:00:00Z").unwrap());
        let selection = Selection { since, ..Selection::default() };
        check(&selection, r#"{"time":"2026-11-27T08:00:00.000Z"}"#, true);
        check(&selection, r#"{"time":"2026-11-27T07:59:59.999Z"}"#, false);
        check(&selection, r#"{"time":"soon"}"#, true);
        for text in ["10m", "1h 30m", "2d", "90s"] {
            assert!(moment(text).unwrap() < Timestamp::now(), "{text}");
        }
        for text in ["", "yesterday", "10", "2026-11-27", "9999999999h"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
