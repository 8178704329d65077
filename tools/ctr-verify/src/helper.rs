//! The helper: put into a container, spoken to, and taken out again.

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use engine::Engine;
use serde::Deserialize;
use toolkit::{Interrupt, Interrupted};

use crate::{Error, lines};

/// The helper for each kind of processor for which it could be made.
const HELPERS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/helpers.rs"));

/// The name that it has in a container. The next run removes what one has left
/// that was killed, by taking its place.
const NAME: &str = ".ctrkit-verify";

/// How long it may take to begin.
const BEGIN: Duration = Duration::from_secs(10);

/// How often it is looked whether a signal came.
const GLANCE: Duration = Duration::from_millis(20);

/// How many of its lines wait to be looked at.
const WAITING: usize = 16;

/// How much is kept of what it says of failures, in bytes.
const WORDS: u64 = 64 << 10;

/// A job for the helper: what the answer is called, and its words.
pub(crate) type Job = (&'static str, Vec<String>);

/// What came of the jobs: what was seen, or why one could not be done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(BTreeMap<String, Result<Vec<String>, String>>);

impl Answers {
    /// Returns what was seen, or why nobody knows.
    pub(crate) fn get(&self, name: &str) -> Result<&[String], String> {
        match self.0.get(name) {
            Some(Ok(seen)) => Ok(seen),
            Some(Err(why)) => Err(why.clone()),
            None => Err("the helper has not answered".to_owned()),
        }
    }

    /// Returns the text of one of the files that were read.
    pub(crate) fn text(&self, name: &str, path: &str) -> Option<&str> {
        let all = self.get(name).ok()?;
        let pair = all.chunks_exact(2).find(|pair| pair[0] == path)?;
        Some(&pair[1])
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn set(&mut self, name: &str, seen: Result<Vec<String>, String>) {
        self.0.insert(name.to_owned(), seen);
    }
}

/// Returns the helper for a container on `engine`, whose image is `image`.
pub(crate) fn program(engine: &Engine, image: &str) -> Result<&'static [u8], String> {
    let is_here = engine.host().is_none() && cfg!(target_os = "linux");
    let processor = match is_here {
        true => std::env::consts::ARCH.to_owned(),
        false => {
            let asked = engine.run(["image", "inspect", "--format", "{{.Architecture}}", image]);
            match asked.map_err(|error| error.to_string())?.trim() {
                "amd64" => "x86_64".to_owned(),
                "arm64" => "aarch64".to_owned(),
                other => other.to_owned(),
            }
        }
    };
    let found = HELPERS.iter().find(|(name, _)| *name == processor);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| {
        format!("this ctr-verify has no helper for {processor}: rustup target add {processor}-unknown-linux-musl, and build it anew")
    })
}

/// A helper that is in a container, and goes with this value.
#[derive(Debug)]
pub(crate) struct Injected<'a> {
    engine: &'a Engine,
    id: String,
    path: String,
    is_gone: bool,
    /// Whether it has a container of its own, made for it.
    is_beside: bool,
}

impl<'a> Injected<'a> {
    /// Puts `program` into `directory` of the container `id`. Nothing is run
    /// there for that, unless it `needs_shell`: what is mounted in memory alone
    /// some engines do not see from outside.
    pub(crate) fn new(
        engine: &'a Engine,
        id: &str,
        directory: &str,
        program: &[u8],
        needs_shell: bool,
    ) -> Result<Self, String> {
        let path = format!("{}/{NAME}", directory.trim_end_matches('/'));
        let injected = Self { engine, id: id.to_owned(), path, is_gone: false, is_beside: false };
        let put = match needs_shell {
            false => {
                let to = format!("{id}:{directory}");
                engine.run_with_input(["cp", "-", &to], |pipe| archive(program, pipe))
            }
            true => {
                let script = r#"cat >"$1" && chmod 755 "$1""#;
                let args = ["exec", "-i", "--user", "0:0", id, "sh", "-c", script, "sh"];
                let args = args.into_iter().chain([injected.path.as_str()]);
                engine.run_with_input(args, |pipe| pipe.write_all(program))
            }
        };
        put.map(|_| injected).map_err(|error| error.to_string())
    }

    /// Puts `program` into a container of its own, which shares the network of
    /// the container `id` and nothing else.
    pub(crate) fn beside(
        engine: &'a Engine,
        id: &str,
        image: &str,
        labels: &[String],
        program: &[u8],
    ) -> Result<Self, String> {
        let path = format!("/{NAME}");
        let mut args = vec!["create", "--rm", "--interactive", "--pull=never", "--user=0:0"];
        args.extend(["--cap-drop=ALL", "--security-opt=no-new-privileges", "--no-healthcheck"]);
        let (network, entry) =
            (format!("--network=container:{id}"), format!("--entrypoint={path}"));
        args.extend([network.as_str(), entry.as_str()]);
        args.extend(labels.iter().map(String::as_str));
        args.push(image);
        let answer = engine.run(&args).map_err(|error| error.to_string())?;
        let own = answer.lines().last().unwrap_or_default().trim().to_owned();
        if own.is_empty() {
            return Err("the engine does not say which container it has made".to_owned());
        }
        let injected = Self { engine, id: own, path, is_gone: false, is_beside: true };
        let to = format!("{}:/", injected.id);
        let put = engine.run_with_input(["cp", "-", &to], |pipe| archive(program, pipe));
        put.map(|_| injected).map_err(|error| error.to_string())
    }

