//! What the image asks for that the devcontainers CLI makes a container from.
//!
//! The CLI gives a container whatever the image's label `devcontainer.metadata`
//! asks for: privileges, capabilities, mounts. Nothing in a devcontainer.json can
//! undo that. So the image has to be there, and to be judged, before the CLI is
//! told to make the container: what is not there yet is built or fetched first, by
//! the CLI as well, and gets a name from which the container is made then.

use ::devcontainer::{Danger, Scope, of_label, of_metadata, trust};
use devcontainer_cli::{Call, Cli};
use document::{Container, container::Missing};
use engine::Image;
use serde_json::{Map, Value, json};
use toolkit::files;

use crate::{Error, Plan, devcontainer::isolated_model, isolated::APP, steps::Run};

/// The label.
const LABEL: &str = "devcontainer.metadata";

/// Where the file of a build lies in the container's state directory. The CLI
/// wants it to have that name.
const BUILD: &str = "devcontainer.build/devcontainer.json";

/// An image that was judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// Its name, if it was built or fetched for this.
    pub(crate) built: Option<String>,
    id: String,
    /// What it asks for, all of which is trusted.
    dangers: Vec<Danger>,
}

impl Plan<'_> {
    /// Returns the digest of what of an image was trusted before.
    pub(crate) fn remembered(&self) -> Option<String> {
        let kept = toolkit::read_file::<Container>(&self.kept).ok()?.into_inner();
        kept.devcontainer?.trusted_image
    }

    fn scope(&self) -> Scope<'_> {
        let Container { project, name, isolation, .. } = self.container;
        Scope { project: &project.path, name, isolated: isolation.is_some() }
    }

    /// Returns what a person trusts of an image, now or before.
    fn trust(&self) -> Option<String> {
        let asked = self.container.devcontainer.as_ref()?.trusted_image.clone();
        let all: Vec<_> = asked.into_iter().chain(self.remembered()).collect();
        (!all.is_empty()).then(|| all.join(","))
    }
}

impl Run<'_> {
    /// Has the image made that the container is to be made from, if it is not
    /// there, and makes sure that it asks for nothing that is not trusted.
    pub(crate) fn judge_image(&mut self, cli: &Cli) -> Result<Judged, Error> {
        let (source, name) = self.source()?;
        let there = name.as_deref().map(|name| self.engine.image(name)).transpose()?.flatten();
        let (name, image, built) = match (name, there) {
            (Some(name), Some(image)) => (name, image, None),
            _ => {
                let name = self.build(cli, source)?;
                let image = self.engine.image(&name)?;
                let image = image.ok_or_else(|| Error::ImageMissing { image: name.clone() })?;
                (name.clone(), image, Some(name))
            }
        };
        let dangers = of_image(&image, &self.plan.scope());
        let asked = self.plan.trust();
        let isolated = self.plan.isolated.is_some();
        self.trusted_image = Some(trust(&name, dangers.clone(), asked.as_deref(), isolated)?);
        Ok(Judged { built, id: image.id, dangers })
    }

    /// Returns the part of the devcontainer.json that says what the container is
    /// made from, and the image's name, if that is all.
    fn source(&self) -> Result<(Value, Option<String>), Error> {
        let container = self.plan.container;
        let section = container.devcontainer.clone().unwrap_or_default();
        if section.mode.as_deref() == Some("compose") {
            let source = json!({
                "dockerComposeFile": section.compose_files, "service": section.service,
            });
            let name = match self.plan.isolated.is_some() {
                true => plain_image(&isolated_model(container)?.1["services"][APP]),
                // Files that it is made from may say more than theirs.
                false => None,
            };
            return Ok((source, name));
        }
        let config = config(container)?;
        let source: Map<_, _> = config
            .iter()
            .filter(|(key, _)| ["image", "build"].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let source = Value::from(source);
        let name = plain_image(&source);
        Ok((source, name))
    }

    /// Has the CLI build or fetch what `source` says, and returns the name that it
    /// has then.
    fn build(&mut self, cli: &Cli, source: Value) -> Result<String, Error> {
        let container = self.plan.container;
        let image = devcontainer_cli::image(&container.name);
        let path = self.plan.directory.join(BUILD);
        if let Some(directory) = path.parent() {
            files::create_private_dir(directory)?;
        }
        files::replace(&path, format!("{source:#}\n").as_bytes(), 0o600)?;
        let project = container.devcontainer.as_ref().and_then(|it| it.project.as_deref());
        let call = Call {
            verb: "build",
            folder: &container.project.path,
            config: &path,
            project,
            labels: Vec::new(),
            options: vec!["--image-name".into(), image.clone().into()],
        };
        self.interrupt.check()?;
        self.cli_step("build", cli, &call)?;
        Ok(image)
    }

    /// Makes sure that the container `id`, which the CLI made from `judged`, has
    /// nothing that is not trusted: features may have added to it.
    pub(crate) fn judge_container(&self, id: &str, judged: &Judged) -> Result<(), Error> {
        let (engine, plan) = (self.engine, self.plan);
        let name = engine.ask(["inspect", "--format", "{{.Image}}", id])?;
        let name = name.trim();
        let image = engine.image(name)?;
        let image = image.ok_or_else(|| Error::ImageMissing { image: name.to_owned() })?;
        let scope = plan.scope();
        let section = plan.container.devcontainer.as_ref();
        let is_trusted = section.is_some_and(|section| section.trusted.is_some());
        // What features ask for that are trusted was part of what is.
        if image.id == judged.id || is_trusted && !scope.isolated {
            return Ok(());
        }
        // What the file itself asks for was judged when it was written.
        let file = of_metadata(&config(plan.container)?.into(), &scope);
        let is_known = |danger: &Danger| {
            file.iter().chain(&judged.dangers).any(|known| is_same(known, danger))
        };
        let mut dangers = of_image(&image, &scope);
        dangers.retain(|danger| !is_known(danger));
        trust(name, dangers, plan.trust().as_deref(), scope.isolated)?;
        Ok(())
    }
}

