//! Removing a container, whoever else is at it, and an image's name.

use std::{thread::sleep, time::Duration};

use crate::{Engine, EngineError};

/// How often docker is asked again for a container that another removes.
const TRIES: u32 = 50;

/// How long is waited before that.
const PAUSE: Duration = Duration::from_millis(200);

/// What becomes of the volumes that have no name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nameless {
    /// They stay, and nobody finds them again.
    Kept,
    /// They go with the container.
    Removed,
}

impl Engine {
    /// Removes the container called `name`, or with that id, also if it runs;
    /// named volumes stay. One that is not there is no error.
    pub fn remove(&self, name: &str, nameless: Nameless) -> Result<(), EngineError> {
        let volumes = (nameless == Nameless::Removed).then_some("--volumes");
        let args: Vec<_> = ["rm", "--force"].into_iter().chain(volumes).chain([name]).collect();
        let mut tries = 0..TRIES;
        loop {
            match self.run(&args) {
                Ok(_) => return Ok(()),
                Err(error) if error.is("no-such-container") => return Ok(()),
                Err(error) if is_in_progress(&error) && tries.next().is_some() => sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes the name `name` of an image, and with its last one the image; one
    /// that is not there is no error, and one that a container uses stays
    /// (`image-in-use`).
    pub fn remove_image(&self, name: &str) -> Result<(), EngineError> {
        match self.run(["rmi", name]) {
            Err(error) if !error.is("no-such-image") => Err(error),
            _ => Ok(()),
        }
    }
}

/// Says whether docker says that another is removing the container.
fn is_in_progress(error: &EngineError) -> bool {
    match error {
        EngineError::Failed(call) => call.last_words.contains("is already in progress"),
        _ => false,
    }
}
