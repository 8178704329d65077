//! The ways in which a policy cannot be used.

use toolkit::{Exit, Failure, PlacesError, files::FileError};

/// A policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),

    /// There is no place to look for policies.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// No policy was asked for.
    #[error("no policy is named, and there is none that holds by itself")]
    None,

    /// There is no such policy.
    #[error("there is no policy '{name}'")]
    Absent {
        /// The name or the file that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },

    /// The file has more than a policy can have.
    #[error("the policy '{file}' has more than {limit} bytes")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },

    /// The file is not text.
    #[error("the policy '{file}' is not UTF-8")]
    NotUtf8 {
        /// The file.
        file: String,
    },

    /// The file allows nothing.
    #[error("the policy '{file}' allows nothing: it has no [[allow]], [[passthrough]] or [github]")]
    Empty {
        /// The file.
        file: String,
    },

    /// It is neither TOML nor JSON, or has an unknown key or a wrong value.
    #[error("the policy '{file}' is wrong at line {line}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// What can be done about it.
        hint: String,
    },

    /// A name is not one.
    #[error("the policy '{file}' is wrong at line {line}: {source}")]
    Name {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: crate::NameError,
    },

    /// A name is there twice.
    #[error("the policy '{file}' has '{name}' at line {line} and again at line {again}")]
    Duplicate {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The first line.
        line: usize,
        /// The second line.
        again: usize,
    },

    /// TLS to a host that is guarded would be passed through.
    #[error(
        "the policy '{file}' passes '{name}' through at line {line}, and [github] in {github} \
         guards {host}"
    )]
    GuardedPassthrough {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The name that is passed through.
        name: String,
        /// The host that is guarded.
        host: String,
        /// Where that is written.
        github: String,
    },

    /// A secret is for a host that it cannot be added for.
    #[error("the policy '{file}' has a secret for '{host}' at line {line}, which is {problem}")]
    SecretHost {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The host.
        host: String,
        /// Why not.
        problem: &'static str,
    },

    /// Two secrets are for the same header of the same host.
    #[error("the policy '{file}' has another secret '{id}' at line {line}, after that of {first}")]
    DuplicateSecret {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The secret.
        id: String,
        /// Where the other one is.
        first: String,
    },

    /// A file that may only narrow would widen.
    #[error(
        "the policy '{file}' may only narrow what is allowed, and line {line} widens it: \
         {what} of '{name}' is not allowed otherwise"
    )]
    Widens {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The name.
        name: String,
        /// What there is too much of.
        what: String,
    },
}

impl Failure for PolicyError {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(error) => error.kind(),
            Self::Places(error) => error.kind(),
            Self::None => "no-policy",
            Self::Absent { .. } => "policy-absent",
            Self::TooLarge { .. } => "policy-too-large",
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Empty { .. } => "empty-policy",
            Self::Malformed { .. } => "malformed-policy",
            Self::Name { .. } => "bad-host-name",
            Self::Duplicate { .. } => "duplicate-host-name",
            Self::GuardedPassthrough { .. } => "guarded-passthrough",
            Self::SecretHost { .. } => "secret-host",
            Self::DuplicateSecret { .. } => "duplicate-secret",
            Self::Widens { .. } => "policy-widens",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::Places(error) => error.exit(),
            Self::None => Exit::Usage,
            Self::Absent { .. } => Exit::NoInput,
            _ => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Places(error) => error.hint(),
            Self::None => Some("name one: --policy base, or --policy claude+github".to_owned()),
            Self::Absent { known, .. } => Some(format!("there are: {}", known.join(", "))),
            Self::Malformed { hint, .. } => Some(hint.clone()),
            Self::Name { source, .. } => Some(source.hint()),
            Self::Duplicate { .. } => Some("put what is allowed of a name in one entry".to_owned()),
            Self::GuardedPassthrough { .. } => Some(
                "leave one of the two out: what is passed through cannot be looked at".to_owned(),
            ),
            Self::SecretHost { .. } => {
                Some("name a host that is allowed, and that requests are looked at for".to_owned())
            }
            Self::DuplicateSecret { .. } => Some("leave one of the two out".to_owned()),
            Self::Widens { .. } => {
                Some("take it out, or add it to a policy that lies outside the project".to_owned())
            }
            Self::Empty { .. } => {
                Some("'filtergen --help' says what a policy looks like".to_owned())
            }
            Self::TooLarge { .. } | Self::NotUtf8 { .. } => None,
        }
    }
}
