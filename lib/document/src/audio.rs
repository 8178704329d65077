//! How sound leaves a container.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Extra;

/// The transport by a bind mount of the guard's socket.
pub const BIND: &str = "bind";

/// The transport by the ssh connections to the container.
pub const SSH: &str = "ssh";

/// How sound leaves a container; a document without it has no sound.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Audio {
    /// `play`: sound comes out and nothing goes in; `duplex`: everything that
    /// the sound server lets a client do, the microphone included.
    pub level: String,
    /// How it gets to the person's machine: `bind`, by a bind mount of the guard's
    /// socket, or `ssh`, by the connections to the container; absent: decided by
    /// `audiotun`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// The TCP port on the container's loopback that programs may play to as well, as
    /// long as there is an ssh connection; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The socket on the person's machine at which the guard listens, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<PathBuf>,
    /// The file with the container's own cookie, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<PathBuf>,
    /// The socket in the container that programs play to, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// What programs that ask for nothing get buffered, in milliseconds; at `duplex`
    /// it has no effect, and libpulse decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<u32>,
    /// The command that starts the guard unless it runs, its words one by one;
    /// ssh runs it before it connects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starter: Vec<String>,
    /// The socket of the sound server on the person's machine, absolute; absent:
    /// the one that is found there when sound is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<PathBuf>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Audio {
    /// Says whether the container sees the guard's socket itself.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.transport.as_deref() == Some(BIND)
    }
}
