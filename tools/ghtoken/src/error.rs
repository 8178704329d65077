//! The ways in which ghtoken fails.

use std::path::PathBuf;

use document::{container::Missing, error::FailedCommand};
use engine::{EngineError, FailedCall};
use toolkit::{DocumentError, Exit, Failure, Part, PlacesError, files::FileError};

/// An error of ghtoken. None of them has anything of the token in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The file is named, and is not there.
    #[error("cannot find the GitHub token: there is no '{}'", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },

    /// It is a directory, a FIFO or a device.
    #[error("cannot read the GitHub token: '{}' is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// Others than its owner may use the file.
    #[error("the GitHub token in '{}' is not its owner's alone: the mode is {mode:04o}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// What is in the file cannot be a token.
    #[error("there is no GitHub token in '{}': {what}", path.display())]
    NotAToken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },

    /// The name cannot be a container's.
    #[error("'{name}' cannot be the name of a container")]
    BadName {
        /// The name.
        name: String,
    },

    /// No document was ever applied to the container.
    #[error("nothing is known of a container '{name}'")]
    NotApplied {
        /// The name.
        name: String,
    },

    /// The container is isolated, and its proxy is not there.
    #[error("the proxy of the container '{name}' is gone")]
    NoProxy {
        /// The container.
        name: String,
    },

    /// The container did not take it.
    #[error("cannot change the GitHub token in '{name}'")]
    Push {
        /// The container's name.
        name: String,
        /// Why.
        source: Box<EngineError>,
    },
}

toolkit::parts!(Error: DocumentError, Missing, EngineError, FileError, PlacesError, secrets::Error);

impl Error {
    /// Returns the error of a call that failed.
    ///
    /// The scripts of this tool are left out of the command line: they are
    /// fixed, and would be most of what is shown.
    pub(crate) fn push(name: &str, source: EngineError) -> Self {
        let source = match source {
            EngineError::Failed(call) => {
                let line = call.line.split(" -c ").next().unwrap_or_default();
                EngineError::Failed(FailedCall { line: format!("{line} -c …"), ..call })
            }
            other => other,
        };
        Self::Push { name: name.to_owned(), source: Box::new(source) }
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Absent { .. } => "token-absent",
            Self::NotAFile { .. } => "not-a-file",
            Self::Exposed { .. } => "token-exposed",
            Self::NotAToken { .. } => "bad-token",
            Self::BadName { .. } => "bad-name",
            Self::NotApplied { .. } => "not-applied",
            Self::NoProxy { .. } => "proxy-absent",
            Self::Push { source, .. } => source.kind(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Absent { .. } | Self::NotAFile { .. } | Self::NotApplied { .. } => Exit::NoInput,
            Self::NotAToken { .. } | Self::BadName { .. } => Exit::DataErr,
            Self::Exposed { .. } => Exit::NoPerm,
            Self::NoProxy { .. } => Exit::Unavailable,
            Self::Push { source, .. } => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Absent { .. } => Some(
                "write it there, or name another file with --github-token-file; --no-token goes \
                 without"
                    .to_owned(),
            ),
            Self::NotAFile { .. } | Self::BadName { .. } => None,
            Self::Exposed { path, .. } => Some(format!("chmod 600 {}", quoted(path))),
            Self::NotAToken { .. } => {
                Some("the file must have the token on one line and nothing else".to_owned())
            }
            Self::NotApplied { .. } => Some("see what there is: ctr-ls".to_owned()),
            Self::NoProxy { name } => Some(format!("make it anew: ctrkit rebuild {name}")),
            Self::Push { name, source } if source.is("not-running") => {
                Some(format!("start it: ctr-start {name}"))
            }
            Self::Push { source, .. } => source.hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Push { source, .. } => source.command(),
            _ => None,
        }
    }
}

/// Quotes a path for a shell.
fn quoted(path: &std::path::Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}
