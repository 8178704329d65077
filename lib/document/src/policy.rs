//! `policy/1`: what a container may reach, and how.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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
    /// GitHub, and what may be done there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<Github>,
    /// The credentials that the proxy adds to requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<Secret>,
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
    /// The paths, such as `/v2/*/manifests/**`: `*` is one segment or a part of
    /// one, `**` at the end any rest. Absent means any path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
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

/// The hosts of GitHub, and what may be done there.
///
/// They may be reached by it alone, on port 443, and no entry of `allow` opens
/// them any further.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// `github.com`, `NAME.ghe.com` or the name of an Enterprise server, each
    /// with the hosts of its interfaces; absent means `github.com`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The networks that are not public in which the hosts may lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The repositories that may be written to, as `OWNER/REPOSITORY` with `*`
    /// in either part; absent means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// The node ids that mutations may name where `repositories` is given: they
    /// carry no names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<String>>,
    /// The branches that may be written to; absent means all, and no tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// The branches that may not, whatever `branches` says; absent means the
    /// usual names of base branches, and an empty list none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<Vec<String>>,
    /// What is allowed and what is refused, where it differs from the usual.
    #[serde(default, skip_serializing_if = "Operations::is_empty")]
    pub operations: Operations,
    /// Why it is there, and how wide it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where it was written, as `FILE:LINE`; put there by `filtergen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// What is done with each operation that is named.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Operations(pub BTreeMap<Operation, Effect>);

impl Operations {
    /// Says whether none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// By hand, because a map would not say which operations there are.
impl JsonSchema for Operations {
    fn schema_name() -> Cow<'static, str> {
        "Operations".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for operation in Operation::ALL {
            let mut schema = generator.subschema_for::<Effect>();
            schema.insert("description".to_owned(), operation.covers().into());
            properties.insert(operation.name().to_owned(), schema.to_value());
        }
        json_schema!({
            "description": "What is done with each operation that is named.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

/// What is done with an operation.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It goes out.
    Allow,
    /// It does not.
    Refuse,
}

/// What can be done on GitHub, besides reading.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "covers() says what each is, also to the schema")]
pub enum Operation {
    PrWrite,
    IssueWrite,
    Push,
    PrApprove,
    PrMerge,
    AutoMerge,
    MergeQueue,
    BranchMerge,
    RefUpdate,
    ForcePush,
    DeleteRef,
    ContentsWrite,
    WorkflowDispatch,
    Release,
    Gist,
    Settings,
    OtherWrites,
}

impl Operation {
    /// All of them, in the order in which they are explained.
    pub const ALL: [Self; 17] = [
        Self::PrWrite,
        Self::IssueWrite,
        Self::Push,
        Self::PrApprove,
        Self::PrMerge,
        Self::AutoMerge,
        Self::MergeQueue,
        Self::BranchMerge,
        Self::RefUpdate,
        Self::ForcePush,
        Self::DeleteRef,
        Self::ContentsWrite,
        Self::WorkflowDispatch,
        Self::Release,
        Self::Gist,
        Self::Settings,
        Self::OtherWrites,
    ];

    /// Returns the name that policies, logs and refusals have.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.describe().0
    }

    /// Returns what it is, in words.
    #[must_use]
    pub fn covers(self) -> &'static str {
        self.describe().1
    }

    /// Returns what is done with it where a policy says nothing.
    #[must_use]
    pub fn unless_said(self) -> Effect {
        match self {
            Self::PrWrite | Self::IssueWrite | Self::Push => Effect::Allow,
            _ => Effect::Refuse,
        }
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::PrWrite => (
                "pr-write",
                "Open and edit pull requests, comment, review without approval, close, label.",
            ),
            Self::IssueWrite => ("issue-write", "Open and edit issues, comment, close, label."),
            Self::Push => ("push", "Push commits to branches with git."),
            Self::PrApprove => ("pr-approve", "Approve a pull request."),
            Self::PrMerge => ("pr-merge", "Merge a pull request."),
            Self::AutoMerge => ("auto-merge", "Have a pull request merged once it may be."),
            Self::MergeQueue => ("merge-queue", "Put a pull request into the merge queue."),
            Self::BranchMerge => {
                ("branch-merge", "Merge a branch into another, without a pull request.")
            }
            Self::RefUpdate => ("ref-update", "Make or move a ref, without git."),
            Self::ForcePush => ("force-push", "Push what does not follow from what is there."),
            Self::DeleteRef => ("delete-ref", "Delete a branch or a tag."),
            Self::ContentsWrite => {
                ("contents-write", "Write files, commits and trees, without git.")
            }
            Self::WorkflowDispatch => {
                ("workflow-dispatch", "Start, repeat, cancel, enable or disable a workflow.")
            }
            Self::Release => ("release", "Make, change or delete a release and its files."),
            Self::Gist => ("gist", "Make, change or delete a gist."),
            Self::Settings => (
                "settings",
                "Change what a repository or an organisation is and who may do what there.",
            ),
            Self::OtherWrites => ("other-writes", "Write anything that has no name here."),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A credential that the proxy adds to the requests for a host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The host, an exact name that is allowed and not passed through.
    pub host: String,
    /// The header; what the container itself sends in it is taken away.
    pub header: String,
    /// The file with the value, absolute or `~/` and what follows; it must be a
    /// file of the person's alone.
    pub file: String,
    /// What the header holds; absent means `raw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The account, for `basic`; absent means `x-access-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The variable in which the container gets a placeholder, so that programs
    /// send the header at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where it was written, as `FILE:LINE`; put there by `filtergen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// What a header with a secret holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `Bearer` and the value.
    Bearer,
    /// `token` and the value.
    Token,
    /// `Basic` and the account and the value in base64.
    Basic,
    /// The value.
    #[default]
    Raw,
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
    /// The credentials that the proxy adds to requests; their values are in
    /// files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<IsolationSecret>,
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

/// A credential of an isolated container that the container itself never has.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct IsolationSecret {
    /// `HOST.HEADER` in lower case; by it the proxy finds the value.
    pub id: String,
    /// The host that it is sent to.
    pub host: String,
    /// The header that it is sent in.
    pub header: String,
    /// The file with the value, absolute.
    pub file: std::path::PathBuf,
    /// The variable in which the container gets a placeholder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Document for Policy {
    const SCHEMA: &'static str = "policy/1";
}
