//! The repository that the container belongs to.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use document::error::FailedCommand;
use toolkit::{Events, Exit, files::Lock};

use crate::{Error, FailedStep, Found};

/// How long ctr-git(1) may take to write to a repository's configuration.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns git, which fetches nothing that a partial clone lacks.
fn git(path: &Path, args: &[&str]) -> Command {
    let mut git = toolkit::git::git();
    git.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1");
    git.arg("-C").arg(path).args(args).stdin(Stdio::null());
    git
}

/// Removes the remotes that lead to the container; where the worktree, its
/// repository or git itself is gone, so are they.
pub(crate) fn forget(found: &Found, state: &Path, events: &mut Events) -> Result<(), Error> {
    let Some(path) = found.worktree.as_deref().filter(|path| path.is_dir()) else {
        return Ok(());
    };
    if !is_repository(path) {
        return Ok(());
    }
    let listed = must(found, git(path, &["config", "--null", "--list"]))?;
    let remotes = remotes(&String::from_utf8_lossy(&listed.stdout), &found.name);
    if remotes.is_empty() {
        return Ok(());
    }
    let _lock = Lock::take(&state.join("remotes.lock"), PATIENCE)?;
    events
        .step("remove-remote", || remotes.iter().try_for_each(|remote| remove(found, path, remote)))
}

/// Removes a remote with its branches, and runs none of the repository's hooks.
fn remove(found: &Found, path: &Path, remote: &str) -> Result<(), Error> {
    let text = |args: &[&str]| {
        let output = must(found, git(path, args))?;
        Ok::<_, Error>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let branches = format!("refs/remotes/{remote}/");
    let refs = text(&["for-each-ref", "--format=%(refname)", &branches])?;
    let list = text(&["config", "--local", "--list", "--null"])?;
    for call in toolkit::git::removal(remote, &refs, &list) {
        let call: Vec<_> = call.iter().map(String::as_str).collect();
        must(found, git(path, &call))?;
    }
    Ok(())
}

fn is_repository(path: &Path) -> bool {
    let asked = git(path, &["rev-parse", "--git-dir"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// Returns the remotes whose URL is `NAME:…`, and that called `name` if it has
/// none: a ctr-git(1) that was killed had not come to it.
///
/// `config` is what `git config --null --list` writes: key, newline, value, NUL.
pub(crate) fn remotes(config: &str, name: &str) -> Vec<String> {
    let mut urls: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for entry in config.split_terminator('\0') {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, ""));
        let key = key.strip_prefix("remote.").and_then(|key| key.rsplit_once('.'));
        let Some((remote, variable)) = key else { continue };
        let url = urls.entry(remote).or_default();
        if variable == "url" {
            *url = Some(value);
        }
    }
    let leads_there = |(remote, url): &(&str, Option<&str>)| match url {
        Some(url) => url.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')),
        None => *remote == name,
    };
    urls.into_iter().filter(leads_there).map(|(remote, _)| remote.to_owned()).collect()
}

/// Returns how many of `commits`, or of what leads to them, the repository at
/// `path` has on none of its own branches, tags and other remotes; 0 where the
/// worktree is gone.
pub(crate) fn count_missing(
    path: &Path,
    name: &str,
    commits: &BTreeSet<String>,
) -> Result<usize, Error> {
    if toolkit::files::is_gone(path) {
        return Ok(0);
    }
    let ask = |args: &[&str]| {
        ask(path, args).map_err(|source| Error::CannotCompare {
            name: name.to_owned(),
            path: path.to_owned(),
            source,
        })
    };
    let leading = remotes(&ask(&["config", "--null", "--list"])?, name);
    let known = known(path, commits).unwrap_or_default();
    let missing = commits.len() - known.len();
    if known.is_empty() {
        return Ok(missing);
    }
    // What these have goes with the container.
    let leading = leading.iter().map(String::as_str).chain([name]);
    let excludes: Vec<_> =
        leading.map(|remote| format!("--exclude=refs/remotes/{remote}/*")).collect();
    let mut args = vec!["rev-list", "--count"];
    args.extend(known.iter().map(|id| id.as_str()));
    args.push("--not");
    args.extend(excludes.iter().map(String::as_str));
    args.extend(["--all", "--"]);
    Ok(missing + ask(&args)?.trim().parse().unwrap_or(known.len()))
}

/// Runs git in the worktree, and returns what it writes; the error is its words.
fn ask(path: &Path, args: &[&str]) -> Result<String, io::Error> {
    let output = git(path, args).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(io::Error::other(text(&output.stderr)))
}

/// Returns those of `commits` that the repository has in any way.
fn known<'a>(path: &Path, commits: &'a BTreeSet<String>) -> Option<Vec<&'a String>> {
    let mut command = git(path, &["cat-file", "--batch-check=%(objectname) %(objecttype)"]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    let lines: String = commits.iter().map(|id| format!("{id}\n")).collect();
    let feeder = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let _ = feeder.join();
    let answer = String::from_utf8(output.stdout).ok()?;
    let there: BTreeSet<_> =
        answer.lines().filter_map(|line| line.strip_suffix(" commit")).collect();
    Some(commits.iter().filter(|id| there.contains(id.as_str())).collect())
}

/// Runs git, which must succeed.
fn must(found: &Found, mut command: Command) -> Result<Output, Error> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(failed(found, &command, output.status.code(), words))
        }
        Err(error) => Err(failed(found, &command, None, error.to_string())),
    }
}

fn failed(found: &Found, command: &Command, status: Option<i32>, last_words: String) -> Error {
    // Without the settings that all calls have.
    let words = command.get_args().skip_while(|word| *word != "-C");
    let words = std::iter::once(command.get_program()).chain(words);
    let line = shell_words::join(words.map(|word| word.to_string_lossy()));
    Error::Step(Box::new(FailedStep {
        kind: "cannot-remove-remote",
        what: "remove the git remote",
        name: found.name.clone(),
        exit: Exit::IoErr,
        message: last_words.lines().last().unwrap_or("git failed without a word").to_owned(),
        hint: None,
        command: Some(FailedCommand { line, status, last_words, ..FailedCommand::default() }),
    }))
}
