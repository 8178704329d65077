//! What must be known after a SIGKILL: which volumes were new.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toolkit::files::{self, FileError};

/// The volumes that an unfinished run was about to make.
///
/// It is written before the first of them is made and removed when the
/// container answers. A volume that is named here belongs to a container that
/// never ran, so its top directory may still be given to the user.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
}

#[derive(Default, Deserialize, Serialize)]
struct Pending {
    volumes: Vec<String>,
}

impl Journal {
    /// Returns the journal in the container's state directory.
    #[must_use]
    pub(crate) fn of(directory: &Path) -> Self {
        Self { path: directory.join("pending.json") }
    }

    /// Returns the volumes that an unfinished run left; none, if the file is
    /// absent or was torn.
    #[must_use]
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let contents = files::read(&self.path).ok().flatten().unwrap_or_default();
        serde_json::from_slice::<Pending>(&contents).unwrap_or_default().volumes
    }

    /// Notes that `volumes` are about to be made.
    pub(crate) fn begin(&self, volumes: &[String]) -> Result<(), FileError> {
        let pending = Pending { volumes: volumes.to_vec() };
        let contents = serde_json::to_vec(&pending).unwrap_or_default();
        files::replace(&self.path, &contents, 0o600).map(drop)
    }

    /// Notes that nothing is pending.
    pub(crate) fn end(&self) -> Result<(), FileError> {
        files::remove(&self.path).map(drop)
    }
}
