# ---------------------------------------------------------------- addresses

# Where clouds answer their machines: within public space, unlike 169.254.0.0/16.
METADATA = [ipaddress.ip_network("168.63.129.16/32")]
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address):
    """Say whether an address is one of the internet's hosts."""
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.ip_address(int(address) & 0xFFFFFFFF)
        if address.teredo:
            return False
        if inner is not None:
            return is_public(inner)
    if address.is_multicast or is_in(address, METADATA):
        return False
    return address.is_global


def is_in(address, networks):
    """Say whether an address is in one of the networks."""
    return any(address in one for one in networks if one.version == address.version)


def may_connect(policy, name, text):
    """Say whether `name` may be reached at the address `text`."""
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return is_public(address) or is_in(address, policy.networks(name))
