//! A new template, from one that is there.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use template::{File, Library, Template};
use toolkit::files::{self, FileError};

use crate::Error;

/// Makes the template `name` with the files of `from`, and returns where.
///
/// The directory gets its name last: one that is there is whole.
pub fn create(library: &Library, name: &str, from: &Template) -> Result<PathBuf, Error> {
    template::check_name(name)?;
    let path = library.directory().join(name);
    if path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path });
    }
    files::create_private_dir(library.directory())?;
    let writing = FileError::writing(&path);
    let made = tempfile::Builder::new().prefix(".new-").tempdir_in(library.directory());
    let made = made.map_err(&writing)?;
    for (relative, file) in from.files() {
        write(made.path(), relative, file).map_err(&writing)?;
    }
    match fs::rename(made.path(), &path) {
        Ok(()) => {
            // What it was called is gone; what it is has another name now.
            let _ = made.keep();
            Ok(path)
        }
        Err(error) => match error.kind() {
            io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => Err(Error::Exists { path }),
            _ => Err(writing(error).into()),
        },
    }
}

fn write(directory: &Path, relative: &str, File { mode, contents }: &File) -> io::Result<()> {
    let path = directory.join(relative);
    match contents {
        Some(contents) => {
            fs::create_dir_all(path.parent().unwrap_or(directory))?;
            fs::write(&path, contents)?;
        }
        None => fs::create_dir_all(&path)?,
    }
    fs::set_permissions(&path, Permissions::from_mode(*mode))
}
