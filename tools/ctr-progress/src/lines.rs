//! Lines of any length, in bounded memory.

use std::io::{self, BufRead, Read};

/// The longest line that can be an event, in bytes.
const LIMIT: u64 = 64 << 10;

/// Calls `take` with each line of `input`, the last one too if nothing ends
/// it; lines that are too long are left out.
pub(crate) fn each(mut input: impl BufRead, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut line = Vec::new();
    let mut is_rest = false;
    loop {
        line.clear();
        let read = input.by_ref().take(LIMIT).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let is_cut = read as u64 == LIMIT && !line.ends_with(b"\n");
        if !is_cut && !is_rest {
            take(&line);
        }
        is_rest = is_cut;
    }
}
