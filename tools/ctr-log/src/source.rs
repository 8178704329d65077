//! Where the log is read: in the proxy that runs, or out of one that does not.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};

use document::proxy::{PYTHON, REQUESTS};
use engine::{Engine, Stream, Summary};
use toolkit::{DocumentError, audience::Attended};

use crate::{
    Error,
    show::{has_more, read_line},
};

/// Writes the log to standard output, in the proxy.
const READ: &str = include_str!("read.py");

/// The longest line that is read; the proxy writes none of that length.
const LONGEST: usize = 1 << 20;

/// The log of a proxy.
#[derive(Debug)]
pub struct Source<'a> {
    engine: &'a Engine,
    proxy: &'a str,
    /// What reads it in the proxy, if that runs.
    stream: Option<Stream<'a>>,
    follow: bool,
}

/// What comes out of it.
pub(crate) enum Line<'a> {
    /// A line.
    Record(&'a str),
    /// What comes after this was not there yet.
    UpToHere,
}

impl<'a> Source<'a> {
    /// Opens the log of `proxy`; with `follow` it goes on as long as that runs.
    pub fn open(engine: &'a Engine, proxy: &'a Summary, follow: bool) -> Result<Self, Error> {
        let stream = match proxy.status.as_str() {
            "running" => {
                let args = ["exec", "-i", &proxy.name, PYTHON, "-I", "-c", READ, REQUESTS];
                Some(engine.stream(args.into_iter().chain(follow.then_some("follow")))?)
            }
            _ => None,
        };
        Ok(Self { engine, proxy: &proxy.name, stream, follow })
    }

    /// Calls `each` with every line, and with whether nothing comes after it for
    /// now.
    pub(crate) fn read(
        self,
        mut each: impl FnMut(Line<'_>, bool) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(stream) = self.stream else { return kept(self.engine, self.proxy, each) };
        let mut reader = BufReader::new(Attended::new(stream, io::stdout()));
        let (mut line, mut is_told) = (Vec::new(), false);
        while read_line(&mut reader, &mut line, LONGEST).map_err(unread)? {
            let is_last = !has_more(&reader);
            if line.is_empty() && !is_told {
                is_told = true;
                each(Line::UpToHere, is_last)?;
            } else {
                each(Line::Record(&String::from_utf8_lossy(&line)), is_last)?;
            }
        }
        match reader.into_inner().into_inner().finish() {
            Ok(()) if is_told => Ok(()),
            // The proxy has ended, and what follows it with it.
            Err(_) if is_told && self.follow => Ok(()),
            Err(error) if !error.is("not-running") => Err(error.into()),
            // It ended before it could be asked.
            _ if !is_told => kept(self.engine, self.proxy, each),
            _ => Ok(()),
        }
    }
}

/// Tells why nothing was read: perhaps because nobody reads here any more.
fn unread(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => DocumentError::Write(error).into(),
        _ => Error::Read(error),
    }
}

/// Reads the log by the engine alone, which has all of its files in one archive,
/// in any order.
fn kept(
    engine: &Engine,
    proxy: &str,
    mut each: impl FnMut(Line<'_>, bool) -> Result<(), Error>,
) -> Result<(), Error> {
    let directory = Path::new(REQUESTS).parent().unwrap_or(Path::new("/"));
    let from = format!("{proxy}:{}", directory.display());
    let mut stream = engine.stream(["cp", &from, "-"])?;
    let unpacked = unpack(&mut stream);
    match stream.finish() {
        // It never ran, and has none.
        Err(error) if error.is("no-such-file") => return each(Line::UpToHere, true),
        result => result?,
    }
    let mut line = Vec::new();
    for file in unpacked.map_err(Error::Read)?.into_values().rev() {
        let mut reader = BufReader::new(file);
        while read_line(&mut reader, &mut line, LONGEST).map_err(Error::Read)? {
            each(Line::Record(&String::from_utf8_lossy(&line)), false)?;
        }
    }
    each(Line::UpToHere, true)
}

/// Keeps the files of the log in files without a name, by their number: 0 is
/// the newest.
fn unpack(stream: &mut impl Read) -> io::Result<BTreeMap<u64, File>> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(&mut *stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let number = number(&entry.path()?).filter(|_| entry.header().entry_type().is_file());
        if let Some(number) = number {
            let mut file = tempfile::tempfile()?;
            io::copy(&mut entry, &mut file)?;
            file.rewind()?;
            files.insert(number, file);
        }
    }
    // An engine that is not read to its end fails.
    io::copy(stream, &mut io::sink())?;
    Ok(files)
}

/// Returns the number of a file of the log.
fn number(path: &Path) -> Option<u64> {
    let own = Path::new(REQUESTS).file_name()?.to_str()?;
    let rest = path.file_name()?.to_str()?.strip_prefix(own)?;
    match rest {
        "" => Some(0),
        _ => rest.strip_prefix('.')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_numbers() {
        for (path, expected) in [
            ("log/requests.jsonl", Some(0)),
            ("log/requests.jsonl.12", Some(12)),
            ("log/requests.jsonl.x", None),
            ("log/requests.jsonlx", None),
            ("log/", None),
        ] {
            assert_eq!(number(Path::new(path)), expected, "{path}");
        }
    }
}
