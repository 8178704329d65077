//! Reading a directory of a container.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    process::{Child, Output, Stdio},
    thread,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde::de::Error;
use tar::Archive;
pub use tar::EntryType as MemberKind;

use crate::{Engine, EngineError, run};

/// A file, link or whatever else is in a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The path, which begins with the directory's own name.
    pub path: Vec<u8>,
    /// What it is, as tar(5) has it.
    pub kind: MemberKind,
    /// The permissions.
    pub mode: u32,
    /// How long a file is.
    pub size: u64,
    /// Where a link leads, as it is written.
    pub target: Vec<u8>,
}

/// How much of a directory was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// No more than the limit, or until it was enough.
    Cut,
}

impl Engine {
    /// Shows `visit` all that is in the directory at `path` of the container
    /// `name`, with its contents, as the engine reads it: one call. No more
    /// than `limit` bytes are read; nothing is run in the container, and no
    /// link is followed.
    pub fn read_tree(
        &self,
        name: &str,
        path: &str,
        limit: u64,
        mut visit: impl FnMut(&Member, &mut dyn Read) -> ControlFlow<()>,
    ) -> Result<Extent, EngineError> {
        let mut command = self.command(["cp", &format!("{name}:{path}"), "-"]);
        let mut child = self.spawn(command.stdin(Stdio::null()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            let words = scope.spawn(move || {
                let mut words = Vec::new();
                let _ = stderr.map(|mut pipe| pipe.read_to_end(&mut words));
                words
            });
            let mut stream = stdout.map(|pipe| pipe.take(limit));
            let read = stream.as_mut().map_or(Ok(Extent::Whole), |stream| all(stream, &mut visit));
            drop(stream);
            if !matches!(read, Ok(Extent::Whole)) {
                end(&child);
            }
            let status = child.wait().map_err(|source| self.spawn_error(source))?;
            let stderr = words.join().unwrap_or_default();
            match read {
                Ok(Extent::Cut) => Ok(Extent::Cut),
                Ok(Extent::Whole) => {
                    let output = Output { status, stdout: Vec::new(), stderr };
                    self.judge(&command, output).map(|_| Extent::Whole)
                }
                Err(error) => Err(EngineError::Unreadable {
                    command: run::line(&command),
                    source: serde_json::Error::custom(error),
                }),
            }
        })
    }
}

/// Ends an engine whose answer is enough.
fn end(child: &Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        // It is not waited for yet, so the id is still its own.
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
}

fn all<R: Read>(
    stream: &mut io::Take<R>,
    visit: &mut impl FnMut(&Member, &mut dyn Read) -> ControlFlow<()>,
) -> io::Result<Extent> {
    let read = members(&mut *stream, visit);
    match read {
        // What is cut off in the middle is no archive.
        _ if stream.limit() == 0 => Ok(Extent::Cut),
        Ok(Extent::Whole) => {
            io::copy(stream, &mut io::sink())?;
            Ok(Extent::Whole)
        }
        other => other,
    }
}

fn members(
    stream: impl Read,
    visit: &mut impl FnMut(&Member, &mut dyn Read) -> ControlFlow<()>,
) -> io::Result<Extent> {
    let mut archive = Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let member = Member {
            path: entry.path_bytes().into_owned(),
            kind: entry.header().entry_type(),
            mode: entry.header().mode()?,
            size: entry.size(),
            target: entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default(),
        };
        if visit(&member, &mut entry).is_break() {
            return Ok(Extent::Cut);
        }
    }
    Ok(Extent::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(5);
        builder.append_data(&mut header, "app/run", &b"hello"[..]).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(MemberKind::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        builder.append_link(&mut header, "app/link", "/etc").unwrap();
        builder.into_inner().unwrap()
    }

    fn read(limit: u64) -> (io::Result<Extent>, Vec<String>) {
        let (archive, mut seen) = (archive(), Vec::new());
        let extent = all(&mut archive.as_slice().take(limit), &mut |member, content| {
            let mut text = String::new();
            content.read_to_string(&mut text).unwrap_or_default();
            let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            seen.push(format!("{} {text}{}", name(&member.path), name(&member.target)));
            ControlFlow::Continue(())
        });
        (extent, seen)
    }

    #[test]
    fn all_that_is_there_is_shown() {
        let (extent, seen) = read(1 << 20);
        assert_eq!(extent.unwrap(), Extent::Whole);
        assert_eq!(seen, ["app/run hello", "app/link /etc"]);
    }

    #[test]
    fn what_is_too_much_is_cut() {
        for limit in [0, 1, 512, 515, 1024, 1500] {
            let (extent, seen) = read(limit);
            assert_eq!(extent.unwrap(), Extent::Cut, "{limit}");
            assert!(seen.len() < 2, "{limit}");
        }
    }
}
