//! The images that are built for a container which the devcontainers CLI makes.
//!
//! They have the same names each time: what had one before stays without, and
//! has to go with the container that was made from it.

use devcontainer_cli::is_image_of;
use document::event::Status;
use engine::{EngineError, NamedImage};

use crate::steps::Run;

impl Run<'_> {
    /// Lists what is built for the container, the last built first.
    pub(crate) fn built(&self) -> Result<Vec<NamedImage>, EngineError> {
        let container = self.plan.container;
        let is_its =
            |image: &NamedImage| is_image_of(&image.name, &container.name, &container.project.path);
        let mut all = self.engine.images()?;
        all.retain(is_its);
        // One with features has a longer name than what it is built upon.
        all.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(all)
    }

    /// Removes what was built before, unless it is what has been built now.
    pub(crate) fn forget_images(&mut self) {
        let Some(before) = self.images.take() else { return };
        self.remove_nameless(&before);
    }

    /// Gives the names back to what had them, and removes what was built now.
    pub(crate) fn restore_images(&mut self) {
        let Some(before) = self.images.take() else { return };
        let now = self.built();
        let Ok(now) = now else { return self.tell_images(now.map(drop)) };
        for NamedImage { name, id } in &now {
            let restored = match before.iter().find(|image| image.name == *name) {
                Some(old) if old.id == *id => continue,
                Some(old) => self.engine.run(["tag", &old.id, name]).map(drop),
                None => self.engine.remove_image(name),
            };
            self.tell_images(restored);
        }
        self.remove_nameless(&now);
    }

    /// Removes those of `images` that have no name any more, and nothing that is
    /// made from them.
    fn remove_nameless(&mut self, images: &[NamedImage]) {
        if images.is_empty() {
            return;
        }
        let named = self.engine.images();
        let Ok(named) = named else { return self.tell_images(named.map(drop)) };
        let is_nameless = |image: &&NamedImage| named.iter().all(|other| other.id != image.id);
        for image in images.iter().filter(is_nameless) {
            let removed = self.engine.remove_image(&image.id);
            self.tell_images(removed);
        }
    }

    /// Tells what went wrong with an image, which is no reason to fail. One that
    /// another container uses stays.
    fn tell_images(&mut self, result: Result<(), EngineError>) {
        if let Err(error) =
            result.or_else(|error| error.is("image-in-use").then_some(()).ok_or(error))
        {
            self.events.emit("images", Status::Failed, Some(error.to_string()));
        }
    }
}
