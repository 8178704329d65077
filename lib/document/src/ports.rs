//! `ports/1`: the ledger of reserved host ports.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// The ledger: who holds which block of host ports.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Ports {
    /// Always `ports/1`.
    pub schema: String,
    /// The reservations, oldest first.
    pub reservations: Vec<Reservation>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One block of ports, held by one project for ever.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Reservation {
    /// Who holds it: the project's 12-digit hash, `plain:NAME`, or
    /// `adopted:NAME` of a container that is not ctrkit's.
    pub key: String,
    /// The container's name, kept so that a changed `origin` does not
    /// rename it; or the plain name.
    pub name: String,
    /// The worktree's root; absent for a plain name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The offset that all ports of the block have in common, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u16>,
    /// The ports.
    pub ports: Vec<Held>,
    /// Where the engine runs that the ports are published on; absent: here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One reserved port.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Held {
    /// The service that it is for.
    pub service: String,
    /// The TCP port on the host.
    pub port: u16,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Ports {
    /// Returns a ledger without reservations.
    #[must_use]
    pub fn empty() -> Self {
        Self { schema: Self::SCHEMA.to_owned(), reservations: Vec::new(), extra: Extra::new() }
    }
}

impl Document for Ports {
    const SCHEMA: &'static str = "ports/1";
}
