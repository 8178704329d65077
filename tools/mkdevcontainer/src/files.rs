//! The files that are written, and how.

use std::{path::Path, time::Duration};

use devcontainer::{Base, Own, Scope, is_ours, signed};
use document::{Container, compose::Names, devcontainer::Devcontainer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use toolkit::files::{self, Lock};

use crate::{Error, isolated, literal, merge, ours, service, trust};

/// The name that editors and the CLI look for.
const CONFIG: &str = "devcontainer.json";

/// The Compose file beside it, where there is one.
const COMPOSE: &str = "ctrkit.compose.json";

/// The key of the Compose file by which it is known again.
const MARK: &str = "x-ctrkit";

/// The file in the state directory with the digest of what is trusted.
const TRUSTED: &str = "devcontainer.trusted";

/// What a container is made from, in the words of the document.
const IMAGE: &str = "image";
const BUILD: &str = "build";
const SERVICE: &str = "compose";

/// The files of one container, as they are to be.
#[derive(Clone, Debug)]
pub struct Files {
    /// The devcontainer.json: plain JSON.
    pub config: String,
    compose: Option<String>,
    /// The section of the document that names them.
    section: Devcontainer,
}

impl Files {
    /// Decides what is in the files of `container`, which are to lie in
    /// `directory`, if it is made from the repository's `own` file, of which what
    /// has the digest `trusted` is trusted. An isolated one is in `model`, by
    /// default the one that the document names. What its template adds to it is
    /// `additions`.
    pub fn of(
        container: &Container,
        own: Option<&Own>,
        additions: Option<&Map<String, Value>>,
        directory: &Path,
        trusted: Option<String>,
        model: Option<Value>,
    ) -> Result<Self, Error> {
        let mut section = container.devcontainer.clone().unwrap_or_default();
        section.config = Some(directory.join(CONFIG));
        section.trust_image(trusted.as_deref());
        section.trusted = trusted;
        section.own = own.map(|own| own.path.clone());
        section.compose_files = Vec::new();
        (section.service, section.project) = (None, None);
        if container.isolation.is_some() {
            section.compose_digest = None;
            return Self::isolated(container, own, additions, directory, section, model);
        }
        match own.map(|own| (own, own.base())) {
            None => Self::plain(container, additions, section),
            Some((own, Base::Compose { service, .. })) => {
                Self::composed(container, own, additions, &service, directory, section)
            }
            Some((own, base)) => {
                let mut ours = ours::common(container)?;
                ours.extend(ours::engine(container));
                literal::check(&ours)?;
                let built = matches!(base, Base::Build { .. });
                section.mode = Some(if built { BUILD } else { IMAGE }.to_owned());
                let mut config = merge::engine(own, container, ours)?;
                merge::lay_under(&mut config, additions, container);
                Ok(Self { config: signed(config), compose: None, section })
            }
        }
    }

    /// A container of which only the document says something.
    fn plain(
        container: &Container,
        additions: Option<&Map<String, Value>>,
        mut section: Devcontainer,
    ) -> Result<Self, Error> {
        let mut config = ours::common(container)?;
        config.extend(ours::engine(container));
        config.insert("image".to_owned(), container.image()?.into());
        // The image's own command is sshd.
        config.insert("overrideCommand".to_owned(), false.into());
        literal::check(&config)?;
        merge::lay_under(&mut config, additions, container);
        section.mode = Some(IMAGE.to_owned());
        Ok(Self { config: signed(config), compose: None, section })
    }

    /// A service of the repository's own Compose files.
    fn composed(
        container: &Container,
        own: &Own,
        additions: Option<&Map<String, Value>>,
        service: &str,
        directory: &Path,
        mut section: Devcontainer,
    ) -> Result<Self, Error> {
        let mut files = own.compose_files(&container.project.path);
        let file = service::over(container, service, &files)?;
        files.push(directory.join(COMPOSE));
        let mut ours = ours::common(container)?;
        let paths: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        ours.insert("dockerComposeFile".to_owned(), json!(paths));
        literal::check(&ours)?;
        let mut config = own.config.clone();
        for key in ["dockerComposeFile", "workspaceMount"] {
            config.remove(key);
        }
        merge::without(&mut config, &ours::environment(container));
        merge::lay_over(&mut config, ours);
        merge::lay_under(&mut config, additions, container);
        section.mode = Some(SERVICE.to_owned());
        section.compose_files = files;
        section.service = Some(service.to_owned());
        section.project = Some(Names::of(&container.project.hash).dev_project());
        Ok(Self { config: signed(config), compose: Some(marked(file)?), section })
    }

    fn isolated(
        container: &Container,
        own: Option<&Own>,
        additions: Option<&Map<String, Value>>,
        directory: &Path,
        mut section: Devcontainer,
        model: Option<Value>,
    ) -> Result<Self, Error> {
        let model = model.map_or_else(|| compose::model_of(container), Ok)?;
        let file = isolated::file(container, own, model)?;
        let mut common = ours::common(container)?;
        let path = directory.join(COMPOSE);
        common.insert("dockerComposeFile".to_owned(), json!([path.to_string_lossy()]));
        let mut config = isolated::config(own, &file, common)?;
        merge::lay_under(&mut config, additions, container);
        section.mode = Some(SERVICE.to_owned());
        section.compose_files = vec![path];
        section.service = Some("app".to_owned());
        section.project = Some(Names::of(&container.project.hash).dev_project());
        Ok(Self { config: signed(config), compose: Some(marked(file)?), section })
    }

    /// Writes the files into `directory`, of which nothing is replaced that a
    /// person wrote or changed.
    pub fn install(&self, directory: &Path, patience: Duration) -> Result<(), Error> {
        files::create_private_dir(directory)?;
        let _lock = Lock::take(&directory.join(".mkdevcontainer.lock"), patience)?;
        if let Some(text) = &self.compose {
            put(&directory.join(COMPOSE), text, has_mark)?;
        }
        put(&directory.join(CONFIG), &self.config, is_ours)
    }

    /// Notes the files in `container`.
    pub fn record(self, container: &mut Container) {
        container.devcontainer = Some(self.section);
    }

    /// Remembers in `state`, the container's state directory, what is trusted.
    pub fn remember(&self, state: &Path) -> Result<(), Error> {
        let path = state.join(TRUSTED);
        if let Some(digest) = &self.section.trusted {
            files::create_private_dir(state)?;
            files::replace(&path, format!("{digest}\n").as_bytes(), 0o600)?;
        }
        Ok(())
    }
}

/// Returns the digest in `state` of what was trusted before.
pub fn remembered(state: &Path) -> Result<Option<String>, Error> {
    let text = files::read(&state.join(TRUSTED))?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).trim().to_owned()))
}

