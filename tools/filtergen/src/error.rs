//! The ways in which filtergen fails.

use std::path::PathBuf;

use policy::PolicyError;
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, files::FileError};

/// An error of filtergen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The policy cannot be written as JSON.
    #[error("cannot write the policy")]
    Json(#[from] serde_json::Error),

    /// The document's name is not one of a container.
    #[error("the document's name '{name}' cannot be a container's")]
    BadName {
        /// The name.
        name: String,
    },

    /// What should be asked about is not a URL nor an operation.
    #[error("'{text}' is not a URL or an operation that can be decided on")]
    BadUrl {
        /// The text.
        text: String,
        /// Which operation may be meant.
        hint: Option<String>,
    },

    /// There is no home directory that a secret's file could be in.
    #[error("there is no home directory that '{file}' could be in")]
    NoHome {
        /// The file, as it is written.
        file: String,
    },

    /// The filter that should be read is not there.
    #[error("there is no filter '{}'", path.display())]
    FilterAbsent {
        /// The file.
        path: PathBuf,
    },

    /// The log that should be learnt from is not there.
    #[error("there is no log '{}'", path.display())]
    LogAbsent {
        /// The file.
        path: PathBuf,
    },

    /// The log that should be learnt from has no record.
    #[error("'{}' is no log of the proxy: line {line} is no record", path.display())]
    NoLog {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },

    /// The filter is not one of ours nor of a kind that is known.
    #[error("'{}' is no filter that can be read: {problem}", path.display())]
    NoFilter {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },

    /// The filter is one of ours and was changed since.
    #[error("the filter '{}' was edited, or is not whole", path.display())]
    FilterChanged {
        /// The file.
        path: PathBuf,
    },
}

toolkit::parts!(Error: DocumentError, FileError, TemplateError, PlacesError, PolicyError);

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Json(_) => "cannot-write-policy",
            Self::BadName { .. } => "bad-name",
            Self::BadUrl { .. } => "bad-url",
            Self::NoHome { .. } => "no-home",
            Self::FilterAbsent { .. } => "filter-absent",
            Self::LogAbsent { .. } => "log-absent",
            Self::NoLog { .. } => "no-log",
            Self::NoFilter { .. } => "no-filter",
            Self::FilterChanged { .. } => "filter-changed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Json(_) => Exit::Software,
            Self::BadUrl { .. } => Exit::Usage,
            Self::NoHome { .. } => Exit::Unavailable,
            Self::FilterAbsent { .. } | Self::LogAbsent { .. } => Exit::NoInput,
            Self::BadName { .. }
            | Self::NoFilter { .. }
            | Self::NoLog { .. }
            | Self::FilterChanged { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::BadUrl { hint: Some(hint), .. } => Some(hint.clone()),
            Self::BadUrl { .. } => Some(
                "write it as https://name[:port]/…, http://… or wss://…, or as \
                 push:OWNER/REPOSITORY:BRANCH"
                    .to_owned(),
            ),
            Self::NoLog { .. } => {
                Some("a record is a line of JSON; filtergen(1) has its keys".to_owned())
            }
            Self::NoHome { .. } => Some("set HOME, or write an absolute path".to_owned()),
            Self::FilterChanged { .. } => {
                Some("change the policy, and let filtergen make the filter again".to_owned())
            }
            _ => None,
        }
    }
}
