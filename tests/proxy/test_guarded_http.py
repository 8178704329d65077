"""Requests to GitHub's hosts over the wire: what is held, and what goes out."""

import gzip
import importlib.util
import json
import time

import http2
from forge import GITHUB, Forge
from test_wire import entry
from world import exchange, read_answer, status

JSON = "Content-Type: application/json\r\n"
MERGE = '{"query": "mutation { mergePullRequest(input: {pullRequestId: \\"x\\"}) { clientMutationId } }"}'
CREATE = '{"query": "mutation { createPullRequest(input: {repositoryId: \\"x\\"}) { clientMutationId } }"}'
READ = '{"query": "query { viewer { login } } # mergePullRequest"}'


def refused(answer):
    """Return the object that a refusal is."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def answered(connection):
    return read_answer(connection.makefile("rb"))[0]


class Guarded(Forge):
    policy = GITHUB + entry("allowed.test") + entry("some.test", 'paths = ["/v2/*/manifests/**", "/file"]\n')

    def ask(self, method, path, body="", headers=JSON, host="api.github.com"):
        """Send a request with a length, and return the answer."""
        body = body.encode() if isinstance(body, str) else body
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return self.proxy.get(host, path, method, headers + length, port=443, body=body)

    def test_operations_are_told_apart(self):
        for method, path, body in (
            ("GET", "/repos/o/r/pulls/1/merge", ""),
            ("POST", "/repos/o/r/pulls", '{"title": "merge"}'),
            ("POST", "/graphql", READ),
            ("POST", "/graphql", CREATE),
        ):
            with self.subTest(path, body=body), self.arrives() as requests:
                self.assertEqual(status(self.ask(method, path, body)), 200)
            self.assertEqual((requests[0]["body"], self.asked[-1][3]), (len(body), body.encode()))
        for method, path, body, reason, operation in (
            ("PUT", "/repos/o/r/pulls/1/merge", "{}", "operation", "pr-merge"),
            ("PUT", "/repos/o/r/pulls/1/merge", "", "operation", "pr-merge"),
            ("POST", "/graphql", MERGE, "operation", "pr-merge"),
            ("POST", "/graphql", MERGE.replace("merge", "\\u006derge"), "operation", "pr-merge"),
            ("POST", "/graphql", "mutation", "unclear", None),
            ("PUT", "/repos/o/r//pulls/1/merge", "{}", "path", None),
        ):
            with self.subTest(path, body=body), self.nothing_arrives():
                answer = self.ask(method, path, body)
                self.assertEqual(status(answer), 403)
                said = refused(answer)
                self.assertEqual(said["reason"], reason)
                record = self.last(method=method, decision="refused", reason=reason)
                if operation:
                    self.assertEqual((said["operation"], record["operation"]), (operation, operation))
                    self.assertIn(operation, said["message"])
                self.assertEqual((record["status"], record["sent"]), (403, 0))
                self.assertRegex(record["policy"], r"\A[0-9a-f]{12}\Z")

    def test_github_is_there_on_443_alone_and_over_tls(self):
        for port in (80, 8443, self.world.port):
            with self.nothing_arrives():
                self.assertIsNone(self.proxy.open_tunnel("api.github.com", port)[0])
        with self.nothing_arrives():
            answer = self.proxy.plain(b"GET http://api.github.com/ HTTP/1.1\r\nHost: api.github.com\r\nConnection: close\r\n\r\n")
            self.assertEqual(status(answer), 403)
            self.assertIsNone(self.proxy.open_tunnel("codeload.github.com", 443)[0])

    def test_nothing_is_sent_before_the_body_is_there(self):
        """Neither a byte nor a connection, in either framing."""
        for version in ("length", "chunks", "h2"):
            with self.subTest(version):
                with self.nothing_arrives():
                    send, answer, _ = getattr(self, f"by_{version}")(CREATE.encode())
                    time.sleep(0.3)
                with self.arrives() as requests:
                    send()
                    self.assertEqual(answer(), 200)
                self.assertEqual((requests[0]["body"], self.asked[-1][3]), (len(CREATE), CREATE.encode()))

    def by_length(self, body):
        connection = self.proxy.open_tls("api.github.com", 443)
        head = f"POST /graphql HTTP/1.1\r\nHost: api.github.com\r\n{JSON}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:-1])
        return lambda: connection.sendall(body[-1:]), lambda: answered(connection), connection.close

    def by_chunks(self, body):
        connection = self.proxy.open_tls("api.github.com", 443)
        head = f"POST /graphql HTTP/1.1\r\nHost: api.github.com\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"%x\r\n%s\r\n" % (len(body), body))
        return lambda: connection.sendall(b"0\r\n\r\n"), lambda: answered(connection), connection.close

    def by_h2(self, body):
        client = http2.Client(self.proxy.open_tls("api.github.com", 443, alpn=("h2",)))
        h2, stream = client.session.h2, client.session.h2.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "https"), (":authority", "api.github.com")]
        h2.send_headers(stream, [*head, (":path", "/graphql"), ("content-type", "application/json")])
        h2.send_data(stream, body)
        client.session.flush()

        def end():
            h2.end_stream(stream)
            client.session.flush()

        return end, lambda: client.wait(stream)[0].status, client.session.connection.close

    def test_a_client_that_waits_for_100_gets_it(self):
        for body, code in ((CREATE, 200), (MERGE, 403)):
            head = f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{JSON}"
            connection = self.proxy.open_tls("api.github.com", 443)
            connection.sendall(f"POST /graphql HTTP/1.1\r\nHost: api.github.com\r\n{head}\r\n".encode())
            self.assertEqual(status(connection.recv(1000)), 100)
            self.assertEqual(status(exchange(connection, body.encode())), code)

    def test_bodies_are_decoded_by_what_they_are(self):
        zipped = f"{JSON}Content-Encoding: gzip\r\n"
        with self.arrives():
            self.assertEqual(status(self.ask("POST", "/graphql", gzip.compress(CREATE.encode()), zipped)), 200)
        for body, headers in (
            (gzip.compress(MERGE.encode()), zipped),
            (gzip.compress(CREATE.encode()), JSON),
            (CREATE, zipped),
            (gzip.compress(bytes(64 << 20)), zipped),
        ):
            with self.nothing_arrives():
                self.assertEqual(status(self.ask("POST", "/graphql", body, headers)), 403)

    def test_a_body_that_is_too_long_is_refused(self):
        """Told by its length it is not read; in chunks it is read so far."""
        with self.nothing_arrives():
            part = b" " * (3 << 20)
            for framing, body in (
                ("Content-Length: 99999999", part),
                ("Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(part), part)),
            ):
                connection = self.proxy.open_tls("api.github.com", 443)
                head = f"POST /graphql HTTP/1.1\r\nHost: api.github.com\r\n{JSON}{framing}\r\n\r\n"
                connection.sendall(head.encode() + body)
                code, said = read_answer(connection.makefile("rb"))
                self.assertEqual((code, json.loads(said)["reason"]), (403, "unclear"))
                connection.close()
            client = http2.Client(self.proxy.open_tls("api.github.com", 443, alpn=("h2",)))
            answer = client.get("api.github.com", 443, "/graphql", "POST", [("content-type", "application/json")], bytes(3 << 20))
            self.assertEqual(answer.status, 403)
            # The connection is there for others.
        with self.arrives():
            self.assertEqual(client.get("api.github.com", 443, "/user").status, 200)

    def test_a_reading_request_has_no_body_however_it_is_framed(self):
        with self.nothing_arrives():
            for headers, body in (
                ("Content-Length: 2\r\n", b"{}"),
                ("Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
            ):
                answer = self.proxy.get("api.github.com", "/user", "GET", headers, port=443, body=body)
                self.assertEqual(status(answer), 403)
            client = http2.Client(self.proxy.open_tls("api.github.com", 443, alpn=("h2",)))
            self.assertEqual(client.get("api.github.com", 443, "/user", "GET", body=b"{}").status, 403)
        with self.arrives():
            self.assertEqual(client.get("api.github.com", 443, "/user").status, 200)

    def test_a_client_that_goes_leaves_nothing_behind(self):
        before = len(self.proxy.records())
        with self.nothing_arrives():
            for version in ("length", "chunks", "h2"):
                hang_up = getattr(self, f"by_{version}")(CREATE.encode())[2]
                time.sleep(0.1)
                hang_up()
            time.sleep(0.5)
        records = [record for record in self.proxy.records()[before:] if record["kind"] == "request"]
        self.assertEqual([record["decision"] for record in records], ["refused"] * 3, records)
        self.assertEqual([record["sent"] for record in records], [0] * 3)

    def test_a_body_that_takes_too_long_ends(self):
        """The clock is not waited for: the record is made older."""
        spec = importlib.util.spec_from_file_location("filter_of_time", self.proxy.filter)
        filter = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(filter)
        gate, cut = filter.Gate(filter.read_file(self.proxy.filter)[1], filter.Log(None)), []
        gate.cut = cut.append
        for key, pending, age in (("late", True, 301), ("early", True, 299), ("decided", False, 301)):
            record = filter.Record(gate, "request", "api.github.com", 443)
            record.pending, record.start = pending, time.monotonic() - age
            gate.records[key] = {record}
        gate.expire()
        self.assertEqual(cut, [{"late"}])

    def test_trailers_do_not_get_there(self):
        client = http2.Client(self.proxy.open_tls("api.github.com", 443, alpn=("h2",)))
        with self.arrives() as requests:
            stream = client.ask(
                "api.github.com", 443, "/graphql", "POST", [("content-type", "application/json")],
                CREATE.encode(), [("x-http-method-override", "PUT")],
            )  # fmt: skip
            self.assertEqual(client.wait(stream)[0].status, 200)
        self.assertFalse(requests[0].get("trailers"))

    def test_gh_creates_and_reads_and_does_not_merge(self):
        for arguments, code in (
            (["api", "user"], 0),
            (["api", "repos/o/r/pulls", "-f", "title=x", "-f", "head=a", "-f", "base=main"], 0),
            (["api", "graphql", "-f", "query=query { viewer { login } }"], 0),
            (["api", "-X", "PUT", "repos/o/r/pulls/1/merge"], 1),
            (["api", "graphql", "-f", f"query={json.loads(MERGE)['query']}"], 1),
        ):
            with self.subTest(arguments):
                run = self.run_client("gh", *arguments, GH_TOKEN="x", GH_PROMPT_DISABLED="1")
                self.assertEqual(run.returncode, code, run.stderr)
                if code:
                    self.assertIn("not for this operation", run.stderr)

    def test_paths_of_any_host(self):
        port = self.world.port
        for path in ("/file", "/v2/a/manifests/1", "/v2/a/manifests/b/c?x=1", "/fil%65"):
            with self.subTest(path), self.arrives():
                self.assertEqual(status(self.proxy.get("some.test", path)), 200)
        for path in ("/", "/file/x", "/v2/a/b/manifests/1", "/v2/a/../file", "/v2//manifests/x", "/v2/a%2f/manifests/x", "/file;x"):
            with self.subTest(path), self.nothing_arrives():
                answer = self.proxy.get("some.test", path)
                self.assertEqual((status(answer), refused(answer)["reason"]), (403, "path"))
        self.assertEqual(self.last(host="some.test", decision="refused")["reason"], "path")
        plain = f"GET http://some.test:{port}/other HTTP/1.1\r\nHost: some.test:{port}\r\nConnection: close\r\n\r\n"
        with self.nothing_arrives():
            self.assertEqual(status(self.proxy.plain(plain.encode())), 403)

    def test_what_is_held_together_is_bounded(self):
        """Bodies that do not end, on many connections: refused, when all
        together are too much, and room again when they are gone."""
        part, connections = b" " * 1000000, []
        head = f"POST /graphql HTTP/1.1\r\nHost: api.github.com\r\n{JSON}Content-Length: 1000001\r\n\r\n".encode()
        before, too_much = self.proxy.memory(), 0
        with self.nothing_arrives():
            for _ in range(90):
                connection = self.proxy.open_tls("api.github.com", 443)
                connection.sendall(head + part)
                connections.append(connection)
            time.sleep(1)
            for connection in connections:
                connection.sendall(b" ")
                code, said = read_answer(connection.makefile("rb"))
                self.assertEqual(code, 403)
                too_much += b"too long" in said  # and others are no JSON
                connection.close()
        self.assertEqual(too_much, 90 - (64 << 20) // 1000000)
        self.assertLess(self.proxy.memory() - before, 200 << 10)
        with self.arrives():
            self.assertEqual(status(self.ask("POST", "/graphql", CREATE)), 200)
