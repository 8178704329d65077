//! The token, and the file that it is read from.

use std::{
    fmt,
    fs::OpenOptions,
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use document::proxy::PLACEHOLDER;
use nix::fcntl::OFlag;
use toolkit::files::FileError;

use crate::Error;

/// The most bytes that the file may have; a token has less than a hundred.
const LIMIT: u64 = 1024;

/// What the fine-grained tokens of GitHub begin with.
const FINE_GRAINED: &str = "github_pat_";

/// A token, which is never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads the token in the file at `path`, which must be its owner's alone.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = FileError::reading(path);
        // What is no file is not waited for.
        let flags = OFlag::O_NONBLOCK.bits();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = opened.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::Absent { path: path.to_owned() },
            _ => failed(error).into(),
        })?;
        let metadata = file.metadata().map_err(&failed)?;
        if !metadata.is_file() {
            return Err(Error::NotAFile { path: path.to_owned() });
        }
        if metadata.mode() & 0o077 != 0 {
            let mode = metadata.mode() & 0o777;
            return Err(Error::Exposed { path: path.to_owned(), mode });
        }
        let mut contents = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut contents).map_err(&failed)?;
        Self::parse(&contents)
            .map_err(|what| Error::NotAToken { path: path.to_owned(), what: what.to_owned() })
    }

    /// Reads the token out of the file's contents: one line, whose newline
    /// may be missing. Fails with what is wrong, which has nothing of them.
    ///
    /// The characters are those of a bearer token (RFC 6750 section 2.1), none
    /// of which means anything in YAML or to git's credential protocol.
    pub(crate) fn parse(contents: &[u8]) -> Result<Self, &'static str> {
        if contents.len() as u64 > LIMIT {
            return Err("it has more than 1024 bytes");
        }
        let Ok(text) = std::str::from_utf8(contents) else { return Err("it is not UTF-8") };
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.trim().is_empty() {
            return Err("it is empty");
        }
        if text.contains(['\n', '\r']) {
            return Err("it has more than one line, or a carriage return");
        }
        if text.contains(char::is_control) {
            return Err("it has a control character");
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        let body = text.trim_end_matches('=');
        if !body.starts_with(|c: char| c.is_ascii_alphanumeric()) || !body.chars().all(is_allowed) {
            return Err("it has a character that no token has");
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns what stands in a container for the token that its proxy has.
    #[must_use]
    pub fn placeholder() -> Self {
        Self(PLACEHOLDER.to_owned())
    }

    /// Says whether it is a token that can be limited to single repositories
    /// and permissions, or none.
    #[must_use]
    pub fn is_fine_grained(&self) -> bool {
        self.0.starts_with(FINE_GRAINED) || self.0 == PLACEHOLDER
    }

    /// Returns the token itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}
