//! What a container writes, of which nothing is endless: what is in it may be
//! another program than the one that was put there.

use std::io::{BufRead, Read};

/// The longest line in bytes. The longest that the helper writes has a few files in
/// it of at most 256 KiB each.
const LONGEST: u64 = 16 << 20;

/// Reads a line; nothing at the end, and of one that is too long.
pub(crate) fn line(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    input.by_ref().take(LONGEST).read_until(b'\n', &mut text).ok()?;
    text.ends_with(b"\n").then_some(text)
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufReader, Cursor, Read};

    use super::{LONGEST, line};

    #[test]
    fn no_line_is_endless() {
        let long = vec![b'a'; usize::try_from(LONGEST).unwrap() - 1];
        let mut input = Cursor::new([b"b\n", &long[..], b"\nc"].concat());
        assert_eq!(line(&mut input).unwrap(), b"b\n");
        assert_eq!(line(&mut input).unwrap().len(), long.len() + 1);
        assert_eq!(line(&mut input), None);
        let mut endless = BufReader::new(io::repeat(b'a').take(1 << 40));
        assert_eq!(line(&mut endless), None);
    }
}
