//! A base image made from packages, for machines that no registry answers.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, apt, apt::Archive};

/// Where apt(8) keeps its sources.
const SOURCES: &str = "/etc/apt/sources.list.d";
const SOURCES_LIST: &str = "/etc/apt/sources.list";

/// Returns the command that fills the directory `root` with `suite`.
///
/// debootstrap(8) mounts /proc there. In a mount namespace of its own, such a
/// mount goes with the process, also with one that was killed.
pub(crate) fn command(suite: &str, root: &Path, mirror: Option<&str>) -> Result<Command, Error> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::NotRoot { suite: suite.to_owned() });
    }
    let program = which::which("debootstrap").map_err(|_| Error::DebootstrapAbsent)?;
    let mut command = match which::which("unshare") {
        Ok(unshare) => {
            let mut command = Command::new(unshare);
            command.args(["--mount", "--"]).arg(program);
            command
        }
        Err(_) => Command::new(program),
    };
    // Without the second, a missing keyring would mean packages nobody vouches for.
    let options = ["--variant=minbase", "--force-check-gpg"];
    command.args(options).arg(suite).arg(root).args(mirror).env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// Returns the directory `name` in `directory`, made for all to read, as the
/// root of a file system is.
pub(crate) fn make_root(directory: &Path) -> io::Result<PathBuf> {
    let root = directory.join("root");
    fs::create_dir(&root)?;
    fs::set_permissions(&root, Permissions::from_mode(0o755))?;
    Ok(root)
}

/// Makes `root` take its packages from `archives`; debootstrap(8) itself
/// leaves the release without its security fixes.
pub(crate) fn write_sources(root: &Path, archives: &[Archive]) -> io::Result<()> {
    if archives.is_empty() {
        return Ok(());
    }
    let lines: String = archives.iter().map(Archive::line).collect();
    fs::write(root.join("etc/apt/sources.list"), lines)
}

/// Returns the archives that this machine gets its packages from.
///
/// A file that cannot be read says nothing; debootstrap(8) has a mirror of
/// its own for every release.
pub(crate) fn archives() -> Vec<Archive> {
    let listed = fs::read_dir(SOURCES).into_iter().flatten().flatten();
    let mut paths: Vec<_> = listed.map(|entry| entry.path()).collect();
    paths.sort();
    paths.insert(0, SOURCES_LIST.into());
    let parse = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => apt::parse_list(&text),
            Some("sources") => apt::parse_sources(&text),
            _ => Vec::new(),
        }
    };
    paths.into_iter().flat_map(parse).collect()
}

/// Returns the release of Debian or Ubuntu that this machine runs.
pub(crate) fn own_suite() -> Option<String> {
    apt::codename(&fs::read_to_string("/etc/os-release").ok()?)
}

/// Writes the contents of `root` to `out` as a tar archive.
///
/// Left out are what an engine mounts itself and what apt(8) can fetch again.
pub(crate) fn pack(root: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut tar = Command::new("tar")
        .args(["--create", "--numeric-owner", "--one-file-system", "--directory"])
        .arg(root)
        .args(["--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*"])
        .args(["--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "."])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let copied = match tar.stdout.take() {
        Some(mut stdout) => io::copy(&mut stdout, out),
        None => Ok(0),
    };
    let output = tar.wait_with_output()?;
    copied?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
