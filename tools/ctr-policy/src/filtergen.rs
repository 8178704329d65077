//! What filtergen(1) does by itself: its words and its status are passed on.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use engine::Engine;
use tempfile::NamedTempFile;
use toolkit::{Exit, Siblings};

use crate::{Error, Shown};

/// Checks each of `policies`, and returns the status of the first that cannot be
/// used.
pub fn check(siblings: &Siblings, policies: &[String]) -> Result<Exit, Error> {
    let mut first = Exit::Success;
    for policy in policies {
        let policy = format!("--policy={policy}");
        let mut command = siblings.command("filtergen", &["--print", &policy])?;
        let exit = pass_on(command.stdout(Stdio::null()))?;
        if first == Exit::Success {
            first = exit;
        }
    }
    Ok(first)
}

/// Compares what two policies let through. One that ends in a colon is the name
/// of a container, whose policy in force is meant.
pub fn diff(
    siblings: &Siblings,
    policies: [&str; 2],
    engine: impl Fn() -> Result<Engine, Error>,
) -> Result<Exit, Error> {
    let (mut args, mut files) = (vec!["--diff".to_owned()], Vec::new());
    for policy in policies {
        let Some(name) = policy.strip_suffix(':') else {
            args.push(policy.to_owned());
            continue;
        };
        let shown = Shown::of(&engine()?, siblings, name)?;
        let (file, path) = write(&shown)?;
        args.push(path.to_string_lossy().into_owned());
        files.push(file);
    }
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    pass_on(&mut siblings.command("filtergen", &args)?)
}

/// Writes a policy to a file of its own, for as long as that is kept.
fn write(shown: &Shown) -> Result<(NamedTempFile, PathBuf), Error> {
    let made = tempfile::Builder::new().prefix("ctr-policy.").suffix(".json").tempfile();
    let mut file = made.map_err(Error::Temporary)?;
    let text = serde_json::to_vec(&shown.policy).map_err(|error| Error::Temporary(error.into()))?;
    file.write_all(&text).map_err(Error::Temporary)?;
    let path = file.path().to_owned();
    Ok((file, path))
}

/// Runs `command` with this tool's own standard streams.
fn pass_on(command: &mut Command) -> Result<Exit, Error> {
    let status = command.stdin(Stdio::null()).status().map_err(Error::Run)?;
    Ok(match status.code() {
        Some(0) => Exit::Success,
        Some(status) => Exit::Child(u8::try_from(status).unwrap_or(70)),
        None => Exit::Software,
    })
}
