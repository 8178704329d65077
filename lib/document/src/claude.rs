//! What an agent has of its own: its configuration, and the secrets it is given.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Extra;

/// The project's own configuration directory of Claude Code.
///
/// It is on the host, mounted as the account's `.claude`, and outlives every
/// container: no tool deletes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Claude {
    /// The directory on the host, absolute; absent until `claudecfg` has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Where it is mounted in the container, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The file on the host with the token, absolute. Its contents never
    /// travel in the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A secret that the container may read as `/run/secrets/NAME`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Secret {
    /// The file's name below `/run/secrets`.
    pub name: String,
    /// The file on the host that has it, absolute. Its contents never travel
    /// in the document.
    pub file: PathBuf,
    /// The variable that shells in the container export with its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}
