//! How sound is to leave the container.

use std::{ops::RangeInclusive, path::PathBuf};

use clap::Args;
use document::audio::{Audio, BIND, SSH};

use super::over::some;
use crate::Error;

/// The TCP port of sound in the container: the one beside PulseAudio's own, so that a
/// sound server which somebody starts in there is not in its way.
pub(crate) const PORT: u16 = 4714;

/// How much sound may be buffered, in milliseconds: below, a busy machine makes
/// gaps; above, libpulse buffers no more by itself.
const LATENCY: RangeInclusive<u32> = 10..=2000;
const LATENCY_RULE: &str = "it must be from 10 to 2000 milliseconds";

/// What the command line says of sound.
#[derive(Args, Clone, Debug, Default)]
pub struct SoundArgs {
    /// Let sound out of the container at LEVEL: none, play, or duplex, which lets
    /// the microphone in as well [default: none]
    #[arg(long, value_name = "LEVEL", env = "CTRKIT_AUDIO")]
    pub audio: Option<String>,

    /// Let programs that ask for nothing buffer MS milliseconds of sound [default: 100]
    #[arg(long, value_name = "MS", env = "CTRKIT_AUDIO_LATENCY")]
    pub audio_latency: Option<u32>,

    /// Carry sound by TRANSPORT: bind, by a bind mount on this machine, or ssh, by
    /// the connections to the container [default: bind where it can be]
    #[arg(long, value_name = "TRANSPORT", env = "CTRKIT_AUDIO_TRANSPORT")]
    pub audio_transport: Option<String>,

    /// Let programs in the container play to port 4714 on its loopback as well
    #[arg(long)]
    pub audio_tcp: bool,
}

impl SoundArgs {
    /// Lays what is asked for over what is configured; at level `none` there is no
    /// section, and the rest says nothing. `place` makes a configured path absolute.
    pub(crate) fn over(
        self,
        configured: config::Audio,
        place: impl Fn(Option<PathBuf>) -> Option<PathBuf>,
    ) -> Option<Audio> {
        let level = some(self.audio).or(configured.level).filter(|level| level != "none")?;
        Some(Audio {
            level,
            latency: self.audio_latency.or(configured.latency),
            transport: some(self.audio_transport).or(configured.transport),
            port: (self.audio_tcp || configured.tcp).then_some(PORT),
            server: place(configured.server),
            ..Audio::default()
        })
    }
}

/// Refuses what no container could have.
pub(crate) fn check(audio: &Audio) -> Result<(), Error> {
    if !["play", "duplex"].contains(&audio.level.as_str()) {
        return Err(Error::setting("audio.level", &audio.level, "it must be none, play or duplex"));
    }
    if let Some(latency) = audio.latency.filter(|latency| !LATENCY.contains(latency)) {
        return Err(Error::setting("audio.latency", &latency.to_string(), LATENCY_RULE));
    }
    match &audio.transport {
        Some(other) if ![BIND, SSH].contains(&other.as_str()) => {
            Err(Error::setting("audio.transport", other, "it must be bind or ssh"))
        }
        _ => Ok(()),
    }
}
