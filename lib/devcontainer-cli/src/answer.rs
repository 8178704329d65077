//! What the CLI answers with.

use std::path::Path;

use document::{Extra, error::FailedCommand};
use serde::Deserialize;

use crate::{Error, Lines, error::Failed};

/// The exit status of env(1) and of shells where a program is not there: the
/// CLI is a script that begins with `env node`.
const NOT_FOUND: i32 = 127;

/// The answer to a call that succeeded.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The container's id.
    #[serde(default)]
    pub container_id: Option<String>,
    /// The Compose project.
    #[serde(default)]
    pub compose_project_name: Option<String>,
    /// The account in which people work.
    #[serde(default)]
    pub remote_user: Option<String>,
    /// The directory of the code.
    #[serde(default)]
    pub remote_workspace_folder: Option<String>,
    /// The words of an error.
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    outcome: String,
}

/// Judges what the CLI wrote.
pub(crate) fn judge(
    output: &[u8],
    status: Option<i32>,
    lines: Lines,
    line: String,
    program: &Path,
) -> Result<Answer, Error> {
    // Programs that it runs may have written before it.
    let text = String::from_utf8_lossy(output);
    let answer = text.lines().rev().find_map(|line| serde_json::from_str::<Answer>(line).ok());
    let last_words = lines.last_words();
    if answer.is_none() && status == Some(NOT_FOUND) {
        return Err(Error::Absent { program: program.to_owned(), why: last_words });
    }
    match answer {
        Some(answer) if answer.outcome == "success" && status == Some(0) => Ok(answer),
        answer => {
            let Answer { message, description, container_id, .. } = answer.unwrap_or_default();
            let command = FailedCommand { line, status, last_words, extra: Extra::new() };
            let message = message.unwrap_or_default();
            let description = description.unwrap_or_default();
            Err(Error::Failed(Box::new(Failed { message, description, container_id, command })))
        }
    }
}
