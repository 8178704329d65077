"""Try to get out of a container's network by every way but the proxy.

Arguments: the proxy's address and, behind commas, those of all others that
belong to the container, the network's subnet, a UDP port on which the
machine below listens and what to say to it, that machine's addresses. The last line that is written is a JSON array of the ways that
lead somewhere: {"probe": NAME, "detail": WHAT}. It is empty if there is none.
"""

import concurrent.futures
import contextlib
import errno
import ipaddress
import json
import os
import socket
import sys

PATIENCE = 1.5
# Where something answers in most of the world; whether it does is found out.
OUTSIDE = ("1.1.1.1", "8.8.8.8", "9.9.9.9")
METADATA = ("169.254.169.254",)
NAMES = ("example.com", "example.org", "github.com")
PORTS = (22, 53, 80, 443)
# That nobody listens is an answer, too: a packet came there and back.
ANSWERS = (0, errno.ECONNREFUSED, errno.ECONNRESET)


def connects(address, port, family=socket.AF_INET):
    """Return what answers at an address, or None."""
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(PATIENCE)
        try:
            code = attempt.connect_ex((address, port))
        except OSError as error:
            code = error.errno
    return f"{address} port {port} answers" if code in ANSWERS else None


def query(name):
    """Return a DNS query for a name's IPv4 address (RFC 1035)."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def resolvers():
    """Return the DNS servers that the container knows, and some that it may."""
    found = ["127.0.0.11", *OUTSIDE]
    with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as lines:
        words = [line.split() for line in lines]
    found += [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return [server for server in dict.fromkeys(found) if ":" not in server]


def resolves(server, name):
    """Return what a DNS server says of a name of the outside, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.settimeout(PATIENCE)
        try:
            attempt.sendto(query(name), (server, 53))
            answer = attempt.recv(4096)
        except OSError:
            return None
    count = int.from_bytes(answer[6:8], "big") if len(answer) >= 12 else 0
    return f"{server} resolves {name}" if count else None


def has_ipv6():
    """Return the IPv6 address of an interface that leads somewhere, or None."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as lines:
            rows = [line.split() for line in lines]
    except OSError:
        return None
    found = [row for row in rows if row[5] != "lo"]
    return f"{found[0][5]} has the IPv6 address {found[0][0]}" if found else None


def cry(network, port, word):
    """Say a word to everybody on the wire; who hears it tells, and not we."""
    everybody = ("255.255.255.255", str(network.broadcast_address), "224.0.0.1", "224.0.0.251")
    for address in everybody:
        for _, interface in socket.if_nameindex():
            with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as attempt:
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
                attempt.sendto(word.encode(), (address, int(port)))


def proxy_refuses(address):
    """Return None if the proxy answers, and refuses what no policy allows."""
    try:
        with socket.create_connection((address, 8080), timeout=10) as attempt:
            attempt.sendall(b"CONNECT refused.invalid:443 HTTP/1.1\r\nHost: refused.invalid:443\r\n\r\n")
            answer = attempt.recv(4096)
    except OSError as error:
        return f"the proxy at {address} does not answer: {error}"
    refused = answer.split(b" ", 2)[1:2] == [b"403"]
    return None if refused else f"the proxy at {address} does not refuse: {answer[:40]!r}"


def attempts(proxy, others, subnet, machine):
    """Return (name of the probe, what tries it) of all of them."""
    network = ipaddress.ip_network(subnet)
    # What was made for the container may answer, and the container itself.
    bridge = [str(host) for host in network.hosts() if str(host) not in (proxy, *others)]
    targets = {
        "outside-address": OUTSIDE,
        "metadata-address": METADATA,
        "bridge-address": bridge,
        "host-address": machine,
    }
    for probe, addresses in targets.items():
        for address in addresses:
            for port in PORTS:
                yield probe, lambda address=address, port=port: connects(address, port)
    for server in resolvers():
        for name in NAMES:
            yield "outside-name", lambda server=server, name=name: resolves(server, name)
    yield "ipv6", has_ipv6
    yield "proxy", lambda: proxy_refuses(proxy)


def main(ours, subnet, port, word, *machine):
    cry(ipaddress.ip_network(subnet), port, word)
    proxy, *others = ours.split(",")
    ways = list(attempts(proxy, others, subnet, machine))
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(ways)) as pool:
        details = list(pool.map(lambda way: way[1](), ways))
    found = [{"probe": way[0], "detail": detail} for way, detail in zip(ways, details) if detail]
    print(json.dumps(found))


main(*sys.argv[1:])
