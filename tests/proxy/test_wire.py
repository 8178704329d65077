"""What reaches the world over the wire: every refusal beside what passes."""

import itertools
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import h2.config
import h2.connection
import h2.events

from world import Case, exchange, reason, receive, status

LOOPBACK = 'addresses = ["127.0.0.0/8"]\n'


HANDSHAKE = (
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def entry(name, more="", kind="allow"):
    return f'[[{kind}]]\nname = "{name}"\nports = [PORT]\n{LOOPBACK}{more}'


POLICY = (
    entry("allowed.test")
    + entry("other.test")
    + entry("*.wild.test")
    + entry("read.test", 'methods = ["GET"]\n')
    + entry("ws.test", "websockets = true\n")
    + entry("pinned.test", kind="passthrough")
    + "".join(
        f'[[allow]]\nname = "{name}.test"\nports = [PORT]\n'
        for name in ("inner", "loop", "metadata", "six", "mapped")
    )
)


def client_hello(context, name):
    """Return the first bytes of TLS, in one record."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return connection, incoming, outgoing, outgoing.read()


class Wire(Case):
    policy = POLICY

    def get_by_hand(self, name, pieces, sni=None):
        """GET over TLS whose first record is sent as `pieces` says."""
        port = self.world.port
        connection, _ = self.proxy.open_tunnel(name, port)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls, incoming, outgoing, hello = client_hello(self.proxy.trust(), sni or name)
        try:
            for piece in pieces(hello):
                connection.sendall(piece)
                time.sleep(0.01)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    more = connection.recv(65536)
                    if not more:
                        return b""
                    incoming.write(more)
            tls.write(f"GET / HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
            connection.sendall(outgoing.read())
            answer = b""
            while not answer.endswith(b"hello\n"):
                try:
                    answer += tls.read(65536)
                except ssl.SSLWantReadError:
                    more = connection.recv(65536)
                    if not more:
                        return answer
                    incoming.write(more)
            return answer
        except OSError:
            return b""
        finally:
            connection.close()

    def test_allowed_names_pass(self):
        for name in ("allowed.test", "wild.test", "a.b.wild.test", "Allowed.TEST", "allowed.test."):
            with self.subTest(name), self.arrives() as requests:
                self.assertEqual(status(self.proxy.get(name)), 200)
            self.assertEqual(requests[0]["line"], "GET / HTTP/1.1")
            host = f"{name.lower().rstrip('.')}:{self.world.port}"
            self.assertEqual(dict(requests[0]["headers"])["host"], host)

    def test_plain_http_passes_by_absolute_uri(self):
        port = self.world.port
        with self.arrives() as requests:
            answer = self.proxy.plain(
                f"GET http://allowed.test:{port}/a?b HTTP/1.1\r\nHost: allowed.test:{port}\r\n"
                "Proxy-Authorization: Basic eDp5\r\nConnection: close\r\n\r\n".encode()
            )
        self.assertEqual(status(answer), 200)
        self.assertEqual(requests[0]["line"], "GET /a?b HTTP/1.1")
        self.assertNotIn("proxy-authorization", dict(requests[0]["headers"]))

    def test_plain_http_is_refused_otherwise(self):
        port = self.world.port
        for url, host, why in (
            (f"http://forbidden.test:{port}/", f"forbidden.test:{port}", "unknown-name"),
            (f"http://allowed.test:{port}/", f"forbidden.test:{port}", "host"),
            (f"http://forbidden.test:{port}/", f"allowed.test:{port}", "host"),
            (f"http://allowed.test:{port}/", "allowed.test", "host"),
            (f"http://allowed.test:{port}/", f"allowed.test:{port}\r\nHost: x.test", "host"),
            (f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}", "no-name"),
            (f"http://pinned.test:{port}/", f"pinned.test:{port}", "scheme"),
            (f"https://allowed.test:{port}/", f"allowed.test:{port}", "scheme"),
            ("http://mitm.it/", "mitm.it", "unknown-name"),
        ):
            with self.subTest(url, host=host), self.nothing_arrives():
                request = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                answer = self.proxy.plain(request.encode())
                self.assertEqual(status(answer), 403)
                self.assertEqual(reason(answer), why)
        with self.nothing_arrives():
            self.assertNotEqual(status(self.proxy.plain(b"GET / HTTP/1.1\r\n\r\n")), 200)
            no_host = f"GET http://allowed.test:{port}/ HTTP/1.1\r\nConnection: close\r\n\r\n"
            self.assertNotEqual(status(self.proxy.plain(no_host.encode())), 200)

    def test_connect_is_refused_before_anything_goes_out(self):
        port = self.world.port
        names = ["forbidden.test", "notallowed.test", "allowed.test.evil.test", "evilwild.test"]
        names += ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"]
        names += ["localhost", "allowed_.test", "mitm.it"]
        for name in names:
            with self.subTest(name), self.nothing_arrives():
                connection, answer = self.proxy.open_tunnel(name, port)
                self.assertIsNone(connection)
                self.assertIn(status(answer), (400, 403), answer)
        for odd in (22, 80, 443, port - 1, 65535):
            with self.subTest(odd), self.nothing_arrives():
                connection, answer = self.proxy.open_tunnel("allowed.test", odd)
                self.assertIsNone(connection)
                self.assertEqual(reason(answer), "port")
        with self.nothing_arrives():
            connection, answer = self.proxy.open_tunnel("allowed.test", port, host="other.test")
            self.assertIsNone(connection)
            self.assertEqual(reason(answer), "host")

    def test_every_pairing_of_connect_sni_and_host(self):
        port = self.world.port
        names = ["allowed.test", "other.test", "forbidden.test", "pinned.test", ""]
        for name, sni, host in itertools.product(names[:4], names, names):
            right = name == sni == host and name in ("allowed.test", "other.test")
            header = f"Host: {host}:{port}\r\n" if host else ""
            request = f"GET / HTTP/1.1\r\n{header}Connection: close\r\n\r\n".encode()
            if (name, sni) == ("pinned.test", "pinned.test"):
                continue
            with self.subTest(f"{name} {sni} {host}"):
                with self.arrives() if right else self.nothing_arrives():
                    answer = self.proxy.https(request, name, port, sni=sni)
                    self.assertEqual(status(answer) == 200, right)

    def test_splits_of_a_client_hello(self):
        """To the end; what tells the splits apart is over before."""
        size = len(client_hello(self.proxy.trust(), "allowed.test")[3])
        splits = [*range(1, 7), 9, 11, 43, size // 2, size - 1]
        for at in splits:
            pieces = lambda hello, at=at: (hello[:at], hello[at:])
            with self.subTest(at), self.arrives():
                self.assertEqual(status(self.get_by_hand("allowed.test", pieces)), 200)
            with self.subTest(at), self.nothing_arrives():
                self.get_by_hand("allowed.test", pieces, sni="forbidden.test")

    def first_answer(self, name, pieces, sni):
        """Return the first byte that comes back of a ClientHello in pieces."""
        connection, _ = self.proxy.open_tunnel(name, self.world.port)
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces(client_hello(self.proxy.trust(), sni)[3]):
                connection.sendall(piece)
                time.sleep(0.003)
            return connection.recv(1)

    def test_every_split_of_a_client_hello(self):
        """At each offset: TLS goes on with the right name, with a record of
        its handshake, and ends with another name."""
        size = len(client_hello(self.proxy.trust(), "allowed.test")[3])

        def ask(at):
            pieces = lambda hello: (hello[:at], hello[at:])
            names = "allowed.test", "forbidden.test"
            return at, [self.first_answer("allowed.test", pieces, sni) for sni in names]

        with self.nothing_arrives(), ThreadPoolExecutor(8) as pool:
            for at, answers in pool.map(ask, range(1, size)):
                self.assertEqual(answers, [b"\x16", b""], at)

    def test_a_client_hello_in_two_records(self):
        def records(hello):
            body = hello[5:]
            parts = body[:40], body[40:]
            return [hello[:3] + len(part).to_bytes(2, "big") + part for part in parts]

        with self.nothing_arrives():
            self.get_by_hand("allowed.test", records, sni="forbidden.test")
        mark = self.world.mark()
        self.get_by_hand("allowed.test", records)
        for seen in self.world.since(mark):
            self.assertEqual(seen["sni"], "allowed.test")

    def test_unusual_record_versions(self):
        for high, low in itertools.product((2, 3, 4), (0, 1, 2, 3, 4, 9)):
            version = bytes([high, low])
            pieces = lambda hello, version=version: [hello[:1] + version + hello[3:]]
            mark = self.world.mark()
            with self.subTest(version.hex()):
                self.get_by_hand("allowed.test", pieces)
                for seen in self.world.since(mark):
                    self.assertEqual(seen["sni"], "allowed.test")
                    self.assertEqual(len(seen["requests"]), 1)
            with self.subTest(version.hex()), self.nothing_arrives():
                self.get_by_hand("allowed.test", pieces, sni="forbidden.test")
        with self.arrives():
            self.get_by_hand("allowed.test", lambda hello: [b"\x16\x03\x03" + hello[3:]])

    def test_what_is_not_tls_is_not_tunnelled(self):
        port = self.world.port
        get = f"GET / HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n".encode()
        for data in (
            get,
            b"SSH-2.0-x\r\n",
            b"EHLO x\r\n",
            bytes(64),
            b"\x16",
            b"\x16\x03\x01\x00\x00",
            b"\x16\x03\x01\xff\xff" + bytes(512),
            b"\x80\x2e\x01\x03\x01" + bytes(64),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x05\x01\x00",
        ):
            for name in ("allowed.test", "pinned.test"):
                with self.subTest(data[:8], name=name), self.nothing_arrives():
                    connection, _ = self.proxy.open_tunnel(name, port)
                    connection.settimeout(0.5)
                    self.assertNotIn(b"200 OK", exchange(connection, data))

    def test_tls_to_the_proxy_itself_is_closed(self):
        port = self.world.port
        request = f"GET http://allowed.test:{port}/ HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n"
        with self.nothing_arrives():
            try:
                connection = self.proxy.trust().wrap_socket(
                    self.proxy.connect(), server_hostname="allowed.test"
                )
            except OSError:
                return
            exchange(connection, request.encode())

    def test_tls_within_tls_is_closed(self):
        connection = self.proxy.open_tls("allowed.test", self.world.port)
        with self.nothing_arrives():
            hello = client_hello(self.proxy.trust(), "forbidden.test")[3]
            exchange(connection, hello)

    def test_requests_in_a_tunnel_that_name_something_else(self):
        port = self.world.port
        right = f"allowed.test:{port}"
        for line, hosts, why in (
            ("GET / HTTP/1.1", [f"forbidden.test:{port}"], "host"),
            ("GET / HTTP/1.1", [right, f"forbidden.test:{port}"], "host"),
            ("GET / HTTP/1.1", [f"forbidden.test:{port}", right], "host"),
            ("GET / HTTP/1.1", [right, right], "host"),
            ("GET / HTTP/1.1", ["allowed.test"], "host"),
            ("GET / HTTP/1.1", ["allowed.test:1"], "host"),
            ("GET / HTTP/1.1", [f"x@{right}"], "host"),
            ("GET / HTTP/1.1", [], "host"),
            (f"GET https://forbidden.test:{port}/ HTTP/1.1", [right], "target"),
            (f"GET https://{right}/ HTTP/1.1", [right], "target"),
            (f"GET http://{right}/ HTTP/1.1", [right], "target"),
            ("GET x HTTP/1.1", [right], None),
            (f"CONNECT {right} HTTP/1.1", [right], None),
            ("TRACE / HTTP/1.1", [right], "method"),
            ("GET / HTTP/2.0", [right], None),
        ):
            lines = "".join(f"Host: {host}\r\n" for host in hosts)
            request = f"{line}\r\n{lines}Connection: close\r\n\r\n".encode()
            with self.subTest(line, hosts=hosts), self.nothing_arrives():
                answer = self.proxy.https(request, "allowed.test", port)
                self.assertNotEqual(status(answer), 200)
                if why:
                    self.assertEqual(reason(answer), why)
        with self.arrives():
            self.proxy.https(f"GET / HTTP/1.1\r\nhOsT: {right}\r\nConnection: close\r\n\r\n".encode(), "allowed.test", port)

    def test_methods(self):
        with self.arrives():
            self.assertEqual(status(self.proxy.get("read.test")), 200)
        for method in ("POST", "DELETE", "get", "HEAD"):
            with self.subTest(method), self.nothing_arrives():
                answer = self.proxy.get("read.test", method=method)
                self.assertEqual(status(answer), 403)
        for method in ("POST", "DELETE", "PROPFIND", "HEAD"):
            with self.subTest(method), self.arrives():
                self.proxy.get("allowed.test", method=method, headers="Content-Length: 0\r\n")

    def test_smuggling(self):
        for headers, body in (
            ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
            ("Content-Length: 4\r\nContent-Length: 5\r\n", b"xxxxx"),
            ("Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
            ("Content-Length : 4\r\n", b"xxxx"),
            ("X: a\r\n folded: b\r\n Host: forbidden.test\r\n", b""),
        ):
            with self.subTest(headers), self.nothing_arrives():
                answer = self.proxy.get("allowed.test", method="POST", headers=headers, body=body)
                self.assertNotEqual(status(answer), 200)

    def http2(self, name, headers):
        """Send one request over HTTP/2 and return the status."""
        connection = self.proxy.open_tls(name, self.world.port, alpn=("h2",))
        self.assertEqual(connection.selected_alpn_protocol(), "h2")
        config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        session = h2.connection.H2Connection(config)
        session.initiate_connection()
        session.send_headers(1, headers, end_stream=True)
        connection.sendall(session.data_to_send())
        connection.settimeout(5)
        try:
            while data := connection.recv(65536):
                for event in session.receive_data(data):
                    if isinstance(event, h2.events.ResponseReceived):
                        return int(dict((k.decode(), v) for k, v in self.as_bytes(event.headers))[":status"])
                    if isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                        return None
                connection.sendall(session.data_to_send())
        except OSError:
            return None
        finally:
            connection.close()
        return None

    @staticmethod
    def as_bytes(headers):
        encode = lambda text: text if isinstance(text, bytes) else text.encode()
        return [(encode(key), encode(value)) for key, value in headers]

    def test_http2(self):
        right = f"allowed.test:{self.world.port}"
        head = [(":method", "GET"), (":scheme", "https"), (":path", "/")]
        with self.arrives():
            self.assertEqual(self.http2("allowed.test", [*head, (":authority", right)]), 200)
        with self.arrives():
            both = [*head, (":authority", right), ("host", right)]
            self.assertEqual(self.http2("allowed.test", both), 200)
        wrong = f"forbidden.test:{self.world.port}"
        for more in (
            [(":authority", wrong)],
            [(":authority", "allowed.test")],
            [(":authority", right), ("host", wrong)],
            [(":authority", wrong), ("host", right)],
            [("host", right)],
            [(":authority", right), ("host", right), ("host", right)],
            [(":authority", f"u@{right}")],
        ):
            with self.subTest(more), self.nothing_arrives():
                self.assertNotEqual(self.http2("allowed.test", head + more), 200)
        for head in (
            [(":method", "CONNECT"), (":authority", right)],
            [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/"), (":authority", right)],
            [(":method", "GET"), (":scheme", "http"), (":path", "https://forbidden.test/"), (":authority", right)],
        ):
            with self.subTest(head), self.nothing_arrives():
                self.assertNotEqual(self.http2("allowed.test", head), 200)

    def test_events_arrive_one_by_one(self):
        connection = self.proxy.open_tls("allowed.test", self.world.port)
        with self.arrives():
            connection.sendall(f"GET /events HTTP/1.1\r\nHost: allowed.test:{self.world.port}\r\n\r\n".encode())
            times, data = [], b""
            while b"data: 4" not in data:
                data += connection.recv(65536)
                times += [time.monotonic()] * (data.count(b"data: ") - len(times))
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        self.assertEqual(len(times), 5)
        self.assert_one_by_one(gaps)

    def test_large_bodies_are_streamed(self):
        size, port = 24 << 20, self.world.port
        with self.arrives():
            answer = self.proxy.get("allowed.test", f"/big/{size}")
            self.assertEqual(len(answer.partition(b"\r\n\r\n")[2]), size)
        connection = self.proxy.open_tls("allowed.test", port)
        with self.arrives() as requests:
            connection.sendall(
                f"POST / HTTP/1.1\r\nHost: allowed.test:{port}\r\nContent-Length: {size}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            connection.sendall(bytes(size // 2))
            time.sleep(0.3)
            half = time.monotonic()
            connection.sendall(bytes(size - size // 2))
            self.assertEqual(status(receive(connection)), 200)
        self.assertEqual(requests[0]["body"], size)
        self.assertLess(requests[0]["first_body"], half)

    def test_the_body_of_a_refused_request_is_in_nobodys_memory(self):
        before, size = self.proxy.memory(), 96 << 20
        for headers in (f"Content-Length: {size}\r\n", "Transfer-Encoding: chunked\r\n"):
            with self.nothing_arrives():
                port = self.world.port
                connection = self.proxy.open_tls("read.test", port)
                head = f"POST / HTTP/1.1\r\nHost: read.test:{port}\r\n{headers}\r\n"
                chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
                data = chunk if "chunked" in headers else bytes(65536)
                try:
                    connection.sendall(head.encode())
                    for _ in range(size // 65536):
                        connection.sendall(data)
                except OSError:
                    pass
                connection.close()
        self.assertLess(self.proxy.memory() - before, 40 << 10)
        with self.nothing_arrives():
            answer = self.proxy.get("read.test", method="POST", headers="Content-Length: 3\r\n", body=b"abc")
            self.assertEqual(reason(answer), "method")

    def upgrade(self, name, path, headers):
        connection = self.proxy.open_tls(name, self.world.port)
        connection.settimeout(2)
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {name}:{self.world.port}\r\n"
            f"Connection: Upgrade\r\n{headers}\r\n".encode()
        )
        return connection

    def test_websockets_only_where_they_are_allowed(self):
        with self.arrives():
            connection = self.upgrade("ws.test", "/socket", HANDSHAKE)
            answer = connection.recv(65536)
            self.assertEqual(status(answer), 101)
            frame = bytes(byte ^ mask for byte, mask in zip(b"hi!!", b"\1\2\3\4"))
            connection.sendall(b"\x81\x84\1\2\3\4" + frame)
            while b"hi!!" not in answer:
                answer += connection.recv(65536)
        with self.nothing_arrives():
            answer = self.upgrade("allowed.test", "/socket", HANDSHAKE).recv(65536)
            self.assertEqual(status(answer), 403)
            self.assertIn(b"x-ctrkit-refused: websocket", answer)

    def test_other_protocols_are_not_switched_to(self):
        with self.arrives() as requests:
            connection = self.upgrade("allowed.test", "/", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n")
            self.assertEqual(status(connection.recv(65536)), 200)
        self.assertFalse({"upgrade", "http2-settings"} & set(dict(requests[0]["headers"])))
        for name, headers in (("allowed.test", ""), ("ws.test", "Upgrade: raw\r\n"), ("ws.test", HANDSHAKE)):
            with self.subTest(name, headers=headers):
                mark = self.world.mark()
                connection = self.upgrade(name, "/odd", headers)
                answer = exchange(connection, b"raw bytes")
                self.assertNotEqual(status(answer), 101)
                self.assertEqual(self.world.since(mark)[0]["requests"][0]["body"], 0)

    def test_what_is_passed_through_is_the_servers_own_tls(self):
        port = self.world.port
        with self.arrives() as requests:
            connection = self.proxy.open_tls("pinned.test", port, authority=self.world.ca)
            self.assertIsNotNone(connection)
            answer = exchange(connection, b"BREW / HTTP/1.1\r\nConnection: close\r\n\r\n")
        self.assertEqual(requests[0]["line"], "BREW / HTTP/1.1")
        self.assertEqual(status(answer), 200)
        for name, sni in (("pinned.test", "allowed.test"), ("allowed.test", "pinned.test"), ("pinned.test", "forbidden.test"), ("pinned.test", "")):
            with self.subTest(name, sni=sni), self.nothing_arrives():
                self.assertIsNone(self.proxy.open_tls(name, port, sni=sni, authority=self.world.ca))

    def test_addresses_that_are_not_public(self):
        for name in ("inner.test", "loop.test", "metadata.test", "six.test", "mapped.test"):
            with self.subTest(name), self.nothing_arrives():
                start = time.monotonic()
                self.assertNotEqual(status(self.proxy.get(name)), 200)
                self.assertLess(time.monotonic() - start, 2)

    def test_each_connection_is_recorded_once(self):
        before = len(self.proxy.records())
        port = self.world.port
        self.proxy.get("allowed.test", "/once")
        self.proxy.open_tunnel("forbidden.test", port)
        self.proxy.https(b"x", "allowed.test", port, sni="forbidden.test")
        exchange(self.proxy.open_tunnel("allowed.test", port)[0], b"SSH-2.0-x\r\n")
        exchange(self.proxy.open_tls("pinned.test", port, authority=self.world.ca), b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        time.sleep(0.3)
        records = self.proxy.records()[before:]
        seen = [(r["kind"], r["host"], r["decision"], r.get("reason"), r.get("status")) for r in records]
        self.assertCountEqual(
            seen,
            [
                ("request", "allowed.test", "allowed", None, 200),
                ("connect", "forbidden.test", "refused", "unknown-name", 403),
                ("connect", "allowed.test", "refused", "sni", None),
                ("connect", "allowed.test", "refused", "not-tls", None),
                ("tunnel", "pinned.test", "allowed", None, None),
            ],
        )
        self.assertTrue(records[0]["rule"].endswith(":3 allowed.test"))
