//! The Compose files that a file names.

use std::path::{Path, PathBuf};

use compose::{Directory, OverrideError, as_override, reaches};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Base, Danger, Own, Scope, contents,
    danger::{BUILT, inside},
};

/// What both Compose tools take variables from, beside the first Compose file.
const ENVIRONMENT: &str = ".env";

/// With what the names of podman's own variables begin.
const OF_PODMAN: &[u8] = b"PODMAN_";

/// The most bytes of a file of variables that is looked at.
const LENGTH: u64 = 1 << 20;

impl Own {
    /// Returns the Compose files, absolute, in the order in which they are laid
    /// over one another; none in the other modes.
    #[must_use]
    pub fn compose_files(&self, project: &Path) -> Vec<PathBuf> {
        let Base::Compose { files, .. } = self.base() else { return Vec::new() };
        let real = |file: &String| {
            let place = self.place(project, file);
            place.canonicalize().unwrap_or(place)
        };
        files.iter().map(real).collect()
    }

    /// Lists what of the Compose files reaches the machine. What is isolated is
    /// checked as an override of the model instead, and only what it sees of this
    /// machine's files and how it is built are a matter of trust.
    pub fn compose_dangers(&self, scope: &Scope<'_>) -> Result<Vec<Danger>, OverrideError> {
        let files = self.compose_files(scope.project);
        let mut found = Vec::new();
        for file in &files {
            let name = file.strip_prefix(scope.project).unwrap_or(file).display();
            if let Err(reason) = inside(scope.project, file) {
                found.push(Danger::new("dockerComposeFile", &json!(file), &reason));
            }
            let directory = directory(&files, scope.project);
            let reaches = reaches(file, directory)?.into_iter();
            for reach in reaches.filter(|reach| !scope.isolated || reach.remains) {
                let key = format!("{name}: {}", reach.path);
                found.push(Danger::new(&key, &reach.value, &reach.reason));
            }
        }
        match scope.isolated {
            true => found.extend(self.isolated_build(scope, &files)?),
            false => found.extend(beside(scope.project, &files)),
        }
        Ok(found)
    }

    /// Returns the danger of an image that is built outside of the isolation.
    fn isolated_build(
        &self,
        scope: &Scope<'_>,
        files: &[PathBuf],
    ) -> Result<Option<Danger>, OverrideError> {
        let Base::Compose { service, .. } = self.base() else { return Ok(None) };
        let directory = directory(files, scope.project);
        let (_, made) = as_override(files, &service, &service, directory)?;
        let Some(build) = made.build else { return Ok(None) };
        let text = |key: &str, usual| build.get(key).and_then(Value::as_str).unwrap_or(usual);
        let context = directory.own.join(build.as_str().unwrap_or(text("context", ".")));
        let dockerfile = context.join(text("dockerfile", "Dockerfile"));
        let dockerfile = std::fs::read(dockerfile).unwrap_or_default();
        let value = json!([build, format!("{:x}", Sha256::digest(&dockerfile))]);
        let text = String::from_utf8_lossy(&dockerfile);
        let named = contents::of_named(scope.project, &context, &text);
        let key = format!("services.{service}.build");
        Ok(Some(Danger::new(&key, &value, BUILT).with(named)))
    }
}

/// Returns the danger of the variables beside `files`: podman-compose gives those of
/// podman's own to podman, and so another place of its files or of its engine.
fn beside(project: &Path, files: &[PathBuf]) -> Option<Danger> {
    let path = files.first()?.with_file_name(ENVIRONMENT);
    let found = path.symlink_metadata().ok()?;
    let text = (found.is_file() && found.len() <= LENGTH).then(|| std::fs::read(&path).ok());
    let names = |text: &[u8]| text.windows(OF_PODMAN.len()).any(|part| part == OF_PODMAN);
    if text.flatten().is_some_and(|text| !names(&text)) {
        return None;
    }
    let key = path.strip_prefix(project).unwrap_or(&path).display().to_string();
    let reason = "it is no plain file of variables, or has some that podman itself would take";
    Some(Danger::new(&key, &json!(contents(&path)), reason))
}

/// Returns the digest of what is in `files` and of the variables beside the first,
/// by which they are known again; none where there are none.
#[must_use]
pub fn compose_digest<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Option<String> {
    let mut files = files.into_iter().peekable();
    let beside = files.peek()?.with_file_name(ENVIRONMENT);
    let mut all: String = files.map(|file| contents(file)).collect();
    if beside.exists() {
        all += &contents(&beside);
    }
    Some(format!("{:x}", Sha256::digest(all)))
}

/// Returns the digest of what is in a file.
fn contents(path: &Path) -> String {
    let is_file = path.is_file();
    let contents = is_file.then(|| std::fs::read(path).unwrap_or_default());
    format!("{:x}", Sha256::digest(contents.unwrap_or_default()))
}

/// Returns what the paths in `files` are relative to.
#[must_use]
pub fn directory<'a>(files: &'a [PathBuf], project: &'a Path) -> Directory<'a> {
    let own = files.first().and_then(|file| file.parent()).unwrap_or(project);
    Directory { project, own }
}
