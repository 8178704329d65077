//! What the repository's own Compose file brings along: services beside the
//! container, networks and volumes. The devcontainers CLI makes them.

use engine::{EngineError, Nameless};

use crate::steps::Run;

/// The names of what there is of a Compose project.
#[derive(Debug, Default)]
pub(crate) struct Project {
    containers: Vec<String>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Run<'_> {
    /// Notes what there is of the project before the CLI is called. What is
    /// isolated has none: ctrkit's own Compose file stands in for the repository's.
    pub(crate) fn note_project(&mut self) -> Result<(), EngineError> {
        let section = self.plan.container.devcontainer.as_ref();
        if section.is_some_and(|section| section.project.is_some()) && self.plan.isolated.is_none()
        {
            self.project = Some(self.project()?);
        }
        Ok(())
    }

    /// Notes the volumes that are there now and were not before, as made by this run.
    pub(crate) fn note_made_volumes(&mut self) -> Result<(), EngineError> {
        if let Some(before) = &self.project {
            let mut made = self.project_volumes()?;
            made.retain(|name| !before.volumes.contains(name));
            self.made.volumes.extend(made);
        }
        Ok(())
    }

    /// Removes what is there now and was not before. The container itself, and what
    /// was to be kept of it, have been seen to already.
    pub(crate) fn restore_project(&mut self) {
        let Some(before) = self.project.take() else { return };
        let now = self.project();
        let removed = now.and_then(|now| self.remove_new(&now, &before));
        if !matches!(removed, Ok(false)) {
            self.tell("the other services", removed.map(drop));
        }
    }

    fn remove_new(&self, now: &Project, before: &Project) -> Result<bool, EngineError> {
        let engine = self.engine;
        let containers = new(&now.containers, &before.containers);
        let networks = new(&now.networks, &before.networks);
        let volumes = new(&now.volumes, &before.volumes);
        containers.iter().try_for_each(|name| engine.remove(name, Nameless::Removed))?;
        networks.iter().try_for_each(|name| engine.remove_network(name))?;
        volumes.iter().try_for_each(|name| engine.remove_volume(name))?;
        Ok(!(containers.is_empty() && networks.is_empty() && volumes.is_empty()))
    }

    fn project(&self) -> Result<Project, EngineError> {
        let (engine, container) = (self.engine, self.plan.container);
        let filter = engine.project_filter(&container.project.hash);
        let filters = &[filter.as_str()];
        let containers = engine.containers(filters)?.into_iter().map(|found| found.name);
        let networks = engine.networks(filters)?.into_iter().map(|found| found.name);
        Ok(Project {
            containers: containers.filter(|name| *name != container.name).collect(),
            networks: networks.collect(),
            volumes: self.project_volumes()?,
        })
    }

    fn project_volumes(&self) -> Result<Vec<String>, EngineError> {
        let filter = self.engine.project_filter(&self.plan.container.project.hash);
        let found = self.engine.volumes(&[&filter])?;
        Ok(found.into_iter().map(|found| found.name).collect())
    }
}

/// Returns those of `now` that are not in `before`.
fn new<'a>(now: &'a [String], before: &[String]) -> Vec<&'a String> {
    now.iter().filter(|name| !before.contains(name)).collect()
}
