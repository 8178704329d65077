//! Where the dotfiles come from.

use std::path::{Path, PathBuf};

use toolkit::PlacesError;

use crate::Error;

/// A source of dotfiles.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// The directory that an option, a variable or the place for it names.
    Directory(PathBuf),
    /// The directory that the document names already.
    Named(PathBuf),
    /// The built-in set.
    BuiltIn,
}

impl Source {
    /// Chooses the first of: the option's directory, the document's, the one
    /// in the configuration directory if it is there, the built-in set.
    ///
    /// Paths are absolute; one that is empty says nothing.
    pub fn choose(
        option: Option<PathBuf>,
        document: Option<PathBuf>,
        configuration: impl FnOnce() -> Result<PathBuf, PlacesError>,
    ) -> Result<Self, Error> {
        if let Some(path) = option {
            return Ok(Self::Directory(tidy(&path)));
        }
        if let Some(path) = document {
            return Ok(Self::Named(path));
        }
        let path = configuration()?.join("dotfiles");
        // A link that leads nowhere was put there by somebody: it is not absent.
        match path.symlink_metadata() {
            Ok(_) => Ok(Self::Directory(tidy(&path))),
            Err(_) => Ok(Self::BuiltIn),
        }
    }

    /// Returns the directory, where it is one.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) | Self::Named(path) => Some(path),
            Self::BuiltIn => None,
        }
    }
}

/// Takes `.` and superfluous slashes out of `path`.
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}
