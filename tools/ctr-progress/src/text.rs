//! Steps in words.

use std::time::Duration;

use crate::{State, Step};

/// Returns `step` as a line without any drawing, such as
/// `ctr-up: wait … done (0.3 s)`; nothing for one that is running.
#[must_use]
pub fn plain(step: &Step) -> Option<String> {
    let how = match step.state {
        State::Begun | State::Running => return None,
        State::Done => "done",
        State::Unchanged => "unchanged",
        State::Failed => "failed",
        State::Undone => "taken back",
        State::Abandoned => "not finished",
    };
    let time = step.elapsed.map(|elapsed| format!(" ({})", duration(elapsed)));
    let time = time.unwrap_or_default();
    Some(format!("{} … {how}{time}{}", step.label, message(step)))
}

/// Returns `step` as a line for a terminal: sign, time, what it is.
///
/// Colour says nothing that the sign does not say.
#[must_use]
pub fn rich(step: &Step, colour: bool) -> String {
    let (sign, code) = match step.state {
        State::Begun | State::Running => (' ', "0"),
        State::Done => ('✔', "32"),
        State::Unchanged => ('=', "2"),
        State::Failed => ('✘', "31"),
        State::Undone => ('↩', "33"),
        State::Abandoned => ('?', "33"),
    };
    let time = step.elapsed.map(duration).unwrap_or_default();
    let what = running(step);
    match colour {
        true => format!("\x1b[{code}m{sign}\x1b[0m {time:>8} {what}"),
        false => format!("{sign} {time:>8} {what}"),
    }
}

/// Returns what `step` is and what is said about it.
#[must_use]
pub fn running(step: &Step) -> String {
    format!("{}{}", step.label, message(step))
}

fn message(step: &Step) -> String {
    step.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
}

/// Returns `elapsed` in words, such as `0.3 s` or `2 min 5 s`.
#[must_use]
pub fn duration(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ 60.. => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{:.1} s", elapsed.as_secs_f64()),
    }
}
