//! Writing the records.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
};

use engine::Verified;

use crate::{Error, Selection, Source, select::parse, source::Line, table};

/// How much is collected before it is written, where more comes at once.
const BATCH: usize = 64 << 10;

/// Writes the records of `source` that are wanted, those of `verified` marked, and
/// returns how many lines of it were none.
///
/// What comes later is written when it comes.
pub fn show(
    source: Source<'_>,
    verified: Verified,
    selection: &Selection,
    json: bool,
    colours: bool,
) -> Result<u64, Error> {
    let mut shown = Shown { json, colours, verified, text: String::new(), unread: 0 };
    if !json {
        shown.text += &table::headings();
    }
    let most = selection.lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
    let mut last = most.map(|_| VecDeque::new());
    source.read(|line, is_last_for_now| {
        match line {
            Line::UpToHere => {
                last.take().into_iter().flatten().try_for_each(|line: String| shown.add(&line))?;
                shown.flush()?;
            }
            Line::Record(line) if shown.wants(line, selection) => match &mut last {
                None => shown.add(line)?,
                Some(last) => {
                    last.push_back(line.to_owned());
                    if most.is_some_and(|most| last.len() > most) {
                        last.pop_front();
                    }
                }
            },
            Line::Record(_) => {}
        }
        if is_last_for_now { shown.flush() } else { Ok(()) }
    })?;
    shown.flush()?;
    Ok(shown.unread)
}

/// What is written.
struct Shown {
    json: bool,
    colours: bool,
    verified: Verified,
    text: String,
    unread: u64,
}

impl Shown {
    fn wants(&mut self, line: &str, selection: &Selection) -> bool {
        match parse(line) {
            Some(record) => selection.takes(&record),
            None => {
                self.unread += 1;
                false
            }
        }
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let is_probe = self.verified.take(line);
        if self.json {
            let line = if is_probe { marked(line) } else { line.to_owned() };
            self.text += &plain(&line);
            self.text.push('\n');
        } else if let Some(record) = parse(line) {
            self.text += &table::row(&record, is_probe, self.colours);
        }
        if self.text.len() < BATCH { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if !self.text.is_empty() {
            toolkit::write_text(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }
}

/// Marks the record of a request of ctr-verify(1).
fn marked(line: &str) -> String {
    let members = line.trim_end().strip_suffix('}').unwrap_or(line);
    format!("{members},\"probe\":true}}")
}

/// Escapes control characters: JSON allows DEL and those above it in strings,
/// and others only between them. The record is the same.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\0'..=' ' => text.push(' '),
            _ if character.is_control() => text += &format!("\\u{:04x}", u32::from(character)),
            _ => text.push(character),
        }
    }
    text
}

/// Says whether more can be read at once.
pub(crate) fn has_more<R: io::Read>(reader: &io::BufReader<R>) -> bool {
    !reader.buffer().is_empty()
}

/// Reads to the end of a line, but no more than `most` bytes of it, and returns
/// whether there was anything.
pub(crate) fn read_line(
    reader: &mut impl BufRead,
    line: &mut Vec<u8>,
    most: usize,
) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let found = reader.fill_buf()?;
        if found.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = found.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(found.len(), |end| end + 1);
        let room = most.saturating_sub(line.len());
        line.extend_from_slice(&found[..end.unwrap_or(taken).min(room)]);
        reader.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}