/// Makes sure that nothing of `own` is used that is not trusted, now or before
/// with the digest `remembered`; returns the digest of what is.
pub fn trusted(
    container: &Container,
    own: Option<&Own>,
    remembered: Option<&str>,
) -> Result<Option<String>, Error> {
    let Some(own) = own else { return Ok(None) };
    let project = &container.project.path;
    own.check_files(project)?;
    let isolated = container.isolation.is_some();
    let scope = Scope { project, name: &container.name, isolated };
    let mut dangers = own.dangers(&scope);
    dangers.extend(own.compose_dangers(&scope)?);
    let asked = container.devcontainer.as_ref().and_then(|section| section.trusted.as_deref());
    trust::check(&own.path, dangers, asked.or(remembered), isolated)
}

/// Makes the file at `path` have `text`, if what is there `is_ours`.
fn put(path: &Path, text: &str, is_ours: fn(&[u8]) -> bool) -> Result<(), Error> {
    files::sweep(path);
    if files::read(path)?.is_some_and(|there| !is_ours(&there)) {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    files::replace(path, text.as_bytes(), 0o600)?;
    Ok(())
}

/// Returns the text of a Compose file, with a digest as in the other file.
fn marked(mut model: Value) -> Result<String, Error> {
    let digest = format!("sha256:{:x}", Sha256::digest(compose::to_text(&model)?));
    model[MARK] = json!({"digest": digest});
    Ok(compose::to_text(&model)?)
}

fn has_mark(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).ok().and_then(compose::from_text);
    let Some(Value::Object(mut model)) = text else { return false };
    let Some(mark) = model.remove(MARK) else { return false };
    let Ok(text) = compose::to_text(&Value::Object(model)) else { return false };
    mark["digest"] == json!(format!("sha256:{:x}", Sha256::digest(text)))
}
