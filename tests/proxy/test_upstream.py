"""What is wrong on the other side: nothing is sent to it, and it is said why."""

import json
import socket
import threading
import time

import http2
from world import Case, Proxy, exchange, make_certificate, read_answer, server_context, status
from test_wire import POLICY, entry

SECRET = "Bearer ghp_0123456789abcdefghijABCDEFGHIJ012345"
BAD = ("expired", "future", "self-signed", "other-name", "unknown-ca")


class Upstream(Case):
    policy = POLICY + entry("*.bad.test")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        upstream, directory = cls.world.upstream, cls.world.directory
        other = make_certificate(directory, "unknown", [])
        for kind in BAD:
            name = f"{kind}.bad.test"
            issuer = {"self-signed": None, "unknown-ca": other}.get(kind, upstream.authority)
            since = {"expired": -60, "future": 60}.get(kind, 0)
            names = ["allowed.test", "*.test"] if kind == "other-name" else [name]
            path = make_certificate(directory, name, names, issuer, since=since)[2]
            upstream.contexts[name] = server_context(path)

    def test_a_server_whose_certificate_is_not_valid_gets_nothing(self):
        port, mark = self.world.port, self.world.mark()
        for kind in BAD:
            name = f"{kind}.bad.test"
            head = f"POST /secret HTTP/1.1\r\nHost: {name}:{port}\r\nAuthorization: {SECRET}\r\n"
            request = f"{head}Content-Length: 6\r\nConnection: close\r\n\r\nsecret".encode()
            answer = self.proxy.https(request, name, port)
            with self.subTest(kind):
                self.assert_not_reached(answer.partition(b"\r\n\r\n"), name)
            with self.subTest(kind, version=2):
                client = http2.Client(self.proxy.open_tls(name, port, alpn=("h2", "http/1.1")))
                more = {"headers": [("authorization", SECRET)], "body": b"secret"}
                answer = client.get(name, port, "/secret", "POST", **more)
                self.assertEqual(answer.status, 502)
                self.assert_not_reached((b"HTTP/2 502", b"", answer.text), name)
        seen = self.world.since(mark)
        self.assertEqual(len(seen), 2 * len(BAD))
        self.assertEqual([one["requests"] for one in seen], [[]] * len(seen))
        time.sleep(0.2)
        records = [r for r in self.proxy.records() if r["host"].endswith(".bad.test")]
        self.assertEqual(len(records), 2 * len(BAD))
        for record in records:
            self.assertEqual(record["decision"], "refused")
            self.assertEqual(record["reason"], "upstream-certificate")
            self.assertEqual(record["status"], 502)
            self.assertIn("ertificate verify failed", record["error"])
        with self.arrives():
            self.assertEqual(status(self.proxy.get("good.bad.test")), 200)

    def assert_not_reached(self, answer, name):
        self.assertEqual(status(answer[0]), 502)
        body = json.loads(answer[2])
        self.assertEqual(body["schema"], "refusal/1")
        self.assertEqual(body["error"], "not-reached")
        self.assertEqual(body["reason"], "upstream-certificate")
        self.assertEqual(body["host"], name)
        self.assertIn("nothing was sent to it", body["message"])

    def test_what_cannot_be_reached_is_told_apart_from_what_is_refused(self):
        """Nobody listens; no address; an address that is private; a server
        that goes before it answers, or that speaks something else."""
        closed = socket.create_server(("127.0.0.1", 0))
        dead = closed.getsockname()[1]
        closed.close()
        mute = self.serve_bytes(b"")
        ssh = self.serve_bytes(b"SSH-2.0-x\r\n")
        liar = self.serve_bytes(b"x refused: unknown-name Certificate verify failed\r\n\r\n")
        names = {"dead": dead, "mute": mute, "ssh": ssh, "liar": liar, "inner": 443}
        policy = "".join(
            f'[[allow]]\nname = "{name}.test"\nports = [{port}]\n'
            + ("" if name == "inner" else 'addresses = ["127.0.0.0/8"]\n')
            for name, port in names.items()
        ) + entry("allowed.test").replace("PORT", str(self.world.port))
        proxy = Proxy(self.world, policy)
        self.addCleanup(proxy.stop)
        for name, port in names.items():
            with self.subTest(name):
                answer = proxy.get(f"{name}.test", port=port)
                body = json.loads(answer.partition(b"\r\n\r\n")[2])
                refused = name == "inner"
                self.assertEqual(status(answer), 403 if refused else 502)
                self.assertEqual(body["reason"], "address" if refused else "upstream")
                self.assertEqual(body["error"], "refused-by-policy" if refused else "not-reached")
        # What the server says does not become what the proxy says.
        request = f"GET http://liar.test:{liar}/ HTTP/1.1\r\nHost: liar.test:{liar}\r\n"
        answer = proxy.plain(f"{request}Connection: close\r\n\r\n".encode())
        self.assertEqual(json.loads(answer.partition(b"\r\n\r\n")[2])["reason"], "upstream")
        answer = proxy.get("allowed.test", "/close")
        self.assertEqual(json.loads(answer.partition(b"\r\n\r\n")[2])["reason"], "upstream")
        time.sleep(0.2)
        seen = [(r["host"], r["decision"], r.get("reason"), r["status"]) for r in proxy.records()]
        self.assertEqual(
            seen,
            [
                ("dead.test", "allowed", None, 502),
                ("mute.test", "allowed", None, 502),
                ("ssh.test", "allowed", None, 502),
                ("liar.test", "allowed", None, 502),
                ("inner.test", "refused", "address", 403),
                ("liar.test", "allowed", None, 502),
                ("allowed.test", "allowed", None, 502),
            ],
        )

    def serve_bytes(self, data):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1024)
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1]

    def test_a_client_goes_on_after_a_failure(self):
        """The connection is in step after a refusal and after a failure, to
        HEAD too, whose answer has no body."""
        port = self.world.port
        connection = self.proxy.open_tls("allowed.test", port)
        reader = connection.makefile("rb")
        for method, path, host, code in (
            ("HEAD", "/", "forbidden.test", 403),
            ("GET", "/", "allowed.test", 200),
            ("HEAD", "/close", "allowed.test", 502),
            ("GET", "/close", "allowed.test", 502),
            ("GET", "/", "allowed.test", 200),
            ("TRACE", "/", "allowed.test", 403),
            ("GET", "/", "allowed.test", 200),
        ):
            with self.subTest(method, path=path):
                head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
                connection.sendall(head.encode())
                self.assertEqual(read_answer(reader, method)[0], code)

    def test_what_is_passed_through_and_not_reached_is_recorded(self):
        """The certificate is the client's own business there; an address that
        is not public is refused all the same."""
        closed = socket.create_server(("127.0.0.1", 0))
        dead = closed.getsockname()[1]
        closed.close()
        through = '[[passthrough]]\nname = "{}.test"\nports = [{}]\n'
        policy = through.format("dead", dead) + 'addresses = ["127.0.0.0/8"]\n'
        policy += through.format("inner", 443)
        proxy = Proxy(self.world, policy)
        self.addCleanup(proxy.stop)
        self.assertIsNone(proxy.open_tls("dead.test", dead))
        self.assertIsNone(proxy.open_tls("inner.test", 443))
        time.sleep(0.2)
        seen = [(r["kind"], r["decision"], r.get("reason"), "error" in r) for r in proxy.records()]
        self.assertEqual(
            seen, [("tunnel", "allowed", None, True), ("tunnel", "refused", "address", True)]
        )

    def test_what_is_passed_through_is_counted(self):
        port = self.world.port
        connection = self.proxy.open_tls("pinned.test", port, authority=self.world.ca)
        head = f"GET /big/1000000 HTTP/1.1\r\nHost: pinned.test:{port}\r\nConnection: close\r\n\r\n"
        self.assertGreater(len(exchange(connection, head.encode())), 1_000_000)
        time.sleep(0.2)
        (record,) = [r for r in self.proxy.records() if r["kind"] == "tunnel"]
        self.assertGreater(record["received"], 1_000_000)
        self.assertLess(record["received"], 1_100_000)
        self.assertGreater(record["sent"], 300)
