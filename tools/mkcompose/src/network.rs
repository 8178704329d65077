//! The addresses on the internal network.

use std::net::Ipv4Addr;

/// Where the networks lie: each gets sixteen addresses, by its number.
///
/// They are private (RFC 1918), and there is one for each port from 0 to 65535:
/// of two containers on one machine no two have the same port for ssh.
const BASE: u32 = u32::from_be_bytes([10, 208, 0, 0]);
const SIZE: u32 = 16;
const PREFIX: u32 = 28;

/// The internal network of one container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Network(u32);

impl Network {
    /// Returns the network of the container whose ssh has `port` of the host.
    pub(crate) fn of(port: u16) -> Self {
        Self(BASE + SIZE * u32::from(port))
    }

    /// Returns `ADDRESS/LENGTH` (RFC 4632).
    pub(crate) fn subnet(self) -> String {
        format!("{}/{PREFIX}", Ipv4Addr::from(self.0))
    }

    /// The egress proxy. The first address stays free: some engines take it for
    /// the bridge, or point a route at it.
    pub(crate) fn proxy(self) -> Ipv4Addr {
        self.host(2)
    }

    /// The forwarder of the published ports.
    pub(crate) fn ingress(self) -> Ipv4Addr {
        self.host(3)
    }

    /// The container itself.
    pub(crate) fn app(self) -> Ipv4Addr {
        self.host(4)
    }

    fn host(self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.0 + number)
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn every_port_has_a_network_and_none_meets_another() {
        assert_eq!(Network::of(0).subnet(), "10.208.0.0/28");
        assert_eq!(Network::of(2200).subnet(), "10.208.137.128/28");
        assert_eq!(Network::of(2200).app().to_string(), "10.208.137.132");
        assert_eq!(Network::of(u16::MAX).subnet(), "10.223.255.240/28");
    }
}
