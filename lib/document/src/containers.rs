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
    /// How its sound is heard, `play` or `duplex`; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// What isolates it from the network; in a list only of one that is
    /// isolated, and no more than the mode and what was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<ListedIsolation>,
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

/// What isolates a listed container, as it was found and not as it was meant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ListedIsolation {
    /// What its label says: `proxy`, or `none` without one.
    pub mode: String,
    /// Whether there is no way out of its networks: each of them is internal,
    /// the engine's machine has no address on it, and the container has no
    /// IPv6 address and is not privileged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolated: Option<bool>,
    /// What contradicts that, in words for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<String>,
    /// The networks that it is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<ListedNetwork>,
    /// The memory that it may use, such as `4g`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// The processors that it may use, such as `2` or `1.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// The number of processes that it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// The capabilities (capabilities(7)) that root in it cannot have, without
    /// `CAP_`; those that the engine says it has dropped, where neither the kernel
    /// nor the engine tells more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
    /// The capabilities that the engine says it has added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    /// The capabilities that root in it can have at most, where the kernel or
    /// the engine tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Whether nothing in it can gain privileges, sudo included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_new_privileges: Option<bool>,
    /// The sidecar that is the only way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ListedSidecar>,
    /// The sidecar that is the way in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<ListedSidecar>,
    /// How many requests the proxy has refused since it was started; only of one
    /// that runs. Those of ctr-verify(1) are not among them, as far as it knows
    /// their records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// How many requests of ctr-verify(1) it has refused besides, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probes: Option<u64>,
    /// The proxy's filter, as the proxy has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<ListedFilter>,
    /// All that is mounted in it, volumes included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<ListedMount>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A network that a listed container is on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ListedNetwork {
    /// The network's name.
    pub name: String,
    /// Whether the engine routes nothing out of it; absent: it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal: Option<bool>,
    /// Whether the engine answers questions for names on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<bool>,
    /// The container's address on it, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// The addresses at which the engine's machine answers on it; `?` for one
    /// that there is and that the engine does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bridge: Vec<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A sidecar of a listed container.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ListedSidecar {
    /// The sidecar's name.
    pub name: String,
    /// `created`, `running`, `paused`, `stopped` or another word of the engine.
    pub status: String,
    /// `starting`, `healthy`, `unhealthy`, or `none` without a health check;
    /// only of one that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// What the health check wrote that has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The filter of a proxy.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ListedFilter {
    /// The digest of its policy: `sha256:` and hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The digest of the policy that was applied last, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// The names that may be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// The names that TLS is passed through to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passthrough: Vec<String>,
    /// Why it cannot be read, where it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What is mounted in a listed container.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ListedMount {
    /// `bind`, `volume` or `tmpfs`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path on the engine's machine, or the volume's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The path in the container.
    pub destination: String,
    /// Whether the container may only read it.
    pub read_only: bool,
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
