//! Whether anybody still reads what is written.

use std::{
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

/// What poll(2) tells of a pipe or socket that nobody reads any more.
const GONE: PollFlags = PollFlags::POLLERR.union(PollFlags::POLLHUP);

/// Says whether nobody reads `out` any more, which a write would tell; but
/// perhaps there is nothing to write for hours.
#[must_use]
pub fn has_left(out: &impl AsFd) -> bool {
    let mut out = [PollFd::new(out.as_fd(), PollFlags::empty())];
    poll(&mut out, PollTimeout::ZERO).is_ok()
        && out[0].revents().is_some_and(|events| events.intersects(GONE))
}

/// What is read only as long as somebody reads what becomes of it.
///
/// A read that has to wait fails with `BrokenPipe` as soon as nobody does.
#[derive(Debug)]
pub struct Attended<R, W> {
    input: R,
    out: W,
}

impl<R, W> Attended<R, W> {
    /// Reads `input` for those who read `out`.
    #[must_use]
    pub fn new(input: R, out: W) -> Self {
        Self { input, out }
    }

    /// Returns the input.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.input
    }
}

impl<R: Read + AsFd, W: AsFd> Read for Attended<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait(self.input.as_fd(), self.out.as_fd())?;
        self.input.read(buffer)
    }
}

/// Waits until `input` has something, its end included.
fn wait(input: BorrowedFd<'_>, out: BorrowedFd<'_>) -> io::Result<()> {
    let mut both = [PollFd::new(input, PollFlags::POLLIN), PollFd::new(out, PollFlags::empty())];
    while let Err(error) = poll(&mut both, PollTimeout::NONE) {
        if error != Errno::EINTR {
            return Err(error.into());
        }
    }
    let is_there = both[0].any().unwrap_or_default();
    if is_there { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::net::UnixStream, thread, time::Duration};

    use super::*;

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_waited_for_as_long_as_somebody_reads() {
        let (input, mut from) = UnixStream::pair().unwrap();
        let (reader, out) = UnixStream::pair().unwrap();
        assert!(!has_left(&out));
        let mut attended = Attended::new(input, &out);
        from.write_all(b"one").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(attended.read(&mut buffer).unwrap(), 3);
        let leaves = thread::spawn(|| {
            thread::sleep(Duration::from_millis(50));
            drop(reader);
        });
        let error = attended.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        leaves.join().unwrap();
        assert!(has_left(&out));
        // What is there is read all the same.
        from.write_all(b"two").unwrap();
        assert_eq!(attended.read(&mut buffer).unwrap(), 3);
        drop(from);
        assert_eq!(attended.read(&mut buffer).unwrap(), 0);
    }
}
