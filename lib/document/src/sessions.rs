//! `sessions/1`: the terminal sessions in containers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// The sessions of tmux in one container or in all of them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Sessions {
    /// Always `sessions/1`.
    pub schema: String,
    /// The sessions, by container and name.
    pub sessions: Vec<Session>,
    /// The containers that were asked for sessions and have none, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Without>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One session.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Session {
    /// The container's name.
    pub container: String,
    /// The session's name.
    pub name: String,
    /// The number of its windows.
    pub windows: u32,
    /// The number of terminals that show it.
    pub attached: u32,
    /// When it was made, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When something last happened in it, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A container without sessions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Without {
    /// The container's name.
    pub container: String,
    /// The kind of the error that asking for this container alone would be:
    /// `not-running`, `no-tmux`, `no-server` or another.
    pub kind: String,
    /// The same in words for people.
    pub reason: String,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Sessions {
    /// Returns the document that lists `sessions` and the containers `without`.
    #[must_use]
    pub fn new(sessions: Vec<Session>, without: Vec<Without>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), sessions, without, extra: Extra::new() }
    }
}

impl Document for Sessions {
    const SCHEMA: &'static str = "sessions/1";
}
