"""Run the filter where names resolve as the fake world has it, in which the ports
443 and 80 are that of its server."""

import os
import runpy
import socket
import sys

ADDRESSES = {
    "inner.test": "10.1.2.3",
    "metadata.test": "169.254.169.254",
    "six.test": "fe80::1",
    "mapped.test": "::ffff:127.0.0.1",
}
GITHUB = ("github.com", "api.github.com", "uploads.github.com")
PORT = int(os.environ["CTRKIT_TEST_PORT"])
original = socket.getaddrinfo


def getaddrinfo(host, port, *rest, **more):
    host = host.decode() if isinstance(host, bytes) else host
    name = (host or "").rstrip(".").lower()
    if name.endswith(".test") or name in GITHUB:
        host = ADDRESSES.get(name, "127.0.0.1")
    if port in (80, 443) and host == "127.0.0.1":
        port = PORT
    return original(host, port, *rest, **more)


socket.getaddrinfo = getaddrinfo
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
