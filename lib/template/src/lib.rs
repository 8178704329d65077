//! Templates: directories that say what a container is made from.
//!
//! [`Library`] finds one by its name, a person's own before one that is
//! shipped. A [`Template`] is read whole, so that what is digested is what is
//! used; [`render`] fills a person's own files of a container in.

mod error;
mod files;
mod library;
pub mod render;
mod settings;
mod shipped;

pub use crate::{
    error::TemplateError,
    files::File,
    library::{FILE, Library, check_name},
    settings::{Container, Settings},
};

use std::{collections::BTreeMap, path::PathBuf};

use document::Extra;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The recipe of the image, in its directory.
pub const RECIPE: &str = "image/Containerfile";

/// What is laid over the Compose model of an isolated container.
const COMPOSE: &str = "compose.yaml";

/// What is added to the container's devcontainer.json.
const DEVCONTAINER: &str = "devcontainer.json";

/// What a template may add to it (containers.dev/implementors/json_reference).
const ADDED: [&str; 13] = [
    "containerEnv",
    "customizations",
    "features",
    "onCreateCommand",
    "otherPortsAttributes",
    "portsAttributes",
    "postAttachCommand",
    "postCreateCommand",
    "postStartCommand",
    "remoteEnv",
    "updateContentCommand",
    "userEnvProbe",
    "waitFor",
];

/// A template, with all of its files.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// The directory that it was read from; absent: it is shipped.
    pub directory: Option<PathBuf>,
    /// What its `template.toml` says.
    pub settings: Settings,
    /// Its files, by their paths below the directory.
    files: BTreeMap<String, File>,
}

impl Template {
    /// Returns the files, by their paths below the template's directory.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, File> {
        &self.files
    }

    /// Returns the SHA-256 of all files, in lower-case hex.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(self.files.iter().map(|(path, file)| (path.as_str(), file)), "")
    }

    /// Returns the name that `path` of the template has in messages.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        match &self.directory {
            Some(directory) => directory.join(path).to_string_lossy().into_owned(),
            None => format!("{}/{path}", self.name),
        }
    }

    /// Returns the files below `directory`, which has no slash at its end, by
    /// their paths in it.
    pub fn below<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = (&'a str, &'a File)> {
        let rest = move |path: &'a str| path.strip_prefix(directory)?.strip_prefix('/');
        self.files.iter().filter_map(move |(path, file)| Some((rest(path)?, file)))
    }

    /// Says whether there is a recipe of an image.
    #[must_use]
    pub fn has_recipe(&self) -> bool {
        self.files.contains_key(RECIPE)
    }

    /// Returns the name of the image that the recipe makes upon `base`: it
    /// changes with either.
    #[must_use]
    pub fn image(&self, base: &str) -> String {
        let digest = digest(self.below("image"), base);
        format!("localhost/ctrkit-{}:{}", self.name, &digest[..12])
    }

    /// Returns the files of the home directory, by their paths in it.
    pub fn home(&self) -> impl Iterator<Item = (&str, &File)> {
        self.below("home")
    }

    /// Returns the files of the agent's own directory, `.claude` in the home
    /// directory, by their paths in it.
    pub fn claude(&self) -> impl Iterator<Item = (&str, &File)> {
        self.below("home/.claude")
    }

    /// Returns the policies that come with the template: name, file and text.
    pub fn policies(&self) -> Result<Vec<(String, String, String)>, TemplateError> {
        let policy = |path: &str| {
            let (name, end) = path.rsplit_once('.')?;
            (!name.contains('/') && ["toml", "json"].contains(&end)).then(|| name.to_owned())
        };
        let named = self.below("policies").filter_map(|(path, _)| Some((policy(path)?, path)));
        named
            .map(|(name, path)| {
                let path = format!("policies/{path}");
                Ok((name, self.path(&path), self.text(&path)?.unwrap_or_default().to_owned()))
            })
            .collect()
    }

    /// Returns what is laid over the Compose model of an isolated container:
    /// the file's name and its text.
    pub fn compose(&self) -> Result<Option<(String, &str)>, TemplateError> {
        Ok(self.text(COMPOSE)?.map(|text| (self.path(COMPOSE), text)))
    }

    /// Returns what is added to the container's devcontainer.json: keys that say
    /// something of what is in the container, and nothing of this machine.
    pub fn devcontainer(&self) -> Result<Option<Map<String, Value>>, TemplateError> {
        let Some(text) = self.text(DEVCONTAINER)? else { return Ok(None) };
        let file = self.path(DEVCONTAINER);
        let wrong = |key: &str, message: String| {
            let before = text.find(&format!("\"{key}\"")).map_or("", |at| &text[..at]);
            let line = before.matches('\n').count() + 1;
            TemplateError::Malformed { file: file.clone(), line, message }
        };
        let additions = render::jsonc(&file, text)?;
        for (key, value) in &additions {
            if !ADDED.contains(&key.as_str()) {
                let message =
                    format!("a template cannot add '{key}'; there are {}", ADDED.join(", "));
                return Err(wrong(key, message));
            }
            let text = value.to_string();
            if ["${localEnv:", "${env:"].iter().any(|variable| text.contains(variable)) {
                let message = format!("'{key}' takes something from this machine's environment");
                return Err(wrong(key, message));
            }
        }
        Ok(Some(additions))
    }

    /// Returns the text of the file at `path`, if it is there.
    pub fn text(&self, path: &str) -> Result<Option<&str>, TemplateError> {
        let Some(contents) = self.files.get(path).and_then(|file| file.contents.as_deref()) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(contents);
        text.map(Some).map_err(|_| TemplateError::NotUtf8 { file: self.path(path) })
    }

    /// Returns the section of a document for a container of this template.
    #[must_use]
    pub fn section(&self) -> document::template::Template {
        document::template::Template {
            name: self.name.clone(),
            directory: self.directory.clone(),
            digest: Some(self.digest()),
            base: None,
            extra: Extra::new(),
        }
    }
}

/// Returns the SHA-256 of `files` and `more`, in lower-case hex.
fn digest<'a>(files: impl Iterator<Item = (&'a str, &'a File)>, more: &str) -> String {
    let mut digest = Sha256::new();
    for (path, File { mode, contents }) in files {
        let contents = contents.as_deref();
        let length = contents.map_or(0, <[u8]>::len);
        let kind = if contents.is_some() { 'f' } else { 'd' };
        digest.update(format!("{kind}{path}\0{mode:o}\0{length}\0"));
        digest.update(contents.unwrap_or_default());
    }
    digest.update(more);
    format!("{:x}", digest.finalize())
}

#[cfg(test)]
mod tests;
