"""A fake world around the real proxy.

One server answers for every name, under a CA that only the proxy trusts, and
writes down what reaches it: that, and never what the client saw, says whether
something got out.
"""

import contextlib
import datetime
import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import http2

HERE = pathlib.Path(__file__).parent
FILTERGEN = os.environ["FILTERGEN"]
TIMEOUT = 8


def make_certificate(directory, name, names, issuer=None, days=30, since=0):
    """Write NAME.pem with key and certificate, and return what signs others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime.utcnow() + datetime.timedelta(days=since)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1] if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - datetime.timedelta(days=1))
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        names = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(names, critical=False)
    signed = builder.sign(issuer[0] if issuer else key, hashes.SHA256())
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    pem += signed.public_bytes(serialization.Encoding.PEM)
    path = pathlib.Path(directory) / f"{name}.pem"
    path.write_bytes(pem)
    return key, subject, path


def server_context(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class Upstream:
    """The server that answers for every name, on one port in TLS and plain.

    Names that begin with `h2` speak HTTP/2 if they are asked to. A function in
    `sites` answers for the name that it is under, and sees whole requests; one
    with `streams` has their bodies as they come.
    """

    def __init__(self, directory, authority):
        self.seen, self.lock, self.sites = [], threading.Lock(), {}
        self.directory, self.authority, self.contexts = directory, authority, {}
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.context = self.context_for("nameless")
        self.context.sni_callback = self.note_sni
        threading.Thread(target=self.accept, daemon=True).start()

    def context_for(self, name):
        """Return what answers for `name` with a certificate of its own."""
        with self.lock:
            if name not in self.contexts:
                path = make_certificate(self.directory, name, [name], self.authority)[2]
                self.contexts[name] = server_context(path)
                if name.startswith("h2"):
                    self.contexts[name].set_alpn_protocols(["h2", "http/1.1"])
            return self.contexts[name]

    def note_sni(self, connection, name, _context):
        connection.ctrkit["sni"] = name
        if name:
            connection.context = self.context_for(name)

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(TIMEOUT)
        entry = {"sni": None, "first": b"", "requests": []}
        with self.lock:
            self.seen.append(entry)
        with contextlib.suppress(OSError, ValueError), connection:
            entry["first"] = connection.recv(64, socket.MSG_PEEK)
            if entry["first"][:1] == b"\x16":
                connection = self.context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                connection.ctrkit = entry
                connection.do_handshake()
                if connection.selected_alpn_protocol() == "h2":
                    http2.serve(connection, entry, self.lock)
            reader = connection.makefile("rb")
            while self.answer(connection, reader, entry):
                pass

    def answer(self, connection, reader, entry):
        line = reader.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return False
        if len(line.split(" ")) != 3:
            entry["odd"] = line
            return False
        headers = []
        while (header := reader.readline().decode("latin-1").rstrip("\r\n")):
            key, _, value = header.partition(":")
            headers.append((key.lower(), value.strip()))
        request = {"line": line, "headers": headers, "body": 0, "first_body": None}
        with self.lock:
            entry["requests"].append(request)
        found = dict(headers)
        site = self.sites.get(found.get("host", "").partition(":")[0])
        parts = note_body(read_body(reader, found, request), request)
        method, target = line.split(" ")[:2]
        target = "/" + target.split("/", 3)[-1] if "://" in target else target
        if getattr(site, "streams", False):
            return self.send(connection, *site(method, target, found, parts))
        body = b"".join(part if site else b"" for part in parts)
        if site:
            return self.send(connection, *site(method, target, found, body))
        return self.respond(connection, target.split("?")[0], found, request)

    def send(self, connection, code, headers, body):
        head = "".join(f"{key}: {value}\r\n" for key, value in headers)
        head = f"HTTP/1.1 {code} x\r\n{head}content-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return True

    def respond(self, connection, path, headers, request):
        if path == "/events":
            connection.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            for number in range(5):
                event = f"data: {number}\n\n".encode()
                connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
                time.sleep(0.2)
            connection.sendall(b"0\r\n\r\n")
        elif path.startswith("/big/"):
            size = int(path[5:])
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
            for _ in range(size // 65536):
                connection.sendall(bytes(65536))
            connection.sendall(bytes(size % 65536))
        elif path.startswith("/status/"):
            # A length without a body, as HEAD has it.
            length = "" if path.endswith("04") else "content-length: 6\r\n"
            connection.sendall(f"HTTP/1.1 {path[8:]} x\r\n{length}\r\n".encode())
        elif path == "/trailers":
            connection.sendall(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-trailer\r\n\r\n"
                b"6\r\nhello\n\r\n0\r\nx-trailer: from-the-server\r\n\r\n"
            )
        elif path == "/slow":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\nthe begin..")
            time.sleep(3)
            connection.sendall(b"the end")
            return False
        elif path == "/close":
            return False
        elif path == "/socket":
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                b"connection: upgrade\r\n"
                b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
            while data := connection.recv(4096):
                request["body"] += len(data)
                if data[0] == 0x81:  # a masked text frame: it is sent back
                    mask, text = data[2:6], data[6 : 6 + (data[1] & 0x7F)]
                    text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
                    connection.sendall(bytes([0x81, len(text)]) + text)
        elif path == "/odd":
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: raw\r\nconnection: upgrade\r\n\r\n"
            )
            while data := connection.recv(4096):
                request["body"] += len(data)
        else:
            body = b"hello\n"
            head = b"" if request["line"].startswith("HEAD ") else body
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n" + head)
        return headers.get("connection", "") != "close"


def note_body(parts, request):
    """Note how much of a body comes, and whether all of it does."""
    for part in parts:
        request["first_body"] = request["first_body"] or time.monotonic()
        request["body"] += len(part)
        yield part
    request["whole"] = True


def read_body(reader, headers, request):
    """Yield the parts of a request's body, and note its trailers."""
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int(reader.readline(), 16):
            yield reader.read(size)
            reader.readline()
        request["trailers"] = list(iter(lambda: reader.readline().strip(), b""))
    left = int(headers.get("content-length", 0))
    while left:
        part = reader.read1(min(left, 65536))
        if not part:
            raise ConnectionError("the body is cut short")
        yield part
        left -= len(part)


