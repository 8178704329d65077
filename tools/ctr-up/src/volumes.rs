//! The volumes: which are there, which are made, which are new.

use std::{panic, thread};

use document::{Container, labels};
use engine::{Engine, Image, NamedVolume};

use crate::{Error, create, steps::Run};

/// What a container is made of: the image and, of its volumes, those that are
/// there.
pub(crate) type Parts = (Image, Vec<NamedVolume>);

/// Asks for the image and the volumes, both at once.
pub(crate) fn look_around(engine: &Engine, container: &Container) -> Result<Parts, Error> {
    let name = container.image()?;
    let filters: Vec<_> =
        container.volumes.iter().map(|volume| format!("name=^{}$", volume.name)).collect();
    let filters: Vec<_> = filters.iter().map(String::as_str).collect();
    let (image, volumes) = thread::scope(|scope| {
        let image = scope.spawn(|| engine.image(name));
        let none = filters.is_empty();
        let volumes = if none { Ok(Vec::new()) } else { engine.volumes(&filters) };
        (image.join().unwrap_or_else(|payload| panic::resume_unwind(payload)), volumes)
    });
    // The devcontainers CLI may make the container from another image.
    let image = image?.or_else(|| container.devcontainer.as_ref().map(|_| Image::default()));
    let image = image.ok_or_else(|| Error::ImageMissing { image: name.to_owned() })?;
    Ok((image, volumes?))
}

impl Run<'_> {
    /// Makes the volumes that are not there. Returns those that are new: made
    /// now, or by a run that was killed before the container ever ran.
    pub(crate) fn make_volumes(&mut self, there: &[NamedVolume]) -> Result<Vec<String>, Error> {
        let container = self.plan.container;
        let absent = absent(container, there)?;
        let pending = self.plan.journal.pending().volumes;
        let is_ours = |name: &String| container.volumes.iter().any(|v| v.name == *name);
        self.made.found = pending.into_iter().filter(is_ours).collect();
        self.made.found.retain(|name| !absent.contains(name));
        let fresh = [self.made.found.clone(), absent.clone()].concat();
        self.note(fresh.clone(), false)?;
        for name in absent {
            self.interrupt.check()?;
            let args = create::volume(container, &name);
            self.events.step("volume", || self.engine.run(args))?;
            self.made.volumes.push(name);
        }
        Ok(fresh)
    }
}

/// Returns the volumes of `container` that are not `there`, and refuses one
/// that is another container's.
fn absent(container: &Container, there: &[NamedVolume]) -> Result<Vec<String>, Error> {
    let mut absent = Vec::new();
    for volume in &container.volumes {
        match there.iter().find(|found| found.name == volume.name) {
            // One volume may be mounted at two places.
            None if absent.contains(&volume.name) => {}
            None => absent.push(volume.name.clone()),
            Some(NamedVolume { container: Some(owner), .. }) if *owner != container.name => {
                let (name, owner) = (volume.name.clone(), format!("the container '{owner}'"));
                return Err(Error::VolumeTaken { name, owner });
            }
            Some(NamedVolume { name, authority: Some(authority), .. })
                if container.label(labels::AUTHORITY).is_some_and(|own| own != authority) =>
            {
                let owner = format!("another ctrkit, whose authority is {authority}");
                let name = name.clone();
                return Err(Error::VolumeTaken { name, owner });
            }
            Some(_) => {}
        }
    }
    Ok(absent)
}
