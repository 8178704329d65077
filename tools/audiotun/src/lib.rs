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

use std::{
    os::unix::ffi::OsStrExt,
    path::{self, Path},
    time::Duration,
};

use document::audio_status::{AudioStatus, Part};
use toolkit::{
    Places,
    files::{self, FileError},
};

pub use crate::{
    dropin::{Addresses, Configuration, Script, Step},
    error::Error,
    keeper::{Keeper, ensure, stop},
    place::Place,
    plan::{fill, hindrance, make_files},
    server::{Server, ServerArgs},
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
    hold(place, config)?;
    let status = ensure(place, name, program, places, server)
        .and_then(|()| status::wait(place, name, places, PATIENCE));
    if let Ok(AudioStatus { forward: Part { up: true, .. }, .. }) = status {
        return status;
    }
    // What has not come up is not tried for ever.
    files::remove(&place.held())?;
    let status = status?;
    let mut what = amiss(&status).to_owned();
    if !status.connection.up {
        what += &error::said(&keeper::last_words(place));
    }
    Err(Error::NotUp { name: name.to_owned(), what })
}

/// Has the connection be held by the ssh configuration `config`, or ssh's own. Whoever
/// holds it may be in another directory.
fn hold(place: &Place, config: Option<&Path>) -> Result<(), Error> {
    let config = config.map(|path| path::absolute(path).map_err(FileError::reading(path)));
    let config = config.transpose()?.unwrap_or_default();
    files::replace(&place.held(), config.as_os_str().as_bytes(), 0o600)?;
    Ok(())
}

#[cfg(test)]
mod tests;
