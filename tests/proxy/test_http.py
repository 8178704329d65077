"""HTTP as programs speak it: what is allowed arrives whole, in both versions."""

import contextlib
import itertools
import ssl
import time

from h2.exceptions import ProtocolError

import http2
from world import Case, exchange, read_answer, receive, status
from test_wire import POLICY, entry

# Which protocols are offered, and to whom: mitmproxy offers upstream what the
# client has offered, and takes of that the first that it knows.
BOTH = {
    "1.1 to 1.1": (("http/1.1",), "allowed.test"),
    "2 to 2": (("h2",), "h2.test"),
    "2 to 1.1": (("h2", "http/1.1"), "allowed.test"),
    "1.1 to 2": (("http/1.1", "h2"), "h2.test"),
}


class Http(Case):
    policy = POLICY + entry("h2.test")

    def ask(self, pair, path="/", method="GET", body=b"", trailers=(), headers=()):
        """Ask over one of the pairs, and return status, body and trailers."""
        alpn, name = BOTH[pair]
        port = self.world.port
        connection = self.proxy.open_tls(name, port, alpn=alpn)
        self.addCleanup(connection.close)
        if alpn[0] == "h2":
            client = http2.Client(connection)
            answer = client.get(
                name, port, path, method, headers=headers, body=body, trailers=trailers
            )
            return answer.status, answer.text, answer.trailers
        head = f"{method} {path} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in headers)
        if trailers:
            body = b"%x\r\n%s\r\n0\r\n" % (len(body), body)
            body += b"".join(f"{key}: {value}\r\n".encode() for key, value in trailers) + b"\r\n"
            head += "Transfer-Encoding: chunked\r\n"
        elif body:
            head += f"Content-Length: {len(body)}\r\n"
        answer = exchange(connection, head.encode() + b"\r\n" + body)
        head, _, rest = answer.partition(b"\r\n\r\n")
        return status(answer), unchunk(rest) if b"chunked" in head.lower() else rest, {}

    def version_upstream(self, pair):
        return "HTTP/2" if pair.endswith(" 2") else "HTTP/1.1"

    def test_both_versions_in_every_pairing(self):
        for pair in BOTH:
            with self.subTest(pair), self.arrives() as requests:
                code, body, _ = self.ask(pair, "/a?b=c", "POST", body=b"x" * 70_000)
                self.assertEqual((code, body), (200, b"hello\n"))
            self.assertEqual(requests[0]["line"], f"POST /a?b=c {self.version_upstream(pair)}")
            self.assertEqual(requests[0]["body"], 70_000, pair)

    def test_names_are_told_apart_in_every_pairing(self):
        for pair, (alpn, name) in BOTH.items():
            with self.subTest(pair), self.nothing_arrives():
                connection = self.proxy.open_tls(name, self.world.port, alpn=alpn)
                if alpn[0] == "h2":
                    answer = http2.Client(connection).get("forbidden.test", self.world.port)
                    self.assertEqual(answer.status, 403)
                    self.assertIn(b'"refused-by-policy"', answer.text)
                else:
                    request = b"GET / HTTP/1.1\r\nHost: forbidden.test\r\nConnection: close\r\n\r\n"
                    self.assertEqual(status(exchange(connection, request)), 403)

    def test_answers_without_a_body(self):
        for pair, code in itertools.product(BOTH, (204, 304)):
            with self.subTest(pair, code=code), self.arrives():
                self.assertEqual(self.ask(pair, f"/status/{code}")[:2], (code, b""))
        for pair in BOTH:
            with self.subTest(pair), self.arrives() as requests:
                self.assertEqual(self.ask(pair, "/status/200", "HEAD")[:2], (200, b""))
            self.assertTrue(requests[0]["line"].startswith("HEAD "))

    def test_trailers_do_no_harm(self):
        """They arrive where both sides have HTTP/2, as gRPC needs them, and are
        left out otherwise: mitmproxy would end in an exception."""
        before = len(self.proxy.records())
        sent = [("x-trailer", "from-the-client")]
        for pair in BOTH:
            with self.subTest(pair), self.arrives(2) as requests:
                code, body, trailers = self.ask(pair, "/trailers")
                self.assertEqual((code, body), (200, b"hello\n"))
                self.assertEqual(
                    self.ask(pair, "/", "POST", body=b"abc", trailers=sent)[:2], (200, b"hello\n")
                )
            self.assertEqual(requests[1]["body"], 3)
            if pair == "2 to 2":
                self.assertEqual(trailers, {"x-trailer": "from-the-server"})
                self.assertEqual(requests[1]["trailers"], sent)
            else:
                self.assertFalse(requests[1].get("trailers"))
        time.sleep(0.2)
        records = self.proxy.records()[before:]
        self.assertEqual([record.get("status") for record in records], [200] * 8)

    def test_events_arrive_one_by_one(self):
        for pair, (alpn, name) in BOTH.items():
            with self.subTest(pair), self.arrives():
                connection = self.proxy.open_tls(name, self.world.port, alpn=alpn)
                if alpn[0] == "h2":
                    times = http2.Client(connection).get(name, self.world.port, "/events").times
                else:
                    times = self.times_of_events(connection, name)
            gaps = [later - earlier for earlier, later in zip(times, times[1:])]
            self.assertEqual(len(times), 5)
            self.assert_one_by_one(gaps)

    def times_of_events(self, connection, name):
        head = f"GET /events HTTP/1.1\r\nHost: {name}:{self.world.port}\r\n\r\n"
        connection.sendall(head.encode())
        times, data = [], b""
        while b"data: 4" not in data:
            data += connection.recv(65536)
            times += [time.monotonic()] * (data.count(b"data: ") - len(times))
        return times

    def test_many_streams_of_which_some_are_refused(self):
        for name in ("allowed.test", "h2.test"):
            connection = self.proxy.open_tls(name, self.world.port, alpn=("h2", "http/1.1"))
            client, port = http2.Client(connection), self.world.port
            with self.subTest(name), self.arrives(20) as requests:
                good = [client.ask(name, port, f"/{number}") for number in range(10)]
                bad = [client.ask("forbidden.test", port, f"/bad{number}") for number in range(10)]
                good += [client.ask(name, port, f"/{number}") for number in range(10, 20)]
                answers = client.wait(*good, *bad)
            self.assertEqual([answer.status for answer in answers], [200] * 20 + [403] * 10)
            self.assertFalse([request for request in requests if "bad" in request["line"]])

    def test_keep_alive_and_pipelining(self):
        port = self.world.port
        connection = self.proxy.open_tls("allowed.test", port)
        mark = self.world.mark()
        with self.arrives(200):
            reader = connection.makefile("rb")
            for number in range(200):
                head = f"GET /{number} HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n"
                connection.sendall(head.encode())
                self.assertEqual(read_answer(reader), (200, b"hello\n"))
        self.assertEqual(len(self.world.since(mark)), 1, "the connection upstream is kept")
        # What is sent before the answer to another has come is looked at too.
        hosts = ["allowed.test", "forbidden.test", "allowed.test"]
        lines = [f"GET /p HTTP/1.1\r\nHost: {host}:{port}\r\n" for host in hosts]
        with self.arrives(2):
            answer = exchange(
                self.proxy.open_tls("allowed.test", port),
                "\r\n".join([*lines[:2], lines[2] + "Connection: close\r\n\r\n"]).encode(),
            )
        self.assertEqual(answer.count(b"HTTP/1.1 200"), 2)
        self.assertEqual(answer.count(b"HTTP/1.1 403"), 1)

    def test_continue(self):
        """A client that waits for 100 before it sends its body gets it."""
        port = self.world.port
        for name, code in (("allowed.test", b"200"), ("read.test", b"403")):
            with self.arrives() if code == b"200" else self.nothing_arrives():
                connection = self.proxy.open_tls(name, port)
                connection.sendall(
                    f"POST / HTTP/1.1\r\nHost: {name}:{port}\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\nConnection: close\r\n\r\n".encode()
                )
                first = connection.recv(65536)
                self.assertEqual(status(first), 100)
                connection.sendall(b"abcde")
                self.assertIn(b"HTTP/1.1 " + code, first + receive(connection))

    def test_nothing_is_smuggled_from_http_2_into_http_1(self):
        """What a server of HTTP/1.1 reads is the request that was decided on,
        whatever a client of HTTP/2 puts into headers and bodies."""
        port = self.world.port
        inner = f"DELETE /inner HTTP/1.1\r\nHost: forbidden.test:{port}\r\n\r\n"
        line = f"/ HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n{inner}"
        for number, more in enumerate(
            (
                {"body": inner.encode()},
                {"body": inner.encode(), "method": "GET"},
                {"body": inner.encode(), "headers": [("content-length", "0")]},
                {"body": inner.encode(), "headers": [("content-length", "0")] * 2},
                {"body": inner.encode(), "headers": [("content-length", f"+{len(inner)}")]},
                {"body": b"x" * 10, "headers": [("content-length", "1_0")]},
                {"body": b"x" * 10, "headers": [("content-length", "10"), ("content-length", "1")]},
                {"body": b"x" * 10, "headers": [("content-length", "10"), ("content-length", "10")]},
                {"body": b"0\r\n\r\n", "headers": [("transfer-encoding", "chunked")]},
                {"body": b"0\r\n\r\n" + inner.encode(), "headers": [("te", "trailers")]},
                {"path": line},
                {"path": "/a b"},
                {"path": "/ HTTP/1.1\r\nx: y"},
                {"path": "/\n"},
                {"method": "GET /inner HTTP/1.1\r\nx: y\r\n\r\nGET"},
                {"headers": [("x", f"y\r\n\r\n{inner}")]},
                {"headers": [(f"x: y\r\n\r\n{inner}", "y")]},
                {"headers": [("x y", "z")]},
                {"headers": [("x:y", "z")]},
                {"body": b"a", "trailers": [("x", f"y\r\n\r\n{inner}")]},
                {"body": b"a", "trailers": [("content-length", "5")]},
            )
        ):
            mark = self.world.mark()
            with self.subTest(str(more)), contextlib.suppress(OSError, ProtocolError):
                connection = self.proxy.open_tls("allowed.test", port, alpn=("h2",))
                connection.settimeout(0.5)
                more = {"method": "POST", "path": "/outer", **more}
                http2.Client(connection).get("allowed.test", port, **more)
            time.sleep(0.05)
            for seen in self.world.since(mark):
                read = [request["line"] for request in seen["requests"]]
                with self.subTest(str(more)):
                    self.assertIn(read, ([], [f"{more['method']} /outer HTTP/1.1"]))
                    self.assertFalse(seen.get("odd"))

    def test_nothing_is_left_to_the_next_hop(self):
        """Connection could name Host as a field that the server is to ignore."""
        port = self.world.port
        with self.arrives() as requests:
            self.proxy.https(
                f"GET / HTTP/1.1\r\nHost: allowed.test:{port}\r\nAuthorization: x\r\n"
                "Connection: Host, close\r\nConnection: authorization,content-length\r\n"
                "Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\n\r\n".encode(),
                "allowed.test",
                port,
            )
        headers = dict(requests[0]["headers"])
        self.assertEqual(headers.get("connection"), "close")
        self.assertEqual(headers.get("authorization"), "x")
        self.assertFalse({"proxy-connection", "upgrade"} & set(headers))

    def test_a_websocket_is_for_http_1_alone(self):
        head = [("upgrade", "websocket"), ("connection", "upgrade")]
        head += [("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
        with self.nothing_arrives():
            connection = self.proxy.open_tls("h2.test", self.world.port, alpn=("h2",))
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                answer = http2.Client(connection).get("h2.test", self.world.port, "/", headers=head)
                self.assertNotEqual(answer.status, 101)


def unchunk(data):
    text = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        text, data = text + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return text