class Proxy:
    """The filter, run as it is run in a container."""

    def __init__(
        self,
        world,
        policy,
        file_limit=None,
        log=True,
        disk=None,
        also=(),
        environment=None,
        options=(),
    ):
        self.world, self.also = world, also
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=world.directory))
        self.filter = self.directory / "filter.py"
        (self.directory / "log").mkdir()
        self.log = self.directory / "log" / "requests.jsonl"
        self.errors = self.directory / "stderr"
        self.set_policy(policy)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        arguments = ["--listen", f"127.0.0.1:{self.port}", "--confdir", str(world.confdir)]
        arguments += ["--upstream-ca", str(world.ca)] + (["--log", str(self.log)] if log else [])
        self.status = self.directory / "status"
        arguments += ["--status", str(self.status), *map(str, options)]
        command = [sys.executable, "-I", str(HERE / "launch.py"), str(self.filter), *arguments]
        if disk:
            mount = f'mount -t tmpfs -o size={disk}k tmpfs "$0" && exec "$@"'
            as_root = ["--map-root-user"] if os.getuid() else []
            place = str(self.log.parent)
            command = ["unshare", "--mount", *as_root, "sh", "-c", mount, place, *command]
        limit = lambda: file_limit and resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, -1))
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                command,
                stderr=errors,
                preexec_fn=limit,
                env={**(environment or os.environ), "CTRKIT_TEST_PORT": str(world.port)},
            )
        if disk:  # which nobody but the proxy sees
            self.log = pathlib.Path(f"/proc/{self.process.pid}/root{self.log}")
        self.wait()

    def set_policy(self, policy):
        """Put another policy in the filter's place, as filtergen does it."""
        self.policy = policy
        path = self.directory / "policy.toml"
        path.write_text('schema = "policy/1"\n' + policy)
        text = subprocess.run(
            [FILTERGEN, "--policy", str(path), *self.also, "--print"],
            check=True,
            capture_output=True,
        ).stdout
        self.put(text)

    def put(self, text):
        new = self.directory / "new"
        new.write_bytes(text)
        os.replace(new, self.filter)

    def wait(self):
        for _ in range(300):
            if self.process.poll() is not None:
                raise RuntimeError(self.errors.read_text())
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.1)
        raise RuntimeError("the proxy does not listen")

    def said(self, words, seconds=10):
        """Wait until the proxy has said `words` on standard error."""
        for _ in range(seconds * 20):
            if words in self.errors.read_text():
                return True
            time.sleep(0.05)
        return False

    def logs(self):
        """Return the files of the log, the oldest first."""
        number = lambda path: int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0
        return sorted(self.log.parent.glob("requests.jsonl*"), key=number, reverse=True)

    def records(self):
        lines = []
        for path in self.logs():
            lines += path.read_text().splitlines()
        return [json.loads(line) for line in lines]

    def memory(self, key="VmRSS"):
        """Return what the proxy has of memory, in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(key))

    def forget_peak(self):
        """Begin to measure the most memory, `VmHWM`, anew."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def change(self, policy):
        """Put another policy in force, and wait until it is."""
        said = self.errors.read_text().count("the policy is now")
        self.set_policy(policy.replace("PORT", str(self.world.port)))
        for _ in range(500):
            if self.errors.read_text().count("the policy is now") > said:
                return
            time.sleep(0.02)
        raise RuntimeError("the policy is not taken over")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    # What a client in the container does.

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)

    def open_tunnel(self, name, port, host=None):
        """CONNECT, and return the socket, or the answer that refuses."""
        connection = self.connect()
        host = f"Host: {host or f'{name}:{port}'}\r\n"
        connection.sendall(f"CONNECT {name}:{port} HTTP/1.1\r\n{host}\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connection.recv(1)
            if not more:
                return None, answer
            answer += more
        if answer.split()[1] == b"200":
            return connection, answer
        reader, length = connection.makefile("rb"), 0
        for line in answer.lower().splitlines():
            length = int(line.split()[1]) if line.startswith(b"content-length:") else length
        return None, answer + reader.read(length)

    def trust(self, alpn=("http/1.1",), authority=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(authority or self.world.confdir / "mitmproxy-ca-cert.pem")
        context.set_alpn_protocols(list(alpn))
        return context

    def open_tls(self, name, port, sni=None, **more):
        """CONNECT and TLS; None where it does not come about."""
        connection, _ = self.open_tunnel(name, port)
        if connection is None:
            return None
        sni = name if sni is None else sni or None
        try:
            return self.trust(**more).wrap_socket(connection, server_hostname=sni)
        except OSError:
            return None

    def https(self, request, name, port, shut=False, **more):
        """Send the bytes of a request in a tunnel, and return the answer."""
        connection = self.open_tls(name, port, **more)
        return exchange(connection, request, shut) if connection else b""

    def get(self, name, path="/", method="GET", headers="", port=None, body=b""):
        port = port or self.world.port
        host = name if port == 443 else f"{name}:{port}"
        request = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}"
        return self.https(request.encode() + b"Connection: close\r\n\r\n" + body, name, port)

    def plain(self, request):
        return exchange(self.connect(), request)


def receive(connection):
    parts = []
    with contextlib.suppress(OSError):
        while more := connection.recv(65536):
            parts.append(more)
    return b"".join(parts)


def read_answer(reader, method="GET"):
    """Return status and body of one answer that has a length."""
    line, length = reader.readline().split(), 0
    if not line:
        raise ConnectionError("there is no answer")
    while (field := reader.readline()) not in (b"\r\n", b""):
        if field.lower().startswith(b"content-length:"):
            length = int(field.split()[1])
    return int(line[1]), reader.read(length if method != "HEAD" else 0)


def exchange(connection, request, shut=False):
    """Send a request, and if `shut` nothing more, and return the answer."""
    with contextlib.suppress(OSError), connection:
        connection.sendall(request)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return receive(connection)
    return b""


def status(answer):
    words = answer.split(None, 2)
    return int(words[1]) if len(words) > 1 else None


def reason(answer):
    """Return why the proxy refused."""
    body = answer.partition(b"\r\n\r\n")[2]
    return json.loads(body)["reason"]


class World:
    """The directory, the CA, the server; shared by the tests of a module."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.directory = pathlib.Path(self.scratch.name)
        self.confdir = self.directory / "conf"
        self.confdir.mkdir()
        authority = make_certificate(self.directory, "ca", [])
        self.ca = authority[2]
        self.upstream = Upstream(self.directory, authority)
        self.port = self.upstream.port

    def mark(self):
        return len(self.upstream.seen)

    def since(self, mark):
        with self.upstream.lock:
            return self.upstream.seen[mark:]


class Case(unittest.TestCase):
    """A test with a world and a proxy of its class."""

    policy = ""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.proxy = Proxy(cls.world, cls.policy.replace("PORT", str(cls.world.port)))
        cls.addClassCleanup(cls.world.scratch.cleanup)
        cls.addClassCleanup(cls.proxy.stop)

    def assert_one_by_one(self, gaps):
        """Of five events that are sent 0.2 s apart, at most two may have come
        together, because the machine is busy; none waited for the last."""
        self.assertGreater(sum(gaps), 0.4, gaps)
        self.assertGreaterEqual(sum(gap > 0.03 for gap in gaps), 3, gaps)

    @contextlib.contextmanager
    def nothing_arrives(self):
        """What is done inside must not even open a connection upstream."""
        mark = self.world.mark()
        yield
        time.sleep(0.05)
        self.assertEqual(self.world.since(mark), [])

    @contextlib.contextmanager
    def arrives(self, count=1):
        """As many requests must reach the server."""
        mark, requests = self.world.mark(), []
        yield requests
        for entry in self.world.since(mark):
            requests += entry["requests"]
        self.assertEqual(len(requests), count, self.world.since(mark))