    /// Begins to speak with it as the account `user`. The `last` to be spoken
    /// with removes its file before it does anything.
    pub(crate) fn speak(
        &mut self,
        user: &str,
        last: bool,
        interrupt: &Interrupt,
    ) -> Result<Session, Broken> {
        let word = if last { "remove" } else { "keep" };
        let mut command = match self.is_beside {
            false => {
                let args = ["exec", "-i", "--user", user, &self.id, &self.path, word];
                self.engine.command(args)
            }
            true => self.engine.command(["start", "--attach", "--interactive", &self.id]),
        };
        let mut session = Session::new(command.process_group(0)).map_err(Broken::Failed)?;
        // It answers this at once, or cannot be run here at all.
        let first: Job = ("hello", vec!["read".to_owned()]);
        session.ask(&[first], BEGIN, interrupt)?.get("hello").map_err(Broken::Failed)?;
        self.is_gone = last && !self.is_beside;
        Ok(session)
    }

    /// Lets it write all that it can read.
    pub(crate) fn stream(&mut self) -> io::Result<Child> {
        let args = ["exec", "-i", "--user", "0:0", &self.id, &self.path, "remove", "stream"];
        let mut command = self.engine.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.process_group(0).spawn()
    }
}

impl Drop for Injected<'_> {
    fn drop(&mut self) {
        if self.is_beside {
            let _ = self.engine.remove(&self.id, engine::Nameless::Removed);
        } else if !self.is_gone {
            // It removes itself, reads that there is nothing to do, and ends.
            // Another in its place could go on for ever.
            let args = ["exec", "--user", "0:0", &self.id, &self.path, "remove"];
            let _ = self.engine.run_within(args, BEGIN);
        }
    }
}

/// Writes the archive with the one file.
fn archive(program: &[u8], pipe: &mut dyn Write) -> io::Result<()> {
    let mut builder = tar::Builder::new(pipe);
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    builder.append_data(&mut header, NAME, program)?;
    builder.finish()
}

/// Speaking with it did not come to an end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// A signal came.
    Interrupted(Interrupted),
    /// It does not answer, and why.
    Failed(String),
}

impl Broken {
    /// A signal ends the run; all else is an answer of its own.
    pub(crate) fn why(self) -> Result<String, Error> {
        match self {
            Self::Interrupted(signal) => Err(signal.into()),
            Self::Failed(why) => Ok(why),
        }
    }
}

/// One line that the helper writes.
#[derive(Deserialize)]
struct Line {
    job: String,
    seen: Option<Vec<String>>,
    failed: Option<String>,
}

/// A helper that is spoken with. It ends with this value, in the middle of
/// whatever it does.
#[derive(Debug)]
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    words: Option<JoinHandle<String>>,
}

impl Session {
    fn new(command: &mut std::process::Command) -> Result<Self, String> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (tell, lines) = mpsc::sync_channel(WAITING);
        thread::spawn(move || {
            let Some(mut output) = output.map(BufReader::new) else { return };
            while let Some(line) = lines::line(&mut output) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let words = thread::spawn(move || {
            let Some(mut errors) = errors else { return String::new() };
            let mut words = Vec::new();
            let _ = errors.by_ref().take(WORDS).read_to_end(&mut words);
            let _ = io::copy(&mut errors, &mut io::sink());
            String::from_utf8_lossy(&words).into_owned()
        });
        Ok(Self { child, input, lines, words: Some(words) })
    }

    /// Has it do `jobs`, and returns what came of them within `limit`.
    pub(crate) fn ask(
        &mut self,
        jobs: &[Job],
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Answers, Broken> {
        let mut text = String::new();
        for (name, words) in jobs {
            let all: Vec<_> =
                std::iter::once(*name).chain(words.iter().map(String::as_str)).collect();
            text.push_str(&serde_json::to_string(&all).unwrap_or_default());
            text.push('\n');
        }
        // One that has ended tells why below.
        let _ = self.input.as_mut().map(|pipe| pipe.write_all(text.as_bytes()));
        let end = Instant::now() + limit;
        let mut answers = Answers::default();
        while answers.0.len() < jobs.len() {
            interrupt.check().map_err(Broken::Interrupted)?;
            // What only goes on answering something else has no more time than others.
            if Instant::now() >= end {
                answers.fill(jobs, &format!("it took longer than {} s", limit.as_secs()));
            }
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => answers.take(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let why = self.last_words();
                    answers.fill(jobs, &why);
                }
            }
        }
        Ok(answers)
    }

    /// Returns why it has ended.
    fn last_words(&mut self) -> String {
        self.end();
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        match words.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("the helper ended: {}", line.trim()),
            None => "the helper ended before it had answered".to_owned(),
        }
    }
}

impl Session {
    /// Has it end, or ends it.
    fn end(&mut self) {
        self.input = None;
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

impl Answers {
    fn take(&mut self, line: &[u8]) {
        let Ok(Line { job, seen, failed }) = serde_json::from_slice(line) else { return };
        let seen = seen.ok_or_else(|| failed.unwrap_or_default());
        self.0.insert(job, seen);
    }

    /// Says of all jobs that have no answer why.
    fn fill(&mut self, jobs: &[Job], why: &str) {
        for (name, _) in jobs {
            self.0.entry((*name).to_owned()).or_insert_with(|| Err(why.to_owned()));
        }
    }
}
