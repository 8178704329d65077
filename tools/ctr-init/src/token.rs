//! The token for GitHub, on its way into its file.

use std::{
    fmt, fs,
    fs::{File, Permissions},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use toolkit::files::{self, FileError};

use crate::{Dialogue, Error};

/// The most bytes that are read; a token has less than a hundred.
const LIMIT: u64 = 1024;

/// What is recommended, as it is told before the question.
pub const RECIPE: &str = "\
A token lets gh and git in the containers reach GitHub. A fine-grained one is
recommended, for the repositories in question alone, for 90 days, with the
permissions: Actions (read), Contents (read), Issues (read and write), Pull
requests (read and write), Metadata (read).";

/// A token, which is never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads the token in the file at `path`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(FileError::reading(path))?;
        let mut contents = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut contents).map_err(FileError::reading(path))?;
        Self::parse(&contents)
            .map_err(|what| Error::BadToken { from: format!("in '{}'", path.display()), what })
    }

    /// Reads the token from what is left of standard input.
    pub fn from_stdin(dialogue: &mut Dialogue) -> Result<Self, Error> {
        let contents = dialogue.rest(LIMIT + 1)?;
        Self::parse(&contents)
            .map_err(|what| Error::BadToken { from: "on standard input".to_owned(), what })
    }

    /// Reads the token out of `contents`: one line, whose newline may be
    /// missing. Fails with what is wrong, which has nothing of them.
    pub fn parse(contents: &[u8]) -> Result<Self, &'static str> {
        if contents.len() as u64 > LIMIT {
            return Err("it has more than 1024 bytes");
        }
        let Ok(text) = std::str::from_utf8(contents) else { return Err("it is not UTF-8") };
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty");
        }
        // Those of a bearer token (RFC 6750 section 2.1).
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(is_allowed) {
            return Err("it has a character that no token has");
        }
        Ok(Self(text.to_owned()))
    }

    /// Says whether it is one that can be limited to repositories and
    /// permissions.
    #[must_use]
    pub fn is_fine_grained(&self) -> bool {
        self.0.starts_with("github_pat_")
    }

    /// Makes the file at `path` have the token, for its owner alone; returns
    /// whether anything was changed.
    pub fn store(&self, path: &Path) -> Result<bool, FileError> {
        if let Some(directory) = path.parent() {
            files::create_private_dir(directory)?;
        }
        let failed = FileError::writing(path);
        // The bits of an old file are kept, so that they must be right before.
        let is_open = fs::metadata(path).is_ok_and(|old| old.mode() & 0o077 != 0);
        if is_open {
            fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        }
        let line = format!("{}\n", self.0);
        Ok(files::replace(path, line.as_bytes(), 0o600)? || is_open)
    }
}

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// There is none to be stored.
    None,
    /// Standard input, up to its end.
    Stdin,
    /// A file.
    File(PathBuf),
}
