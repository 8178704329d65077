//! The section `compose`, and the names of what stands around an isolated
//! container.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Extra;

/// The Compose model of a container and its sidecars.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Compose {
    /// The name of the Compose project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The Compose file, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The digest of that file: `sha256:` and hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// A Compose file of the person's own that is laid over it, absolute.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub over: Option<PathBuf>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The names of what stands around the isolated container of a project, all
/// made from the project's hash: two projects never meet.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    hash: &'a str,
}

impl<'a> Names<'a> {
    /// Returns the names for the project with that hash of 12 hex digits.
    #[must_use]
    pub fn of(hash: &'a str) -> Self {
        Self { hash }
    }

    /// The Compose project.
    #[must_use]
    pub fn project(&self) -> String {
        format!("ctrkit-{}", self.hash)
    }

    /// The Compose project of a container that the devcontainers CLI makes: not
    /// that of its sidecars, of which another run would remove what it does not know.
    #[must_use]
    pub fn dev_project(&self) -> String {
        format!("ctrkit-{}-dev", self.hash)
    }

    /// The sidecar called `service`, such as `proxy` or `ingress`.
    #[must_use]
    pub fn sidecar(&self, service: &str) -> String {
        format!("ctrkit-{}-{service}", self.hash)
    }

    /// The network that the container is on: it leads nowhere.
    #[must_use]
    pub fn net(&self) -> String {
        format!("ctrkit-{}-net", self.hash)
    }

    /// The network that the sidecars are on as well: it leads outside.
    #[must_use]
    pub fn edge(&self) -> String {
        format!("ctrkit-{}-edge", self.hash)
    }

    /// The volume with the proxy's authority and its log.
    #[must_use]
    pub fn proxy_volume(&self) -> String {
        format!("ctrkit-{}-proxy", self.hash)
    }

    /// The volume with the certificate of the proxy's authority alone.
    #[must_use]
    pub fn trust_volume(&self) -> String {
        format!("ctrkit-{}-trust", self.hash)
    }
}
