//! The calls of the system that the standard library has not, by their numbers
//! on Linux, which are the same on x86-64 and AArch64.
#![allow(unsafe_code, reason = "there are no crates here that would do it")]

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

pub(crate) const INET: i32 = 2;
pub(crate) const INET6: i32 = 10;
pub(crate) const PACKET: i32 = 17;
pub(crate) const STREAM: i32 = 1;
pub(crate) const DATAGRAM: i32 = 2;
pub(crate) const RAW: i32 = 3;
pub(crate) const ICMP: i32 = 1;
/// Close on exec, and do not block.
const FLAGS: i32 = 0o2_000_000 | 0o4_000;
const SOCKET: i32 = 1;
const ERROR: i32 = 4;
const BIND_TO_DEVICE: i32 = 25;
const RECEIVE_BUFFER_FORCE: i32 = 33;
const WRITABLE: i16 = 4;
const IN_PROGRESS: i32 = 115;
pub(crate) const REFUSED: i32 = 111;
pub(crate) const RESET: i32 = 104;

#[repr(C)]
struct Poll {
    fd: i32,
    wanted: i16,
    found: i16,
}

unsafe extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    fn connect(fd: i32, address: *const u8, length: u32) -> i32;
    fn poll(all: *mut Poll, count: u64, milliseconds: i32) -> i32;
    fn getsockopt(fd: i32, level: i32, name: i32, value: *mut i32, length: *mut u32) -> i32;
    fn setsockopt(fd: i32, level: i32, name: i32, value: *const u8, length: u32) -> i32;
    fn alarm(seconds: u32) -> u32;
}

/// Lets the kernel end the process after so many seconds.
pub(crate) fn die_after(seconds: u32) {
    // SAFETY: it takes a number and touches no memory.
    unsafe { alarm(seconds) };
}

/// Makes a socket that does not block.
pub(crate) fn open(domain: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: it takes numbers and touches no memory.
    let fd = unsafe { socket(domain, kind | FLAGS, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Begins to connect; `Ok` says that it is not decided yet, or done.
pub(crate) fn begin(fd: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let bytes = bytes(address);
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    // SAFETY: the kernel reads as many bytes as there are.
    let result = unsafe { connect(fd.as_raw_fd(), bytes.as_ptr(), length) };
    let error = io::Error::last_os_error();
    match result == 0 || error.raw_os_error() == Some(IN_PROGRESS) {
        true => Ok(()),
        false => Err(error),
    }
}

/// Waits until some of the sockets are decided, and says which.
pub(crate) fn decided(all: &[&OwnedFd], patience: Duration) -> Vec<bool> {
    let poll_of = |fd: &&OwnedFd| Poll { fd: fd.as_raw_fd(), wanted: WRITABLE, found: 0 };
    let mut polls: Vec<_> = all.iter().map(poll_of).collect();
    let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the kernel writes into as many entries as there are.
    unsafe { poll(polls.as_mut_ptr(), polls.len() as u64, milliseconds) };
    polls.iter().map(|each| each.found != 0).collect()
}

/// Returns the error of a socket that is decided, 0 where it is connected.
pub(crate) fn error(fd: &OwnedFd) -> i32 {
    let (mut value, mut length) = (0, 4);
    // SAFETY: the kernel writes the four bytes of one number.
    let result = unsafe { getsockopt(fd.as_raw_fd(), SOCKET, ERROR, &mut value, &mut length) };
    if result < 0 { -1 } else { value }
}

/// Lets a socket send by the interface alone, whatever the routes say.
pub(crate) fn bind_to_device(fd: &impl AsRawFd, interface: &str) -> bool {
    set(fd, BIND_TO_DEVICE, interface.as_bytes())
}

/// Says whether the process may change its network: the kernel lets nobody
/// else force a buffer's size, and the socket is thrown away.
pub(crate) fn may_change_network() -> bool {
    open(INET, DATAGRAM, 0).is_ok_and(|fd| set(&fd, RECEIVE_BUFFER_FORCE, &4096_i32.to_ne_bytes()))
}

fn set(fd: &impl AsRawFd, name: i32, value: &[u8]) -> bool {
    let length = u32::try_from(value.len()).unwrap_or_default();
    // SAFETY: the kernel reads as many bytes as there are.
    unsafe { setsockopt(fd.as_raw_fd(), SOCKET, name, value.as_ptr(), length) == 0 }
}

/// Writes an address as the kernel reads it: `struct sockaddr_in` or
/// `sockaddr_in6`.
fn bytes(address: SocketAddr) -> Vec<u8> {
    let family = if address.is_ipv4() { INET } else { INET6 };
    let mut out = u16::try_from(family).unwrap_or_default().to_ne_bytes().to_vec();
    out.extend(address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => {
            out.extend(ip.octets());
            out.extend([0; 8]);
        }
        IpAddr::V6(ip) => {
            out.extend([0; 4]);
            out.extend(ip.octets());
            let scope = match address {
                SocketAddr::V6(address) => address.scope_id(),
                SocketAddr::V4(_) => 0,
            };
            out.extend(scope.to_ne_bytes());
        }
    }
    out
}
