//! Asking whether a container has work that is nowhere else.

use std::{
    collections::BTreeSet,
    io::Read,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use engine::{Engine, EngineError, FailedCall, Summary};

use crate::{Error, remove::account, worktree};

/// Lists what is in the workspace.
const ASK: &str = include_str!("ask.sh");

/// How many bytes of the container's answer are read: one that writes without
/// end has said enough by then.
const LIMIT: u64 = 1 << 20;

/// What a workspace has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Work {
    /// How many files are changed or new.
    pub(crate) changes: usize,
    /// The commits that branches and stashes are at, in hex.
    pub(crate) commits: BTreeSet<String>,
}

/// Fails if the container has changes that are not committed, or commits that
/// its worktree does not have.
///
/// Where the worktree is gone, commits are not looked for: nothing could say
/// whether they are somewhere else.
pub(crate) fn check(
    engine: &Engine,
    container: &Summary,
    worktree: Option<&Path>,
) -> Result<(), Error> {
    let (_, Some(workspace)) = account(container) else { return Ok(()) };
    let mut command = engine.command(question(container, workspace));
    let answer = listen(engine, &mut command)
        .map_err(|source| Error::CannotAsk { name: container.name.clone(), source })?;
    let Work { changes, commits } = parse(&answer);
    let commits = match worktree {
        Some(path) if !commits.is_empty() => {
            worktree::count_missing(path, &container.name, &commits)?
        }
        _ => 0,
    };
    if (changes, commits) == (0, 0) {
        return Ok(());
    }
    Err(Error::UncommittedWork { name: container.name.clone(), changes, commits })
}

/// Returns the arguments that ask: the container where it runs, else another
/// one that sees the same volumes, has nothing else and is gone afterwards.
pub(crate) fn question<'a>(container: &'a Summary, workspace: &'a str) -> Vec<String> {
    let (user, _) = account(container);
    let user = user.into_iter().flat_map(|user| ["--user", user]);
    let name = &container.name;
    let mut args: Vec<String> = Vec::new();
    if container.status == "running" {
        args.push("exec".into());
        args.extend(user.map(str::to_owned));
        args.extend([name, "sh"].map(|word| word.to_string()));
    } else {
        args.extend(["run", "--rm", "--pull=never", "--network=none"].map(str::to_owned));
        args.extend(["--cap-drop=ALL", "--entrypoint=sh"].map(str::to_owned));
        args.push(format!("--volumes-from={name}:ro"));
        args.extend(user.map(str::to_owned));
        args.push(container.image.clone());
    }
    args.extend(["-c", ASK, "ctr-rm", workspace].map(str::to_owned));
    args
}

/// Reads the answer, as much of it as is to be read.
fn listen(engine: &Engine, command: &mut Command) -> Result<String, EngineError> {
    let failed = |source| EngineError::Spawn { program: engine.program().to_owned(), source };
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.process_group(0).spawn().map_err(failed)?;
    let stderr = child.stderr.take();
    let words = std::thread::spawn(move || read(stderr));
    let answer = read(child.stdout.take());
    let status = child.wait().map_err(failed)?;
    let words = words.join().unwrap_or_default();
    if status.success() {
        return Ok(answer);
    }
    let shown = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let shown = shown.take_while(|word| word != "-c");
    let program = engine.program().to_string_lossy().into_owned();
    let line = shell_words::join(std::iter::once(program).chain(shown));
    // Docker says on standard output what the runtime says.
    let words = if words.trim().is_empty() { answer } else { words };
    let last_words = words.trim().to_owned();
    let (program, status) = (engine.kind().name(), status.code());
    Err(EngineError::Failed(FailedCall { program, line, status, last_words }))
}

/// Reads up to the limit and closes the pipe, of which who writes on dies.
fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    let _ = pipe.map(|pipe| pipe.take(LIMIT).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads the answer of [`ASK`]. Lines that are neither are taken for nothing:
/// the container's user could write anything there.
pub(crate) fn parse(answer: &str) -> Work {
    let mut work = Work::default();
    for line in answer.lines() {
        match line.split_once(' ') {
            Some(("changed", _)) => work.changes += 1,
            Some(("commit", id)) if is_id(id) => {
                work.commits.insert(id.to_owned());
            }
            _ => {}
        }
    }
    work
}

/// Says whether `text` is the full id of an object: SHA-1 or SHA-256 in hex.
fn is_id(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
