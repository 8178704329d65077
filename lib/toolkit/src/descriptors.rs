//! The open files that a process gets from whoever started it.

use std::{fs, os::fd::BorrowedFd};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc::STDERR_FILENO,
};

/// Keeps what this process was given beside its standard streams from the programs that
/// it starts.
///
/// One that goes on in the background would hold a pipe open whose reader waits for its
/// end. What Rust opens is kept from them anyway.
pub fn keep_to_oneself() {
    let open = fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.filter(|number| *number > STDERR_FILENO) {
        #[expect(unsafe_code, reason = "a descriptor that was inherited has a number and no owner")]
        // SAFETY: it is not used after this call, which fails where the descriptor has been
        // closed since it was listed.
        let inherited = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl(inherited, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read, process::Command};

    use nix::unistd::pipe;

    use super::keep_to_oneself;

    #[test]
    fn a_pipe_that_was_inherited_ends_although_a_child_goes_on() {
        // Made so, its ends are passed on to children, as they are by a shell.
        let (reader, writer) = pipe().unwrap();
        keep_to_oneself();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        drop(writer);
        let ended = File::from(reader).read(&mut [0]);
        let _ = child.kill();
        let _ = child.wait();
        assert_eq!(ended.unwrap(), 0);
    }
}
