//! The files that are written, and how.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use document::{Container, devcontainer::Devcontainer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use toolkit::files::{self, Lock};

use crate::{Error, literal, ours};

/// The name that editors and the CLI look for.
const CONFIG: &str = "devcontainer.json";

/// What a container is made from, in the words of the document.
const IMAGE: &str = "image";

/// The files of one container, as they are to be.
#[derive(Clone, Debug)]
pub struct Files {
    /// The devcontainer.json: plain JSON.
    pub config: String,
    mode: &'static str,
}

impl Files {
    /// Decides what is in the files of `container`, which are to lie in `_directory`.
    pub fn of(container: &Container, _directory: &Path) -> Result<Self, Error> {
        let mut config = ours::common(container)?;
        config.insert("image".to_owned(), container.image()?.into());
        // The image's own command is sshd.
        config.insert("overrideCommand".to_owned(), false.into());
        config.extend(ours::engine(container));
        literal::check(&config)?;
        Ok(Self { config: signed(config), mode: IMAGE })
    }

    /// Writes the files into `directory`, of which nothing is replaced that a
    /// person wrote or changed.
    pub fn install(&self, directory: &Path, patience: Duration) -> Result<(), Error> {
        files::create_private_dir(directory)?;
        let _lock = Lock::take(&directory.join(".mkdevcontainer.lock"), patience)?;
        let path = directory.join(CONFIG);
        files::sweep(&path);
        if files::read(&path)?.is_some_and(|text| !is_ours(&text)) {
            return Err(Error::Foreign { path });
        }
        files::replace(&path, self.config.as_bytes(), 0o600)?;
        Ok(())
    }

    /// Notes in `container` the files, which are in `directory`.
    pub fn record(&self, container: &mut Container, directory: &Path) {
        let section = container.devcontainer.get_or_insert_with(Devcontainer::default);
        section.config = Some(path_of(directory));
        section.mode = Some(self.mode.to_owned());
    }
}

fn path_of(directory: &Path) -> PathBuf {
    directory.join(CONFIG)
}

/// Returns the text of `config`, with a digest by which it is known again as
/// what nobody has changed.
fn signed(mut config: Map<String, Value>) -> String {
    // One that is empty could not be told from ours with the digest taken out.
    if config.get("customizations") == Some(&json!({})) {
        config.remove("customizations");
    }
    let digest = digest(&config);
    let customizations = config.entry("customizations").or_insert_with(|| json!({}));
    customizations["ctrkit"] = json!({"digest": digest});
    format!("{:#}\n", Value::Object(config))
}

/// Says whether `text` is a devcontainer.json that this tool wrote, and nobody
/// has changed since.
pub(crate) fn is_ours(text: &[u8]) -> bool {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(text) else { return false };
    let Some(Value::Object(customizations)) = config.get_mut("customizations") else {
        return false;
    };
    let Some(mark) = customizations.remove("ctrkit") else { return false };
    if customizations.is_empty() {
        config.remove("customizations");
    }
    mark["digest"] == json!(digest(&config))
}

fn digest(config: &Map<String, Value>) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    format!("sha256:{:x}", Sha256::digest(text))
}
