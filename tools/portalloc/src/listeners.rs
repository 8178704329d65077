//! What listens on this machine.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket,
        sockopt::{Ipv6V6Only, ReuseAddr},
    },
};

use crate::Error;

/// A TCP socket that listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listener {
    /// The local address.
    pub address: IpAddr,
    /// The local port.
    pub port: u16,
}

impl Listener {
    /// Says whether it is in the way of one at `address` and `port`.
    ///
    /// A listener on `0.0.0.0` or `::` counts for every address: where it
    /// does not take the connections, a browser that is told `localhost`
    /// may still end at it.
    #[must_use]
    pub fn is_in_the_way_of(self, address: IpAddr, port: u16) -> bool {
        let mine = self.address.to_canonical();
        let covered = match address {
            IpAddr::V4(address) => address.is_unspecified() && mine.is_ipv4(),
            IpAddr::V6(address) => address.is_unspecified(),
        };
        self.port == port && (mine == address || mine.is_unspecified() || covered)
    }
}

/// Says whether something on this machine listens in the way of `address`
/// and `port`, by trying to bind it.
///
/// Nothing is connected to, and nothing listens even for a moment. With
/// SO_REUSEADDR set, what remains of old connections (TIME_WAIT) is not in
/// the way if their server had set it too; if it had not, Linux refuses all
/// the same, so that its list of sockets has to tell a listener from the
/// rest. On BSD and macOS a bound address and a bound wildcard do not refuse
/// each other under SO_REUSEADDR: therefore the wildcards are tried as well.
pub fn listens_here(address: IpAddr, port: u16) -> Result<bool, Error> {
    let wildcards = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let others = wildcards.into_iter().filter(|wildcard| *wildcard != address);
    let failed = |errno: Errno| Error::probe(address, port, errno.into());
    let refused = match try_to_bind(address, port).map_err(failed)? {
        Bound::NotHere => return Err(Error::AddressNotHere { address }),
        Bound::Refused => true,
        Bound::Free => others
            .map(|wildcard| try_to_bind(wildcard, port))
            .any(|bound| matches!(bound, Ok(Bound::Refused))),
    };
    Ok(refused && listed(address, port).unwrap_or(true))
}

enum Bound {
    Free,
    Refused,
    NotHere,
}

fn try_to_bind(address: IpAddr, port: u16) -> Result<Bound, Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let made = socket(family, SockType::Stream, SockFlag::empty(), None);
    let socket = match made {
        Err(Errno::EAFNOSUPPORT) => return Ok(Bound::NotHere),
        made => made?,
    };
    setsockopt(&socket, ReuseAddr, &true)?;
    if address.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    let place = SockaddrStorage::from(SocketAddr::new(address, port));
    match bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &place) {
        Ok(()) => Ok(Bound::Free),
        // A port below 1024 that only an engine with more rights may bind:
        // what listens there is only to be seen in the list.
        Err(Errno::EACCES) if !cfg!(target_os = "linux") => Ok(Bound::Free),
        Err(Errno::EADDRINUSE | Errno::EACCES) => Ok(Bound::Refused),
        Err(Errno::EADDRNOTAVAIL) => Ok(Bound::NotHere),
        Err(errno) => Err(errno),
    }
}

/// Says whether the kernel's list of sockets has a listener in the way, or
/// nothing where there is no such list.
fn listed(address: IpAddr, port: u16) -> Option<bool> {
    let read = |name| fs::read_to_string(format!("/proc/net/{name}"));
    let tables: Vec<_> = ["tcp", "tcp6"].into_iter().filter_map(|name| read(name).ok()).collect();
    let in_the_way = |listener: Listener| listener.is_in_the_way_of(address, port);
    let mut listeners = tables.iter().flat_map(|table| table.lines()).filter_map(parse_proc);
    (!tables.is_empty()).then(|| listeners.any(in_the_way))
}

/// Reads a line of `/proc/net/tcp` or `tcp6` (the kernel's
/// `Documentation/networking/proc_net_tcp.rst`), if it is a listener's:
/// `0: 0100007F:1F90 00000000:0000 0A …`.
pub(crate) fn parse_proc(line: &str) -> Option<Listener> {
    /// TCP_LISTEN, from the kernel's `include/net/tcp_states.h`.
    const LISTEN: &str = "0A";

    let mut fields = line.split_whitespace().skip(1);
    let (local, _remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let (address, port) = local.split_once(':').filter(|_| state == LISTEN)?;
    // Each 32-bit word is in the byte order of the machine.
    let word = |n: usize| u32::from_str_radix(address.get(8 * n..8 * n + 8)?, 16).ok();
    let address = match address.len() {
        8 => IpAddr::from(word(0)?.to_ne_bytes()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].map(u32::to_ne_bytes);
            let mut bytes = [0; 16];
            bytes.copy_from_slice(words.as_flattened());
            IpAddr::from(bytes)
        }
        _ => return None,
    };
    Some(Listener { address, port: u16::from_str_radix(port, 16).ok()? })
}

impl Error {
    fn probe(address: IpAddr, port: u16, source: io::Error) -> Self {
        Self::Probe { address: SocketAddr::new(address, port), source }
    }
}
