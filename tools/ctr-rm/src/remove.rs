//! What is removed, in which order, and what may not be.

use std::time::Duration;

use clap::Args;
use devcontainer_cli::is_image_of;
use document::{container, containers::Listed, event::Status, labels};
use engine::{Engine, HERE, Kind, Nameless, Summary};
use toolkit::{ErrorFormat, Events, Interrupt, state};

use crate::{Error, Found, Tools, work, worktree};

/// How many seconds a container is given to end by itself.
const GRACE: u64 = 10;

/// What is to be removed besides the container.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// Remove the volumes too, and all work in them
    #[arg(long)]
    pub volumes: bool,

    /// Remove also work that is nowhere else, and what is left of a container
    /// that another engine may have
    #[arg(short, long)]
    pub force: bool,
}

/// Removes what was found.
#[derive(Debug)]
pub struct Remover<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The tools that keep ssh entries and ports.
    pub tools: Tools<'a>,
    /// What is to be removed.
    pub wishes: Wishes,
    /// Asked between the steps.
    pub interrupt: Interrupt,
    /// Whether notes are for people.
    pub format: ErrorFormat,
}

impl Remover<'_> {
    /// Fails if `found` may not be removed as it was asked for.
    pub fn check(&self, found: &Found) -> Result<(), Error> {
        if self.wishes.force {
            return Ok(());
        }
        match (found.any_container(), &found.engine) {
            (None, Some(made)) => self.check_engine(&found.name, made),
            (Some(container), _) if self.wishes.volumes => {
                work::check(self.engine, container, found.worktree.as_deref())
            }
            _ => Ok(()),
        }
    }

    /// Fails if a container that is not here was made on another engine than this,
    /// `made`, which may have it still.
    fn check_engine(&self, name: &str, made: &container::Engine) -> Result<(), Error> {
        let other = |option, engine: &str, asked: &str| {
            let (engine, asked) = (engine.to_owned(), asked.to_owned());
            Err(Error::OtherEngine { name: name.to_owned(), option, engine, asked })
        };
        let (made_at, asked_at) = (made.host.as_deref(), self.engine.host());
        if made_at != asked_at {
            return other("--host", made_at.unwrap_or(HERE), asked_at.unwrap_or(HERE));
        }
        match self.engine.kind().name() {
            asked if asked == made.kind => Ok(()),
            asked => other("--engine", &made.kind, asked),
        }
    }

    /// Removes `found`, whose lock is held, and returns the container if there
    /// was one.
    ///
    /// Each step finds what it needs also if those before it were done by a
    /// run that was killed.
    pub fn remove(&self, found: &Found, events: &mut Events) -> Result<Option<Listed>, Error> {
        self.containers(found, events)?;
        events.about(&found.name);
        self.networks(found, events)?;
        self.volumes(found, events)?;
        self.images(found, events);
        self.interrupt.check()?;
        self.tools.forget_ssh_entry(&found.name)?;
        self.interrupt.check()?;
        worktree::forget(found, self.tools.state(), events)?;
        self.interrupt.check()?;
        self.release(found)?;
        if let Some(directory) = &found.directory {
            events.step("forget", || state::remove(directory))?;
        }
        if let Some(directory) = &found.configuration {
            let text = format!("kept: the agent's configuration in '{}'", directory.display());
            toolkit::note("ctr-rm", self.format, &text);
        }
        Ok(found
            .container
            .as_ref()
            .map(|container| Listed { status: "absent".to_owned(), ..container.listed() }))
    }

    fn containers(&self, found: &Found, events: &mut Events) -> Result<(), Error> {
        let own = found.container.iter().chain(&found.replaced);
        for container in own.chain(found.sidecars.iter().rev()) {
            self.interrupt.check()?;
            events.about(&container.name);
            events.step("remove", || self.container(container))?;
        }
        // A podman that was killed inside a create leaves a name that only
        // this takes away; it is none of anybody's containers.
        if found.container.is_none() && self.engine.kind() == Kind::Podman {
            self.engine.remove(&found.name, Nameless::Kept)?;
        }
        Ok(())
    }

    fn container(&self, container: &Summary) -> Result<(), Error> {
        // The name may be another's by now.
        let id = container.id.as_str();
        if !["created", "stopped"].contains(&&*container.status) {
            // What cannot be stopped is killed below.
            if container.status == "paused" {
                let _ = self.engine.run(["unpause", id]);
            }
            let limit = Duration::from_secs(GRACE * 3);
            let _ = self.engine.run_within(["stop", "-t", &GRACE.to_string(), id], limit);
        }
        // Those without a name nobody would find again.
        let nameless = if self.wishes.volumes { Nameless::Removed } else { Nameless::Kept };
        let failed = |source| Error::remove(&container.name, source);
        self.engine.remove(id, nameless).map_err(failed)
    }

    /// Removes what only isolates the container: the networks, and the
    /// sidecars' volumes with the proxy's authority and its log.
    fn networks(&self, found: &Found, events: &mut Events) -> Result<(), Error> {
        for network in &found.networks {
            self.interrupt.check()?;
            let remove = || {
                let removed = self.engine.remove_network(network);
                removed.map_err(|source| Error::network(network, source))
            };
            events.step("remove-network", remove)?;
        }
        self.remove_volumes(&found.sidecar_volumes, events)
    }

    fn volumes(&self, found: &Found, events: &mut Events) -> Result<(), Error> {
        if found.volumes.is_empty() {
            return Ok(());
        }
        if !self.wishes.volumes {
            let names: Vec<_> = found.volumes.iter().map(|name| format!("'{name}'")).collect();
            let text =
                format!("kept: {}; to remove: ctr-rm --volumes {}", names.join(", "), found.name);
            events.emit("keep-volumes", Status::Done, Some(text.clone()));
            toolkit::note("ctr-rm", self.format, &text);
            return Ok(());
        }
        self.remove_volumes(&found.volumes, events)
    }

    fn remove_volumes(&self, volumes: &[String], events: &mut Events) -> Result<(), Error> {
        for volume in volumes {
            self.interrupt.check()?;
            let remove = || {
                let removed = self.engine.remove_volume(volume);
                removed.map_err(|source| Error::volume(volume, source))
            };
            events.step("remove-volume", remove)?;
        }
        Ok(())
    }

    /// Removes what was built for the container, but for what another one uses.
    /// None of it is anybody's work, so that a failure is a warning.
    fn images(&self, found: &Found, events: &mut Events) {
        let Some(path) = found.worktree.as_deref().filter(|_| found.is_built) else { return };
        let all = match self.engine.images() {
            Ok(all) => all,
            Err(error) => return self.warn_of_images(&error.to_string()),
        };
        for image in all.iter().filter(|image| is_image_of(&image.name, &found.name, path)) {
            match events.step("remove-image", || self.engine.remove_image(&image.name)) {
                Err(error) if error.is("image-in-use") => {
                    let text = format!("kept: the image '{}', which is in use", image.name);
                    toolkit::note("ctr-rm", self.format, &text);
                }
                Err(error) => self.warn_of_images(&format!("'{}': {error}", image.name)),
                Ok(()) => {}
            }
        }
    }

    fn warn_of_images(&self, why: &str) {
        let text = format!("cannot remove the images that were built for it: {why}");
        toolkit::warn("ctr-rm", self.format, &text);
    }

    fn release(&self, found: &Found) -> Result<(), Error> {
        for held in &found.reservations {
            self.tools.release(&found.name, &held.key, held.host.as_deref())?;
        }
        if found.ledger_is_broken {
            self.tools.release(&found.name, &found.name, self.engine.host())?;
        }
        Ok(())
    }
}

/// Returns the account and the workspace that the labels name.
pub(crate) fn account(container: &Summary) -> (Option<&str>, Option<&str>) {
    (container.label(labels::REMOTE_USER), container.label(labels::WORKSPACE))
}
