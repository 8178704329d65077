//! Opening a window.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use document::{Extra, error::FailedCommand};

use crate::Error;

/// Has `editor` open a window at the address `uri`; it comes back at once.
///
/// Standard output is ours, so that what it says there goes to standard error.
pub fn open(editor: &Path, uri: &str) -> Result<(), Error> {
    let mut command = Command::new(editor);
    command.args(["--folder-uri", uri]).stdin(Stdio::null());
    let output = command.stderr(Stdio::inherit()).output().map_err(|source| {
        let editor = editor.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Error::EditorAbsent { editor },
            _ => Error::CannotRun { editor, source },
        }
    })?;
    if output.status.success() {
        return Ok(());
    }
    let words = [&*editor.to_string_lossy(), "--folder-uri", uri].map(str::to_owned);
    let command = FailedCommand {
        line: shell_words::join(words),
        status: output.status.code(),
        last_words: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        extra: Extra::new(),
    };
    Err(Error::Editor { editor: editor.to_owned(), command: Box::new(command) })
}
