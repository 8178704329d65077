//! Secrets: credentials that the proxy adds to requests.

use std::path::{Path, PathBuf};

use document::policy::{self as written, Form, IsolationSecret};

use crate::rule::From;

/// The account of `basic` where a policy names none.
const USER: &str = "x-access-token";

/// Headers that say where a request goes, where it ends, or that are for the
/// next hop alone.
const FRAMING: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// A credential that the proxy adds to the requests for a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Secret {
    /// The host.
    pub host: String,
    /// The header.
    pub header: String,
    /// The file with the value: absolute, or `~/` and what follows.
    pub file: String,
    /// What the header holds.
    pub form: Form,
    /// The account, for [`Form::Basic`].
    pub user: Option<String>,
    /// The variable that has a placeholder in the container.
    pub env: Option<String>,
    /// Why it is there.
    pub why: Option<String>,
    /// Where it was written.
    pub from: From,
}

impl Secret {
    /// Returns the name by which the proxy finds the value.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}.{}", self.host, self.header.to_ascii_lowercase())
    }

    /// Returns the entry as it is written, with all that is usual written out.
    #[must_use]
    pub fn document(&self) -> written::Secret {
        let user = || self.user.clone().unwrap_or_else(|| USER.to_owned());
        written::Secret {
            host: self.host.clone(),
            header: self.header.clone(),
            file: self.file.clone(),
            form: Some(self.form),
            user: (self.form == Form::Basic).then(user),
            env: self.env.clone(),
            why: self.why.clone(),
            from: Some(self.from.to_string()),
        }
    }

    /// Returns what a container's document says of it. `home` is the person's;
    /// without it a file that is written with `~/` cannot be named.
    #[must_use]
    pub fn noted(&self, home: Option<&Path>) -> Option<IsolationSecret> {
        let file = match self.file.strip_prefix("~/") {
            Some(rest) => home?.join(rest),
            None => PathBuf::from(&self.file),
        };
        Some(IsolationSecret {
            id: self.id(),
            host: self.host.clone(),
            header: self.header.clone(),
            file,
            env: self.env.clone(),
            ..IsolationSecret::default()
        })
    }

    /// Says whether `other` does the same, wherever it is written.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let bare = |secret: &Self| written::Secret { why: None, from: None, ..secret.document() };
        bare(self) == bare(other)
    }
}

/// Returns what is wrong with `name` as that of a header, in words.
pub(crate) fn header_problem(name: &str) -> Option<&'static str> {
    // A gateway may take others for these: '_' for '-' is the usual one.
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_known) {
        return Some("not the name of a header, of letters, digits and '-'");
    }
    let is_framing = FRAMING.contains(&name.to_ascii_lowercase().as_str());
    is_framing.then_some("a header that says where a request goes or ends, and holds no secret")
}

/// Returns what is wrong with `path` as that of a secret's file, in words.
pub(crate) fn file_problem(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("~/").or_else(|| path.strip_prefix('/'));
    let Some(rest) = rest.filter(|_| !path.chars().any(char::is_control)) else {
        return Some("not a path that begins with '/' or '~/'");
    };
    let is_odd = |part: &str| part.is_empty() || part == "." || part == "..";
    rest.split('/').any(is_odd).then_some("not the plain path of a file")
}

/// Returns what is wrong with `name` as that of a variable, in words.
pub(crate) fn variable_problem(name: &str) -> Option<&'static str> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = name.bytes().all(is_known) && !name.starts_with(|c: char| c.is_ascii_digit());
    (name.is_empty() || !is_name).then_some("not the name of a variable")
}

/// Returns what is wrong with `name` as that of an account, in words.
pub(crate) fn user_problem(name: &str) -> Option<&'static str> {
    let is_wrong = name.is_empty() || name.chars().any(|c| c == ':' || c.is_control());
    is_wrong.then_some("not the name of an account, which has no ':'")
}
