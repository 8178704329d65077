//! The devcontainer.json that a container is made from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Extra;

/// The digest that stands for whatever `mkdevcontainer` finds.
pub const ANY: &str = "any";

/// Says whether `text` can stand for what is trusted: digests, which are SHA-256 in
/// hexadecimal, between commas, or [`ANY`].
#[must_use]
pub fn is_trust(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.split(',').all(|part| part == ANY || (part.len() == 64 && part.bytes().all(is_hex)))
}

/// The devcontainer.json of a container (containers.dev/implementors/json_reference),
/// and, in a document that asks for it, that the devcontainers CLI makes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Devcontainer {
    /// The file that is given to the CLI, absolute and outside the worktree;
    /// absent until `mkdevcontainer` has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// `image`, `build` or `compose`: what the file makes the container from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The repository's own file that it was made from, absolute; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<PathBuf>,
    /// The SHA-256, in lower-case hex, of what of the repository's own file a
    /// person trusts although it reaches the host; `any` until `mkdevcontainer`
    /// has run, if a person trusts it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<String>,
    /// The SHA-256 digests, between commas, of what of the image a person trusts
    /// although it reaches the host, one of which has to be the image's; `any`
    /// until `ctr-up` has run, if a person trusts it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_image: Option<String>,
    /// The Compose files, absolute, in the order in which they are laid over
    /// one another; only in mode `compose`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compose_files: Vec<PathBuf>,
    /// The SHA-256, in lower-case hex, of what was judged of these files: of the
    /// digests of the repository's own, one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose_digest: Option<String>,
    /// The service that is the container; only in mode `compose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The Compose project; only in mode `compose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Devcontainer {
    /// Lets what a person trusts count for the image as well: all but the digest
    /// `own`, which is that of the repository's own file alone.
    pub fn trust_image(&mut self, own: Option<&str>) {
        let asked = self.trusted.clone().filter(|asked| Some(asked.as_str()) != own);
        self.trusted_image = asked.or_else(|| self.trusted_image.take());
    }
}
