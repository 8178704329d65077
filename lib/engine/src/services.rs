//! What the repository's own Compose file brings along, where the devcontainers CLI
//! makes a container from it.

use document::{compose::Names, labels};

use crate::{Engine, EngineError, Kind, Managed};

impl Engine {
    /// Returns the filter, as the engine's lists take it, for all that is of the Compose
    /// project of the worktree whose hash is `hash`.
    #[must_use]
    pub fn project_filter(&self, hash: &str) -> String {
        let mut project = Names::of(hash).dev_project();
        if self.kind() == Kind::Podman {
            // The CLI takes no hyphens where it calls podman-compose.
            project.retain(|c| c != '-');
        }
        format!("label={}={project}", labels::COMPOSE_PROJECT)
    }

    /// Adds the services that stand beside those of `names` which the devcontainers CLI
    /// has made, and are started and stopped with them: one call for each. What is
    /// isolated has none.
    pub fn add_services(&self, managed: &mut Managed, names: &[String]) -> Result<(), EngineError> {
        for name in names {
            let app = managed.get(name).filter(|app| !app.is_isolated());
            let app = app.filter(|app| app.label(labels::VIA) == Some(labels::DEVCONTAINER));
            let Some(hash) = app.and_then(|app| app.label(labels::PROJECT_HASH)) else { continue };
            let mut found = self.containers(&[&self.project_filter(hash)])?;
            found.retain(|each| !each.is_managed());
            found.sort_by(|one, other| one.name.cmp(&other.name));
            managed.services.insert(name.clone(), found);
        }
        Ok(())
    }
}
