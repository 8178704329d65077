//! A policy as the tools use it: every entry complete and in its one spelling.

use std::collections::BTreeSet;

use document::{
    Document,
    policy::{Allow, Limits, Passthrough},
};
use sha2::{Digest, Sha256};

use crate::{Github, Network, Pattern, Secret, Template};

/// The ports of an entry that names none.
pub(crate) const WEB_PORTS: [u16; 2] = [80, 443];

/// The port on which nothing but TLS is spoken.
pub(crate) const TLS_PORT: u16 = 443;

/// The port on which no TLS is spoken.
pub(crate) const PLAIN_PORT: u16 = 80;

/// What a container may reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The entries, in the order in which they were written.
    pub rules: Vec<Rule>,
    /// What may be done on GitHub, if anything.
    pub github: Option<Github>,
    /// The credentials that the proxy adds.
    pub secrets: Vec<Secret>,
    /// The bounds, as far as they are given.
    pub limits: Limits,
}

/// One entry of a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// The names.
    pub pattern: Pattern,
    /// The ports.
    pub ports: BTreeSet<u16>,
    /// How requests are treated.
    pub manner: Manner,
    /// The networks that are not public in which the name may lie.
    pub addresses: Vec<Network>,
    /// Whether what is allowed is logged.
    pub log: bool,
    /// Why the entry is there.
    pub why: Option<String>,
    /// Where the entry was written.
    pub from: From,
}

/// How requests are treated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Manner {
    /// Each is looked at.
    Inspect {
        /// The methods; `None` means all but `CONNECT` and `TRACE`.
        methods: Option<BTreeSet<String>>,
        /// The paths; `None` means any.
        paths: Option<BTreeSet<Template>>,
        /// Whether a request may become a WebSocket.
        websockets: bool,
    },
    /// TLS is passed through.
    Passthrough,
}

/// The place of an entry: `FILE:LINE`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct From {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl From {
    /// Reads what [`Display`](std::fmt::Display) writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (file, line) = text.rsplit_once(':')?;
        Some(Self { file: file.to_owned(), line: line.parse().ok()? })
    }

    /// Reads several places, joined by commas.
    pub(crate) fn parse_all(text: &str) -> Option<Vec<Self>> {
        text.split(", ").map(Self::parse).collect()
    }
}

impl Rule {
    /// Says whether the entry lets TLS through without a look.
    #[must_use]
    pub fn is_passthrough(&self) -> bool {
        self.manner == Manner::Passthrough
    }

    fn addresses(&self) -> Vec<String> {
        self.addresses.iter().map(ToString::to_string).collect()
    }

    fn allow(&self) -> Option<Allow> {
        let Manner::Inspect { methods, paths, websockets } = &self.manner else { return None };
        Some(Allow {
            name: self.pattern.to_string(),
            ports: self.ports.iter().copied().collect(),
            methods: methods.iter().flatten().cloned().collect(),
            paths: paths.iter().flatten().map(ToString::to_string).collect(),
            websockets: *websockets,
            addresses: self.addresses(),
            log: (!self.log).then_some(false),
            why: self.why.clone(),
            from: Some(self.from.to_string()),
        })
    }

    fn passthrough(&self) -> Option<Passthrough> {
        self.is_passthrough().then(|| Passthrough {
            name: self.pattern.to_string(),
            ports: self.ports.iter().copied().collect(),
            addresses: self.addresses(),
            log: (!self.log).then_some(false),
            why: self.why.clone(),
            from: Some(self.from.to_string()),
        })
    }
}

impl Policy {
    /// Returns the names that may be reached and are looked into, GitHub's guarded
    /// hosts among them: sorted, each once.
    #[must_use]
    pub fn allowed_names(&self) -> Vec<String> {
        let guarded = self.github.iter().flat_map(Github::guarded);
        self.names(|rule| !rule.is_passthrough())
            .chain(guarded)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// Returns the names that TLS is passed through to: sorted, each once.
    #[must_use]
    pub fn passthrough_names(&self) -> Vec<String> {
        self.names(Rule::is_passthrough).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn names(&self, is_meant: impl Fn(&Rule) -> bool) -> impl Iterator<Item = String> {
        self.rules.iter().filter(move |rule| is_meant(rule)).map(|rule| rule.pattern.to_string())
    }

    /// Returns the policy as a document, with the place of each entry.
    #[must_use]
    pub fn document(&self) -> document::Policy {
        document::Policy {
            schema: document::Policy::SCHEMA.to_owned(),
            why: None,
            allow: self.rules.iter().filter_map(Rule::allow).collect(),
            passthrough: self.rules.iter().filter_map(Rule::passthrough).collect(),
            github: self.github.as_ref().map(Github::document),
            secret: self.secrets.iter().map(Secret::document).collect(),
            limits: (self.limits != Limits::default()).then_some(self.limits),
        }
    }

    /// Returns the digest of the policy: `sha256:` and hex.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(&self.document())?;
        Ok(format!("sha256:{:x}", Sha256::digest(text)))
    }
}
