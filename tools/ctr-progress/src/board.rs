//! How each step stands.

use std::time::{Duration, Instant};

use document::{Event, event::Status};
use jiff::Timestamp;

/// How far a step is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It begins.
    Begun,
    /// It goes on.
    Running,
    /// It is done.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It failed.
    Failed,
    /// What it had done was taken back.
    Undone,
    /// Nobody is left who could say how it ended.
    Abandoned,
}

/// A step, ready to be shown: no control character is in its texts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// `tool: step`, with the subject in parentheses where it is not the
    /// same as everywhere. It tells the steps apart.
    pub label: String,
    /// What the tool has to say about it.
    pub message: Option<String>,
    /// How far it is.
    pub state: State,
    /// How long it has taken, if its beginning was seen.
    pub elapsed: Option<Duration>,
}

/// The steps that are running.
#[derive(Debug, Default)]
pub struct Board {
    running: Vec<Running>,
    subject: Option<String>,
}

#[derive(Debug)]
struct Running {
    label: String,
    seen: Instant,
    stamp: Option<Timestamp>,
}

/// The longest text of an event that is shown, in characters.
const TEXT: usize = 1000;

impl Board {
    /// Takes note of `event`, which came `now`; returns its step if there is
    /// something to be shown.
    pub fn take(&mut self, event: &Event, now: Instant) -> Option<Step> {
        let label = self.label(event);
        let stamp = event.time.parse().ok();
        let state = match event.status {
            Status::Started => State::Begun,
            Status::Progress => State::Running,
            Status::Done => State::Done,
            Status::Unchanged => State::Unchanged,
            Status::Failed => State::Failed,
            Status::Undone => State::Undone,
            _ => return None,
        };
        let at = self.running.iter().position(|running| running.label == label);
        let running = at.map(|at| self.running.remove(at)).filter(|_| state != State::Begun);
        let elapsed = running.as_ref().map(|running| running.elapsed(stamp, now));
        if matches!(state, State::Begun | State::Running) {
            let begun = || Running { label: label.clone(), seen: now, stamp };
            self.running.push(running.unwrap_or_else(begun));
        }
        let message = event.message.as_deref().map(clean).filter(|text| !text.is_empty());
        Some(Step { label, message, state, elapsed })
    }

    /// Returns the steps whose end was never seen, and forgets them.
    pub fn abandon(&mut self, now: Instant) -> Vec<Step> {
        let abandon = |running: Running| Step {
            elapsed: Some(running.elapsed(None, now)),
            label: running.label,
            message: None,
            state: State::Abandoned,
        };
        self.running.drain(..).map(abandon).collect()
    }

    fn label(&mut self, event: &Event) -> String {
        let mut label = format!("{}: {}", clean(&event.tool), clean(&event.step));
        if let Some(subject) = event.subject.as_deref().map(clean) {
            let common = self.subject.get_or_insert_with(|| subject.clone());
            if *common != subject {
                label += &format!(" ({subject})");
            }
        }
        label
    }
}

impl Running {
    /// Returns how long it has taken: by the time stamps, which are right for
    /// a file that is read later too, or else by the clock.
    fn elapsed(&self, stamp: Option<Timestamp>, now: Instant) -> Duration {
        let stamped = self.stamp.zip(stamp).map(|(begun, ended)| ended.duration_since(begun));
        let stamped = stamped.and_then(|elapsed| Duration::try_from(elapsed).ok());
        stamped.unwrap_or_else(|| now.saturating_duration_since(self.seen))
    }
}

/// Returns the first line of `text`, at most [`TEXT`] characters of it, with
/// control characters escaped.
///
/// The marks that change the direction of writing (Unicode UAX 9) are control
/// characters by effect: they make a line look like another.
fn clean(text: &str) -> String {
    let is_direction = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    let text: String = text.trim().chars().filter(|&c| !is_direction(c)).take(TEXT).collect();
    toolkit::printable(&text).replace('\t', " ")
}
