//! Comparing two commits.

use std::collections::HashMap;

use crate::{Entry, Finding, Kind, Obeyed, Touched, names, parse, rule_of};

/// The longest content that is looked at, in bytes: a path has 4096 at most,
/// and more attributes than this nobody writes.
const LONGEST: u64 = 1 << 16;

/// A git that can be asked, with all that it would run by itself turned off.
///
/// What it answers has an end, whatever is in the repository: a few objects can
/// stand for more paths than there is memory.
pub trait Git {
    /// The way in which it fails.
    type Error;

    /// Runs git with `args` and `input`, and returns what it writes.
    fn ask(&self, args: &[&str], input: Vec<u8>) -> Result<Vec<u8>, Self::Error>;

    /// Returns the error that an answer is which cannot be read.
    fn unreadable(&self) -> Self::Error;
}

/// A path, and what would execute it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The path.
    pub touched: Touched,
    /// What would execute it.
    pub finding: Finding,
}

/// Returns what would be executed of that which is not the same in the commits
/// `old` and `new`, by path.
pub fn compare<G: Git>(
    git: &G,
    old: &str,
    new: &str,
    obeyed: &Obeyed,
) -> Result<Vec<Found>, G::Error> {
    // This answer comes as it is made, and so has an end; the other one is
    // gathered first, and is no longer than this.
    let tree = git.ask(&["ls-tree", "-r", "-z", "--full-tree", new], Vec::new())?;
    let tree = entries(&tree).ok_or_else(|| git.unreadable())?;
    let obeyed = &follow(git, obeyed, &tree)?;
    let args = [
        "diff-tree",
        "-r",
        "-z",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--ignore-submodules=none",
        old,
        new,
    ];
    let touched = parse(&git.ask(&args, Vec::new())?).ok_or_else(|| git.unreadable())?;
    let wanted = touched.iter().filter(|touched| touched.wants_content());
    let ids = wanted.filter_map(|touched| touched.after.as_ref()).map(|after| after.id.as_str());
    let contents = contents(git, ids)?;
    let judge = |touched: Touched| {
        let content = touched.after.as_ref().and_then(|after| contents.get(&after.id));
        let finding = touched.judge(obeyed, content.map(Vec::as_slice))?;
        Some(Found { touched, finding })
    };
    Ok(touched.into_iter().filter_map(judge).collect())
}

/// Adds to `obeyed` what a tree makes of its other files: what the links in it
/// lead to, and repositories.
pub fn follow<G: Git>(
    git: &G,
    obeyed: &Obeyed,
    tree: &[(&[u8], Entry)],
) -> Result<Obeyed, G::Error> {
    let mut obeyed = obeyed.clone();
    obeyed.bare(tree.iter().map(|(path, _)| *path));
    let is_watched = |(path, entry): &&(&[u8], Entry)| {
        entry.kind == Kind::Link && rule_of(&names(path), true).is_some()
    };
    let links: Vec<_> = tree.iter().filter(is_watched).collect();
    let contents = contents(git, links.iter().map(|(_, entry)| entry.id.as_str()))?;
    for (path, entry) in links {
        if let Some(target) = contents.get(&entry.id) {
            obeyed.follow(path, target);
        }
    }
    Ok(obeyed)
}

/// Reads the output of `git ls-tree -r -z`: `MODE TYPE ID<tab>PATH<NUL>`.
#[must_use]
pub fn entries(list: &[u8]) -> Option<Vec<(&[u8], Entry)>> {
    let lines = list.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    let entry = |line: &'_ [u8]| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let head = std::str::from_utf8(&line[..tab]).ok()?;
        let [mode, _, id] = head.split(' ').collect::<Vec<_>>()[..] else { return None };
        Some(Entry { kind: Kind::of(mode)?, id: id.to_owned() })
    };
    let path = |line: &'_ [u8]| line.iter().position(|byte| *byte == b'\t').map(|tab| tab + 1);
    lines.map(|line| Some((&line[path(line)?..], entry(line)?))).collect()
}

/// Returns what is in the objects `ids`, those that are there and not too long.
pub fn contents<'a, G: Git>(
    git: &G,
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Vec<u8>>, G::Error> {
    let lines: String = ids.map(|id| format!("{id}\n")).collect();
    if lines.is_empty() {
        return Ok(HashMap::new());
    }
    let check = git.ask(&["cat-file", "--batch-check"], lines.into_bytes())?;
    let check = String::from_utf8_lossy(&check);
    let short = check.lines().filter_map(head).filter(|(_, size)| *size <= LONGEST);
    let lines: String = short.map(|(id, _)| format!("{id}\n")).collect();
    let all = git.ask(&["cat-file", "--batch"], lines.into_bytes())?;
    read(&all).ok_or_else(|| git.unreadable())
}

/// Reads `ID blob SIZE`; of what is not there, `None`.
fn head(line: &str) -> Option<(&str, u64)> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        [id, "blob", size] => Some((id, size.parse().ok()?)),
        _ => None,
    }
}

/// Reads the output of `git cat-file --batch`: a head, then the bytes, each
/// ended by a newline.
fn read(mut all: &[u8]) -> Option<HashMap<String, Vec<u8>>> {
    let mut contents = HashMap::new();
    while !all.is_empty() {
        let end = all.iter().position(|byte| *byte == b'\n')?;
        let (id, size) = head(std::str::from_utf8(&all[..end]).ok()?)?;
        let (content, rest) = all[end + 1..].split_at_checked(usize::try_from(size).ok()?)?;
        contents.insert(id.to_owned(), content.to_vec());
        all = rest.strip_prefix(b"\n")?;
    }
    Some(contents)
}
