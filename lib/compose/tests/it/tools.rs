//! What the tools that run Compose files make of them.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Returns what `docker compose config` resolves `files` to.
pub(crate) fn docker(files: &[&Path]) -> Value {
    let mut command = Command::new("docker");
    command.arg("compose").args(["--project-name", "sample", "--env-file", "/dev/null"]);
    for file in files {
        command.arg("--file").arg(file);
    }
    let mut model =
        serde_json::from_str(&run(command.args(["config", "--format", "json"]))).unwrap();
    // It writes what another run of it would read.
    undouble(&mut model);
    model
}

/// Returns what `podman-compose config` resolves `files` to, read as it reads.
pub(crate) fn podman(files: &[&Path]) -> Value {
    let program = program("podman-compose");
    let mut command = Command::new(&program);
    command.args(["--project-name", "sample", "--env-file", "/dev/null"]);
    for file in files {
        command.arg("--file").arg(file);
    }
    let yaml = run(command.arg("config"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), yaml).unwrap();
    let script = "import sys, json, yaml\n\
                  json.dump(yaml.safe_load(open(sys.argv[1], encoding='utf-8')), sys.stdout)";
    let json = run(Command::new(interpreter(&program)).arg("-c").arg(script).arg(file.path()));
    serde_json::from_str(&json).unwrap()
}

/// Finds `name` as a shell would.
pub(crate) fn program(name: &str) -> PathBuf {
    let found = run(Command::new("sh").args(["-c", "command -v -- \"$1\"", "sh", name]));
    fs::canonicalize(found.trim_end()).unwrap()
}

/// Returns the interpreter in the first line of a script.
pub(crate) fn interpreter(script: &Path) -> PathBuf {
    let mut line = String::new();
    BufReader::new(fs::File::open(script).unwrap()).read_line(&mut line).unwrap();
    line.trim_end().strip_prefix("#!").expect("podman-compose is a script").into()
}

#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {words}");
    String::from_utf8(output.stdout).unwrap()
}

fn undouble(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("$$", "$"),
        Value::Array(items) => items.iter_mut().for_each(undouble),
        Value::Object(members) => members.values_mut().for_each(undouble),
        _ => {}
    }
}
