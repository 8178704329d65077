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
}

impl Inside {
    /// Returns `container`, on the engine that made it.
    pub(crate) fn of(container: &Container, places: &Places) -> Result<Self, Error> {
        let engine = EngineArgs::default().for_document(container.engine.as_ref(), places)?;
        Ok(Self { engine, name: container.name.clone() })
    }

    /// Says whether the container runs; where its engine does not answer, nobody plays.
    pub(crate) fn runs(&self) -> bool {
        let found = self.engine.container(&self.name).ok().flatten();
        found.is_some_and(|summary| summary.status == "running")
    }

    /// Fails, with the reason, unless the socket that its programs find is the one at
    /// `guard`: by a bind mount it is the same inode of the same device (inode(7)).
    pub(crate) fn sees(&self, guard: &Path) -> Result<(), String> {
        let args = ["exec", &self.name, "stat", "-c", "%d %i", SOCKET];
        let there = self.engine.run_within(args, PATIENCE);
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
