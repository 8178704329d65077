//! The recipes, and the directory that an engine builds one from.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The files of a recipe, the same in each context: a name and what is in it.
type Files = &'static [(&'static str, &'static str)];

const CONTAINER: Files = &[
    ("Containerfile", include_str!("../recipe/Containerfile")),
    ("packages.sh", include_str!("../recipe/packages.sh")),
    ("account.sh", include_str!("../recipe/account.sh")),
];

const PROXY: Files = &[
    ("Containerfile", include_str!("../recipe/proxy/Containerfile")),
    ("python.sh", include_str!("../recipe/proxy/python.sh")),
    ("mitmproxy.sh", include_str!("../recipe/proxy/mitmproxy.sh")),
    ("requirements.txt", include_str!("../recipe/proxy/requirements.txt")),
    ("forward.py", include_str!("../recipe/proxy/forward.py")),
];

/// The label of the stages that are not part of an image.
pub(crate) const LABEL_STAGE: &str = "ctrkit.stage";

/// The label with the id of the image that a template's is built upon.
pub(crate) const LABEL_UPON: &str = "ctrkit.template.base";

/// What an image is for, and so by which recipe it is built.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Role {
    /// A development container.
    Container {
        /// The account in it.
        user: String,
    },
    /// The proxy of isolated containers, which is their way in as well.
    Proxy,
    /// What a template adds to a container's image.
    Template {
        /// The files of its recipe: path, mode and contents.
        files: Vec<(String, u32, Vec<u8>)>,
        /// The id of the image that it is built upon, empty where that is not
        /// known yet.
        upon: String,
    },
}

/// An image to be built.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipe {
    /// The image's name.
    pub image: String,
    /// What it is for.
    pub role: Role,
    /// The image that it is built upon.
    pub base: String,
}

impl Role {
    fn files(&self) -> Files {
        match self {
            Self::Container { .. } => CONTAINER,
            Self::Proxy => PROXY,
            Self::Template { .. } => &[],
        }
    }

    /// Returns the first 12 hex digits of the recipe's SHA-256: they are a
    /// label of each image, and tell one that an older ctrkit built.
    #[must_use]
    pub fn digest(&self) -> String {
        let whole: String = self.files().iter().map(|(_, text)| *text).collect();
        Sha256::digest(whole)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Recipe {
    /// Returns the arguments of an engine's `build`, `context` being what
    /// [`write_context`] wrote.
    pub(crate) fn arguments(&self, context: &Path) -> Vec<String> {
        let Self { image, role, base } = self;
        let file = context.join("Containerfile");
        let more = match role {
            Role::Container { user } => {
                [build_arg("USER_NAME", user), build_arg("RECIPE", &role.digest())].concat()
            }
            Role::Proxy => build_arg("RECIPE", &role.digest()),
            // Its account and recipe are those of the image that it is built upon.
            Role::Template { upon, .. } => {
                vec!["--label".to_owned(), format!("{LABEL_UPON}={upon}")]
            }
        };
        // Docker would keep the container of a step that fails, and with it the
        // stage that the step is of.
        let arguments = [
            vec!["build".to_owned(), "--tag".to_owned(), image.clone()],
            vec!["--force-rm".to_owned()],
            build_arg("BASE", base),
            more,
            vec!["--file".to_owned(), file.to_string_lossy().into_owned()],
            vec![context.to_string_lossy().into_owned()],
        ];
        arguments.concat()
    }
}

fn build_arg(name: &str, value: &str) -> Vec<String> {
    vec!["--build-arg".to_owned(), format!("{name}={value}")]
}

/// Writes the recipe of `role` and `certificates` into the directory `context`;
/// for the proxy also what pip is to be told, `pip`.
///
/// Modes are set, not left to the umask: they are those in the image.
pub(crate) fn write_context(
    context: &Path,
    role: &Role,
    certificates: &[&str],
    pip: &str,
) -> io::Result<()> {
    if let Role::Template { files, .. } = role {
        return write_files(context, files);
    }
    for (name, text) in role.files() {
        write(&context.join(name), text, 0o644)?;
    }
    let directory = make_dir(context, "ca")?;
    for (index, certificate) in certificates.iter().enumerate() {
        let name = format!("ctrkit-{index:03}.crt");
        write(&directory.join(name), format!("{certificate}\n"), 0o644)?;
    }
    match role {
        Role::Container { .. } | Role::Template { .. } => Ok(()),
        Role::Proxy => write(&make_dir(context, "pip")?.join("pip.conf"), pip, 0o600),
    }
}

/// Writes the files of a template's recipe.
fn write_files(context: &Path, files: &[(String, u32, Vec<u8>)]) -> io::Result<()> {
    for (name, mode, contents) in files {
        let mut directory = context.to_owned();
        let mut parts = name.split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                write(&directory.join(part), contents, *mode)?;
            } else if directory.join(part).is_dir() {
                directory.push(part);
            } else {
                directory = make_dir(&directory, part)?;
            }
        }
    }
    Ok(())
}

fn make_dir(context: &Path, name: &str) -> io::Result<PathBuf> {
    let directory = context.join(name);
    fs::create_dir(&directory)?;
    fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    Ok(directory)
}

fn write(path: &Path, contents: impl AsRef<[u8]>, mode: u32) -> io::Result<()> {
    fs::write(path, contents)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}
