//! Sockets that lead to an engine, and those that only the privileged get.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::FileTypeExt, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Seen, files, os};

/// How long a socket is waited for.
const PATIENCE: Duration = Duration::from_millis(400);

/// Returns which of the sockets can be made that only the privileged get, and
/// `change` where the network can be changed.
pub(crate) fn rights() -> Vec<String> {
    let kinds = [
        ("raw", os::INET, os::RAW, os::ICMP),
        ("raw6", os::INET6, os::RAW, 58),
        ("packet", os::PACKET, os::RAW, 0),
    ];
    let is_made = |kind: &&(&str, i32, i32, i32)| os::open(kind.1, kind.2, kind.3).is_ok();
    let made = kinds.iter().filter(is_made);
    let change = os::may_change_network().then(|| "change".to_owned());
    made.map(|kind| kind.0.to_owned()).chain(change).collect()
}

/// Returns those of the sockets at `paths`, and of those that are mounted, behind
/// which an engine answers.
pub(crate) fn engines(paths: &[&str]) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let mut all: Vec<_> = paths.iter().copied().chain(mounted).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().filter_map(|path| engine(Path::new(path))).collect()
}

/// Looks for sockets below `roots`, and returns those behind which an engine
/// answers. `most` bounds how many files are looked at.
pub(crate) fn found(most: &str, roots: &[&str]) -> Seen {
    let most = most.parse().map_err(|_| "no number".to_owned())?;
    let mut sockets: Vec<PathBuf> = Vec::new();
    let is_whole = files::walk(roots, most, usize::MAX, |path, kind| {
        if kind.is_socket() {
            sockets.push(path.to_owned());
        }
    });
    let seen = sockets.iter().filter_map(|path| engine(path)).collect();
    if is_whole { Ok(seen) } else { Err(format!("there are more than {most} files")) }
}

/// Asks a socket as a client of an engine would, and says what it is.
fn engine(path: &Path) -> Option<String> {
    let is_socket = fs::metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let words = if is_socket { exchange(path)? } else { return None };
    let name = ["libpod", "docker", "containerd"];
    let lower = words.to_lowercase();
    let name = name.into_iter().find(|name| lower.contains(name));
    // What speaks gRPC answers in frames: containerd, cri-o.
    let grpc = words.starts_with("\0\0").then_some("gRPC");
    let name = name.or(grpc)?;
    Some(format!("{} answers ({name})", path.display()))
}

fn exchange(path: &Path) -> Option<String> {
    let mut answer = vec![0; 1024];
    for request in [
        &b"GET /_ping HTTP/1.0\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ] {
        let mut stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // What answers before it has heard all and hangs up has answered too.
        let _ = stream.write_all(request);
        // The name of the server may come with a second segment.
        let mut length = 0;
        while let Ok(more @ 1..) = stream.read(&mut answer[length..]) {
            length += more;
        }
        let is_told =
            answer[..length].starts_with(b"HTTP/1") || answer[..length].starts_with(b"\0\0");
        if is_told {
            return Some(String::from_utf8_lossy(&answer[..length]).into_owned());
        }
    }
    None
}
