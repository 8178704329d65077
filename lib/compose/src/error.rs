//! The ways in which an override cannot be used.

use toolkit::{Exit, Failure, files::FileError};

use crate::Problem;

/// How many problems are told; more are counted.
const TOLD: usize = 12;

/// An override cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),

    /// It has more than an override can have.
    #[error("the Compose file '{file}' has more than {limit} bytes")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },

    /// It is not text.
    #[error("the Compose file '{file}' is not UTF-8")]
    NotUtf8 {
        /// The file.
        file: String,
    },

    /// It is not YAML, or YAML that means different things to different tools.
    #[error("the Compose file '{file}' is broken at line {line}: {message}")]
    Broken {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },

    /// It has keys that an isolated container cannot have.
    #[error("the Compose file '{file}' is refused: {}", told(problems, ToString::to_string))]
    Refused {
        /// The file.
        file: String,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
}

/// Puts together what is to be said of each problem.
fn told(problems: &[Problem], say: fn(&Problem) -> String) -> String {
    let mut said: Vec<_> = problems.iter().take(TOLD).map(say).collect();
    if problems.len() > TOLD {
        said.push(format!("and {} more", problems.len() - TOLD));
    }
    said.join("; ")
}

impl Failure for OverrideError {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(error) => error.kind(),
            Self::TooLarge { .. } => "override-too-large",
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Broken { .. } => "override-broken",
            Self::Refused { .. } => "override-refused",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            _ => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Broken { .. } => Some("ctrkit-override(5) says what may be in it".to_owned()),
            Self::Refused { problems, .. } => {
                Some(told(problems, |problem| format!("{}: {}", problem.path, problem.cure)))
            }
            Self::TooLarge { .. } | Self::NotUtf8 { .. } => None,
        }
    }
}
