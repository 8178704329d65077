//! Whether a container is well, as its own health check has it.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{Engine, EngineError, FailedCall, Kind, run};

/// How long a health check may take that podman runs for us.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited before a container is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// What a container's health check says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Health {
    /// It has no health check.
    None,
    /// It was not well yet, and may still become so.
    Starting,
    /// It is well.
    Healthy,
    /// It is not, and this is what the check wrote last.
    Unhealthy(String),
}

impl Health {
    /// Returns `none`, `starting`, `healthy` or `unhealthy`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy(_) => "unhealthy",
        }
    }
}

impl Engine {
    /// Asks once whether the running container `name` is well.
    ///
    /// Docker runs the check by itself, and its last result is read: one call.
    /// Its first check is late, so that one that is starting is checked now,
    /// with two calls more. podman leaves checks to systemd, which may not be
    /// there, so that the check is run now: one call, and one more for what it
    /// wrote.
    pub fn health(&self, name: &str) -> Result<Health, EngineError> {
        match self.kind {
            Kind::Docker => match self.state(name)?.health() {
                Health::Starting => self.check_early(name),
                health => Ok(health),
            },
            Kind::Podman => self.check(name),
        }
    }

    /// Waits until the container `name` is healthy or has no health check, at
    /// most for `limit`, and returns what it was in the end. `go_on` is asked
    /// before each time and ends it with its error.
    pub fn wait_for_health<E: From<EngineError>>(
        &self,
        name: &str,
        limit: Duration,
        mut go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Health, E> {
        let end = Instant::now() + limit;
        loop {
            go_on()?;
            let health = self.health(name)?;
            let is_over = Instant::now() + PAUSE >= end;
            if is_over || matches!(health, Health::Healthy | Health::None) {
                return Ok(health);
            }
            sleep(PAUSE);
        }
    }

    /// Returns the last `lines` lines that the container `name` wrote, to
    /// whichever of its two streams: one call.
    pub fn log(&self, name: &str, lines: usize) -> Result<String, EngineError> {
        let mut command = self.command(["logs", "--tail", &lines.to_string(), name]);
        let output = self.answer(&mut command)?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(self.judge(&command, output)? + &errors)
    }

    /// Runs the health check of `name` by podman.
    fn check(&self, name: &str) -> Result<Health, EngineError> {
        // The status is 1 for a check that fails, and 125 for one that cannot
        // be made.
        match self.run_within(["healthcheck", "run", name], PATIENCE) {
            Ok(_) => Ok(Health::Healthy),
            Err(EngineError::Failed(FailedCall { status: Some(1), .. })) => {
                Ok(self.state(name)?.health_after_failure())
            }
            Err(EngineError::Failed(FailedCall { status: None, .. })) => {
                Ok(Health::Unhealthy("the check does not end".to_owned()))
            }
            Err(error) if error.is("no-health-check") => Ok(Health::None),
            Err(error) => Err(error),
        }
    }

    /// Runs the health check of `name` before docker does.
    fn check_early(&self, name: &str) -> Result<Health, EngineError> {
        let format = "{{json .Config.Healthcheck}}";
        let mut command = self.command(["container", "inspect", "--format", format, name]);
        let text = self.succeed(&mut command)?;
        let defined: Option<Defined> = serde_json::from_str(&text)
            .map_err(|source| EngineError::Unreadable { command: run::line(&command), source })?;
        let Some(test) = defined.and_then(Defined::command) else { return Ok(Health::Starting) };
        let args = ["exec".to_owned(), name.to_owned()].into_iter().chain(test);
        match self.run_within(args, PATIENCE) {
            Ok(_) => Ok(Health::Healthy),
            Err(error) if error.is("not-running") => Err(error),
            Err(EngineError::Failed(_)) => Ok(Health::Starting),
            Err(error) => Err(error),
        }
    }

    /// Returns the state of the container `name`, which must be running.
    fn state(&self, name: &str) -> Result<State, EngineError> {
        let mut command = self.command(["container", "inspect", "--format", "{{json .State}}"]);
        let text = self.succeed(command.arg(name))?;
        let state: State = serde_json::from_str(&text)
            .map_err(|source| EngineError::Unreadable { command: run::line(&command), source })?;
        match state.running {
            true => Ok(state),
            false => Err(EngineError::NotRunning { name: name.to_owned() }),
        }
    }
}

/// What both engines say of the state of a container.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    running: bool,
    /// Absent without a health check, but for podman 4, which has no word
    /// for its status then.
    health: Option<Checked>,
}

