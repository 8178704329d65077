//! Names of files as a tolerant file system reads them.

/// A component of a path, as it is compared: in lower case, without what some
/// file system ignores.
///
/// macOS finds `.VSCODE` and `.vs\u{200c}code` where `.vscode` is asked for,
/// Windows `.vscode.` and `.vscode::$INDEX_ALLOCATION`. Git refuses to check
/// out such spellings of `.git` alone (`is_hfs_dotgit`, `is_ntfs_dotgit`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(String);

impl Name {
    fn of(component: &[u8]) -> Self {
        let text = String::from_utf8_lossy(component);
        let text = text.split(':').next().unwrap_or_default();
        let lower: String =
            text.chars().filter(|each| !is_ignored(*each)).flat_map(char::to_lowercase).collect();
        let end = lower.trim_end_matches(['.', ' ']).len();
        Self(lower[..end].to_owned())
    }

    /// Returns it as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether some file system takes it for `.git`.
    #[must_use]
    pub fn is_git(&self) -> bool {
        let short = self.0.strip_prefix("git~");
        self.0 == ".git"
            || short.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// Splits a path; Windows takes a backslash for a slash.
///
/// What is nothing after all that, such as `..`, stays as it is: it would be
/// lost otherwise.
#[must_use]
pub fn names(path: &[u8]) -> Vec<Name> {
    let parts = path.split(|byte| matches!(byte, b'/' | b'\\')).filter(|part| !part.is_empty());
    let name = |part: &[u8]| match Name::of(part) {
        Name(empty) if empty.is_empty() => Name(String::from_utf8_lossy(part).into_owned()),
        name => name,
    };
    parts.map(name).collect()
}

/// The code points that HFS+ ignores (`next_hfs_char` in git's utf8.c).
fn is_ignored(character: char) -> bool {
    matches!(
        character,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}
