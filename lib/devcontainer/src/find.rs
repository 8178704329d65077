//! Where a repository has its file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use toolkit::files::FileError;

use crate::OwnError;

/// Returns the devcontainer.json of the worktree `project`, absolute: the one
/// that is `asked` for, else the only one that is where editors look for it.
///
/// `is_ours` says of the contents of one that ctrkit wrote itself: such a file
/// is nobody's own.
pub fn find(
    project: &Path,
    asked: Option<&Path>,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Result<Option<PathBuf>, OwnError> {
    if let Some(asked) = asked {
        let path = project.join(asked);
        return match path.is_file() {
            true => Ok(Some(path)),
            false => Err(OwnError::Absent { path }),
        };
    }
    let mut found: Vec<_> = [".devcontainer/devcontainer.json", ".devcontainer.json"]
        .into_iter()
        .map(|name| project.join(name))
        .chain(below(&project.join(".devcontainer"))?)
        .filter(|path| path.is_file())
        .collect();
    found.retain(|path| !fs::read(path).is_ok_and(|text| is_ours(&text)));
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err(OwnError::Several { project: project.to_owned(), found }),
    }
}

/// Returns the files one directory further down, sorted.
fn below(directory: &Path) -> Result<Vec<PathBuf>, OwnError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(FileError::reading(directory)(error).into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::reading(directory))?;
        found.push(entry.path().join("devcontainer.json"));
    }
    found.sort();
    Ok(found)
}
