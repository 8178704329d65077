//! The recipe, and the directory that an engine builds it from.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use sha2::{Digest, Sha256};

/// The recipe itself: the files of the context that are always the same.
const FILES: [(&str, &str); 3] = [
    ("Containerfile", include_str!("../recipe/Containerfile")),
    ("packages.sh", include_str!("../recipe/packages.sh")),
    ("account.sh", include_str!("../recipe/account.sh")),
];

/// An image to be built.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipe {
    /// The image's name.
    pub image: String,
    /// The account in it.
    pub user: String,
    /// The image that it is built upon.
    pub base: String,
}

/// Returns the first 12 hex digits of the recipe's SHA-256: they are a label
/// of each image, and tell one that an older ctrkit built.
#[must_use]
pub fn digest() -> String {
    let whole = FILES.map(|(_, text)| text).concat();
    Sha256::digest(whole)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Recipe {
    /// Returns the arguments of an engine's `build`, `context` being what
    /// [`write_context`] wrote.
    pub(crate) fn arguments(&self, context: &Path) -> Vec<String> {
        let Self { image, user, base } = self;
        let file = context.join("Containerfile");
        let arguments = [
            vec!["build".to_owned(), "--tag".to_owned(), image.clone()],
            build_arg("BASE", base),
            build_arg("USER_NAME", user),
            build_arg("RECIPE", &digest()),
            vec!["--file".to_owned(), file.to_string_lossy().into_owned()],
            vec![context.to_string_lossy().into_owned()],
        ];
        arguments.concat()
    }
}

fn build_arg(name: &str, value: &str) -> Vec<String> {
    vec!["--build-arg".to_owned(), format!("{name}={value}")]
}

/// Writes the recipe and `certificates` into the directory `context`.
///
/// Modes are set, not left to the umask: they are those in the image.
pub(crate) fn write_context(context: &Path, certificates: &[&str]) -> io::Result<()> {
    for (name, text) in FILES {
        write(&context.join(name), text)?;
    }
    let directory = context.join("ca");
    fs::create_dir(&directory)?;
    fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    for (index, certificate) in certificates.iter().enumerate() {
        let name = format!("ctrkit-{index:03}.crt");
        write(&directory.join(name), &format!("{certificate}\n"))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}
