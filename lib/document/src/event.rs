//! `event/1`: one line of progress.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// Something that a tool began, did or failed to do.
///
/// Readers ignore members, and values of `status`, that they do not know.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Event {
    /// Always `event/1`.
    pub schema: String,
    /// When, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// The tool that speaks.
    pub tool: String,
    /// The step, a stable kebab-case name such as `create` or `wait`.
    pub step: String,
    /// How far the step is.
    pub status: Status,
    /// One line for people; not stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the step is about, such as the container's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// It begins.
    Started,
    /// It goes on; `message` says how far.
    Progress,
    /// It is done.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It failed.
    Failed,
    /// What it had done was taken back.
    Undone,
    /// A value that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Document for Event {
    const SCHEMA: &'static str = "event/1";
}
