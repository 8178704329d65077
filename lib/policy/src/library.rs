//! Policies by name or file.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use toolkit::files::FileError;

use crate::{
    PolicyError,
    packages::{self, Machine},
    read,
    rule::Policy,
};

/// The largest file that is read, in bytes: ten thousand entries with a
/// sentence each have less than two million.
const LIMIT: u64 = 8 << 20;

/// The policies that are shipped, with their texts.
const SHIPPED: [(&str, &str); 4] = [
    ("base", include_str!("../shipped/base.toml")),
    ("claude", include_str!("../shipped/claude.toml")),
    ("github", include_str!("../shipped/github.toml")),
    ("vscode", include_str!("../shipped/vscode.toml")),
];

/// The policy that is read from the configuration of package managers.
const PACKAGES: &str = "packages";

/// Where policies come from.
#[derive(Clone, Debug)]
pub struct Library {
    /// The directory of a person's own policies; it need not exist.
    pub directory: PathBuf,
    /// The machine whose package managers `packages` asks.
    pub machine: Machine,
    /// Policies that come with what the container is made from; they are found
    /// before all others.
    pub more: Vec<Supplied>,
}

/// A policy that comes with something else.
#[derive(Clone, Debug)]
pub struct Supplied {
    /// Its name.
    pub name: String,
    /// The name of its file in errors and in places.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Library {
    /// Returns what the policies in `names` allow together. An item is a name,
    /// a file (it has a `/` or ends in `.toml` or `.json`), or several names
    /// joined by `+`.
    pub fn compose(&self, names: &[String]) -> Result<Policy, PolicyError> {
        let names = split(names);
        let mut policy: Option<Policy> = None;
        for name in &names {
            let one = self.load(name)?;
            match &mut policy {
                Some(policy) => policy.add(one),
                None => policy = Some(one),
            }
        }
        let policy = policy.ok_or(PolicyError::None)?;
        policy.check()?;
        Ok(policy)
    }

    /// Returns the policy `name`: one that comes with something before a person's
    /// own, and that before one that is shipped.
    fn load(&self, name: &str) -> Result<Policy, PolicyError> {
        if is_file(name) {
            let text = text(Path::new(name))?.ok_or_else(|| self.absent(name))?;
            return read::parse(name, &text);
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(self.absent(name));
        }
        if let Some(Supplied { file, text, .. }) = self.more.iter().find(|more| more.name == name) {
            return read::parse(file, text);
        }
        for extension in ["toml", "json"] {
            let path = self.directory.join(format!("{name}.{extension}"));
            if let Some(text) = text(&path)? {
                return read::parse(&path.to_string_lossy(), &text);
            }
        }
        if name == PACKAGES {
            return packages::read(&self.machine);
        }
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((_, text)) => read::parse(&format!("{name}.toml"), text),
            None => Err(self.absent(name)),
        }
    }

    fn absent(&self, name: &str) -> PolicyError {
        let own = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let own = own.filter_map(|entry| {
            let path = entry.path();
            let known = path.extension().is_some_and(|end| end == "toml" || end == "json");
            known.then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
        });
        let shipped = SHIPPED.iter().map(|(name, _)| (*name).to_owned());
        let more = self.more.iter().map(|more| more.name.clone());
        let mut known: Vec<_> =
            own.chain(more).chain(shipped).chain([PACKAGES.to_owned()]).collect();
        known.sort();
        known.dedup();
        PolicyError::Absent { name: name.to_owned(), known }
    }
}

/// Reads the file of a project that narrows `policy`, if it is there.
///
/// It comes out of a worktree: only a plain file is opened.
pub fn narrow(policy: &Policy, path: &Path) -> Result<Option<Policy>, PolicyError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file");
            return Err(FileError::Read { path: path.to_owned(), source }.into());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::reading(path)(error).into()),
    }
    let Some(text) = text(path)? else { return Ok(None) };
    policy.narrow(read::parse_foreign(&path.to_string_lossy(), &text)?).map(Some)
}

/// Returns the single names and files of `names`, each once.
#[must_use]
pub fn split(names: &[String]) -> Vec<String> {
    let mut single: Vec<String> = Vec::new();
    for name in names {
        let parts = if is_file(name) { vec![name.as_str()] } else { name.split('+').collect() };
        for part in parts {
            if !single.iter().any(|known| known == part) {
                single.push(part.to_owned());
            }
        }
    }
    single
}

/// Says whether a policy's name is that of a file.
#[must_use]
pub fn is_file(name: &str) -> bool {
    name.contains('/')
        || Path::new(name).extension().is_some_and(|end| end == "toml" || end == "json")
}

/// Returns the text of the file at `path`, or `None` where there is none.
fn text(path: &Path) -> Result<Option<String>, PolicyError> {
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut contents));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::reading(path)(error).into()),
    }
    let file = || path.to_string_lossy().into_owned();
    if contents.len() as u64 > LIMIT {
        return Err(PolicyError::TooLarge { file: file(), limit: LIMIT });
    }
    String::from_utf8(contents).map(Some).map_err(|_| PolicyError::NotUtf8 { file: file() })
}
