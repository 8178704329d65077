//! The container that is meant.

use document::{Container, labels};
use engine::Summary;

use crate::Error;

/// A container, as far as a session in it is concerned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The container's name.
    pub name: String,
    /// Whose sessions are meant; absent: those of the image's user.
    pub user: Option<String>,
    /// Where a session starts; absent: where the image says.
    pub workspace: Option<String>,
}

impl Place {
    /// Returns a container that the engine lists; one that does not run is an
    /// error.
    pub fn listed(container: &Summary) -> Result<Self, Error> {
        let name = container.name.clone();
        if container.status != "running" {
            return Err(Error::NotRunning { name, status: container.status.clone() });
        }
        let label = |name| container.label(name).map(str::to_owned);
        Ok(Self { name, user: label(labels::REMOTE_USER), workspace: label(labels::WORKSPACE) })
    }

    /// Returns the container of a document.
    #[must_use]
    pub fn of(container: &Container) -> Self {
        Self {
            name: container.name.clone(),
            user: container.user.clone(),
            workspace: container.workspace.clone(),
        }
    }
}
