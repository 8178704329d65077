//! `connections/1`: the addresses at which one server can be reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// The addresses of the server that the engine runs on.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Connections {
    /// Always `connections/1`.
    pub schema: String,
    /// The server, by the name that it keeps: `ssh://[user@]server[:port][/socket]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The connections, in the order of the configuration.
    pub connections: Vec<Connection>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One address of the server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Connection {
    /// The connection's name.
    pub name: String,
    /// What ssh connects to: `[user@]host[:port]`.
    pub address: String,
    /// Whether it is the one in force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub active: bool,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Connections {
    /// Returns the document that lists `connections`.
    #[must_use]
    pub fn new(host: Option<String>, connections: Vec<Connection>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), host, connections, extra: Extra::new() }
    }
}

impl Document for Connections {
    const SCHEMA: &'static str = "connections/1";
}
