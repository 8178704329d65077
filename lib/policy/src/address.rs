//! Networks: the addresses that a name may resolve to though they are not
//! public.

use std::{fmt, net::IpAddr};

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `ADDRESS/BITS` or `ADDRESS`; the bits behind the prefix are zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
            None => bits,
        };
        let network = Self { address, prefix };
        (prefix <= bits && network.host_part() == 0).then_some(network)
    }

    /// Says whether every address of `other` is one of these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.prefix <= other.prefix
            && self.first_bits(self) == self.first_bits(other)
    }

    /// Returns as many bits of `other` as the prefix has.
    fn first_bits(&self, other: &Self) -> u128 {
        u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0) & other.bits()
    }

    /// Returns the bits behind the prefix.
    fn host_part(&self) -> u128 {
        u128::MAX.checked_shr(self.prefix).unwrap_or(0) & self.bits()
    }

    /// Returns the address's bits, those of IPv4 at the upper end.
    fn bits(&self) -> u128 {
        match self.address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn a_network_is_read_and_written() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("FD00::/8", "fd00::/8"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(network(text).to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0/8", "a", "::/129", "1.2.3.4/+8", "/8"] {
            assert_eq!(Network::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_wider_network_covers_a_narrower_one() {
        assert!(network("10.0.0.0/8").covers(&network("10.1.0.0/16")));
        assert!(network("0.0.0.0/0").covers(&network("10.1.0.0/16")));
        assert!(!network("10.1.0.0/16").covers(&network("10.0.0.0/8")));
        assert!(!network("10.0.0.0/8").covers(&network("11.0.0.0/8")));
        assert!(!network("::/0").covers(&network("10.0.0.0/8")));
    }
}
