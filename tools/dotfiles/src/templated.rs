//! The home files of a template.

use std::path::{Path, PathBuf};

use template::{File, Template};
use toolkit::files;

use crate::{
    Dotfile, Error, Found, Warning,
    rules::{self, HEAD},
};

/// Returns the files of the template's home directory, as files below `state`,
/// without those below the directory `but`.
///
/// They are written there unless they are there already, or `write` is false.
/// The directory is named after the template's digest: what a document names
/// never changes under it.
pub fn of_template(
    template: &Template,
    state: &Path,
    but: Option<&str>,
    write: bool,
) -> Result<Found, Error> {
    let directory = state.join("dotfiles").join(format!("template-{}", &template.digest()[..16]));
    if directory.to_str().is_none() {
        return Err(Error::SourceNotUtf8 { path: directory });
    }
    let mut found = Found::default();
    for (path, file) in template.home() {
        let is_others = but.is_some_and(|but| Path::new(path).starts_with(but));
        if is_others || rules::leads_into_left_out(Path::new(path)) {
            continue;
        }
        if let Some(reason) = reason(path, file) {
            found.warnings.push(Warning { path: path.to_owned(), reason });
            continue;
        }
        let source = match &file.contents {
            Some(contents) => Some(place(&directory, path, contents, write)?),
            None => None,
        };
        found.files.push(Dotfile { path: path.to_owned(), source, mode: file.mode });
    }
    Ok(found)
}

/// Returns why a file must not travel, if it must not.
fn reason(path: &str, file: &File) -> Option<crate::warning::Reason> {
    let contents = file.contents.as_deref()?;
    let is_key = rules::is_private_key(&contents[..contents.len().min(HEAD)]);
    rules::private_name(Path::new(path))
        .or_else(|| is_key.then_some(crate::warning::Reason::PrivateKey))
}

/// Returns where `contents` are, after writing them there.
fn place(directory: &Path, path: &str, contents: &[u8], write: bool) -> Result<PathBuf, Error> {
    let target = directory.join(path);
    if write {
        files::create_private_dir(target.parent().unwrap_or(directory))?;
        files::replace_lazily(&target, contents, 0o600)?;
    }
    Ok(target)
}

/// Adds to `found` what `under` has at other places.
#[must_use]
pub fn lay_under(mut found: Found, under: Found) -> Found {
    let is_new = |file: &Dotfile| !found.files.iter().any(|own| own.path == file.path);
    let more: Vec<_> = under.files.into_iter().filter(is_new).collect();
    found.files.extend(more);
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.warnings.extend(under.warnings);
    found
}
