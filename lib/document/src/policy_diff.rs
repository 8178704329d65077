//! `policy-diff/1`: what one policy lets through and another does not.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// How two policies differ in what they let through.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PolicyDiff {
    /// Always `policy-diff/1`.
    pub schema: String,
    /// The policy that is compared with.
    pub old: String,
    /// The policy that is compared.
    pub new: String,
    /// The differences; none if the two let the same through.
    #[serde(default)]
    pub changes: Vec<PolicyChange>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Something that only one of the two lets through.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PolicyChange {
    /// Whether the new policy lets it through, or the old one did.
    pub way: Way,
    /// What it is about.
    pub subject: Subject,
    /// The name: of a host, an operation, a repository, a branch, a secret; the
    /// size of a body.
    pub name: String,
    /// The TCP ports, of requests and of what is passed through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The scheme, where another one is not concerned on the same port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The HTTP methods; absent means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// The template of the path; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether it is about WebSockets alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub websocket: bool,
    /// The network that is not public in which the name may lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Where it is written, as `FILE:LINE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Which of the two policies lets more through.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The new one.
    #[default]
    More,
    /// The old one.
    Less,
}

/// What a difference is about.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Requests that are looked at.
    #[default]
    Request,
    /// TLS that is passed through.
    Passthrough,
    /// A name in a network that is not public.
    Address,
    /// A host of GitHub that is guarded.
    Host,
    /// An operation on GitHub.
    Operation,
    /// Repositories that may be written to.
    Repository,
    /// Node ids that may be named.
    Node,
    /// Branches that may be written to.
    Branch,
    /// A credential that the proxy adds.
    Secret,
    /// The size of bodies.
    Body,
}

impl fmt::Display for PolicyChange {
    /// Writes it on one line, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.way == Way::More { '+' } else { '-' };
        let subject = format!("{:?}", self.subject).to_lowercase();
        write!(f, "{sign} {subject} {}", self.name)?;
        if self.subject == Subject::Request {
            let methods = self.methods.join(",");
            write!(f, " {}", if methods.is_empty() { "any method" } else { &methods })?;
        }
        if let Some(path) = &self.path {
            write!(f, " of {path}")?;
        }
        if self.websocket {
            f.write_str(" as a WebSocket")?;
        }
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        if !ports.is_empty() {
            let scheme = self.scheme.as_ref().map(|scheme| format!("{scheme} "));
            write!(f, " on {}{}", scheme.unwrap_or_default(), ports.join(","))?;
        }
        if let Some(network) = &self.network {
            write!(f, " in {network}")?;
        }
        self.from.as_ref().map_or(Ok(()), |from| write!(f, " ({from})"))
    }
}

impl Document for PolicyDiff {
    const SCHEMA: &'static str = "policy-diff/1";
}
