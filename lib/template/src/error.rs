//! The ways in which a template cannot be used.

use std::path::PathBuf;

use toolkit::{Exit, Failure, PlacesError, files::FileError};

use crate::library::NAME_RULE;

/// A template cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// There is no place to look for templates.
    #[error(transparent)]
    Places(#[from] PlacesError),

    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// The name cannot be a template's.
    #[error("'{name}' cannot be the name of a template")]
    BadName {
        /// The name.
        name: String,
    },

    /// There is no such template.
    #[error("there is no template '{name}'")]
    Absent {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },

    /// The directory is there and is no template.
    #[error("'{}' is not a template: it has no template.toml", path.display())]
    NotATemplate {
        /// The directory.
        path: PathBuf,
    },

    /// A symbolic link leads out of the template, or nowhere.
    #[error("the link '{}' leads out of the template, to '{}'", path.display(), target.display())]
    Outside {
        /// The link.
        path: PathBuf,
        /// Where it leads, as far as that is known.
        target: PathBuf,
    },

    /// It is neither a plain file nor a directory, or no document could name it.
    #[error("the template cannot have '{}': {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// The template has more than can be meant.
    #[error("the template '{}' has more than {bounds}", path.display())]
    TooMuch {
        /// The directory.
        path: PathBuf,
        /// The bounds, in words.
        bounds: String,
    },

    /// A file of text is not UTF-8.
    #[error("'{file}' is not UTF-8")]
    NotUtf8 {
        /// The file.
        file: String,
    },

    /// A file has a mistake.
    #[error("'{file}' is wrong at line {line}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },

    /// A file to be filled in asks for something that is not known.
    #[error("'{file}' is wrong at line {line}: there is no variable '{name}'")]
    Unknown {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What stands between the braces.
        name: String,
        /// The name that it resembles.
        like: Option<&'static str>,
    },

    /// The document does not say what a variable stands for.
    #[error("'{file}' is wrong at line {line}: the document does not say what {name} is")]
    Unset {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The variable.
        name: &'static str,
        /// What puts it there.
        cure: &'static str,
    },

    /// A value would not come out as what it is.
    #[error("'{file}' cannot have {name} at line {line}: {reason}")]
    Value {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The variable.
        name: &'static str,
        /// Why not.
        reason: String,
        /// What can be done.
        cure: &'static str,
    },

    /// The template is not the one that the document was made with.
    #[error("the template '{name}' has changed since the document was made")]
    Changed {
        /// The name.
        name: String,
    },
}

impl Failure for TemplateError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Places(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::BadName { .. } => "bad-template-name",
            Self::Absent { .. } => "no-such-template",
            Self::NotATemplate { .. } => "not-a-template",
            Self::Outside { .. } => "link-outside",
            Self::BadFile { .. } => "bad-file",
            Self::TooMuch { .. } => "template-too-large",
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Malformed { .. } => "bad-template",
            Self::Unknown { .. } => "unknown-variable",
            Self::Unset { .. } => "variable-unset",
            Self::Value { .. } => "value-refused",
            Self::Changed { .. } => "template-changed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Places(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Absent { .. } | Self::NotATemplate { .. } => Exit::NoInput,
            _ => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Places(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Absent { known, .. } => return Some(format!("there are: {}", known.join(", "))),
            Self::BadName { .. } => NAME_RULE,
            Self::NotATemplate { .. } => {
                "give it one, or remove it; a new one is made by: ctr-template new NAME"
            }
            Self::Outside { .. } => "put the file itself there",
            Self::BadFile { .. } => "take it out, or rename it",
            Self::TooMuch { .. } => "let the recipe fetch what is large",
            Self::Malformed { .. } => "ctrkit-template(5) says what may be in a template",
            Self::Unknown { like: Some(like), .. } => return Some(format!("is it '{like}'?")),
            Self::Unknown { .. } => "ctrkit-template(5) has all variables",
            Self::Unset { cure, .. } | Self::Value { cure, .. } => cure,
            Self::Changed { .. } => "make the document anew: ctr-spec",
            Self::NotUtf8 { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
