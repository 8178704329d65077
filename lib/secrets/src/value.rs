//! The values, and the files that they are read from.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use document::policy::Isolation;
use nix::{fcntl::OFlag, unistd::geteuid};
use serde_json::{Map, Value};
use toolkit::files::FileError;

use crate::Error;

/// The most bytes that a file may have: what a server takes as one header.
const LIMIT: u64 = 8 << 10;

/// The secrets of one container, which are never shown.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secrets(Vec<(String, String)>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|(id, _)| id);
        f.write_str("Secrets")?;
        f.debug_list().entries(ids).finish()
    }
}

impl Secrets {
    /// Reads the values that the files of `isolation` have.
    pub fn read(isolation: Option<&Isolation>) -> Result<Self, Error> {
        let secrets = isolation.into_iter().flat_map(|isolation| &isolation.secrets);
        let read = |id: &String, path| Ok((id.clone(), value(id, path)?));
        secrets.map(|secret| read(&secret.id, &secret.file)).collect::<Result<_, _>>().map(Self)
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether all that `ids` name are among them.
    #[must_use]
    pub fn have_all<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> bool {
        ids.all(|id| self.0.iter().any(|(own, _)| own == id))
    }

    /// Returns all that makes them up, in order.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.0.iter().flat_map(|(id, value)| [id.as_str(), value.as_str()]).collect()
    }

    /// Returns the object that the proxy reads: `{"ID": "VALUE", …}`.
    pub(crate) fn to_json(&self) -> String {
        let values = self.0.iter().map(|(id, value)| (id.clone(), value.as_str().into()));
        Value::from(values.collect::<Map<_, _>>()).to_string()
    }
}

/// Reads the file at `path`, which must be the person's alone.
pub(crate) fn value(id: &str, path: &Path) -> Result<String, Error> {
    let contents = contents(id, path, LIMIT)?;
    parse(&contents).map_err(|what| Error::NotAValue { id: id.to_owned(), path: path.into(), what })
}

/// Reads the file at `path`, which must be the person's alone, as far as one
/// byte more than `limit`. A link is followed: what it leads to is judged.
pub(crate) fn contents(id: &str, path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = FileError::reading(path);
    let (id, path) = (|| id.to_owned(), || path.to_owned());
    // What is no file is not waited for.
    let flags = OFlag::O_NONBLOCK.bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path());
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Absent { id: id(), path: path() },
        _ => failed(error).into(),
    })?;
    let metadata = file.metadata().map_err(&failed)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile { id: id(), path: path() });
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(Error::NotOwn { id: id(), path: path(), uid: metadata.uid() });
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(Error::Exposed { id: id(), path: path(), mode: metadata.mode() & 0o777 });
    }
    let mut contents = Vec::new();
    file.take(limit + 1).read_to_end(&mut contents).map_err(&failed)?;
    Ok(contents)
}

/// Reads a value out of a file's contents: one line, whose newline may be
/// missing. Fails with what is wrong, which has nothing of them.
///
/// The characters are those of a header (RFC 9110 section 5.5), without those
/// above ASCII, which servers read in different ways.
pub(crate) fn parse(contents: &[u8]) -> Result<String, &'static str> {
    if contents.len() as u64 > LIMIT {
        return Err("it has more than 8192 bytes");
    }
    let text = std::str::from_utf8(contents).map_err(|_| "it is not UTF-8")?;
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
    if !text.is_ascii() {
        return Err("it has a character that is not ASCII");
    }
    if text.trim() != text {
        return Err("it has a blank at its beginning or end");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use document::policy::IsolationSecret;
    use toolkit::Failure;

    use super::*;

    fn read(path: &Path) -> Result<Secrets, Error> {
        let secret = IsolationSecret { id: "a.b".into(), file: path.into(), ..Default::default() };
        Secrets::read(Some(&Isolation { secrets: vec![secret], ..Default::default() }))
    }

    #[track_caller]
    fn refused(path: &Path, kind: &str) {
        let error = read(path).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }

    #[test]
    fn a_file_of_the_persons_alone_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (contents, mode) in [("canary\n", 0o600), ("canary", 0o400)] {
            let _ = fs::remove_file(&path);
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let secrets = read(&path).unwrap();
            assert_eq!(secrets.to_json(), r#"{"a.b":"canary"}"#);
            assert_eq!(format!("{secrets:?}"), r#"Secrets["a.b"]"#);
            assert!(secrets.have_all(["a.b"].into_iter()) && !secrets.have_all(["c"].into_iter()));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        refused(&path, "secret-exposed");
        refused(directory.path(), "secret-not-a-file");
        refused(&directory.path().join("none"), "secret-absent");
        refused(Path::new("/dev/null"), "secret-not-a-file");
        if !geteuid().is_root() {
            refused(Path::new("/etc/hostname"), "secret-not-own");
        }
    }

    #[test]
    fn what_is_no_value_is_told_without_it() {
        let long = "canary".repeat(2000);
        for contents in [
            "",
            "\n",
            "  \n",
            "canary\n\n",
            "canary\ncanary\n",
            "canary\r\n",
            "can\0ary",
            " canary",
            "canary\t\n",
            "canaryü",
            &long,
        ] {
            assert!(!parse(contents.as_bytes()).unwrap_err().contains("canary"), "{contents:?}");
        }
        assert!(parse(b"\xff").is_err());
        assert_eq!(parse(b"a b: c\n").unwrap(), "a b: c");
    }
}
