//! What git says of a worktree.

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use crate::Error;

/// A git worktree with a branch checked out and at least one commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Worktree {
    /// The root, absolute and without symbolic links.
    pub path: PathBuf,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// The URL of the remote `origin`, where there is one.
    pub origin: Option<String>,
}

impl Worktree {
    /// Asks git for the worktree that `path` lies in.
    pub fn find(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            return Err(Error::not_a_directory(path));
        }
        // Both at once, the slower one first: each costs as much as starting a
        // process does.
        let head = spawn(path, &["rev-parse", "--symbolic-full-name", "HEAD", "--show-toplevel"])?;
        let origin = spawn(path, &["config", "--get", "remote.origin.url"])?;
        let head = head.wait_with_output().map_err(Error::Git)?;
        let origin = origin.wait_with_output().map_err(Error::Git)?;
        if !head.status.success() {
            return Err(explain(path, &head)?);
        }
        let (branch, root) = split_line(head.stdout);
        let branch = String::from_utf8(branch).map_err(|_| Error::branch_not_utf8(path))?;
        let root = PathBuf::from(OsString::from_vec(root));
        let branch = match branch.strip_prefix("refs/heads/") {
            Some(branch) => branch.to_owned(),
            None => return Err(Error::DetachedHead { path: root }),
        };
        let path = root.canonicalize().map_err(|source| Error::Path { path: root, source })?;
        Ok(Self { path, branch, origin: origin_url(&origin) })
    }

    /// Returns the repository's name: the last part of `origin`'s URL without
    /// `.git`, else the directory's.
    #[must_use]
    pub fn repository(&self) -> String {
        let of_origin = self.origin.as_deref().and_then(repository_of_url);
        let of_directory = || self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        of_origin.or_else(of_directory).unwrap_or_else(|| "project".to_owned())
    }
}

/// Returns the repository's name in `url`, which may be a URL, a path, or
/// scp-like (`host:path`, git-clone(1)).
fn repository_of_url(url: &str) -> Option<String> {
    let path = url.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    let last = path.rsplit(['/', ':']).next()?;
    Some(last.to_owned()).filter(|name| !name.is_empty())
}

fn origin_url(output: &Output) -> Option<String> {
    let url = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
    Some(url).filter(|url| output.status.success() && !url.is_empty())
}

/// Starts git in `path`, where only its arguments say what it does.
fn spawn(path: &Path, args: &[&str]) -> Result<std::process::Child, Error> {
    let mut git = toolkit::git::git();
    git.arg("-C").arg(path).args(args);
    let git = git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    git.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::GitAbsent,
        _ => Error::Git(error),
    })
}

/// Finds out why `path` has no worktree with a commit.
fn explain(path: &Path, failed: &Output) -> Result<Error, Error> {
    let asked = spawn(path, &["rev-parse", "--is-inside-work-tree"])?;
    let asked = asked.wait_with_output().map_err(Error::Git)?;
    let path = path.to_owned();
    let words = String::from_utf8_lossy(&failed.stderr);
    Ok(match asked.stdout.as_slice() {
        b"true\n" => Error::NoCommits { path },
        b"false\n" => Error::NotAWorktree { path },
        _ if words.contains("dubious ownership") => Error::ForeignRepository { path },
        _ => Error::NotARepository { path },
    })
}

/// Splits git's answer at its first newline and takes the last one off; a
/// path may have newlines of its own.
fn split_line(mut text: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    let mut rest = text.split_off(end);
    if !rest.is_empty() {
        rest.remove(0);
    }
    if rest.last() == Some(&b'\n') {
        rest.pop();
    }
    (text, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_last_part_of_the_url() {
        for (url, name) in [
            ("https://example.org/a/my.repo.git", Some("my.repo")),
            ("git@example.org:a/b.git", Some("b")),
            ("git@example.org:b", Some("b")),
            ("/srv/git/b.git/", Some("b")),
            ("/srv/git/b/.git", Some("b")),
            ("file:///b", Some("b")),
            (".git", None),
            ("/", None),
        ] {
            assert_eq!(repository_of_url(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn a_path_keeps_its_newlines() {
        let (line, rest) = split_line(b"refs/heads/main\n/a\nb\n\n".to_vec());
        assert_eq!((line.as_slice(), rest.as_slice()), (&b"refs/heads/main"[..], &b"/a\nb\n"[..]));
    }
}
