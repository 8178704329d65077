//! The JSON documents that the tools exchange.
//!
//! One module per kind of document. A type here reads and writes itself and
//! does nothing else: no I/O, no clock, no environment.

pub mod audio;
pub mod audio_status;
pub mod claude;
pub mod compose;
pub mod connections;
pub mod container;
pub mod containers;
pub mod devcontainer;
pub mod diff;
pub mod doctor;
pub mod error;
pub mod event;
pub mod labels;
pub mod limits;
pub mod policy;
pub mod policy_diff;
pub mod ports;
pub mod proxy;
mod received;
pub mod schemas;
pub mod sessions;
pub mod template;
pub mod templates;
pub mod verify;
pub mod worktrees;

use serde::{Serialize, de::DeserializeOwned};

pub use crate::{
    audio_status::AudioStatus,
    connections::Connections,
    container::Container,
    containers::Containers,
    diff::Diff,
    doctor::Doctor,
    error::ErrorReport,
    event::Event,
    policy::Policy,
    policy_diff::PolicyDiff,
    ports::Ports,
    received::{ParseError, Received, parse, parse_limited},
    sessions::Sessions,
    templates::Templates,
    verify::Verify,
    worktrees::Worktrees,
};

/// Keys that this version does not know, passed on as they came.
pub type Extra = serde_json::Map<String, serde_json::Value>;

/// A versioned JSON document.
pub trait Document: Serialize + DeserializeOwned {
    /// The value of the document's `schema` key, such as `container/1`.
    const SCHEMA: &'static str;
}