fn of_image(image: &Image, scope: &Scope<'_>) -> Vec<Danger> {
    let text = image.labels.get(LABEL).filter(|text| !text.is_empty());
    text.map(|text| of_label(text, scope)).unwrap_or_default()
}

/// Says whether both ask for the same, wherever in the metadata they do.
fn is_same(one: &Danger, other: &Danger) -> bool {
    // Their places are counted: `devcontainer.metadata[1].capAdd[0]`.
    let property = |danger: &Danger| {
        let key = danger.key.split_once("].").map_or(&*danger.key, |(_, key)| key);
        key.split(['[', '.']).next().map(str::to_owned)
    };
    (property(one), &one.value) == (property(other), &other.value)
}

/// Returns the image's name, if `source` is made from an image alone.
fn plain_image(source: &Value) -> Option<String> {
    let image = source["image"].as_str().map(str::to_owned);
    image.filter(|_| source.get("build").is_none())
}

/// Reads the devcontainer.json that the CLI is given.
fn config(container: &Container) -> Result<Map<String, Value>, Error> {
    let section = container.devcontainer.as_ref();
    let path = section.and_then(|section| section.config.as_deref());
    let path = path.ok_or(Missing("devcontainer.config"))?;
    let bad = || devcontainer_cli::Error::BadConfig { path: path.to_owned() };
    let text = files::read(path)?.ok_or_else(bad)?;
    serde_json::from_slice(&text).map_err(|_| bad().into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_known_is_the_property_and_its_value() {
        let scope = Scope { project: Path::new("/p"), name: "a", isolated: false };
        let first = |metadata: Value| of_metadata(&metadata, &scope).remove(0);
        let gpu = first(json!({"hostRequirements": {"gpu": true}}));
        let same = first(json!([{}, {"hostRequirements": {"gpu": true}}]));
        assert!(is_same(&gpu, &same));
        assert!(!is_same(&gpu, &first(json!([{"privileged": true}]))));
        let added = first(json!({"capAdd": ["SYS_ADMIN"]}));
        let second =
            of_metadata(&json!([{"capAdd": ["NET_ADMIN", "SYS_ADMIN"]}]), &scope).remove(1);
        assert!(is_same(&added, &second));
        assert!(!is_same(&added, &first(json!([{"capAdd": ["NET_ADMIN"]}]))));
    }
}
