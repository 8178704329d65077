//! `verify/1`: what came of attacking a container's isolation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra, container};

/// What came of attacking the isolation of one container, or of several.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verify {
    /// Always `verify/1`.
    pub schema: String,
    /// The engine that they are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<container::Engine>,
    /// What came of all of it: `got-out` if that is so of one probe, else
    /// `untested` if one could not be made, else `held`.
    pub verdict: Verdict,
    /// Whether only what can be decided fast was tried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
    /// The containers that were attacked.
    pub containers: Vec<Attacked>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A container that was attacked.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Attacked {
    /// The container's name.
    pub name: String,
    /// The container's full id, in hex.
    pub id: String,
    /// What came of its probes together.
    pub verdict: Verdict,
    /// Where its proxy listens, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// What was tried, in a fixed order.
    pub probes: Vec<Probe>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One thing that was tried.
///
/// Readers ignore members, and values of `verdict`, that they do not know.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Probe {
    /// What was tried, a stable kebab-case name such as `outside-address`.
    pub id: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What is shown where it held, one line for people; not stable.
    pub proves: String,
    /// What was found, or why it could not be tried, one line for people; not
    /// stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why it could not be tried, a stable kebab-case name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What can be done about it, one line for people; not stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It was tried, and nothing got out.
    Held,
    /// Something got out, or in.
    GotOut,
    /// It could not be tried: nobody knows.
    Untested,
    /// A value that this version does not know.
    #[serde(other)]
    Unheard,
}

impl Verdict {
    /// Returns what several come to together: none of them is `held` more than
    /// its worst.
    pub fn of(all: impl IntoIterator<Item = Self>) -> Self {
        let rank = |verdict: &Self| match verdict {
            Self::Held => 0,
            Self::Untested | Self::Unheard => 1,
            Self::GotOut => 2,
        };
        all.into_iter().max_by_key(rank).unwrap_or(Self::Untested)
    }
}

impl Verify {
    /// Returns the document of these containers.
    #[must_use]
    pub fn new(engine: container::Engine, quick: bool, containers: Vec<Attacked>) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            engine: Some(engine),
            verdict: Verdict::of(containers.iter().map(|each| each.verdict)),
            quick,
            containers,
            extra: Extra::new(),
        }
    }
}

impl Document for Verify {
    const SCHEMA: &'static str = "verify/1";
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, GotOut, Held, Untested};

    #[test]
    fn several_verdicts_are_the_worst_of_them() {
        assert_eq!(Verdict::of([Held, Held]), Held);
        assert_eq!(Verdict::of([Held, Untested]), Untested);
        assert_eq!(Verdict::of([GotOut, Untested, Held]), GotOut);
        // Where nothing was tried nothing was shown.
        assert_eq!(Verdict::of([]), Untested);
    }
}
