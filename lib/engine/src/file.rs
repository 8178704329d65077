//! Reading a file of a container.

use std::io::Read;

use crate::{Engine, EngineError};

impl Engine {
    /// Returns what is in the file at `path` of the container `name`, whether
    /// that runs or not, or `None` where it has no such file: one call.
    ///
    /// The engine reads it, mounts included; nothing is run in the container.
    pub fn read_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let mut command = self.command(["cp", &format!("{name}:{path}"), "-"]);
        let output = self.output(&mut command)?;
        let archive = output.stdout.clone();
        match self.judge(&command, output) {
            Ok(_) => Ok(only_file(&archive)),
            Err(error) if error.is("no-such-file") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns what is in the first file of a tar archive; a link leads nowhere.
fn only_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    if !entry.header().entry_type().is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: tar::EntryType, expected: Option<&[u8]>) {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(5);
        builder.append_data(&mut header, "filter.py", &b"hello"[..]).unwrap();
        assert_eq!(only_file(&builder.into_inner().unwrap()).as_deref(), expected);
    }

    #[test]
    fn a_file_is_read_and_nothing_else() {
        check(tar::EntryType::Regular, Some(b"hello"));
        check(tar::EntryType::Symlink, None);
        assert_eq!(only_file(b""), None);
        assert_eq!(only_file(&[b'x'; 2048]), None);
    }
}
