//! What the images are called that are built for a container.

use std::path::Path;

use document::compose::Names;
use sha2::{Digest, Sha256};

/// How many digits of a worktree's digest are its project's hash.
const HASH: usize = 12;

/// What the CLI adds to the name of an image: one with features, and one in which
/// the account has another number.
const SUFFIXES: [&str; 2] = ["-uid", "-features"];

/// Returns the name of the image that is built for the container called `name`.
#[must_use]
pub fn image(name: &str) -> String {
    format!("localhost/ctrkit-dev-{name}:latest")
}

/// Returns for which container `image` is built, if it is called as [`image`] says.
#[must_use]
pub fn image_of(image: &str) -> Option<&str> {
    image.strip_prefix("localhost/ctrkit-dev-")?.strip_suffix(":latest")
}

/// Says whether `image` is called as what is built for the container `name` of
/// the worktree at `path`, and for nothing else: by ctr-up(1), by the CLI, which
/// puts the SHA-256 of the path into the name (`vsc-DIRECTORY-DIGEST`), or by the
/// program for Compose files, which puts the project into it.
#[must_use]
pub fn is_image_of(image: &str, name: &str, path: &Path) -> bool {
    let digest = format!("{:x}", Sha256::digest(path.as_os_str().as_encoded_bytes()));
    let hash = &digest[..HASH];
    if image_of(image).is_some_and(|of| of == name || of == hash) {
        return true;
    }
    let short = image.strip_prefix("localhost/").unwrap_or(image);
    let Some(mut short) = short.strip_suffix(":latest") else { return false };
    if short
        .strip_prefix(&Names::of(hash).dev_project())
        .is_some_and(|rest| rest.starts_with(['-', '_']))
    {
        return true;
    }
    for suffix in SUFFIXES {
        short = short.strip_suffix(suffix).unwrap_or(short);
    }
    short.starts_with("vsc-") && short.ends_with(&format!("-{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_for_it_is_known_by_its_name_alone() {
        // printf /home/a/p | sha256sum
        let digest = "3a9c24015e601eccb1b5db59cf03a4f91756fa88cf23b52a531d4abfa995fc6c";
        let hash = &digest[..12];
        let is = |image: &str| is_image_of(image, "dev-p-012345", Path::new("/home/a/p"));
        for image in [
            image("dev-p-012345"),
            image(hash),
            format!("localhost/ctrkit-{hash}-dev_web:latest"),
            format!("ctrkit-{hash}-dev-web:latest"),
            format!("vsc-p-{digest}:latest"),
            format!("localhost/vsc-p-{digest}-features:latest"),
            format!("vsc-p-{digest}-features-uid:latest"),
        ] {
            assert!(is(&image), "{image}");
        }
        for image in [
            image("dev-p-012346"),
            image(""),
            "localhost/ctrkit-dev-dev-p-012345:mine".to_owned(),
            "quay.io/ctrkit-dev-dev-p-012345:latest".to_owned(),
            format!("vsc-p-{digest}:1"),
            format!("vsc-p-{digest}-mine:latest"),
            format!("vsc-p-0{}:latest", &digest[1..]),
            format!("p-{digest}:latest"),
            format!("localhost/ctrkit-{hash}-proxy:latest"),
            format!("ctrkit-{hash}-dev:latest"),
            "localhost/ctrkit-base:latest".to_owned(),
        ] {
            assert!(!is(&image), "{image}");
        }
    }
}
