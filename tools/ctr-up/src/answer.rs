//! Waiting until the container's sshd shows the right certificate.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use document::event::Status;

use crate::{
    Error,
    archive::Account,
    files, one_line,
    probe::Answer,
    steps::{Run, send},
};

/// How often a container that does not answer is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long one attempt may take; less where less patience is left.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(10);

/// How long an sshd that was told of a new certificate may still show the old.
const RELOAD: Duration = Duration::from_secs(3);

impl Run<'_> {
    /// Sees that a running container answers with its certificate; one whose
    /// certificate was renewed since gets the new one. `answer` is what came
    /// of an attempt that was made already.
    pub(crate) fn check_running(&mut self, answer: Option<Answer>) -> Result<(), Error> {
        let answer = match answer {
            Some(answer) => answer,
            None => self.ask(self.plan.patience)?,
        };
        match answer {
            Answer::Right => {
                self.events.emit("wait", Status::Unchanged, None);
                Ok(())
            }
            Answer::Wrong(_) => self.renew_host_keys(),
            Answer::None(_) => {
                self.serve()?;
                self.wait(Duration::ZERO)
            }
        }
    }

    fn ask(&self, patience: Duration) -> Result<Answer, Error> {
        let limit = patience.clamp(LOOK, ATTEMPT);
        let interrupted = || self.interrupt.check().is_err();
        self.plan.probe.ask(limit, interrupted).map_err(Error::Ssh)
    }

    /// Starts a container that was stopped by the engine's command `verb`, and
    /// sees that it answers.
    pub(crate) fn start_again(&mut self, verb: &str) -> Result<(), Error> {
        self.surround(false)?;
        self.prove(|run| {
            run.start(verb)?;
            run.serve()?;
            match run.wait(Duration::ZERO) {
                Err(Error::WrongCertificate { .. }) => run.renew_host_keys(),
                result => result,
            }
        })
    }

    /// Waits until sshd shows the right certificate; a wrong one may be shown
    /// for as long as `tolerance`.
    pub(crate) fn wait(&mut self, tolerance: Duration) -> Result<(), Error> {
        self.events.emit("wait", Status::Started, None);
        let result = self.wait_quietly(tolerance);
        let (status, message) = match &result {
            Ok(()) => (Status::Done, None),
            Err(error) => (Status::Failed, Some(error.to_string())),
        };
        self.events.emit("wait", status, message);
        result
    }

    fn wait_quietly(&self, tolerance: Duration) -> Result<(), Error> {
        let name = self.plan.container.name.clone();
        let begun = Instant::now();
        let mut looked = begun;
        let mut pause = Duration::from_millis(10);
        loop {
            let left = self.plan.patience.saturating_sub(begun.elapsed());
            let answer = self.ask(left)?;
            self.interrupt.check()?;
            let words = match answer {
                Answer::Right => return Ok(()),
                Answer::Wrong(words) if begun.elapsed() >= tolerance => {
                    return Err(Error::WrongCertificate { name, words });
                }
                Answer::Wrong(words) | Answer::None(words) => words,
            };
            if looked.elapsed() > LOOK {
                self.see_that_it_lives()?;
                looked = Instant::now();
            }
            if begun.elapsed() > self.plan.patience {
                let seconds = self.plan.patience.as_secs();
                return Err(Error::NoAnswer { name, seconds, words });
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Fails if the container has ended, with the last lines of its log.
    fn see_that_it_lives(&self) -> Result<(), Error> {
        let name = self.plan.container.name.clone();
        let summary = self.engine.container(&name)?;
        match summary.as_ref().map(|summary| summary.status.as_str()) {
            Some("running" | "created") => Ok(()),
            _ => Err(Error::Ended { words: self.last_words(&name), name }),
        }
    }

    /// Returns the last lines of the container's log, whichever stream has them.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let output = self.engine.command(["logs", "--tail", "3", name]).output();
        let words = output.map(|output| [output.stdout, output.stderr].concat());
        one_line(&String::from_utf8_lossy(&words.unwrap_or_default()))
    }

    /// Puts the document's host key and certificate into the running
    /// container, lets sshd read them (SIGHUP, sshd(8)) and waits until it
    /// shows them; connections stay.
    fn renew_host_keys(&mut self) -> Result<(), Error> {
        let (engine, container) = (self.engine, self.plan.container);
        let entries = files::host_keys(container)?;
        self.events.step("renew", || {
            send(engine, &container.name, &entries, Account::ROOT)?;
            let script = r#"kill -HUP "$(cat /run/sshd.pid)""#;
            engine.ask(["exec", "--user", "0:0", &container.name, "sh", "-c", script])
        })?;
        self.wait(RELOAD)
    }
}
