//! Progress, for whoever asked for it.

use std::{
    error::Error,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use document::{Document, Event, Extra, event::Status};

use crate::{Exit, Failure};

/// A stream of progress events; it swallows them when nobody listens.
#[derive(Debug)]
pub struct Events {
    tool: String,
    subject: Option<String>,
    file: Option<File>,
}

/// The event stream could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open event stream '{}'", path.display())]
pub struct EventsError {
    path: PathBuf,
    source: io::Error,
}

impl Events {
    /// Opens `path` for appending; without a path, events go nowhere.
    pub fn open(tool: &str, path: Option<&Path>) -> Result<Self, EventsError> {
        let open = |path: &Path| {
            let options = OpenOptions::new().append(true).create(true).open(path);
            options.map_err(|source| EventsError { path: path.to_owned(), source })
        };
        Ok(Self { tool: tool.to_owned(), subject: None, file: path.map(open).transpose()? })
    }

    /// Names what all further events are about, such as the container.
    pub fn about(&mut self, subject: &str) {
        self.subject = Some(subject.to_owned());
    }

    /// Writes one event. A lost event is no reason to fail.
    pub fn emit(&mut self, step: &str, status: Status, message: Option<String>) {
        let Some(file) = &mut self.file else { return };
        let event = Event {
            schema: Event::SCHEMA.to_owned(),
            time: crate::now(),
            tool: self.tool.clone(),
            step: step.to_owned(),
            status,
            message,
            subject: self.subject.clone(),
            extra: Extra::new(),
        };
        if let Ok(line) = serde_json::to_string(&event) {
            // One write per line keeps the lines of concurrent tools apart.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Runs one step between its `started` and its `done` or `failed`.
    pub fn step<T, E: Error>(
        &mut self,
        step: &str,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.emit(step, Status::Started, None);
        let result = work();
        match &result {
            Ok(_) => self.emit(step, Status::Done, None),
            Err(error) => self.emit(step, Status::Failed, Some(error.to_string())),
        }
        result
    }
}

impl Failure for EventsError {
    fn kind(&self) -> &'static str {
        "cannot-open-events"
    }

    fn exit(&self) -> Exit {
        Exit::of_writing(&self.source)
    }
}
