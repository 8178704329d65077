//! `containers/1`: what containers there are.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra, container};

/// The containers of ctrkit on one engine.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Containers {
    /// Always `containers/1`.
    pub schema: String,
    /// The containers, by name.
    pub containers: Vec<Listed>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One container, as its engine and its labels describe it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Listed {
    /// The container's name.
    pub name: String,
    /// The container's full id, in hex.
    pub id: String,
    /// `created`, `running`, `paused`, `stopped` or another word of the engine.
    pub status: String,
    /// The image's name.
    pub image: String,
    /// When it was created, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The tool that manages it, if that is not ctrkit: `l8s` or `devagent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// The account that people log in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The directory of the code in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The branch that it was created for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The worktree that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ListedProject>,
    /// Its ports: from the engine's mappings, or from its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<container::Port>,
    /// Its named volumes; only of a container that was asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<container::Volume>,
    /// Its other mounts; only of a container that was asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<container::Mount>,
    /// The limits in force, memory in bytes; only of a container that was
    /// asked for by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<container::Limits>,
    /// The restart policy; only of a container that was asked for by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The worktree of a listed container, as its labels have it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ListedProject {
    /// The worktree's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The repository's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The 12 hex digits that identify the worktree.
    pub hash: String,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Containers {
    /// Returns the document that lists `containers`.
    #[must_use]
    pub fn new(containers: Vec<Listed>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), containers, extra: Extra::new() }
    }
}

impl Listed {
    /// Returns the host port of `service`, published or not.
    #[must_use]
    pub fn host_port(&self, service: &str) -> Option<u16> {
        self.ports.iter().find(|port| port.service == service)?.host
    }
}

impl Document for Containers {
    const SCHEMA: &'static str = "containers/1";
}
