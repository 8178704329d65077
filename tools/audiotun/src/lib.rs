//! Carries the sound of containers to the machine that plays it.
//!
//! [`fill`] says what a container needs to be heard. The rest sees to the way that
//! sound takes: libpulse in the container, a socket there that ssh forwards, the guard
//! (audioguard(1)) on this machine, the sound server. A [`Keeper`] is the process that
//! keeps the guard; [`status`] asks whether all of it works.

mod dropin;
mod error;
mod guard;
mod inside;
mod keeper;
mod kept;
mod place;
mod plan;
mod server;
mod setup;
mod ssh;
mod status;
mod tone;

use std::{path::Path, time::Duration};

use document::audio_status::AudioStatus;
use toolkit::{Places, files};

pub use crate::{
    dropin::{Configuration, Script, Step},
    error::Error,
    keeper::{Keeper, ensure, stop},
    place::Place,
    plan::{fill, hindrance, make_files},
    server::ServerArgs,
    setup::{setup, undo},
    status::{amiss, cancel, status, text},
    tone::check,
};

/// How long the connection may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has the connection of the container called `name` be held, by the ssh configuration
/// `config` or ssh's own, and waits until sound comes through.
///
/// Where no sound server answers, all else is up, and the caller is told so by
/// [`AudioStatus::sound`].
pub fn up(
    place: &Place,
    name: &str,
    config: Option<&Path>,
    program: &Path,
    places: &Places,
    server: &ServerArgs,
) -> Result<AudioStatus, Error> {
    place.audio()?;
    let config = config.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    files::replace(&place.held(), config.as_bytes(), 0o600)?;
    ensure(place, name, program, places, server)?;
    let status = status::wait(place, name, places, PATIENCE)?;
    match status.forward.up {
        true => Ok(status),
        false => Err(Error::NotUp { name: name.to_owned(), what: amiss(&status).to_owned() }),
    }
}

#[cfg(test)]
mod tests;
