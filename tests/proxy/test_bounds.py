"""What the proxy has of memory, and writes down, is bounded, whatever is sent.
In `long` the same is done with as much as there is."""

import contextlib
import gzip
import hashlib
import itertools
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import http2
from forge import GITHUB, Forge
from test_wire import POLICY, entry
from world import Proxy, read_answer, status

MOST = 48 << 10  # KiB that the proxy may grow by
JSON = "Content-Type: application/json\r\n"
PART = bytes(1 << 18)


def counted(sizes):
    """Return a site that has bodies as they come, and keeps their sizes."""

    def site(_method, _target, _headers, parts):
        size = 0
        with contextlib.suppress(ConnectionError, ValueError):
            for part in parts:
                size += len(part)
        sizes.append(size)
        return 200, [("content-type", "application/x-git-receive-pack-result")], b"0000"

    site.streams = True
    return site


class Bounds(Forge):
    size, requests = 64 << 20, 2000
    policy = POLICY + entry("h2.test") + GITHUB
    limits = "[limits]\nlog_bytes = 131072\nlog_files = 2\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sizes = []
        cls.world.upstream.sites["github.com"] = counted(cls.sizes)

    @contextlib.contextmanager
    def little_memory(self, what, proxy=None):
        """What is done inside must not make the proxy grow."""
        proxy = proxy or self.proxy
        proxy.forget_peak()
        before, start = proxy.memory(), time.monotonic()
        yield
        grown, seconds = proxy.memory("VmHWM") - before, time.monotonic() - start
        print(f"\nmeasured: {what}: {grown >> 10} MiB more at most, {seconds:.1f} s")
        self.assertLess(grown, MOST)

    def send(self, connection, head, parts, timeout=60):
        """Send a request in chunks, and return the answer's status and body."""
        connection.settimeout(timeout)
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        connection.sendall(b"0\r\n\r\n")
        return read_answer(connection.makefile("rb"))

    def parts(self):
        return (PART for _ in range(self.size // len(PART)))

    def test_a_body_that_is_passed_on(self):
        head = f"POST / HTTP/1.1\r\nHost: allowed.test:{self.world.port}\r\n"
        with self.little_memory(f"{self.size >> 20} MiB passed on"), self.arrives() as requests:
            connection = self.proxy.open_tls("allowed.test", self.world.port)
            self.assertEqual(self.send(connection, head, self.parts())[0], 200)
        self.assertEqual(requests[0]["body"], self.size)

    def test_a_body_that_is_looked_at(self):
        """It is answered when it is too long, and the rest is dropped."""
        head = f"POST /repos/o/r/pulls HTTP/1.1\r\nHost: api.github.com\r\n{JSON}"
        with self.little_memory(f"{self.size >> 20} MiB to an endpoint"), self.nothing_arrives():
            connection = self.proxy.open_tls("api.github.com", 443)
            self.assertEqual(self.send(connection, head, self.parts())[0], 403)
        with self.little_memory(f"{self.size >> 20} MiB to an endpoint, HTTP/2"), self.nothing_arrives():
            client = http2.Client(self.proxy.open_tls("api.github.com", 443, alpn=("h2",)))
            json = [("content-type", "application/json")]
            answer = client.get("api.github.com", 443, "/graphql", "POST", json, bytes(self.size // 8))
            self.assertEqual(answer.status, 403)

    def test_a_body_that_grows_when_it_is_decoded(self):
        pack = zlib.compressobj(9, wbits=31)
        bomb = b"".join(pack.compress(PART) for _ in range(self.size // len(PART))) + pack.flush()
        bomb = bomb[: 1 << 20]
        head = f"{JSON}Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n"
        with self.little_memory(f"a bomb of {len(bomb)} bytes"), self.nothing_arrives():
            for path in ("/graphql", "/repos/o/r/pulls", "/repos/o/r/issues/1"):
                answer = self.proxy.get("api.github.com", path, "POST", head, port=443, body=bomb)
                self.assertEqual(status(answer), 403)

    def push(self, old, ref="refs/heads/topic"):
        """Yield the parts of a push of one large blob."""
        text = f"{old} {'1' * 40} {ref}\0report-status side-band-64k".encode()
        yield b"%04x%s0000" % (len(text) + 4, text)
        size, head = self.size >> 4, bytearray([0x80 | 3 << 4 | self.size & 15])
        while size:
            head.append(size & 0x7F | (0x80 if size >> 7 else 0))
            size >>= 7
        digest, pack = hashlib.sha1(), zlib.compressobj(0)
        packed = (pack.compress(part) for part in self.parts())
        end = (pack.flush() for _ in range(1))  # when all the others have been
        for part in itertools.chain([b"PACK\0\0\0\2\0\0\0\1" + head], packed, end):
            digest.update(part)
            if part:
                yield part
        yield digest.digest()

    def test_a_push(self):
        head = (
            "POST /me/x.git/git-receive-pack HTTP/1.1\r\nHost: github.com\r\n"
            "Content-Type: application/x-git-receive-pack-request\r\n"
        )
        new, old, many = "0" * 40, "2" * 40, f"a push of {self.size >> 20} MiB"
        with self.little_memory(many), self.arrives():
            connection = self.proxy.open_tls("github.com", 443)
            self.assertEqual(self.send(connection, head, self.push(new)), (200, b"0000"))
        self.assertGreater(self.sizes.pop(), self.size)
        with self.little_memory(f"{many} that is no fast-forward"), self.arrives():
            connection = self.proxy.open_tls("github.com", 443)
            code, said = self.send(connection, head, self.push(old))
        self.assertEqual(code, 200)
        self.assertIn(b"only moved forward", said)
        with self.little_memory(f"{many} to main"), self.nothing_arrives():
            connection = self.proxy.open_tls("github.com", 443)
            code, said = self.send(connection, head, self.push(new, "refs/heads/main"))
        self.assertEqual(code, 200)
        self.assertIn(b"refs/heads/main is protected", said)

    def test_a_server_that_does_not_take_it(self):
        """It is connected to, and says nothing: the client waits as well."""
        mute = socket.create_server(("127.0.0.1", 0))
        policy = entry("mute.test").replace("PORT", str(mute.getsockname()[1]))
        proxy = Proxy(self.world, policy)
        self.addCleanup(proxy.stop)
        port = mute.getsockname()[1]
        connection = proxy.open_tls("mute.test", port)
        head = f"POST / HTTP/1.1\r\nHost: mute.test:{port}\r\n"
        with self.little_memory("a body to a server that is mute", proxy):
            with self.assertRaises(TimeoutError):
                self.send(connection, head, self.parts(), 2)

    def test_a_body_whose_length_is_not_told(self):
        """In HTTP/2 there may be one behind any head."""
        port = self.world.port
        proxy = Proxy(self.world, self.policy.replace("PORT", str(port)) + "[limits]\nrequest_bytes = 10\n")
        self.addCleanup(proxy.stop)
        told = [("content-length", "10")]
        for name, method in itertools.product(("h2.test", "allowed.test"), ("GET", "HEAD", "OPTIONS", "POST")):
            # What arrives is counted by connections.
            client = http2.Client(proxy.open_tls(name, port, alpn=("h2",)))
            with self.nothing_arrives():
                self.assertEqual(client.get(name, port, "/", method, body=bytes(50000)).status, 403)
                self.assertEqual(client.get(name, port, "/", method, body=b"x").status, 403)
                self.assertEqual(client.get(name, port, "/", method, [("content-length", "11")]).status, 403)
            with self.arrives(1 if method == "POST" else 2):
                self.assertEqual(client.get(name, port, "/", method, told, bytes(10)).status, 200)
                expected = 403 if method == "POST" else 200
                self.assertEqual(client.get(name, port, "/", method).status, expected)
        time.sleep(0.3)
        reasons = {record["reason"] for record in proxy.records() if record["decision"] == "refused"}
        self.assertEqual(reasons, {"size"})

    def test_many_requests(self):
        """Of all kinds, on connections that are kept and that are not."""
        proxy = Proxy(self.world, self.policy.replace("PORT", str(self.world.port)) + self.limits)
        self.addCleanup(proxy.stop)
        self.ask_many(proxy, 200)
        with self.little_memory(f"{self.requests} requests", proxy):
            self.ask_many(proxy, self.requests)
        files = list(proxy.log.parent.glob("requests.jsonl*"))
        self.assertLessEqual(sum(file.stat().st_size for file in files), 3 * 131072)
        self.assertEqual(len(files), 3)

    def ask_many(self, proxy, number):
        wrong = []

        def ask(count):
            api, port = proxy.open_tls("api.github.com", 443), self.world.port
            reader, body = api.makefile("rb"), b'{"title": "x"}'
            plain = proxy.connect()
            plain_reader = plain.makefile("rb")
            post = f"HTTP/1.1\r\nHost: api.github.com\r\n{JSON}Content-Length: {len(body)}\r\n\r\n".encode() + body
            for turn in range(count // 4):
                for request, code in ((b"POST /repos/o/r/pulls ", 200), (b"PUT /repos/o/r/pulls/1/merge ", 403)):
                    api.sendall(request + post)
                    if read_answer(reader)[0] != code:
                        wrong.append(request)
                plain.sendall(f"GET http://no.test/{turn} HTTP/1.1\r\nHost: no.test\r\n\r\n".encode())
                if read_answer(plain_reader)[0] != 403:
                    wrong.append("no.test")
                if turn % 10:
                    host = f"allowed.test:{port}"
                    plain.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                    if read_answer(plain_reader)[0] != 200:
                        wrong.append("allowed.test")
                else:
                    proxy.get("other.test")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, [number // 4] * 4))  # which raises what one has raised
        self.assertEqual(wrong, [])
