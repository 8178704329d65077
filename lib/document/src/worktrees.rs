//! `worktrees/1`: the worktrees of a git repository, and their containers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// The worktrees of one repository.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Worktrees {
    /// Always `worktrees/1`.
    pub schema: String,
    /// The worktrees, the main one first.
    pub worktrees: Vec<Worktree>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One worktree.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Worktree {
    /// Its root; what is not UTF-8 in it is replaced.
    pub path: String,
    /// Whether it is the main one, which the others are linked to.
    pub main: bool,
    /// The branch that is checked out, without `refs/heads/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that is checked out, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The container that it holds ports for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Why it is locked against removal; nothing: nobody said why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// Why git would forget it: its directory is gone, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prunable: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Worktrees {
    /// Returns the document that lists `worktrees`.
    #[must_use]
    pub fn new(worktrees: Vec<Worktree>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), worktrees, extra: Extra::new() }
    }
}

impl Document for Worktrees {
    const SCHEMA: &'static str = "worktrees/1";
}
