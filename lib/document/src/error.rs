//! `error/1`: why a tool failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// What a tool writes to standard error when it is asked for JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ErrorReport {
    /// Always `error/1`.
    pub schema: String,
    /// The program that failed.
    pub tool: String,
    /// A stable kebab-case name; the part that programs may match on.
    pub kind: String,
    /// The exit status that goes with it.
    pub exit: u8,
    /// One line for people; not stable.
    pub message: String,
    /// What led to it, nearest cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The command that failed, where the failure is another program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<FailedCommand>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Another program's failure.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FailedCommand {
    /// The program and its arguments, quoted for a shell.
    pub line: String,
    /// Its exit status; absent if a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// The last lines of its standard error.
    pub last_words: String,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Document for ErrorReport {
    const SCHEMA: &'static str = "error/1";
}
