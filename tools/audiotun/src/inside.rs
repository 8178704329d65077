//! The container that sees the guard's socket itself, as its engine tells of it.

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

use document::Container;
use engine::{Engine, EngineArgs};
use toolkit::Places;

use crate::{Error, place::SOCKET};

/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A container on an engine of this machine.
#[derive(Debug)]
pub(crate) struct Inside {
    engine: Engine,
    name: String,
    patience: Duration,
}

impl Inside {
    /// Returns `container`, on the engine that made it.
    pub(crate) fn of(container: &Container, places: &Places) -> Result<Self, Error> {
        let engine = EngineArgs::default().for_document(container.engine.as_ref(), places)?;
        Ok(Self { engine, name: container.name.clone(), patience: PATIENCE })
    }

    /// Says whether the container runs; where its engine does not answer, nobody plays.
    pub(crate) fn runs(&self) -> bool {
        let args = ["container", "inspect", "--format", "{{.State.Running}}", &self.name];
        // The keeper asks, and heeds no signal meanwhile.
        let answer = self.engine.run_within(args, self.patience / 2);
        answer.is_ok_and(|answer| answer.trim() == "true")
    }

    /// Fails, with the reason, unless the socket that its programs find is the one at
    /// `guard`: by a bind mount it is the same inode of the same device (inode(7)).
    pub(crate) fn sees(&self, guard: &Path) -> Result<(), String> {
        let args = ["exec", &self.name, "stat", "-c", "%d %i", SOCKET];
        let there = self.engine.run_within(args, self.patience);
        let there = there.map_err(|error| match error.is("not-running") {
            true => "the container does not run".to_owned(),
            false => toolkit::printable(&error.to_string()),
        })?;
        let here = fs::metadata(guard).map_err(|error| error.to_string())?;
        match there.trim() == format!("{} {}", here.dev(), here.ino()) {
            true => Ok(()),
            false => Err("the container sees another socket: make it anew".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use engine::Choice;

    use super::*;

    /// A container on an engine that is the shell script `script`, and has `seconds` to
    /// answer.
    fn inside(directory: &Path, script: &str, seconds: u64) -> Inside {
        let podman = directory.join("podman");
        fs::write(&podman, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
        let choice = Choice { asked: podman.to_str(), ..Choice::default() };
        let engine = Engine::find(choice).unwrap();
        Inside { engine, name: "dev-a".into(), patience: Duration::from_secs(seconds) }
    }

    #[test]
    fn what_an_engine_or_a_container_says_at_length_or_never_is_no_socket() {
        let directory = tempfile::tempdir().unwrap();
        for script in ["exec yes", "exec sleep 600", "exit 1"] {
            let inside = inside(directory.path(), script, 1);
            assert!(inside.sees(directory.path()).is_err(), "{script}");
            assert!(!inside.runs(), "{script}");
        }
    }

    #[test]
    fn the_same_inode_of_the_same_device_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let here = fs::metadata(directory.path()).unwrap();
        let script = format!("[ $1 = exec ] && echo {} {} || echo true", here.dev(), here.ino());
        let inside = inside(directory.path(), &script, 60);
        assert!(inside.runs());
        assert_eq!(inside.sees(directory.path()), Ok(()));
        assert!(inside.sees(Path::new("/")).unwrap_err().contains("another socket"));
    }
}
