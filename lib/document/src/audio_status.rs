//! `audio/1`: whether the sound of a container is heard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// Whether the sound of one container is heard, part by part.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct AudioStatus {
    /// Always `audio/1`.
    pub schema: String,
    /// The container's name.
    pub name: String,
    /// `play` or `duplex`.
    pub level: String,
    /// What programs that ask for nothing get buffered, in milliseconds; absent: what
    /// libpulse decides, as at `duplex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<u32>,
    /// How sound gets here: `bind`, by a bind mount, or `ssh`, by a connection.
    pub transport: String,
    /// Whether sound comes through: the sound server answers the guard, and the
    /// socket in the container leads to that very guard.
    pub sound: bool,
    /// The guard on this machine.
    pub guard: Part,
    /// The ssh connection: its control master.
    pub connection: Part,
    /// The socket in the container, and the way back from it.
    pub forward: Part,
    /// The TCP port in the container, and the way back from it; absent: none is
    /// wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Part>,
    /// The sound server.
    pub server: Part,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One part of the way that sound takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Part {
    /// Whether it was there when it was asked.
    pub up: bool,
    /// The process that it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Why it is not up, one line for people; not stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Default for AudioStatus {
    fn default() -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            name: String::new(),
            level: String::new(),
            latency: None,
            transport: String::new(),
            sound: false,
            guard: Part::default(),
            connection: Part::default(),
            forward: Part::default(),
            port: None,
            server: Part::default(),
            extra: Extra::new(),
        }
    }
}

impl Document for AudioStatus {
    const SCHEMA: &'static str = "audio/1";
}
