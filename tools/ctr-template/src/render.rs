//! Files of a person's own, filled in with what a document says.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use template::{Template, TemplateError, render};
use toolkit::files::{self, FileError};

use crate::Error;

/// The largest file that is filled in, in bytes.
const LIMIT: u64 = 1 << 20;

/// Fills the file at `path` in; what it is follows from its name.
pub fn render_file(path: &Path, variables: &render::Variables) -> Result<String, Error> {
    let reading = FileError::reading(path);
    let found = path.metadata().map_err(&reading)?;
    // A pipe may never end, and a device has no end.
    if !found.is_file() || found.len() > LIMIT {
        let problem = "it is not a plain file of at most 1 MiB";
        return Err(reading(io::Error::new(io::ErrorKind::InvalidInput, problem)).into());
    }
    let file = path.to_string_lossy().into_owned();
    let text = fs::read(path).map_err(&reading)?;
    let text =
        String::from_utf8(text).map_err(|_| TemplateError::NotUtf8 { file: file.clone() })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(render::render(&name, &file, &text, variables)?)
}

/// Fills in the files of `template` and returns them, each with its name.
pub fn render_template(
    template: &Template,
    variables: &render::Variables,
) -> Result<Vec<(String, String)>, Error> {
    let mut rendered = Vec::new();
    for name in render::FILES {
        let (Some(text), Some(to)) = (template.text(name)?, render::rendered_name(name)) else {
            continue;
        };
        let text = render::render(name, &template.path(name), text, variables)?;
        rendered.push((to.to_owned(), text));
    }
    match rendered.is_empty() {
        true => Err(Error::NothingToRender { name: template.name.clone() }),
        false => Ok(rendered),
    }
}

/// Writes `rendered` into `directory`, and returns the paths.
///
/// What somebody has there is not written over unless `force` says so, and a
/// link never: it may lead to any file of the person's. Nothing is written
/// before all of it may be.
pub fn write(
    rendered: &[(String, String)],
    directory: &Path,
    force: bool,
) -> Result<Vec<PathBuf>, Error> {
    let paths: Vec<_> = rendered.iter().map(|(name, _)| directory.join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(rendered) {
        let is_link = path.is_symlink();
        let is_other = |contents: Option<Vec<u8>>| contents.is_some_and(|c| c != text.as_bytes());
        if is_link || (!force && is_other(files::read(path)?)) {
            return Err(Error::Occupied { path: path.clone(), is_link });
        }
    }
    fs::create_dir_all(directory).map_err(FileError::writing(directory))?;
    for (path, (_, text)) in paths.iter().zip(rendered) {
        files::replace(path, text.as_bytes(), 0o600)?;
    }
    Ok(paths)
}
