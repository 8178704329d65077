//! The devcontainers CLI (`@devcontainers/cli`), as a child process.
//!
//! It makes a container from a devcontainer.json and runs the life-cycle
//! commands in it. Its answer is one line of JSON on standard output; what it
//! does meanwhile are lines of JSON on standard error.

mod answer;
mod config;
mod error;
mod images;
mod log;

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use engine::{Engine, Kind};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use toolkit::Interrupt;

pub use crate::{
    answer::Answer,
    config::{CONFIG, Labels, config_label, in_force},
    error::Error,
    images::{image, image_of, is_image_of},
    log::{Line, Lines},
};

/// The program's name, where nobody says another.
const PROGRAM: &str = "devcontainer";

/// How often it is looked whether somebody wants it to end.
const GLANCE: Duration = Duration::from_millis(100);

/// Variables that would lead it, or what it runs, to another engine or project.
const FOREIGN: [&str; 5] = [
    "COMPOSE_FILE",
    "COMPOSE_PROFILES",
    "COMPOSE_PROJECT_NAME",
    "CONTAINER_CONNECTION",
    "DEVCONTAINER_LOG",
];

/// The CLI, found and ready to be called.
#[derive(Clone, Debug)]
pub struct Cli {
    program: PathBuf,
    engine: Engine,
    /// The program for Compose files, where it is not docker's plugin.
    compose: Option<PathBuf>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// `build`, `up`, `run-user-commands`.
    pub verb: &'a str,
    /// The worktree.
    pub folder: &'a Path,
    /// The devcontainer.json, whatever the worktree has.
    pub config: &'a Path,
    /// The Compose project; absent: there is none.
    pub project: Option<&'a str>,
    /// By which labels it knows the container again.
    pub labels: Vec<String>,
    /// Further options.
    pub options: Vec<OsString>,
}

impl Cli {
    /// Finds the CLI: the program that is `asked` for, else `devcontainer` on
    /// PATH. `compose` is the program for Compose files that is asked for.
    pub fn find(
        asked: Option<&Path>,
        engine: &Engine,
        compose: Option<&Path>,
    ) -> Result<Self, Error> {
        let given = |path: Option<&Path>| {
            path.map(Path::to_owned).filter(|path| !path.as_os_str().is_empty())
        };
        let program = given(asked).unwrap_or_else(|| PROGRAM.into());
        let program = which::which(&program)
            .map_err(|error| Error::Absent { program, why: error.to_string() })?;
        let compose = given(compose).or(match engine.kind() {
            Kind::Podman => which::which("podman-compose").ok(),
            Kind::Docker => None,
        });
        Ok(Self { program, engine: engine.clone(), compose })
    }

    /// Carries `call` out, and hands what it says meanwhile to `hear`.
    ///
    /// A signal that asks this tool to end asks the CLI to end as well.
    pub fn run(
        &self,
        call: &Call<'_>,
        interrupt: &Interrupt,
        mut hear: impl FnMut(&Line),
    ) -> Result<Answer, Error> {
        let mut command = self.command(call);
        let line = words(&command);
        let cannot_run = |source| Error::CannotRun { program: self.program.clone(), source };
        let mut child = command.spawn().map_err(cannot_run)?;
        let mut lines = Lines::default();
        let output = accompany(&mut child, interrupt, |text| {
            if let Some(line) = lines.take(text) {
                hear(&line);
            }
        });
        let status = child.wait().map_err(cannot_run)?;
        interrupt.check()?;
        answer::judge(&output, status.code(), lines, line, &self.program)
    }

    /// Returns the command of `call`, with pipes, in a process group of its own:
    /// Ctrl-C reaches this tool, which undoes its work in order.
    fn command(&self, call: &Call<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(call.verb).arg("--workspace-folder").arg(call.folder);
        // That is the only one that a build knows.
        let option = if call.verb == "build" { "--config" } else { "--override-config" };
        command.arg(option).arg(call.config);
        command.arg("--docker-path").arg(self.engine.program());
        if let Some(compose) = &self.compose {
            command.arg("--docker-compose-path").arg(compose);
        }
        command.args(["--log-format", "json", "--log-level", "info"]);
        command.args(call.labels.iter().flat_map(|label| ["--id-label", label]));
        command.args(&call.options);
        self.surround(&mut command, call.project);
        // podman-compose takes variables from where it is run, which could be the worktree.
        // Where there is no such directory, the CLI says so of the file.
        let directory = call.config.parent().filter(|directory| directory.is_dir());
        command.current_dir(directory.unwrap_or(Path::new("/")));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        command
    }

    /// Sets the environment: the same engine and project, whatever a person's
    /// surroundings say.
    fn surround(&self, command: &mut Command, project: Option<&str>) {
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8");
        if let Some(project) = project {
            command.env("COMPOSE_PROJECT_NAME", project);
        }
        let kind = self.engine.kind();
        let url = self.engine.url();
        if kind == Kind::Podman {
            // podman's own command `compose` would call docker's plugin, and
            // that would make the containers on docker.
            command.env_remove("DOCKER_HOST");
            if let Some(compose) = &self.compose {
                command.env("PODMAN_COMPOSE_PROVIDER", compose);
            }
        }
        if let Some(url) = url {
            let name = if kind == Kind::Podman { "CONTAINER_HOST" } else { "DOCKER_HOST" };
            command.env(name, url);
        }
    }
}

/// Listens to `child` until it has nothing more to say, and returns its
/// standard output; each line of its standard error is handed to `hear`.
fn accompany(child: &mut Child, interrupt: &Interrupt, mut hear: impl FnMut(&str)) -> Vec<u8> {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let output = scope.spawn(move || {
            let mut output = Vec::new();
            let _ = stdout.map(|mut pipe| pipe.read_to_end(&mut output));
            output
        });
        let (sender, lines) = mpsc::channel();
        scope.spawn(move || {
            let lines = stderr.map(|pipe| BufReader::new(pipe).split(b'\n'));
            for line in lines.into_iter().flatten().map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let mut asked = false;
        loop {
            match lines.recv_timeout(GLANCE) {
                Ok(line) => hear(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !asked && interrupt.check().is_err() {
                let _ = killpg(group, Signal::SIGTERM);
                asked = true;
            }
        }
        output.join().unwrap_or_default()
    })
}

/// Returns the command line, quoted so that it can be pasted into a shell.
fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    shell_words::join(words.map(OsStr::to_string_lossy))
}

#[cfg(test)]
mod tests;
