//! `policy/1`: what a container may reach, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// What a container may reach; everything else is refused.
///
/// People write it, in TOML or JSON, and a key that is not known is refused:
/// a misspelt one would otherwise allow more or less than was meant.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Always `policy/1`.
    pub schema: String,
    /// What the policy is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The names that may be reached, each request being looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allow>,
    /// The names that TLS is passed through to without being looked into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passthrough: Vec<Passthrough>,
    /// Bounds of what the proxy carries and writes down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// A name that may be reached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// A host name, or `*.` and a name for that name and all below it.
    pub name: String,
    /// The TCP ports; absent means 443 and 80.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The HTTP methods; absent means all but `CONNECT` and `TRACE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Whether a request may become a WebSocket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub websockets: bool,
    /// The networks that are not public in which the name may lie, such as
    /// `10.0.0.0/8`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Whether allowed requests are logged; absent means yes. Refused ones
    /// always are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<bool>,
    /// Why the entry is there, and how wide it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where the entry was written, as `FILE:LINE`; put there by `filtergen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A name that TLS is passed through to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passthrough {
    /// A host name, or `*.` and a name for that name and all below it.
    pub name: String,
    /// The TCP ports; absent means 443.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The networks that are not public in which the name may lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Whether connections are logged; absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<bool>,
    /// Why the entry is there, and how wide it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where the entry was written, as `FILE:LINE`; put there by `filtergen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Bounds of what the proxy carries and writes down.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The size in bytes at which the log is rotated; absent means 16 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// How many rotated logs are kept; absent means 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_files: Option<u64>,
    /// The largest body of a request in bytes; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<u64>,
}

/// What isolates a container from the network.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Isolation {
    /// `proxy`: there is no way out but a proxy that enforces the policy.
    pub mode: String,
    /// The policies that were asked for: names of policies, or absolute files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// The file of the project that narrows the policies, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrowed_by: Option<std::path::PathBuf>,
    /// The names that may be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// The names that TLS is passed through to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passthrough: Vec<String>,
    /// The proxy's program, which is the policy at work, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<std::path::PathBuf>,
    /// The digest of the policy: `sha256:` and hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The digest of the program without the policy, `sha256:` and hex: a proxy
    /// that runs takes over another policy, but not another program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The proxy's image; absent means ctrkit's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The addresses of the DNS servers that the proxy asks; absent means
    /// those of the engine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// The certificates (PEM) of the only authorities that the proxy trusts,
    /// absolute; absent means those of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_ca: Option<std::path::PathBuf>,
    /// Whether no process of the container may gain privileges, sudo included.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_new_privileges: bool,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Document for Policy {
    const SCHEMA: &'static str = "policy/1";
}
