"""Run the filter where names resolve as the fake world has it."""

import runpy
import socket
import sys

ADDRESSES = {
    "inner.test": "10.1.2.3",
    "metadata.test": "169.254.169.254",
    "six.test": "fe80::1",
    "mapped.test": "::ffff:127.0.0.1",
}
original = socket.getaddrinfo


def getaddrinfo(host, port, *rest, **more):
    host = host.decode() if isinstance(host, bytes) else host
    name = (host or "").rstrip(".").lower()
    if name.endswith(".test"):
        host = ADDRESSES.get(name, "127.0.0.1")
    return original(host, port, *rest, **more)


socket.getaddrinfo = getaddrinfo
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
