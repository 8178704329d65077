//! What git says of two trees.

/// What a path is in a tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The kind of thing, and whether it can be executed.
    pub kind: Kind,
    /// The id of the object, in hex.
    pub id: String,
}

/// The kinds of things in a tree (git-fast-import(1), filemodify).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A file.
    File,
    /// A file that can be executed.
    Executable,
    /// A symbolic link.
    Link,
    /// A commit of another repository.
    Submodule,
}

/// A path that is not the same in two trees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Touched {
    /// The path, from the root.
    pub path: Vec<u8>,
    /// What it was.
    pub before: Option<Entry>,
    /// What it is.
    pub after: Option<Entry>,
}

impl Kind {
    /// Reads a mode in octal; `None` where there is nothing.
    #[must_use]
    pub fn of(mode: &str) -> Option<Self> {
        match mode {
            "000000" => None,
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Link),
            "160000" => Some(Self::Submodule),
            _ => Some(Self::File),
        }
    }
}

/// Reads the output of `git diff-tree -r -z --raw --no-renames --no-abbrev`:
/// `:MODE MODE ID ID STATUS<NUL>PATH<NUL>`; `None` where it is something else.
#[must_use]
pub fn parse(raw: &[u8]) -> Option<Vec<Touched>> {
    let mut fields = raw.split(|byte| *byte == 0).peekable();
    let mut all = Vec::new();
    while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
        let head = std::str::from_utf8(head.strip_prefix(b":")?).ok()?;
        let words: Vec<_> = head.split(' ').collect();
        let [old_mode, new_mode, old, new, _status] = words[..] else { return None };
        let entry = |mode, id: &str| Kind::of(mode).map(|kind| Entry { kind, id: id.to_owned() });
        let path = fields.next()?.to_vec();
        all.push(Touched { path, before: entry(old_mode, old), after: entry(new_mode, new) });
    }
    Some(all)
}
