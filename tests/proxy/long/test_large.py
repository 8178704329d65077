"""Bodies that are larger than the proxy's memory may be."""

import contextlib
import time

import http2
from test_http import BOTH
from test_wire import POLICY, entry
from world import Case, read_answer

SIZE = 200 << 20
MOST = 60 << 10  # KiB that the proxy may grow by


class Large(Case):
    policy = POLICY + entry("h2.test")

    @contextlib.contextmanager
    def little_memory(self, what):
        """What is done inside must not make the proxy grow."""
        self.proxy.forget_peak()
        before, start = self.proxy.memory(), time.monotonic()
        yield
        grown, seconds = self.proxy.memory("VmHWM") - before, time.monotonic() - start
        print(f"\nmeasured: {what}: {grown >> 10} MiB more at most, {seconds:.1f} s")
        self.assertLess(grown, MOST)

    def open(self, pair):
        alpn, name = BOTH[pair]
        connection = self.proxy.open_tls(name, self.world.port, alpn=alpn)
        connection.settimeout(60)
        return connection, name

    def test_download(self):
        for pair in BOTH:
            connection, name = self.open(pair)
            with self.subTest(pair), self.little_memory(f"200 MB down, {pair}"):
                if BOTH[pair][0][0] == "h2":
                    answer = http2.Client(connection).get(name, self.world.port, f"/big/{SIZE}")
                    self.assertEqual((answer.status, answer.body), (200, SIZE))
                    continue
                head = f"GET /big/{SIZE} HTTP/1.1\r\nHost: {name}:{self.world.port}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode())
                self.assertGreaterEqual(drain(connection), SIZE)

    def test_upload(self):
        part = bytes(1 << 20)
        for pair in BOTH:
            connection, name = self.open(pair)
            with self.subTest(pair), self.little_memory(f"200 MB up, {pair}"), self.arrives() as requests:
                if BOTH[pair][0][0] == "h2":
                    answer = http2.Client(connection).get(name, self.world.port, "/", "POST", body=bytes(SIZE))
                    self.assertEqual(answer.status, 200)
                    continue
                head = f"POST / HTTP/1.1\r\nHost: {name}:{self.world.port}\r\nContent-Length: {SIZE}\r\n\r\n"
                connection.sendall(head.encode())
                for _ in range(SIZE // len(part)):
                    connection.sendall(part)
                self.assertEqual(read_answer(connection.makefile("rb"))[0], 200)
            self.assertEqual(requests[0]["body"], SIZE)

    def test_what_is_passed_through(self):
        port = self.world.port
        connection = self.proxy.open_tls("pinned.test", port, authority=self.world.ca)
        connection.settimeout(60)
        with self.little_memory("200 MB passed through"):
            head = f"GET /big/{SIZE} HTTP/1.1\r\nHost: pinned.test:{port}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            self.assertGreaterEqual(drain(connection), SIZE)

    def test_a_client_that_reads_slowly(self):
        """The server is slowed down, and nothing piles up in between."""
        connection, name = self.open("1.1 to 1.1")
        with self.little_memory("a client that does not read for 3 s"):
            head = f"GET /big/{SIZE} HTTP/1.1\r\nHost: {name}:{self.world.port}\r\n\r\n"
            connection.sendall(head.encode())
            time.sleep(3)
        connection.close()


def drain(connection):
    """Return how much comes."""
    size = 0
    while more := connection.recv(1 << 20):
        size += len(more)
    return size
