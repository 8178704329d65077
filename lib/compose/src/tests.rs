//! Tests of what is written, read and refused, without the tools that run it.

mod accepted;
mod broken;
mod own;
mod reach;
mod refused;
mod written;

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Base, Override, OverrideError};

/// The model that the tests lay overrides over.
fn model() -> Value {
    serde_json::from_str(include_str!("../tests/isolated.json")).unwrap()
}

/// A project with what there is to mount, or not to.
fn project() -> TempDir {
    let project = tempfile::Builder::new().prefix("project").tempdir().unwrap();
    let at = |path: &str| project.path().join(path);
    for directory in ["data/deep", ".git/hooks", ".ctrkit", "nested/module/.git", "run", "a:b"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    fs::write(at("data/file"), "x").unwrap();
    symlink("/", at("out")).unwrap();
    symlink("data", at("link")).unwrap();
    symlink("/etc/passwd", at("data/deep/passwd")).unwrap();
    let mode = nix::sys::stat::Mode::S_IRUSR;
    nix::unistd::mkfifo(&at("pipe"), mode).unwrap();
    drop(UnixListener::bind(at("run/server.sock")).unwrap());
    project
}

fn read(project: &Path, text: &str) -> Result<Override, OverrideError> {
    let base = Base { model: &model(), app: "app", project, engine_is_here: true };
    Override::parse("compose.override.yaml", text, &base)
}
