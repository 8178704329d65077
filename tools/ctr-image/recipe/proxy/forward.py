#!/usr/bin/env python3
"""Forward TCP connections to the same ports of one address.

Run it: `python3 -I forward.py --to 10.208.0.4 22 3000`, and to see whether it
listens: `python3 -I forward.py --probe 22 3000`.

It is how ssh and the web get into a container that is on no network with a way
in. Bytes go through as they are; no name is ever resolved.
"""

import argparse
import asyncio
import contextlib
import functools
import ipaddress
import signal
import socket
import struct
import sys

CHUNK = 1 << 16
PATIENCE = 10  # seconds for the target to answer
AGAIN = 3  # seconds for it to listen, if it does not yet
PAUSE = 0.1
BACKLOG = 512


async def carry(reader, writer):
    """Carry bytes one way, no faster than they are taken, and then their end."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def reach(address, port):
    """Connect to the target, which may be about to listen: it was just started."""
    end = asyncio.get_running_loop().time() + AGAIN
    while True:
        try:
            return await asyncio.open_connection(address, port)
        except OSError:
            if asyncio.get_running_loop().time() > end:
                raise
        await asyncio.sleep(PAUSE)


async def forward(address, port, reader, writer):
    """Carry one connection both ways, until both have ended."""
    writers = [writer]
    try:
        back, there = await asyncio.wait_for(reach(address, port), PATIENCE)
        writers.append(there)
        for each in writers:
            # A peer that is gone without a word is found out in the end.
            each.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.gather(carry(reader, there), carry(back, writer))
    except (OSError, asyncio.TimeoutError, asyncio.CancelledError):
        for each in writers:
            reset(each)
    finally:
        for each in writers:
            each.close()


def reset(writer):
    """Close a connection at once: what broke off must not look like an end."""
    with contextlib.suppress(OSError):
        now = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    writer.transport.abort()


async def serve(listen, address, ports):
    """Forward until told to end."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    for port in ports:
        accept = functools.partial(forward, address, port)
        await asyncio.start_server(accept, listen, port, backlog=BACKLOG)
    await ended.wait()


def listening(address, table):
    """Return the ports that are listened on at an IPv4 address, by /proc/net/tcp."""
    here = int.from_bytes(socket.inet_aton(address), sys.byteorder)
    rows = [row.split() for row in table.splitlines()[1:]]
    places = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {int(port, 16) for address, port in places if int(address, 16) == here}


def probe(address, ports):
    """End with what is missing, if something is; nothing is connected to."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        missing = set(ports) - listening(address, table.read())
    if missing:
        sys.exit(f"forward: nothing listens on {', '.join(map(str, sorted(missing)))}")


def one_port(text):
    """Return a port's number, if it is one."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError
    return int(text)


def one_address(text):
    """Return an IPv4 address as text; a name is none."""
    return str(ipaddress.IPv4Address(text))


def main():
    parser = argparse.ArgumentParser(description="Forward TCP to the same ports of one address.")
    deed = parser.add_mutually_exclusive_group(required=True)
    deed.add_argument("--to", metavar="ADDRESS", type=one_address, help="where to")
    deed.add_argument("--probe", action="store_true", help="say whether the ports are listened on")
    parser.add_argument("--listen", metavar="ADDRESS", type=one_address, default="0.0.0.0")
    parser.add_argument("ports", metavar="PORT", type=one_port, nargs="+")
    arguments = parser.parse_args()
    if arguments.probe:
        return probe(arguments.listen, arguments.ports)
    try:
        return asyncio.run(serve(arguments.listen, arguments.to, arguments.ports))
    except OSError as error:
        return sys.exit(f"forward: {error}")


if __name__ == "__main__":
    main()
