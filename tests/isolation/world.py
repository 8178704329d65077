"""The fake world outside: it answers for every name, and writes down what arrives.

Run in a network namespace of its own, by `world.bash`:

    world.py serve  --directory DIR --log FILE --address A --private P --interface IF
    world.py listen --log FILE --where WHERE --ports P,P [--sniff IF]
    world.py listen --log FILE --where WHERE --sniff IF --source ADDRESS

`serve` is the internet: DNS, TLS and plain HTTP, banners, and every packet that
comes in, whether anything answers it or not. `listen` is the canary: on the host,
or where another project is, it says who connects; with `--source` it says what of
that address crosses an interface. What they write, and never what
a client saw, says whether something got out.
"""

import argparse
import collections
import contextlib
import ctypes
import datetime
import hashlib
import ipaddress
import itertools
import json
import os
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse

TIMEOUT = 60
SOCKET_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Log:
    """One line of JSON for each thing that happened, in the order of time."""

    def __init__(self, path, where):
        self.where = where
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def write(self, kind, **more):
        record = {"time": time.time(), "where": self.where, "kind": kind}
        record.update({key: value for key, value in more.items() if value is not None})
        os.write(self.file, (json.dumps(record) + "\n").encode())


def text(data, most=300):
    """Return bytes as text in which nothing is lost and no control character is."""
    return data[:most].decode("latin-1")


