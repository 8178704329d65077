//! The container's files, as the engine reads them.

use std::{
    fs::{self, File},
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use engine::{Extent, Member, MemberKind, Summary};
use guard::{Kind, Name, names};

use crate::{Error, Host, view::View};

/// The longest file that is compared, in bytes.
const LONGEST: u64 = 4 << 20;

/// How many files are looked into.
const MOST: usize = 50_000;

/// Directories that tools fill, and that no commit has: what is in them is not
/// looked at. Nobody opens them as a project, and a pull brings none of it.
const FILLED: [&str; 9] = [
    "node_modules",
    ".venv",
    "venv",
    "site-packages",
    ".tox",
    ".nox",
    ".cache",
    ".pnpm-store",
    ".direnv",
];

/// A file that matters, or may.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its path, from the workspace.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// Whether its contents were asked for.
    pub(crate) wanted: bool,
    pub(crate) content: Content,
}

/// What is known of what is in it.
#[derive(Debug)]
pub(crate) enum Content {
    /// It was kept in this file.
    Kept(PathBuf),
    /// It was not, for this reason.
    Not(&'static str),
}

/// How the container's files are read.
pub(crate) struct Reading<'a> {
    pub(crate) host: &'a Host,
    pub(crate) container: &'a Summary,
    pub(crate) workspace: &'a str,
    pub(crate) limit: u64,
    pub(crate) scratch: &'a Path,
}

impl Seen {
    /// Says whether it is in a repository's own directory.
    pub(crate) fn is_git(&self) -> bool {
        names(&self.path).iter().any(Name::is_git)
    }

    /// Returns the file that its contents were kept in.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        match &self.content {
            Content::Kept(path) => Some(path),
            Content::Not(_) => None,
        }
    }

    /// Returns its contents, if they were kept.
    pub(crate) fn bytes(&self) -> Result<Option<Vec<u8>>, Error> {
        self.file().map(|path| fs::read(path).map_err(Error::Scratch)).transpose()
    }
}

impl Reading<'_> {
    /// Returns the files that matter to `view`.
    pub(crate) fn read(&self, view: &View<'_>) -> Result<Vec<Seen>, Error> {
        let directory = self.scratch.join("files");
        fs::create_dir(&directory).map_err(Error::Scratch)?;
        let (mut seen, mut wanted, mut failed) = (Vec::<Seen>::new(), 0, Ok(()));
        let name = &self.container.name;
        let visit = |member: &Member, content: &mut dyn Read| {
            let file = directory.join(seen.len().to_string());
            let one = look(view, member, content, &file).map(|one| {
                wanted += one.iter().filter(|one| one.wanted).count();
                seen.extend(one);
            });
            failed = one.and_then(|()| match wanted {
                MOST.. => Err(Error::TooMany),
                _ => self.host.interrupt.check().map_err(Error::from),
            });
            if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let extent = self.host.engine.read_tree(name, self.workspace, self.limit, visit);
        failed?;
        match extent? {
            Extent::Whole => Ok(seen),
            Extent::Cut => {
                let (name, limit) = (name.clone(), self.limit >> 20);
                Err(Error::WorkspaceTooLarge { name, limit })
            }
        }
    }
}

/// Looks at one file, and keeps its contents in `file` where they matter.
fn look(
    view: &View<'_>,
    member: &Member,
    content: &mut dyn Read,
    file: &Path,
) -> Result<Option<Seen>, Error> {
    // What is left without the workspace's own name.
    let Some(at) = member.path.iter().position(|byte| *byte == b'/') else { return Ok(None) };
    let path = member.path[at + 1..].trim_ascii_end();
    let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
    let parts = names(&path);
    let is_known = view.knows(&path);
    let is_filled = parts.iter().any(|name| FILLED.contains(&name.as_str()));
    if parts.is_empty() || member.kind.is_dir() || is_filled && !is_known {
        return Ok(None);
    }
    let kind = kind_of(member);
    let is_git = parts.iter().any(Name::is_git);
    // An object is what it is by its name; there may be a million of them.
    if is_git && !crate::dot_git::matters(&parts) {
        return Ok(None);
    }
    let wanted =
        is_git || view.wants(&path, if kind == Kind::Executable { Kind::File } else { kind });
    if !wanted && !is_known {
        return Ok(None);
    }
    let content = match (wanted, kind, member.kind) {
        (false, ..) => Content::Not("what is in it was not looked at"),
        (_, Kind::Link, _) => keep(&mut member.target.as_slice(), file)?,
        (_, _, MemberKind::Regular | MemberKind::Continuous | MemberKind::GNUSparse) => {
            if member.size > LONGEST {
                Content::Not("it is too large to be compared")
            } else {
                keep(content, file)?
            }
        }
        (_, _, MemberKind::Link) => Content::Not("it is a hard link, and not compared"),
        _ => Content::Not("it is neither a file nor a link"),
    };
    Ok(Some(Seen { path, kind, wanted, content }))
}

fn kind_of(member: &Member) -> Kind {
    match member.kind {
        MemberKind::Symlink => Kind::Link,
        _ if member.mode & 0o100 != 0 => Kind::Executable,
        _ => Kind::File,
    }
}

fn keep(mut content: &mut dyn Read, file: &Path) -> Result<Content, Error> {
    let mut to = File::create_new(file).map_err(Error::Scratch)?;
    io::copy(&mut content, &mut to).map_err(Error::Scratch)?;
    Ok(Content::Kept(file.to_owned()))
}
