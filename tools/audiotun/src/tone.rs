//! A tone that is played through a guard, and listened for where it comes out.

use std::{
    f64::consts::TAU,
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use document::audio::Audio;
use toolkit::{Interrupt, files::FileError};

use crate::{Error, guard, keeper, place::Place, plan, server::Server};

/// Samples in a second, of signed 16 bits.
const RATE: u32 = 8000;

/// Samples that are written, and that are listened to, at once: 10 ms.
const WINDOW: usize = 80;
const STEP: Duration = Duration::from_millis(10);

/// The tone in Hz: whole periods fit into a window, so that one can be told from others.
const PITCH: f64 = 1000.0;

/// How loud it is played. The output may be turned down to a hundredth, and what comes
/// out is still louder than [`FAINT`].
const LOUD: f64 = 8000.0;
const FAINT: f64 = 20.0;

/// How many windows are listened to before the tone: whatever else plays is in them.
const BEFORE: usize = 100;

/// How long all of it may take, and after what time a tone is one that did not come.
const PATIENCE: Duration = Duration::from_secs(20);
const LATEST: Duration = Duration::from_secs(5);

/// Plays a tone to the default output of `server`, as a container would, and returns how
/// much later it comes out there.
pub fn check(server: &Server, interrupt: &Interrupt) -> Result<Duration, Error> {
    let temporary = std::env::temp_dir();
    let directory = tempfile::Builder::new().prefix("ctrkit-").tempdir_in(&temporary);
    let directory = directory.map_err(FileError::writing(&temporary))?;
    let place = Place::at(directory.path());
    let audio = Audio { level: "play".to_owned(), ..Audio::default() };
    let _guard = start_guard(server, &place, &audio, interrupt)?;
    let mut recorder =
        pulse("parec", &server.socket, &["-d", "@DEFAULT_MONITOR@", "--latency-msec=10"]);
    let mut player = pulse("pacat", &place.guard(&audio), &[]);
    player.env("PULSE_COOKIE", place.cookie());
    let mut recorder = Running::start("parec", recorder.stdout(Stdio::piped()))?;
    let (news, heard) = mpsc::channel();
    recorder.listen(news.clone());
    // Until somebody listens an output may make seconds of silence beforehand.
    if !wait_for_recorder(&heard, interrupt)? {
        return Err(Error::NotHeard { words: recorder.last_words().unwrap_or_default() });
    }
    let mut player = Running::start("pacat", player.stdin(Stdio::piped()).stdout(Stdio::null()))?;
    let is_wanted = Arc::new(AtomicBool::new(false));
    player.play(Arc::clone(&is_wanted), news);
    let late = wait(&heard, &is_wanted, interrupt)?;
    // A person hears it as well.
    thread::sleep(late.map_or(Duration::ZERO, |_| Duration::from_millis(500)));
    late.ok_or_else(|| Error::NotHeard {
        words: player.last_words().or(recorder.last_words()).unwrap_or_default(),
    })
}

/// What the threads tell.
enum News {
    /// The first of the tone is written.
    Played(Instant),
    /// So much of the tone was in a window.
    Heard(Instant, f64),
    /// A program has ended, which it does not do by itself.
    Ended,
}

/// Waits until something is recorded, be it silence.
fn wait_for_recorder(heard: &Receiver<News>, interrupt: &Interrupt) -> Result<bool, Error> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        interrupt.check()?;
        match heard.recv_timeout(Duration::from_millis(100)) {
            Ok(News::Heard(..)) => return Ok(true),
            Err(RecvTimeoutError::Timeout) => {}
            _ => break,
        }
    }
    Ok(false)
}