def in_background(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


# ---------------------------------------------------------------- packets

# Of IPv4 and IPv6 all but the segments of a TCP connection that exists already:
# that it was begun is what counts, and the rest would be too much.
NEW = [
    (0x28, 0, 0, 12),
    (0x15, 7, 0, 0x86DD),
    (0x15, 0, 7, 0x0800),
    (0x30, 0, 0, 23),
    (0x15, 0, 4, 6),
    (0xB1, 0, 0, 14),
    (0x50, 0, 0, 27),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
]
# What is sent to port 53 anywhere.
DNS = [
    (0x28, 0, 0, 12),
    (0x15, 0, 7, 0x0800),
    (0x30, 0, 0, 23),
    (0x15, 1, 0, 6),
    (0x15, 0, 4, 17),
    (0xB1, 0, 0, 14),
    (0x48, 0, 0, 16),
    (0x15, 0, 1, 53),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
]
PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmp6"}
ALL, OUTGOING, ATTACH_FILTER = 3, 4, 26


def sniff(interface, program):
    """Yield what passes the interface and the filter, as it comes."""
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    code = b"".join(struct.pack("HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("HL", len(program), ctypes.addressof(buffer))
    sniffer.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, head)
    sniffer.bind((interface, 0))
    while True:
        frame, about = sniffer.recvfrom(65536)
        yield frame, about[2]


def describe(frame):
    """Return what a packet is and where it goes."""
    if frame[12:14] == b"\x86\xdd":
        number, body = frame[20], frame[54:]
        ends = [socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (22, 38)]
    else:
        number, body = frame[23], frame[14 + (frame[14] & 15) * 4 :]
        ends = [socket.inet_ntoa(frame[at : at + 4]) for at in (26, 30)]
    about = {"protocol": PROTOCOLS.get(number, number), "from": ends[0], "to": ends[1]}
    if number in (6, 17) and len(body) >= 4:
        about["port"] = int.from_bytes(body[2:4], "big")
        body = body[8:] if number == 17 else body[(body[12] >> 4) * 4 :]
    return {**about, "data": text(body)}


# The kernel's own talk about addresses is not an arrival.
NEIGHBOURS = range(130, 144)


def watch_packets(log, interface):
    for frame, direction in sniff(interface, NEW):
        if direction == OUTGOING:
            continue
        if frame[12:14] == b"\x86\xdd" and (frame[20] == 0 or frame[54] in NEIGHBOURS):
            continue
        log.write("packet", **describe(frame))


def watch_forwarded(log, interface, source):
    """Note what a sidecar passes on as it came from the app: its own packets
    have its own address."""
    for frame, direction in sniff(interface, NEW):
        about = describe(frame)
        if direction != OUTGOING and about["from"] == source:
            log.write("forwarded", **about)


def watch_dns(log, interface):
    """Note what the host asks its own resolver about names of the tests."""
    for frame, direction in sniff(interface, DNS):
        if direction == OUTGOING and b"\x04leak" in frame:
            log.write("dns-outside", **describe(frame))


# ---------------------------------------------------------------- names


class Names:
    """The DNS server: every name has the world's address, but for those that
    say another one."""

    def __init__(self, log, address, private):
        self.log, self.turns = log, collections.Counter()
        self.address, self.private = address, private

    def find(self, name, kind):
        """Return the addresses of a name; None if it has none.

        `ip-1-2-3-4.…` and `six-HEX.…` say their address themselves, `flip.…`
        has a private one every other time, and `nx.…` does not exist.
        """
        first = name.split(".")[0].lower()
        if first.startswith("ip-"):
            return [ipaddress.ip_address(first[3:].replace("-", "."))]
        if first.startswith("six-"):
            return [ipaddress.ip_address(bytes.fromhex(first[4:]))]
        if first.startswith("flip"):
            self.turns[name] += kind == 1
            even = self.turns[name] % 2 == 0
            return [ipaddress.ip_address(self.private if even else self.address)]
        return None if first.startswith("nx") else [ipaddress.ip_address(self.address)]

    def answer(self, query, over):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        kind = int.from_bytes(query[at + 1 : at + 3], "big")
        name = ".".join(labels)
        self.log.write("dns", over=over, name=name, type=kind)
        found = self.find(name, kind)
        wanted = [one for one in found or () if {1: 4, 28: 6}.get(kind) == one.version]
        status = 0x8180 if found else 0x8183
        head = query[:2] + struct.pack(">HHHHH", status, 1, len(wanted), 0, 0)
        reply = head + query[12 : at + 5]
        for one in wanted:
            reply += struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(one.packed)) + one.packed
        return reply

    def serve_udp(self, address):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((address, 53))
        while True:
            query, peer = server.recvfrom(4096)
            with contextlib.suppress(Exception):
                server.sendto(self.answer(query, "udp"), peer)

    def serve_tcp(self, connection):
        reader = connection.makefile("rb")
        while size := reader.read(2):
            reply = self.answer(reader.read(int.from_bytes(size, "big")), "tcp")
            connection.sendall(len(reply).to_bytes(2, "big") + reply)


# ---------------------------------------------------------------- certificates


class Authority:
    """The CA that only the proxy trusts, and its certificates, made on the fly."""

    def __init__(self, directory):
        from cryptography.hazmat.primitives.asymmetric import ec

        self.lock, self.contexts = threading.RLock(), {}
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.leaf = ec.generate_private_key(ec.SECP256R1())
        self.directory = directory
        self.certificate = self.sign("The world's CA", None, self.key, self.key)
        (directory / "ca.pem").write_bytes(self.pem(self.certificate))

    def pem(self, certificate, key=None):
        from cryptography.hazmat.primitives import serialization as form

        found = certificate.public_bytes(form.Encoding.PEM)
        if key:
            kind = form.PrivateFormat.PKCS8
            found += key.private_bytes(form.Encoding.PEM, kind, form.NoEncryption())
        return found

    def sign(self, subject, name, key, by, days=(-1, 30)):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        whole = lambda name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:60])])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(whole(subject))
            .issuer_name(whole("The world's CA" if by is self.key else subject))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(name is None, None), critical=True)
        )
        if name:
            names = x509.SubjectAlternativeName([x509.DNSName(name)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(by, hashes.SHA256())

    def context(self, name):
        """Return what answers for a name. `expired.…`, `selfsigned.…` and
        `wrongname.…` have a certificate that nobody should accept."""
        with self.lock:
            if name not in self.contexts:
                self.contexts[name] = self.make_context(name)
            return self.contexts[name]

    def make_context(self, name):
        kind, key = name.split(".")[0], self.leaf
        days = (-60, -30) if kind == "expired" else (-1, 30)
        by = key if kind == "selfsigned" else self.key
        signed = self.sign(name, "other.example" if kind == "wrongname" else name, key, by, days)
        path = self.directory / "leaf.pem"
        path.write_bytes(self.pem(signed, key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context


# ---------------------------------------------------------------- what is served


class Request:
    """A request as it arrived; `body` is an iterator over the parts."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        path = "/" + target.split("/", 3)[-1] if "://" in target else target
        self.path, _, self.query = path.partition("?")
        self.fields = dict(headers)


class Site:
    """What there is to fetch, at every name alike."""

    def __init__(self, directory):
        self.root = directory / "www"

    def answer(self, request, body):
        """Return status, headers and the parts of the answer's body."""
        first, _, rest = request.path.lstrip("/").partition("/")
        special = {"events": self.events, "big": self.big, "echo": self.echo, "git": self.git}
        if first in special:
            return special[first](request, rest, body)
        if first == "redirect":
            return 302, [("location", urllib.parse.unquote(request.query))], [b""]
        if first and (found := self.file(request.path)):
            return found
        return (200, [], [b"hello\n"]) if not first or first == "any" else (404, [], [b"nothing\n"])

    def file(self, path):
        path = self.root / path.lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            return None
        kinds = {".html": "text/html", ".json": "application/json"}
        kind = kinds.get(path.suffix, "application/octet-stream")
        return 200, [("content-type", kind)], [path.read_bytes()]

    def events(self, _request, rest, _body):
        def parts():
            for number in range(int(rest or 5)):
                if number:
                    time.sleep(0.5)
                yield b"data: %d %.3f\n\n" % (number, time.time())

        return 200, [("content-type", "text/event-stream")], parts()

    def big(self, _request, rest, _body):
        size = int(rest)
        sizes = itertools.chain(itertools.repeat(65536, size // 65536), [size % 65536])
        return 200, [("x-size", str(size))], (bytes(each) for each in sizes)

    def echo(self, request, _rest, body):
        found = {"method": request.method, "path": request.path, "headers": request.headers}
        found.update(body=body["size"], sha256=body["sha256"])
        return 200, [("content-type", "application/json")], [json.dumps(found).encode()]

    def git(self, request, rest, body):
        """Smart HTTP, by git's own program."""
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root.parent / "git"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": "/" + rest,
            "QUERY_STRING": request.query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.fields.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.fields.get("content-encoding", ""),
            "HTTP_GIT_PROTOCOL": request.fields.get("git-protocol", ""),
            "REMOTE_USER": "anyone",
        }
        command = ["git", "-c", "safe.directory=*", "http-backend"]
        done = subprocess.run(command, env=environment, input=body["all"], capture_output=True)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = [value.split()[0] for key, value in headers if key == "Status"]
        return (
            int((status or [200])[0]),
            [(k.lower(), v) for k, v in headers if k != "Status"],
            [rest],
        )


class Exchange:
    """One request and its answer, whichever HTTP it is."""

    def __init__(self, world, about):
        self.world, self.about = world, about

    def note(self, kind, **more):
        self.world.log.write(kind, **self.about, **more)

    def serve(self, request, http):
        """Note the request when its headers are there, and again at its end."""
        headers = [[key, value] for key, value in request.headers]
        line = f"{request.method} {request.target}"
        self.note("request", http=http, line=line, headers=headers)
        size, start, digest, first, whole = 0, b"", hashlib.sha256(), None, []
        for part in request.body:
            first = first or time.time()
            size, start = size + len(part), (start + part)[:300]
            digest.update(part)
            if size < 1 << 24:
                whole.append(part)
        body = {"size": size, "sha256": digest.hexdigest(), "all": b"".join(whole)}
        if size:
            more = {"first": first, "start": text(start), "sha256": body["sha256"]}
            self.note("body", line=line, size=size, **more)
        return self.world.site.answer(request, body)


# ---------------------------------------------------------------- HTTP/1.1


def read_chunks(reader):
    while size := int(reader.readline().split(b";")[0], 16):
        yield reader.read(size)
        reader.readline()
    while reader.readline().strip():
        pass


def read_length(reader, left):
    while left and (part := reader.read1(min(left, 65536))):
        left -= len(part)
        yield part


def read_request(reader):
    line = reader.readline(65536).decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    headers = []
    while header := reader.readline(65536).decode("latin-1").rstrip("\r\n"):
        key, _, value = header.partition(":")
        headers.append((key.lower(), value.strip()))
    found = dict(headers)
    if "chunked" in found.get("transfer-encoding", ""):
        body = read_chunks(reader)
    else:
        body = read_length(reader, int(found.get("content-length", 0)))
    method, target = (line.split(" ") + ["", ""])[:2]
    return Request(method, target, headers, body)


def serve_http1(world, connection, about):
    reader, exchange = connection.makefile("rb"), Exchange(world, about)
    while request := read_request(reader):
        upgrade = request.fields.get("upgrade", "").lower()
        if upgrade:
            exchange.note(
                "request", line=f"{request.method} {request.target}", headers=request.headers
            )
            return serve_upgrade(connection, exchange, request, upgrade)
        status, headers, parts = exchange.serve(request, "1.1")
        if not isinstance(parts, list) and "x-size" not in dict(headers):
            headers = [*headers, ("transfer-encoding", "chunked")]
        else:
            size = dict(headers).get("x-size") or len(parts[0])
            headers = [*headers, ("content-length", size)]
        head = "".join(f"{key}: {value}\r\n" for key, value in headers)
        connection.sendall(f"HTTP/1.1 {status} Fine\r\n{head}\r\n".encode())
        chunked = ("transfer-encoding", "chunked") in headers
        for part in parts if request.method != "HEAD" else ():
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        if request.fields.get("connection", "").lower() == "close":
            return None
    return None


def serve_upgrade(connection, exchange, request, upgrade):
    """A WebSocket sends its texts back; anything else is only written down."""
    import base64

    key = request.fields.get("sec-websocket-key", "").encode()
    accept = base64.b64encode(hashlib.sha1(key + SOCKET_MAGIC).digest()).decode()
    head = f"upgrade: {upgrade}\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n"
    connection.sendall(f"HTTP/1.1 101 Switching\r\n{head}\r\n".encode())
    while data := connection.recv(4096):
        exchange.note("upgraded", protocol=upgrade, data=text(data))
        if upgrade == "websocket" and data[0] == 0x81:
            mask, words = data[2:6], data[6 : 6 + (data[1] & 0x7F)]
            words = bytes(byte ^ mask[at % 4] for at, byte in enumerate(words))
            connection.sendall(bytes([0x81, len(words)]) + words)
        elif upgrade == "websocket" and data[0] == 0x88:
            return


# ---------------------------------------------------------------- HTTP/2


class Http2:
    """A connection of HTTP/2; each request is answered by a thread of its own."""

    def __init__(self, world, connection, about):
        import h2.config
        import h2.connection

        self.world, self.connection, self.about = world, connection, about
        self.state, self.bodies = threading.Condition(threading.RLock()), {}
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.http = h2.connection.H2Connection(config)
        self.closed = False

    def flush(self):
        if data := self.http.data_to_send():
            self.connection.sendall(data)

    def serve(self):
        import h2.events

        self.http.initiate_connection()
        self.flush()
        while not self.closed:
            # What is waited for must not be waited for under the lock.
            if not self.connection.pending() and not select.select([self.connection], [], [], 1)[0]:
                continue
            with self.state:
                data = self.connection.recv(65536)
                for event in self.http.receive_data(data) if data else ():
                    self.take(event, h2.events)
                self.closed = self.closed or not data
                self.flush()
                self.state.notify_all()

    def take(self, event, events):
        if isinstance(event, events.RequestReceived):
            self.bodies[event.stream_id] = []
            in_background(self.answer, event.stream_id, event.headers)
        elif isinstance(event, events.DataReceived):
            self.bodies[event.stream_id].append(event.data)
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, (events.StreamEnded, events.StreamReset)):
            self.bodies[event.stream_id].append(None)
        elif isinstance(event, events.ConnectionTerminated):
            self.closed = True

    def body(self, stream):
        while True:
            with self.state:
                while not self.bodies[stream] and not self.closed:
                    self.state.wait(1)
                part = self.bodies[stream].pop(0) if self.bodies[stream] else None
            if part is None:
                return
            yield part

    def answer(self, stream, headers):
        found = dict(headers)
        request = Request(found[":method"], found[":path"], headers, self.body(stream))
        with contextlib.suppress(Exception):
            status, more, parts = Exchange(self.world, self.about).serve(request, "2")
            with self.state:
                self.http.send_headers(stream, [(":status", str(status)), *more])
                self.flush()
            for part in parts if request.method != "HEAD" else ():
                self.send(stream, part)
            with self.state:
                self.http.end_stream(stream)
                self.flush()

    def send(self, stream, data):
        while data:
            with self.state:
                while not (room := self.http.local_flow_control_window(stream)):
                    self.state.wait(1)
                    if self.closed:
                        return
                part = data[: min(room, self.http.max_outbound_frame_size)]
                self.http.send_data(stream, part)
                self.flush()
            data = data[len(part) :]


# ---------------------------------------------------------------- the servers

BANNERS = {22: b"SSH-2.0-OpenSSH_9.9 world\r\n", 25: b"220 mail.world ESMTP\r\n"}
HTTP_PORTS = (80, 443, 8080, 8443)


class World:
    """Everything that answers at the world's address."""

    def __init__(self, arguments):
        self.log = Log(arguments.log, "world")
        self.directory = pathlib.Path(arguments.directory)
        self.authority = Authority(self.directory)
        self.site = Site(self.directory)
        self.names = Names(self.log, arguments.address, arguments.private)
        self.front = self.authority.make_context("nameless")
        self.front.sni_callback = self.choose

    def choose(self, connection, name, _context):
        connection.named = name
        connection.context = self.authority.context(name or "nameless")

    def listen(self, port, serve):
        server = socket.create_server(("0.0.0.0", port), backlog=512)

        def accept():
            while True:
                connection, peer = server.accept()
                in_background(self.guard, serve, connection, peer, port)

        in_background(accept)

    def guard(self, serve, connection, peer, port):
        here = connection.getsockname()[0]
        about = {"to": here, "port": port, "from": f"{peer[0]}:{peer[1]}"}
        self.log.write("connection", **about)
        connection.settimeout(TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ValueError, IndexError), connection:
            serve(connection, about)

    def serve_http(self, connection, about):
        first = connection.recv(64, socket.MSG_PEEK)
        self.log.write("first", **about, data=text(first))
        if first[:1] != b"\x16":
            return serve_http1(self, connection, about)
        tls = self.front.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        tls.named = None
        try:
            tls.do_handshake()
        except OSError as error:
            self.log.write("tls-failed", **about, sni=tls.named, error=str(error))
            raise
        about = {**about, "sni": tls.named, "alpn": tls.selected_alpn_protocol()}
        self.log.write("tls", **about)
        with tls:
            if about["alpn"] == "h2":
                return Http2(self, tls, about).serve()
            return serve_http1(self, tls, about)

    def serve_banner(self, connection, about):
        connection.sendall(BANNERS[about["port"]])
        while data := connection.recv(4096):
            self.log.write("spoken", **about, data=text(data))

    def serve(self, arguments):
        for address in (arguments.address, "169.254.169.254"):
            in_background(self.names.serve_udp, address)
        self.listen(53, lambda connection, _about: self.names.serve_tcp(connection))
        for port in HTTP_PORTS:
            self.listen(port, self.serve_http)
        for port in BANNERS:
            self.listen(port, self.serve_banner)
        in_background(watch_packets, self.log, arguments.interface)
        (self.directory / "ready").touch()
        threading.Event().wait()


class Canary:
    """Listens where nobody should be able to come to."""

    def __init__(self, arguments):
        self.log = Log(arguments.log, arguments.where)

    def tcp(self, port):
        server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        while True:
            connection, peer = server.accept()
            about = {"from": peer[0], "to": connection.getsockname()[0], "port": port}
            self.log.write("canary", protocol="tcp", **about)
            in_background(self.read, connection, about)

    def read(self, connection, about):
        connection.settimeout(5)
        with contextlib.suppress(OSError), connection:
            connection.sendall(b"canary\n")
            if data := connection.recv(300):
                self.log.write("canary", protocol="tcp", **about, data=text(data))

    def udp(self, port):
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", port))
        while True:
            data, peer = server.recvfrom(4096)
            about = {"from": peer[0], "port": port, "data": text(data)}
            self.log.write("canary", protocol="udp", **about)

    def icmp(self, family, protocol):
        """What is pinged with the tests' own payload; others ping too."""
        server = socket.socket(family, socket.SOCK_RAW, protocol)
        while True:
            data, peer = server.recvfrom(4096)
            echo = data[20] == 8 if family == socket.AF_INET else data[0] == 128
            if echo and b"leak" in data:
                self.log.write("canary", protocol="icmp", **{"from": peer[0], "data": text(data)})

    def serve(self, arguments):
        if arguments.source:
            self.log.write("listening")
            return watch_forwarded(self.log, arguments.sniff, arguments.source)
        for port in map(int, arguments.ports.split(",")):
            in_background(self.tcp, port)
            in_background(self.udp, port)
        in_background(self.icmp, socket.AF_INET, socket.IPPROTO_ICMP)
        in_background(self.icmp, socket.AF_INET6, socket.IPPROTO_ICMPV6)
        if arguments.sniff:
            in_background(watch_dns, self.log, arguments.sniff)
        time.sleep(0.2)
        self.log.write("listening", ports=arguments.ports)
        return threading.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["serve", "listen"])
    parser.add_argument("--log", required=True)
    for option in (
        "directory",
        "address",
        "private",
        "interface",
        "where",
        "ports",
        "sniff",
        "source",
    ):
        parser.add_argument(f"--{option}")
    arguments = parser.parse_args()
    (World if arguments.what == "serve" else Canary)(arguments).serve(arguments)


if __name__ == "__main__":
    main()
