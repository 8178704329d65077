//! Where templates are.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use toolkit::{Places, files::FileError};

use crate::{File, Settings, Template, TemplateError, files, shipped};

/// The file that makes a directory a template.
pub const FILE: &str = "template.toml";

/// What a template's name must be: it is part of an image's name (OCI
/// distribution specification, "Pulling manifests").
pub(crate) const NAME_RULE: &str = "a name is 1 to 40 lower-case letters, digits and hyphens, the \
                                    first and the last one no hyphen; base, proxy and \
                                    debootstrap are names of other images";

/// The names that images of ctrkit's own have.
const RESERVED: [&str; 3] = ["base", "debootstrap", "proxy"];

/// Templates by name: a person's own, and those that are shipped.
#[derive(Clone, Debug)]
pub struct Library {
    directory: PathBuf,
}

impl Library {
    /// Returns the library of `places`.
    pub fn new(places: &Places) -> Result<Self, TemplateError> {
        Ok(Self { directory: places.config()?.join("templates") })
    }

    /// Returns the directory of a person's own templates; it need not exist.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the template `name`: a person's own before one that is shipped.
    pub fn find(&self, name: &str) -> Result<Template, TemplateError> {
        check_name(name)?;
        let directory = self.directory.join(name);
        // A link that leads nowhere was put there by somebody: it is not absent.
        if directory.symlink_metadata().is_ok() {
            return read(name, &directory);
        }
        match shipped::files(name) {
            Some(files) => template(name, None, files),
            None => Err(TemplateError::Absent { name: name.to_owned(), known: self.names()? }),
        }
    }

    /// Returns the template that a document names, if it is still the same.
    pub fn of(&self, section: &document::template::Template) -> Result<Template, TemplateError> {
        check_name(&section.name)?;
        let template = match (&section.directory, shipped::files(&section.name)) {
            (Some(directory), _) => read(&section.name, directory)?,
            (None, Some(files)) => template(&section.name, None, files)?,
            (None, None) => self.find(&section.name)?,
        };
        match &section.digest {
            Some(digest) if *digest != template.digest() => {
                Err(TemplateError::Changed { name: section.name.clone() })
            }
            _ => Ok(template),
        }
    }

    /// Returns the names of all templates, sorted.
    pub fn names(&self) -> Result<Vec<String>, TemplateError> {
        let mut names: Vec<_> = shipped::NAMES.iter().map(|name| (*name).to_owned()).collect();
        match fs::read_dir(&self.directory) {
            Ok(entries) => {
                let found =
                    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
                names.extend(found.filter(|name| check_name(name).is_ok()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FileError::reading(&self.directory)(error).into()),
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Reads the template in `directory`, wherever that is.
    pub fn read(directory: &Path) -> Result<Template, TemplateError> {
        let path = std::path::absolute(directory).map_err(FileError::reading(directory))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        check_name(&name)?;
        read(&name, &path)
    }
}

fn read(name: &str, directory: &Path) -> Result<Template, TemplateError> {
    let files = files::read(directory)?;
    if !files.contains_key(FILE) {
        return Err(TemplateError::NotATemplate { path: directory.to_owned() });
    }
    template(name, Some(directory.to_owned()), files)
}

fn template(
    name: &str,
    directory: Option<PathBuf>,
    files: BTreeMap<String, File>,
) -> Result<Template, TemplateError> {
    let name = name.to_owned();
    let mut template = Template { name, directory, settings: Settings::default(), files };
    let text = template.text(FILE)?.unwrap_or_default();
    template.settings = Settings::parse(&template.path(FILE), text)?;
    if !template.has_recipe() && template.below("image").next().is_some() {
        return Err(TemplateError::Malformed {
            file: template.path("image"),
            line: 1,
            message: "there is no Containerfile in it".to_owned(),
        });
    }
    Ok(template)
}

/// Refuses what cannot be the name of a template.
pub fn check_name(name: &str) -> Result<(), TemplateError> {
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = (1..=40).contains(&name.len())
        && name.chars().all(is_good)
        && !name.starts_with('-')
        && !name.ends_with('-');
    match is_name && !RESERVED.contains(&name) {
        true => Ok(()),
        false => Err(TemplateError::BadName { name: name.to_owned() }),
    }
}
