//! The model of an isolated container, which its document names.

use std::path::PathBuf;

use document::{Container, container::Missing};
use serde_json::Value;
use sha2::{Digest, Sha256};
use toolkit::{
    Exit, Failure,
    files::{self, FileError},
};

use crate::{OutOfReach, again, from_text};

/// The container's service in the model; all others are sidecars.
pub const APP: &str = "app";

/// There is no such model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The document does not name one.
    #[error(transparent)]
    Missing(#[from] Missing),

    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),

    /// It is not what the document says, or gone.
    #[error("the Compose model '{}' is not the one that the document names", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// What is mounted of the worktree is not what it was when the model was made.
    #[error("'{}' is not what the container had mounted: {wrong}", path.display())]
    Moved {
        /// The path.
        path: PathBuf,
        /// What is wrong with it now.
        wrong: OutOfReach,
    },
}

impl Failure for ModelError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Missing(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Changed { .. } => "model-changed",
            Self::Moved { .. } => "mount-changed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Missing(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Changed { .. } | Self::Moved { .. } => Exit::DataErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Changed { .. } => Some("pipe the document through mkcompose again".to_owned()),
            Self::Moved { wrong, .. } => Some(wrong.cure.clone()),
        }
    }
}

/// Returns the model that mkcompose(1) wrote for `container`; one with another
/// digest was written for another document. What it mounts of the worktree is still
/// there, and leads nowhere else.
pub fn model_of(container: &Container) -> Result<Value, ModelError> {
    let section = container.compose.as_ref().ok_or(Missing("compose"))?;
    let path = section.file.as_deref().ok_or(Missing("compose.file"))?;
    let digest = section.digest.as_deref().ok_or(Missing("compose.digest"))?;
    let changed = || ModelError::Changed { path: path.to_owned() };
    let text = files::read(path)?.ok_or_else(changed)?;
    if format!("sha256:{:x}", Sha256::digest(&text)) != digest {
        return Err(changed());
    }
    let text = String::from_utf8(text).map_err(|_| changed())?;
    let model = from_text(&text).ok_or_else(changed)?;
    if model["services"][APP]["container_name"] != container.name {
        return Err(changed());
    }
    again::look_again(container, again::sources(&model))?;
    Ok(model)
}
