//! What arrives at this machine, on which an engine here runs.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket},
};

/// What the helper sends where any datagram would do.
const HELLO: &[u8] = b"ctr-verify\n";

/// Sockets of this machine, which nothing in an isolated container gets to:
/// not even by a broadcast, which needs no address of this machine. Linux takes
/// those on a bridge that has none, unless it looks at where they come from
/// (`rp_filter` in the kernel's ip-sysctl).
#[derive(Debug)]
pub(crate) struct Ear {
    datagrams: UdpSocket,
    connections: TcpListener,
    /// What is cried to everybody.
    pub word: String,
}

/// What was heard.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Heard {
    /// The word that was said to everybody.
    pub broadcast: bool,
    /// What was said to one of the machine's addresses, and how.
    pub direct: Vec<&'static str>,
}

impl Ear {
    pub(crate) fn new() -> io::Result<Self> {
        let datagrams = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let connections = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        datagrams.set_nonblocking(true)?;
        connections.set_nonblocking(true)?;
        let port = datagrams.local_addr()?.port();
        let word = format!("ctr-verify {} {port}", std::process::id());
        Ok(Self { datagrams, connections, word })
    }

    /// The ports on which it listens, UDP and TCP.
    pub(crate) fn ports(&self) -> (u16, u16) {
        let udp = self.datagrams.local_addr().map_or(0, |address| address.port());
        let tcp = self.connections.local_addr().map_or(0, |address| address.port());
        (udp, tcp)
    }

    /// Returns what has arrived.
    pub(crate) fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        let mut bytes = [0; 64];
        while let Ok(length) = self.datagrams.recv(&mut bytes) {
            match &bytes[..length] {
                said if said == self.word.as_bytes() => heard.broadcast = true,
                said if said == HELLO => heard.direct.push("UDP"),
                _ => {}
            }
        }
        while self.connections.accept().is_ok() {
            heard.direct.push("TCP");
        }
        heard.direct.sort_unstable();
        heard.direct.dedup();
        heard
    }
}

/// Returns the IPv4 addresses of this machine.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let ips = all.filter_map(|each| {
        let address = each.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        v4.filter(|address| !address.is_loopback())
    });
    ips.collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn what_arrives_is_told_apart() {
        let ear = Ear::new().unwrap();
        assert_eq!(ear.heard(), Heard::default());
        let (udp, tcp) = ear.ports();
        let mouth = UdpSocket::bind("127.0.0.1:0").unwrap();
        mouth.send_to(b"something", ("127.0.0.1", udp)).unwrap();
        assert_eq!(ear.heard(), Heard::default());
        mouth.send_to(ear.word.as_bytes(), ("127.0.0.1", udp)).unwrap();
        mouth.send_to(HELLO, ("127.0.0.1", udp)).unwrap();
        TcpStream::connect(("127.0.0.1", tcp)).unwrap();
        assert_eq!(ear.heard(), Heard { broadcast: true, direct: vec!["TCP", "UDP"] });
    }
}
