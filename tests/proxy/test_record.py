"""One record of everything that names something, whatever becomes of it."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import time

from mitmproxy import version

import http2
from world import Case, Proxy, exchange, status
from test_wire import POLICY, entry, client_hello
from test_log import TOKEN

MALFORMED = (
    b"hello\r\n\r\n",
    b"GET /\r\n\r\n",
    f"GET /{TOKEN}\r\n\r\n".encode(),
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET http://forbidden.test/ HTTP/9\r\n\r\n",
    b"CONNECT forbidden.test HTTP/1.1\r\n\r\n",
    b"CONNECT allowed.test:x HTTP/1.1\r\n\r\n",
    b"CONNECT allowed.test:99999 HTTP/1.1\r\n\r\n",
    b"CONNECT : HTTP/1.1\r\n\r\n",
    b"CONNECT http://allowed.test:443 HTTP/1.1\r\n\r\n",
    b"\x00\x01\x02\x03\r\n\r\n",
    b"GET http://u:p@/ HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\n folded\r\n\r\n",
)


class Record(Case):
    policy = POLICY + entry("h2.test")

    @contextlib.contextmanager
    def records(self, count, **fields):
        """What is done inside leaves `count` records, and they have `fields`."""
        self.settle()
        before, found = len(self.proxy.records()), []
        yield found
        self.settle()
        found += self.proxy.records()[before:]
        self.assertEqual(len(found), count, found)
        for record in found:
            self.assertEqual({key: record.get(key) for key in fields}, fields)

    def settle(self):
        """Wait until nothing has been recorded for a while."""
        last = None
        while last != (last := len(self.proxy.records())):
            time.sleep(0.15)

    def test_what_is_no_request_is_recorded_once(self):
        for data in MALFORMED:
            with self.subTest(data), self.records(1, decision="refused") as found:
                with self.nothing_arrives():
                    self.assertIn(status(exchange(self.proxy.connect(), data)), (400, 403))
            self.assertNotIn(TOKEN, str(found))

    def test_what_is_no_request_in_a_tunnel_is_recorded_once(self):
        port = self.world.port
        fields = {"decision": "refused", "kind": "request", "host": "allowed.test"}
        for data in MALFORMED:
            if b"CONNECT" in data or b"http:" in data:
                continue
            with self.subTest(data), self.records(1, **fields) as found, self.nothing_arrives():
                self.proxy.https(data, "allowed.test", port)
            self.assertNotIn(TOKEN, str(found))
        # In HTTP/2, after a request that is allowed.
        with self.records(2) as found, self.arrives():
            client = http2.Client(self.proxy.open_tls("h2.test", port, alpn=("h2",)))
            self.assertEqual(client.get("h2.test", port).status, 200)
            client.session.connection.sendall(bytes.fromhex("000000000000000000"))
            with contextlib.suppress(OSError):
                client.session.connection.recv(65536)
        self.assertEqual([record["decision"] for record in found], ["allowed", "refused"])

    def test_what_breaks_off_is_recorded_once(self):
        """In the middle of a head, of a body, of an answer, by a reset."""
        port = self.world.port
        head = f"POST /x HTTP/1.1\r\nHost: allowed.test:{port}\r\nContent-Length: 10\r\n\r\n"
        with self.records(1, reason="protocol"), self.nothing_arrives():
            self.proxy.https(head.encode()[:-4], "allowed.test", port, shut=True)
        with self.records(1, decision="allowed", sent=5) as found:
            connection = self.proxy.open_tls("allowed.test", port)
            connection.sendall(head.encode())
            time.sleep(0.3)
            connection.sendall(b"12345")
            time.sleep(0.1)
            connection.close()
        self.assertIn("error", found[0])
        for linger in (0, 1):
            with self.subTest(linger), self.records(1, decision="allowed") as found:
                connection = self.proxy.open_tls("allowed.test", port)
                head = f"GET /big/9000000 HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n"
                connection.sendall(head.encode())
                connection.recv(100_000)
                option = struct.pack("ii", linger, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
                connection.close()
            self.assertIn("error", found[0])
            self.assertGreater(found[0]["received"], 10_000)
        with self.records(2, decision="allowed"):
            client = http2.Client(self.proxy.open_tls("h2.test", port, alpn=("h2",)))
            streams = [client.ask("h2.test", port, "/big/9000000") for _ in range(2)]
            while not all(client.answers[stream].body for stream in streams):
                for event in client.session.receive():
                    client.handle(event)
            client.session.h2.reset_stream(streams[0])
            client.session.flush()
            client.session.connection.close()

    def test_a_tunnel_that_comes_to_nothing_is_recorded_once(self):
        port = self.world.port
        with self.records(1, kind="connect", decision="allowed"):
            self.proxy.open_tunnel("allowed.test", port)[0].close()
        with self.records(1, kind="connect", decision="allowed") as found:
            # This client trusts another CA.
            other = self.world.ca
            self.assertIsNone(self.proxy.open_tls("allowed.test", port, authority=other))
        self.assertIn("TLS", found[0]["error"])
        with self.records(1, kind="connect", reason="not-tls"):
            connection, _ = self.proxy.open_tunnel("allowed.test", port)
            hello = client_hello(self.proxy.trust(), "allowed.test")[3]
            exchange(connection, hello[:60], shut=True)
        with self.records(1, kind="connect", reason="not-tls"):
            connection, _ = self.proxy.open_tunnel("allowed.test", port)
            exchange(connection, b"\x16\x03\x01\x00\x08\x01\x00\x00\x04aaaa", shut=True)
        with self.records(1, kind="connect", decision="allowed"):
            self.proxy.open_tls("allowed.test", port).close()
        with self.records(1, kind="request", decision="allowed"):
            self.proxy.get("allowed.test")

    def test_what_says_nothing_is_not_recorded(self):
        """Nor does it leave anything behind in the proxy."""
        with self.records(0):
            for _ in range(300):
                self.proxy.connect().close()
        if version.VERSION.startswith("8."):
            return  # which lets go of them after ten minutes
        descriptors = f"/proc/{self.proxy.process.pid}/fd"
        for _ in range(50):
            if len(os.listdir(descriptors)) < 60:
                break
            time.sleep(0.1)
        self.assertLess(len(os.listdir(descriptors)), 60)

    def test_what_is_under_way_is_recorded_when_the_proxy_ends(self):
        policy = self.policy.replace("PORT", str(self.world.port))
        proxy, port = Proxy(self.world, policy), self.world.port
        request = proxy.open_tls("allowed.test", port)
        request.sendall(f"GET /events HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n".encode())
        request.recv(1000)
        tunnel = proxy.open_tls("pinned.test", port, authority=self.world.ca)
        silent, _ = proxy.open_tunnel("allowed.test", port)
        proxy.stop()
        kinds = [(record["kind"], record["decision"]) for record in proxy.records()]
        kinds_of_all = ("request", "tunnel", "connect")
        self.assertCountEqual(kinds, [(kind, "allowed") for kind in kinds_of_all])
        tunnel.close()
        silent.close()

    def test_the_probe_is_not_recorded(self):
        command = [os.sys.executable, "-I", str(self.proxy.filter), "--probe", "--listen"]
        with self.records(0):
            subprocess.run([*command, f"127.0.0.1:{self.proxy.port}"], check=True)


class Places(Case):
    """The directory of the log: full, gone, or of no use."""

    policy = entry("allowed.test")

    def start(self, **more):
        limits = "[limits]\nlog_bytes = 65536\nlog_files = 2\n"
        policy = self.policy.replace("PORT", str(self.world.port)) + limits
        proxy = Proxy(self.world, policy, **more)
        self.addCleanup(proxy.stop)
        return proxy

    def assert_closed(self, proxy):
        """Nothing is let through, refusals are answered, and it is said why."""
        with self.nothing_arrives():
            self.assertIn(b'"log"', proxy.open_tunnel("allowed.test", self.world.port)[1])
            self.assertIn(b'"unknown-name"', proxy.open_tunnel("forbidden.test", 443)[1])

    def assert_open(self, proxy):
        with self.arrives():
            self.assertEqual(status(proxy.get("allowed.test", "/after")), 200)

    def test_a_directory_that_is_gone_refuses_until_it_is_back(self):
        proxy = self.start()
        self.assert_open(proxy)
        logs = proxy.log.parent
        logs.rename(f"{logs}.away")
        self.assert_closed(proxy)
        logs.mkdir()
        self.assert_open(proxy)
        time.sleep(0.2)
        # What was refused in the meantime was kept.
        self.assertEqual(
            [record.get("reason") for record in proxy.records()], ["log", "unknown-name", None]
        )

    def test_a_place_that_something_else_has_taken(self):
        proxy = self.start()
        self.assert_open(proxy)
        time.sleep(0.2)
        kept = proxy.log.with_name("kept")
        proxy.log.rename(kept)
        for put in (lambda: proxy.log.mkdir(), lambda: proxy.log.symlink_to(kept)):
            put()
            self.assert_closed(proxy)
            proxy.log.rmdir() if proxy.log.is_dir() and not proxy.log.is_symlink() else proxy.log.unlink()
        self.assertEqual(len(kept.read_text().splitlines()), 1, "a link is not followed")
        self.assert_open(proxy)

    def test_a_log_that_cannot_be_rotated(self):
        proxy = self.start()
        obstacles = [proxy.log.parent / f"requests.jsonl.{number}" for number in (1, 2)]
        for obstacle in obstacles:
            (obstacle / "x").mkdir(parents=True)
        refused = b"GET http://no.test/%s HTTP/1.1\r\nHost: no.test\r\n\r\n" % (b"x" * 900)
        with proxy.connect() as connection:
            for _ in range(80):
                connection.sendall(refused)
                answer = b""
                while not answer.endswith(b"}\n"):
                    answer += connection.recv(65536)
        self.assert_closed(proxy)
        for obstacle in obstacles:
            shutil.rmtree(obstacle)
        self.assert_open(proxy)
        time.sleep(0.2)
        self.assertEqual(len(proxy.records()), 83)

    def test_a_disk_that_is_full(self):
        """On a real file system of 64 KiB, which the log has for itself."""
        proxy, last = self.start(disk=64), 0
        ballast = proxy.log.parent / "ballast"
        ballast.write_bytes(bytes(32 << 10))
        while b" 200 " in proxy.get("allowed.test", f"/{last}/{'x' * 900}")[:20]:
            last += 1
            self.assertLess(last, 400)
        self.assertGreater(last, 10)
        self.assert_closed(proxy)
        kept = [record["path"].split("/")[1] for record in proxy.records() if "path" in record]
        self.assertIn(len(kept), (last, last - 1), "one may be waiting to be written")
        ballast.unlink()
        self.assert_open(proxy)
        time.sleep(0.2)
        paths = [record["path"].split("/")[1] for record in proxy.records() if "path" in record]
        self.assertEqual(paths, [*map(str, range(last)), "after"], "and nothing is lost")