/// The health check that a container is made with.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Defined {
    test: Option<Vec<String>>,
}

impl Defined {
    /// Returns the command, where there is one.
    fn command(self) -> Option<Vec<String>> {
        let mut words = self.test?.into_iter();
        match words.next()?.as_str() {
            "CMD" => Some(words.collect()),
            "CMD-SHELL" => Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), words.next()?]),
            _ => None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Checked {
    status: String,
    log: Option<Vec<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    output: String,
}

impl State {
    /// Returns what docker makes of its checks.
    fn health(self) -> Health {
        let Some(checked) = self.health else { return Health::None };
        match checked.status.as_str() {
            "" | "none" => Health::None,
            "starting" => Health::Starting,
            "healthy" => Health::Healthy,
            _ => Health::Unhealthy(checked.last_words()),
        }
    }

    /// Returns what a check means that has just failed, where podman calls a
    /// container healthy until several have.
    fn health_after_failure(self) -> Health {
        match self.health.unwrap_or_default() {
            Checked { status, .. } if status == "starting" => Health::Starting,
            checked => Health::Unhealthy(checked.last_words()),
        }
    }
}

impl Checked {
    fn last_words(self) -> String {
        let last = self.log.unwrap_or_default().pop().unwrap_or_default();
        last.output.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> State {
        serde_json::from_str(text).unwrap()
    }

    // As docker 20.10.24 and podman 4.3.1 say it, shortened.
    const FAILED: &str = r#"{"Running":true,"Health":{"Status":"unhealthy","FailingStreak":3,"Log":[{"ExitCode":0,"Output":"fine"},{"Start":"x","ExitCode":1,"Output":"broken\n"}]}}"#;
    const STARTING: &str = r#"{"Running":true,"Health":{"Status":"starting","Log":[]}}"#;
    const WITHOUT: [&str; 2] =
        [r#"{"Running":true}"#, r#"{"Running":true,"Health":{"Status":"","Log":null}}"#];

    #[test]
    fn docker_says_what_it_makes_of_its_checks() {
        assert_eq!(state(FAILED).health(), Health::Unhealthy("broken".into()));
        assert_eq!(state(STARTING).health(), Health::Starting);
        assert_eq!(state(&FAILED.replace("unhealthy", "healthy")).health(), Health::Healthy);
        for without in WITHOUT {
            assert_eq!(state(without).health(), Health::None);
        }
    }

    #[test]
    fn a_check_is_a_command_or_a_line_for_a_shell() {
        let command = |text: &str| serde_json::from_str::<Defined>(text).unwrap().command();
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(command(r#"{"Test":["CMD","a","b c"],"Retries":3}"#), words(&["a", "b c"]));
        let shell = words(&["/bin/sh", "-c", "a; b"]);
        assert_eq!(command(r#"{"Test":["CMD-SHELL","a; b"]}"#), shell);
        assert_eq!(command(r#"{"Test":["NONE"]}"#), None);
        assert_eq!(command(r#"{"Test":null}"#), None);
    }

    #[test]
    fn a_check_that_has_just_failed_outweighs_what_podman_makes_of_several() {
        let failed = FAILED.replace("unhealthy", "healthy");
        assert_eq!(state(&failed).health_after_failure(), Health::Unhealthy("broken".into()));
        assert_eq!(state(STARTING).health_after_failure(), Health::Starting);
    }
}
