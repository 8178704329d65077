//! `diff/1`: what a container wrote that something on the host would execute.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// The changes in a container that are executed, or obeyed, on the host.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Diff {
    /// Always `diff/1`.
    pub schema: String,
    /// The container's name.
    pub name: String,
    /// The branch that was compared.
    pub branch: String,
    /// The commit that the worktree has, or the last one that both have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The commit that the container has.
    pub commit: String,
    /// The changes, the worst first.
    pub changes: Vec<Change>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One change of a file.
///
/// Readers ignore members, and values of `class`, `state` and `change`, that
/// they do not know.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Change {
    /// What would execute it, in a word.
    pub class: Class,
    /// Whether a pull would bring it.
    pub state: State,
    /// What became of the file.
    pub change: Manner,
    /// The file, from the worktree's root; what is not UTF-8 in it is replaced.
    pub path: String,
    /// What would execute it, one line for people; not stable.
    pub runs: String,
    /// More of what was found, one line for people; not stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where it is documented that this is executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The text of the change, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What would execute a change.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Class {
    /// A program that the person uses anyway: git, an editor, a shell.
    ByItself,
    /// The person's own agent, for which it is an instruction.
    Agent,
    /// Whoever builds, tests or runs the project.
    OnBuild,
    /// Another machine, after a push.
    Elsewhere,
    /// A value that this version does not know.
    #[serde(other)]
    Unheard,
}

/// Whether a pull would bring a change.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// It is in a commit, which a pull would bring.
    Committed,
    /// It is in a file alone, or in the repository's own directory.
    Uncommitted,
    /// A value that this version does not know.
    #[serde(other)]
    Unheard,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Manner {
    /// It is new.
    Added,
    /// It has other contents, or is of another kind.
    Modified,
    /// It can be executed now, or no longer; else it is the same.
    Mode,
    /// It is gone.
    Removed,
    /// A value that this version does not know.
    #[serde(other)]
    Unheard,
}

impl Class {
    /// Returns the word that the document has.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ByItself => "by-itself",
            Self::Agent => "agent",
            Self::OnBuild => "on-build",
            Self::Elsewhere => "elsewhere",
            Self::Unheard => "unheard",
        }
    }
}

impl Manner {
    /// Returns the word that the document has.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Mode => "mode",
            Self::Removed => "removed",
            Self::Unheard => "unheard",
        }
    }
}

impl Document for Diff {
    const SCHEMA: &'static str = "diff/1";
}
