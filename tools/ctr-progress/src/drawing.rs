//! Steps on standard error.

use std::{collections::HashMap, fmt, io::IsTerminal, time::Duration};

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::{State, Step, text};

/// How steps are drawn.
#[derive(Args, Clone, Debug, Default)]
pub struct Look {
    /// Write plain lines on a terminal too
    #[arg(long)]
    pub plain: bool,

    /// Draw without colours
    #[arg(
        long,
        env = "NO_COLOR",
        value_name = "ANY",
        num_args = 0,
        default_missing_value = "yes",
        hide_env_values = true
    )]
    pub no_color: Option<String>,

    /// Take the terminal for a TYPE; dumb, and none, are written to plainly
    #[arg(long, value_name = "TYPE", env = "TERM")]
    pub term: Option<String>,
}

/// What draws steps.
#[derive(Debug)]
#[non_exhaustive]
pub enum Drawing {
    /// A line for each step that has ended.
    Lines,
    /// A line for each step, those that are running at the bottom.
    Screen(Screen),
}

/// A terminal on standard error.
#[derive(Debug)]
pub struct Screen {
    bars: MultiProgress,
    running: HashMap<String, ProgressBar>,
    colour: bool,
}

impl Drawing {
    /// Chooses what suits `stderr`.
    #[must_use]
    pub fn new(look: &Look, stderr: &impl IsTerminal) -> Self {
        let moves = look.term.as_deref().is_some_and(|term| !term.is_empty() && term != "dumb");
        match !look.plain && moves && stderr.is_terminal() {
            true => Self::Screen(Screen {
                bars: MultiProgress::new(),
                running: HashMap::new(),
                colour: look.no_color.is_none(),
            }),
            false => Self::Lines,
        }
    }

    /// Shows how `step` stands. That nobody sees it is no reason to fail.
    pub fn show(&mut self, step: &Step) {
        match self {
            Self::Lines => {
                if let Some(line) = text::plain(step) {
                    toolkit::say(&line);
                }
            }
            Self::Screen(screen) => screen.show(step),
        }
    }

    /// Leaves the terminal in order.
    pub fn finish(&mut self) {
        if let Self::Screen(screen) = self {
            let _ = screen.bars.clear();
        }
    }
}

impl Screen {
    fn show(&mut self, step: &Step) {
        match step.state {
            State::Begun => {
                self.remove(step);
                self.running.insert(step.label.clone(), bar(&self.bars, step));
            }
            State::Running => match self.running.get(&step.label) {
                Some(bar) => bar.set_message(text::running(step)),
                None => {
                    self.running.insert(step.label.clone(), bar(&self.bars, step));
                }
            },
            _ => {
                self.remove(step);
                let line = text::rich(step, self.colour);
                self.bars.suspend(|| toolkit::say(&line));
            }
        }
    }

    fn remove(&mut self, step: &Step) {
        if let Some(bar) = self.running.remove(&step.label) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }
}

/// Adds a line with a spinner for `step` to `bars`.
fn bar(bars: &MultiProgress, step: &Step) -> ProgressBar {
    /// How often the spinner turns.
    const TICK: Duration = Duration::from_millis(100);

    let elapsed = |state: &ProgressState, line: &mut dyn fmt::Write| {
        let _ = write!(line, "{:>8}", text::duration(state.elapsed()));
    };
    // The message comes last, because it is cut where the terminal ends.
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("elapsed", elapsed);
    let bar = ProgressBar::new_spinner().with_style(style).with_message(text::running(step));
    let bar = bars.add(bar);
    bar.enable_steady_tick(TICK);
    bar
}
