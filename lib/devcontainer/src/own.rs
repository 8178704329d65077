//! The file, read and of the right shape.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use document::container::{is_account, is_variable};
use serde_json::{Map, Value};
use toolkit::files::FileError;

use crate::{
    OwnError, jsonc,
    mount::Mount,
    run_args::options,
    shape::{BUILD, SHAPES, Shape},
};

/// How many bytes a file can have.
const LIMIT: u64 = 256 << 10;

/// The account of a file that names none: that of the images which are made for
/// such files (containers.dev).
const USER: &str = "vscode";

/// A repository's own devcontainer.json.
#[derive(Clone, Debug)]
pub struct Own {
    /// The file, absolute.
    pub path: PathBuf,
    /// What is in it, each key that is known in its right shape.
    pub config: Map<String, Value>,
    lines: HashMap<String, usize>,
}

/// What a container is made from. Paths are as they are written, relative to
/// the file's directory.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// Nothing is said.
    Nothing,
    /// An image.
    Image(String),
    /// An image that is built.
    Build {
        /// The Dockerfile.
        dockerfile: String,
        /// The directory that the build may copy from.
        context: String,
        /// Its arguments.
        args: BTreeMap<String, String>,
        /// The stage that is built.
        target: Option<String>,
        /// The images that the build may take layers from.
        cache_from: Vec<String>,
    },
    /// A service of Compose files.
    Compose {
        /// The files, in the order in which they are laid over one another.
        files: Vec<String>,
        /// The service that is the container.
        service: String,
    },
}

impl Own {
    /// Reads the file at `path`, which has to be a plain one beneath `project`
    /// unless a person `asked` for it.
    pub fn load(path: &Path, project: &Path, asked: bool) -> Result<Self, OwnError> {
        if !asked {
            let root = project.canonicalize().map_err(FileError::reading(project))?;
            let real = path.canonicalize().map_err(FileError::reading(path))?;
            if !real.starts_with(root) {
                let reason = "by a symbolic link it lies outside of the worktree".to_owned();
                return Err(OwnError::Unfit { path: path.to_owned(), reason });
            }
        }
        Self::parse(path, &text(path)?)
    }