/// Waits until the tone is heard: it is clearly louder then than anything before.
fn wait(
    heard: &Receiver<News>,
    is_wanted: &AtomicBool,
    interrupt: &Interrupt,
) -> Result<Option<Duration>, Error> {
    let (begun, mut windows, mut limit, mut played) = (Instant::now(), 0, FAINT, None);
    let is_late = |played: Option<Instant>| played.is_some_and(|at| at.elapsed() > LATEST);
    while begun.elapsed() < PATIENCE && !is_late(played) {
        interrupt.check()?;
        match heard.recv_timeout(Duration::from_millis(100)) {
            Ok(News::Played(at)) => played = Some(at),
            Ok(News::Heard(at, loud)) => match played {
                Some(played) if loud > limit => return Ok(Some(at.duration_since(played))),
                Some(_) => {}
                None => {
                    limit = limit.max(loud * 4.0);
                    windows += 1;
                    is_wanted.store(windows > BEFORE, Ordering::Relaxed);
                }
            },
            Err(RecvTimeoutError::Timeout) => {}
            Ok(News::Ended) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(None)
}

fn listen(mut output: ChildStdout, news: &Sender<News>) {
    let mut bytes = [0; WINDOW * 2];
    while output.read_exact(&mut bytes).is_ok() {
        let samples = bytes.chunks_exact(2).map(|pair| match pair {
            [low, high] => f64::from(i16::from_le_bytes([*low, *high])),
            _ => 0.0,
        });
        if news.send(News::Heard(Instant::now(), strength(samples))).is_err() {
            return;
        }
    }
}

/// Writes silence, as much as time passes, and from when it is wanted on the tone.
fn play(mut input: ChildStdin, is_wanted: &AtomicBool, news: &Sender<News>) {
    let (tone, mut is_told, mut next) = (tone(), false, Instant::now());
    loop {
        let is_tone = is_wanted.load(Ordering::Relaxed);
        let bytes = if is_tone { tone.as_slice() } else { &[0; WINDOW * 2] };
        if is_tone && !is_told {
            is_told = news.send(News::Played(Instant::now())).is_ok();
        }
        if input.write_all(bytes).and_then(|()| input.flush()).is_err() {
            return;
        }
        next += STEP;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Returns a window of the tone.
fn tone() -> Vec<u8> {
    let angles = (0_u32..).map(|at| f64::from(at) * PITCH * TAU / f64::from(RATE));
    #[expect(clippy::cast_possible_truncation, reason = "a sine is at most 1")]
    let samples = angles.map(|angle| (angle.sin() * LOUD) as i16).take(WINDOW);
    samples.flat_map(i16::to_le_bytes).collect()
}

/// Returns the amplitude of the tone in a window (Goertzel's algorithm).
fn strength(samples: impl Iterator<Item = f64>) -> f64 {
    let factor = 2.0 * (PITCH * TAU / f64::from(RATE)).cos();
    let (mut before, mut last, mut count) = (0.0, 0.0, 0.0);
    for sample in samples {
        (before, last) = (last, sample + factor * last - before);
        count += 1.0;
    }
    let power = before * before + last * last - factor * before * last;
    2.0 * power.max(0.0).sqrt() / f64::max(count, 1.0)
}

/// Starts a guard as a container has one, and waits until it listens.
fn start_guard(
    server: &Server,
    place: &Place,
    audio: &Audio,
    interrupt: &Interrupt,
) -> Result<Running, Error> {
    plan::make_files(place)?;
    let mut guard =
        Running::start("audioguard", &mut guard::command("audiotun", place, audio, server)?)?;
    let begun = Instant::now();
    while !keeper::listens(&place.guard(audio)) {
        interrupt.check()?;
        if begun.elapsed() > PATIENCE || guard.has_ended() {
            let words = guard.last_words().unwrap_or_default();
            return Err(Error::NoGuard { name: "setup".to_owned(), words, log: None });
        }
        thread::sleep(STEP);
    }
    Ok(guard)
}

/// A program of PulseAudio's, which plays or records as is said above.
fn pulse(program: &str, socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(["--raw", "--format=s16le", "--channels=1"]).arg(format!("--rate={RATE}"));
    command.arg("--server").arg(format!("unix:{}", socket.display())).args(args);
    for variable in ["PULSE_SERVER", "PULSE_SINK", "PULSE_SOURCE", "PULSE_LATENCY_MSEC"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// A program that ends with whoever started it.
struct Running(Child);

impl Running {
    fn start(program: &str, command: &mut Command) -> Result<Self, Error> {
        let failed = |source| Error::Run { program: program.to_owned(), source };
        Ok(Self(command.stderr(Stdio::piped()).spawn().map_err(failed)?))
    }

    /// Has what it writes be listened to.
    fn listen(&mut self, news: Sender<News>) {
        let Some(output) = self.0.stdout.take() else { return };
        thread::spawn(move || {
            listen(output, &news);
            news.send(News::Ended)
        });
    }

    /// Has it play.
    fn play(&mut self, is_wanted: Arc<AtomicBool>, news: Sender<News>) {
        let Some(input) = self.0.stdin.take() else { return };
        thread::spawn(move || {
            play(input, &is_wanted, &news);
            news.send(News::Ended)
        });
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Ends it, and returns the last that it said.
    fn last_words(&mut self) -> Option<String> {
        let _ = self.0.kill();
        let mut said = Vec::new();
        // It has ended, and what it said fits into the pipe.
        self.0.stderr.take()?.read_to_end(&mut said).ok()?;
        Some(keeper::last_line(&said)).filter(|line| !line.is_empty())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(bytes: &[u8]) -> impl Iterator<Item = f64> {
        bytes.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])))
    }

    #[test]
    fn the_tone_is_told_from_silence_and_from_other_tones() {
        let tone = tone();
        assert!((strength(samples(&tone)) - LOUD).abs() < LOUD / 100.0);
        assert!(strength([0.0; WINDOW].into_iter()) < 1.0);
        let other = (0_u32..80).map(|at| (f64::from(at) * 440.0 * TAU / 8000.0).sin() * LOUD);
        assert!(strength(other) < LOUD / 4.0);
    }
}
