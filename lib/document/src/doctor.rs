//! `doctor/1`: what is well, and what is not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra, container};

/// What was found of an engine, of the machine and of ctrkit's own things.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Doctor {
    /// Always `doctor/1`.
    pub schema: String,
    /// The engine that was asked; absent if none is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<container::Engine>,
    /// What was looked at, in a fixed order.
    pub checks: Vec<Check>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One thing that was looked at.
///
/// Readers ignore members, and values of `status`, that they do not know.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at, a stable kebab-case name such as `engine`.
    pub name: String,
    /// What came of it.
    pub status: Verdict,
    /// What it is about, where there may be several: the name of a container,
    /// the path of a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was found, one line for people; not stable.
    pub found: String,
    /// What can be done about it, one line for people; not stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It is well.
    Ok,
    /// It is so, and good to know.
    Warning,
    /// It is wrong.
    Failed,
    /// It belongs to nothing.
    Orphan,
    /// It belonged to nothing, and is gone now.
    Fixed,
    /// It belongs to a container that is gone, and may hold work.
    Kept,
    /// It is somebody else's.
    Other,
    /// It could not be looked at.
    Unknown,
    /// A value that this version does not know.
    #[serde(other)]
    Unheard,
}

impl Doctor {
    /// Returns the document of these checks.
    #[must_use]
    pub fn new(engine: Option<container::Engine>, checks: Vec<Check>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), engine, checks, extra: Extra::new() }
    }

    /// Says whether nothing is wrong: nothing failed and no orphan is left.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.status, Verdict::Failed | Verdict::Orphan))
    }
}

impl Check {
    /// Returns a check without subject and cure.
    #[must_use]
    pub fn new(name: &str, status: Verdict, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            status,
            subject: None,
            found: found.into(),
            cure: None,
            extra: Extra::new(),
        }
    }

    /// Says what it is about.
    #[must_use]
    pub fn of(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// Says what can be done about it.
    #[must_use]
    pub fn cure(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }
}

impl Verdict {
    /// Returns the word that the document has.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Orphan => "orphan",
            Self::Fixed => "fixed",
            Self::Kept => "kept",
            Self::Other => "other",
            Self::Unknown => "unknown",
            Self::Unheard => "unheard",
        }
    }
}

impl Document for Doctor {
    const SCHEMA: &'static str = "doctor/1";
}