    /// Reads `text`, the contents of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, OwnError> {
        let (config, lines) =
            jsonc::parse(text).map_err(|jsonc::Malformed { line, message }| OwnError::Broken {
                path: path.to_owned(),
                line,
                message,
            })?;
        let lines = config.keys().cloned().zip(lines).collect();
        let own = Self { path: path.to_owned(), config, lines };
        own.check()?;
        Ok(own)
    }

    /// Returns the error that `key`, whose first part is a key of the file,
    /// does not keep to `rule`.
    pub(crate) fn bad(&self, key: &str, rule: impl Into<String>) -> OwnError {
        let first = key.split(['.', '[']).next().unwrap_or_default();
        let line = self.lines.get(first).copied().unwrap_or(1);
        OwnError::BadKey { path: self.path.clone(), line, key: key.to_owned(), rule: rule.into() }
    }

    /// Makes sure of the shapes, and of what must not reach any program.
    fn check(&self) -> Result<(), OwnError> {
        for (key, shape) in SHAPES {
            if let Some(value) = self.config.get(*key) {
                self.fits(key, *shape, value)?;
            }
        }
        for (key, value) in self.table("build") {
            let shape = BUILD.iter().find(|(known, _)| *known == key).map(|(_, shape)| *shape);
            // One that nobody knows could mean anything to a build.
            let shape = shape.ok_or_else(|| self.bad(&format!("build.{key}"), "is not known"))?;
            self.fits(&format!("build.{key}"), shape, value)?;
        }
        self.check_base()?;
        self.check_names()?;
        for (index, mount) in self.list("mounts").iter().enumerate() {
            let key = format!("mounts[{index}]");
            Mount::read(mount).map_err(|rule| self.bad(&key, rule))?;
        }
        Ok(())
    }

    fn fits(&self, key: &str, shape: Shape, value: &Value) -> Result<(), OwnError> {
        if has_nul(value) {
            return Err(self.bad(key, "has a NUL, which no program can be given"));
        }
        match shape.fits(value) {
            true => Ok(()),
            false => Err(self.bad(key, format!("must be {}", shape.words()))),
        }
    }

    fn check_base(&self) -> Result<(), OwnError> {
        let bases: Vec<_> = ["image", "build", "dockerFile", "dockerComposeFile"]
            .into_iter()
            .filter(|key| self.config.contains_key(*key))
            .collect();
        if let [first, second, ..] = bases.as_slice() {
            return Err(self.bad(second, format!("is there beside '{first}': say one")));
        }
        match self.base() {
            Base::Image(image) if !compose::is_image(&image) => {
                Err(self.bad("image", "is no name of an image"))
            }
            Base::Build { dockerfile, .. } if dockerfile.is_empty() => {
                Err(self.bad("build", "has no 'dockerfile'"))
            }
            Base::Compose { files, .. } if files.is_empty() => {
                Err(self.bad("dockerComposeFile", "names no file"))
            }
            Base::Compose { service, .. } if !is_service(&service) => {
                Err(self.bad("service", "must be the name of a service"))
            }
            _ => Ok(()),
        }
    }

    /// Names become part of command lines and of files that others write.
    fn check_names(&self) -> Result<(), OwnError> {
        for key in ["remoteUser", "containerUser"] {
            if self.text(key).is_some_and(|user| !is_account(user)) {
                return Err(self.bad(key, "must be the name of an account"));
            }
        }
        for key in ["containerEnv", "remoteEnv"] {
            if let Some((name, _)) = self.table(key).find(|(name, _)| !is_variable(name)) {
                return Err(self.bad(&format!("{key}.{name}"), "is no name of a variable"));
            }
        }
        let services = self.list("runServices").iter().filter_map(Value::as_str);
        match services.into_iter().find(|name| !is_service(name)) {
            Some(name) => {
                Err(self.bad("runServices", format!("has '{name}', which is no service")))
            }
            None => Ok(()),
        }
    }

    /// Returns the text of `key`, if it is there.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.config.get(key)?.as_str()
    }

    /// Returns the items of the list `key`; one that is not there has none.
    #[must_use]
    pub fn list(&self, key: &str) -> &[Value] {
        self.config.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the members of the map `key`; one that is not there has none.
    pub fn table(&self, key: &str) -> impl Iterator<Item = (&str, &Value)> {
        let members = self.config.get(key).and_then(Value::as_object).into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the texts of `key`, of which there may be one or a list.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.config.get(key).map(texts).unwrap_or_default()
    }

    /// Returns the account that people work as.
    #[must_use]
    pub fn user(&self) -> &str {
        self.text("remoteUser").or_else(|| self.text("containerUser")).unwrap_or(USER)
    }

    /// Returns the directory to which paths in the file are relative.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Returns the file or directory that the file calls `path`, in the worktree
    /// `project`.
    #[must_use]
    pub fn place(&self, project: &Path, path: &str) -> PathBuf {
        match path.strip_prefix("${localWorkspaceFolder}") {
            Some(rest) => project.join(rest.trim_start_matches('/')),
            None => self.directory().join(path),
        }
    }

    /// Makes sure that the files are there from which the container is made.
    pub fn check_files(&self, project: &Path) -> Result<(), OwnError> {
        let (key, files) = match self.base() {
            Base::Build { dockerfile, .. } => ("Dockerfile", vec![dockerfile]),
            Base::Compose { files, .. } => ("Compose file", files),
            Base::Nothing | Base::Image(_) => return Ok(()),
        };
        let mut places = files.iter().map(|file| self.place(project, file));
        match places.find(|place| !place.is_file()) {
            Some(missing) => Err(OwnError::Missing { path: self.path.clone(), key, missing }),
            None => Ok(()),
        }
    }

    /// Returns the options of `run` that the document does not decide.
    #[must_use]
    pub fn run_args(&self) -> Vec<String> {
        let options = options(&self.texts("runArgs")).into_iter();
        options.filter(|option| !option.is_decided()).flat_map(|option| option.words).collect()
    }

    /// Returns what the container is made from.
    #[must_use]
    pub fn base(&self) -> Base {
        if let Some(image) = self.text("image") {
            return Base::Image(image.to_owned());
        }
        if self.config.contains_key("dockerComposeFile") {
            let service = self.text("service").unwrap_or_default().to_owned();
            return Base::Compose { files: self.texts("dockerComposeFile"), service };
        }
        let build: HashMap<_, _> = self.table("build").collect();
        let text = |key: &str| Some(build.get(key)?.as_str()?.to_owned());
        // The two keys are those of older files.
        let dockerfile = self.text("dockerFile").map(str::to_owned);
        if dockerfile.is_none() && !self.config.contains_key("build") {
            return Base::Nothing;
        }
        let args = build.get("args").and_then(|args| args.as_object()).into_iter().flatten();
        let args =
            args.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Base::Build {
            dockerfile: dockerfile.or_else(|| text("dockerfile")).unwrap_or_default(),
            context: self
                .text("context")
                .map(str::to_owned)
                .or_else(|| text("context"))
                .unwrap_or(".".to_owned()),
            args: args.collect(),
            target: text("target"),
            cache_from: build.get("cacheFrom").map(|value| texts(value)).unwrap_or_default(),
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Returns the text of the file at `path`.
fn text(path: &Path) -> Result<String, OwnError> {
    let reading = FileError::reading(path);
    let unfit = |reason: String| OwnError::Unfit { path: path.to_owned(), reason };
    // A pipe may never end, and a device has no end.
    if !path.metadata().map_err(&reading)?.is_file() {
        return Err(unfit("it is not a plain file".to_owned()));
    }
    let mut contents = Vec::new();
    let file = File::open(path).map_err(&reading)?;
    file.take(LIMIT + 1).read_to_end(&mut contents).map_err(&reading)?;
    if contents.len() as u64 > LIMIT {
        return Err(unfit(format!("it has more than {LIMIT} bytes")));
    }
    String::from_utf8(contents).map_err(|_| unfit("it is not UTF-8".to_owned()))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(key, it)| key.contains('\0') || has_nul(it)),
        _ => false,
    }
}

/// Says whether `text` is a name of a service (Compose Specification).
fn is_service(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_good)
}
