//! One document in on standard input, one out on standard output.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use document::{Document, ParseError, Received};

use crate::{Exit, Failure};

/// The largest text that is read, in bytes; `document::parse` refuses less.
const LIMIT: u64 = 32 << 20;

/// A document could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Standard input is a terminal.
    #[error("expected a '{0}' document on standard input, not a terminal")]
    Terminal(&'static str),

    /// There is nothing, most often because the previous tool failed.
    #[error("expected a '{schema}' document {from}, got nothing")]
    Empty {
        /// The schema that was expected.
        schema: &'static str,
        /// Where it was read from.
        from: String,
    },

    /// The text is longer than any document may be.
    #[error("the '{schema}' document {from} has more than {limit} bytes")]
    TooLarge {
        /// The schema that was expected.
        schema: &'static str,
        /// Where it was read from.
        from: String,
        /// The limit in bytes.
        limit: usize,
    },

    /// The text is not UTF-8.
    #[error("the '{schema}' document {from} is not UTF-8")]
    NotUtf8 {
        /// The schema that was expected.
        schema: &'static str,
        /// Where it was read from.
        from: String,
    },

    /// The document is of another kind or version.
    #[error("expected a '{schema}' document {from}, got {}", got(found.as_deref()))]
    Schema {
        /// The schema that was expected.
        schema: &'static str,
        /// Where it was read from.
        from: String,
        /// The schema that was found, if there is one.
        found: Option<String>,
    },

    /// The text is not a document of the expected shape.
    #[error("cannot parse the '{schema}' document {from}")]
    Malformed {
        /// The schema that was expected.
        schema: &'static str,
        /// Where it was read from.
        from: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },

    /// Standard input could not be read.
    #[error("cannot read standard input")]
    Read(#[source] io::Error),

    /// A file could not be read.
    #[error("cannot read '{}'", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// Standard output was closed before the tool began.
    #[error("standard output is closed")]
    Closed,

    /// Standard output could not be written.
    #[error("cannot write standard output")]
    Write(#[source] io::Error),
}

impl Failure for DocumentError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Terminal(_) => "stdin-is-a-terminal",
            Self::Empty { .. } => "empty-document",
            Self::TooLarge { .. } => "document-too-large",
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Schema { .. } => "unexpected-schema",
            Self::Malformed { .. } => "malformed-document",
            Self::Read(_) => "cannot-read-stdin",
            Self::ReadFile { .. } => "cannot-read-file",
            Self::Closed => "stdout-is-closed",
            Self::Write(_) => "cannot-write-stdout",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Terminal(_) => Exit::Usage,
            Self::Empty { .. } => Exit::NoInput,
            Self::TooLarge { .. }
            | Self::NotUtf8 { .. }
            | Self::Schema { .. }
            | Self::Malformed { .. } => Exit::DataErr,
            Self::ReadFile { source, .. } => Exit::of_reading(source),
            Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Sigpipe,
            Self::Read(_) | Self::Closed | Self::Write(_) => Exit::IoErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Terminal("container/1") => Some("pipe one in: ctr-spec | …".into()),
            Self::Empty { .. } => {
                Some("the command before this one in the pipe may have failed".into())
            }
            Self::Schema { .. } => {
                Some("it is another kind or version of document; ctrkit(7) has all kinds".into())
            }
            Self::Malformed { .. } => {
                Some("it may have been cut short where it was written".into())
            }
            _ => None,
        }
    }
}

impl Exit {
    /// Returns the status for an input file that could not be read.
    #[must_use]
    pub fn of_reading(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => Self::NoInput,
            io::ErrorKind::PermissionDenied => Self::NoPerm,
            _ => Self::IoErr,
        }
    }

    /// Returns the status for a file that could not be written.
    #[must_use]
    pub fn of_writing(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::NoPerm,
            _ => Self::IoErr,
        }
    }
}

/// Reads the one document on standard input.
pub fn read<D: Document>() -> Result<Received<D>, DocumentError> {
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        return Err(DocumentError::Terminal(D::SCHEMA));
    }
    let mut text = Vec::new();
    stdin.take(LIMIT).read_to_end(&mut text).map_err(DocumentError::Read)?;
    parse(&text, "on standard input")
}

/// Reads the one document in the file at `path`.
pub fn read_file<D: Document>(path: &Path) -> Result<Received<D>, DocumentError> {
    let failed = |source| DocumentError::ReadFile { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LIMIT).read_to_end(&mut text).map_err(failed)?;
    parse(&text, &format!("in '{}'", path.display()))
}

/// Reads the document in the file at `path`, where `-` is standard input.
pub fn read_named<D: Document>(path: &Path) -> Result<Received<D>, DocumentError> {
    if path == Path::new("-") { read() } else { read_file(path) }
}

/// Parses a document; `from` says in an error where it came from.
pub fn parse<D: Document>(text: &[u8], from: &str) -> Result<Received<D>, DocumentError> {
    let schema = D::SCHEMA;
    let from = from.to_owned();
    document::parse(text).map_err(|error| match error {
        ParseError::Empty => DocumentError::Empty { schema, from },
        ParseError::TooLarge { limit } => DocumentError::TooLarge { schema, from, limit },
        ParseError::NotUtf8 => DocumentError::NotUtf8 { schema, from },
        ParseError::Malformed(source) => DocumentError::Malformed { schema, from, source },
        ParseError::Schema(found) => DocumentError::Schema { schema, from, found },
        error => DocumentError::Malformed { schema, from, source: custom(&error) },
    })
}

/// Says what a document of another schema is.
fn got(found: Option<&str>) -> String {
    found.map_or("JSON without a schema".to_owned(), |found| format!("'{found}'"))
}

fn custom(error: &ParseError) -> serde_json::Error {
    serde::de::Error::custom(format!("{error:?}"))
}

/// Returns `document` as the one line that goes into a tool or a file, its end
/// included.
pub fn line<D: Document>(document: &Received<D>) -> Result<String, DocumentError> {
    let line = document.to_line().map_err(|error| DocumentError::Write(error.into()))?;
    Ok(format!("{line}\n"))
}

/// Writes `document` to standard output as one line.
pub fn write<D: Document>(document: &Received<D>) -> Result<(), DocumentError> {
    write_text(&line(document)?)
}

/// Writes `text` to standard output as it is, in one piece.
pub fn write_text(text: &str) -> Result<(), DocumentError> {
    write_bytes(text.as_bytes())
}

/// Writes bytes, such as a path, to standard output as they are.
pub fn write_bytes(bytes: &[u8]) -> Result<(), DocumentError> {
    check_open()?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(DocumentError::Write)
}

/// Refuses a standard output that was closed before the tool began.
pub(crate) fn check_open() -> Result<(), DocumentError> {
    if CLOSED.load(Ordering::Relaxed) { Err(DocumentError::Closed) } else { Ok(()) }
}

/// Whether descriptor 1 was closed when the process began.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs [`note_closed_stdout`] before Rust's start-up code, which opens
/// `/dev/null` in the place of a closed descriptor and so hides it.
#[used]
#[expect(unsafe_code, reason = "there is no safe way to run code before main")]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static BEFORE_MAIN: extern "C" fn() = note_closed_stdout;

extern "C" fn note_closed_stdout() {
    use nix::fcntl::{FcntlArg, fcntl};

    let closed = fcntl(io::stdout(), FcntlArg::F_GETFD).is_err();
    CLOSED.store(closed, Ordering::Relaxed);
}
