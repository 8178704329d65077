//! The program that carries out Compose files: the plugin of docker, and
//! podman-compose.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Engine, EngineError, Kind, is_older, meanwhile};

/// The variables by which a person's surroundings would change what is done.
const FOREIGN: [&str; 2] = ["COMPOSE_", "PODMAN_COMPOSE_"];

/// The program for Compose files of one engine.
#[derive(Clone, Debug)]
pub struct Compose {
    engine: Engine,
    /// The program; absent: the engine's own command `compose`.
    program: Option<PathBuf>,
    version: String,
}

impl Engine {
    /// Finds the program: the one that is `asked` for, else docker's plugin, or
    /// podman-compose on PATH. One that is too old is refused.
    pub fn compose(&self, asked: Option<&Path>) -> Result<Compose, EngineError> {
        let asked = asked.map(Path::as_os_str).filter(|asked| !asked.is_empty());
        let wanted = match self.kind {
            Kind::Podman => Some(asked.unwrap_or(OsStr::new("podman-compose"))),
            Kind::Docker => asked,
        };
        let absent = |program: String| EngineError::ComposeAbsent { kind: self.kind, program };
        let program = match wanted {
            Some(wanted) => {
                let found = which::which(wanted);
                Some(found.map_err(|_| absent(wanted.to_string_lossy().into_owned()))?)
            }
            None => None,
        };
        let mut compose = Compose { engine: self.clone(), program, version: String::new() };
        // podman-compose does not know the word, but the option.
        let question = if compose.program.is_some() { "--version" } else { "version" };
        let answer = self.succeed(compose.command().arg(question));
        compose.version =
            answer.ok().as_deref().and_then(version).ok_or_else(|| absent(compose.name()))?;
        if is_older(&compose.version, Compose::oldest(self.kind)) {
            let (program, version) = (compose.name(), compose.version.clone());
            return Err(EngineError::ComposeTooOld { kind: self.kind, program, version });
        }
        Ok(compose)
    }
}

impl Compose {
    /// Returns the oldest version, major and minor, that ctrkit works with: of
    /// docker's plugin the first that waits for health as it is documented, of
    /// podman-compose the first that makes a network without DNS.
    #[must_use]
    pub fn oldest(kind: Kind) -> (u32, u32) {
        match kind {
            Kind::Podman => (1, 4),
            Kind::Docker => (2, 20),
        }
    }

    /// Returns the version, as the program says it itself.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns what a person would call it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.program {
            Some(program) => program.to_string_lossy().into_owned(),
            None => format!("{} compose", self.engine.kind.name()),
        }
    }

    /// Carries out `args` for the Compose file `file` under the name `project`,
    /// for at most `limit`. What it has made is left as it is when it is tried again.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        project: &str,
        file: &Path,
        args: impl IntoIterator<Item = S>,
        limit: Duration,
    ) -> Result<String, EngineError> {
        let mut command = self.command();
        if self.engine.kind == Kind::Podman {
            command.arg("--podman-path").arg(&self.engine.program);
        }
        command.args(["--project-name", project, "--file"]).arg(file).args(args);
        // Where it looks for files that nobody has named.
        command.current_dir(file.parent().unwrap_or(Path::new("/")));
        meanwhile::again(meanwhile::INTERFACE, || self.engine.succeed_within(&mut command, limit))
    }

    fn command(&self) -> Command {
        let mut command = match &self.program {
            Some(program) => Command::new(program),
            None => self.engine.command(["compose"]),
        };
        for (name, _) in std::env::vars_os() {
            let is_foreign = |name: &str| FOREIGN.iter().any(|prefix| name.starts_with(prefix));
            if name.to_str().is_some_and(is_foreign) {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C.UTF-8");
        command
    }
}

/// Returns the version in the first line of what either program says: `Docker
/// Compose version v2.26.1`, `podman-compose version 1.6.0`.
fn version(answer: &str) -> Option<String> {
    let (_, version) = answer.lines().next()?.rsplit_once("version ")?;
    Some(version.trim().trim_start_matches('v').to_owned())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_picked_out_of_what_is_said() {
        let known = [
            ("Docker Compose version v2.26.1\n", Some("2.26.1")),
            ("Docker Compose version 2.26.1-4\n", Some("2.26.1-4")),
            ("podman-compose version 1.6.0\npodman version 4.3.1\n", Some("1.6.0")),
            ("no such thing\n", None),
            ("", None),
        ];
        for (answer, expected) in known {
            assert_eq!(version(answer).as_deref(), expected, "{answer}");
        }
    }
}
