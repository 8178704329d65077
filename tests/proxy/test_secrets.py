"""Credentials that the proxy adds, and that the container does not have."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import http2
from forge import GITHUB, Forge
from test_wire import LOOPBACK
from world import Case, make_certificate, server_context, status

VALUE, OTHER = "ghp_realrealrealrealreal0123456789abcdef", "rotated-rotated-rotated"
BOTH_PORTS = '[[allow]]\nname = "{}"\nports = [443, 80, PORT]\n' + LOOPBACK


def secret(host, header="Authorization", form="bearer"):
    return f'[[secret]]\nhost = "{host}"\nheader = "{header}"\nform = "{form}"\nfile = "/nonexistent"\n'


def keep(proxy, directory, secrets):
    """Bring secrets to where the proxy looks, as it is done in a container."""
    text = secrets if isinstance(secrets, bytes) else json.dumps(secrets).encode()
    command = [sys.executable, "-I", proxy.filter, "--keep-secrets", directory]
    return subprocess.run(command, input=text, capture_output=True)


class Secrets(Forge):
    policy = GITHUB + secret("api.github.com") + secret("github.com", form="basic")
    for name, header, form in (
        ("raw.test", "X-Api-Key", "raw"),
        ("token.test", "Authorization", "token"),
        ("absent.test", "Authorization", "raw"),
        ("h2.test", "X-Api-Key", "raw"),
    ):
        policy += BOTH_PORTS.format(name) + secret(name, header, form)
    all = {
        "api.github.com.authorization": VALUE,
        "github.com.authorization": VALUE,
        "raw.test.x-api-key": VALUE,
        "token.test.authorization": VALUE,
        "h2.test.x-api-key": VALUE,
    }

    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp()) / "secrets"
        cls.options = ["--secrets", cls.place]
        super().setUpClass()
        for name in ("raw.test", "token.test"):
            cls.world.upstream.sites[name] = cls.api

    def setUp(self):
        run = keep(self.proxy, self.place, self.all)
        self.assertEqual(run.returncode, 0, run.stderr)

    def sent(self, name, header, headers="", **more):
        """Return the values of a header that arrive."""
        with self.arrives() as requests:
            self.assertEqual(status(self.proxy.get(name, headers=headers, port=443, **more)), 200)
        return [value for key, value in requests[0]["headers"] if key == header]

    def test_the_real_value_takes_the_place_of_the_containers_own(self):
        own = "Authorization: Bearer mine\r\nAUTHORIZATION: two\r\nauthorization: three\r\n"
        basic = base64.b64encode(f"x-access-token:{VALUE}".encode()).decode()
        self.assertEqual(self.sent("api.github.com", "authorization", own), [f"Bearer {VALUE}"])
        self.assertEqual(self.sent("token.test", "authorization", own), [f"token {VALUE}"])
        self.assertEqual(self.sent("token.test", "authorization"), [f"token {VALUE}"])
        key = "X-Api-Key: mine\r\nx_api_key: mine\r\nX-API_Key: mine\r\nAuthorization: is another\r\n"
        with self.arrives() as requests:
            self.proxy.get("raw.test", headers=key, port=443)
        found = [(name, value) for name, value in requests[0]["headers"] if "key" in name or "auth" in name]
        self.assertEqual(sorted(found), [("authorization", "is another"), ("x-api-key", VALUE)])
        self.new_repository("private")
        entries = [r for one in self.world.upstream.seen for r in one["requests"] if "private.git" in r["line"]]
        self.assertTrue(entries)
        for request in entries:
            values = [value for name, value in request["headers"] if name == "authorization"]
            self.assertEqual(values, [f"Basic {basic}"])

    def test_held_bodies_and_pushes_have_it_too(self):
        body, mark = b'{"query": "query { viewer { login } }"}', self.world.mark()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nAuthorization: mine\r\n"
        answer = self.proxy.get("api.github.com", "/graphql", "POST", head, port=443, body=body)
        self.assertEqual(status(answer), 200)
        there, work = self.new_repository("pushed")
        self.git("push", "-q", "origin", "main:topic", directory=work)
        self.assertIn("refs/heads/topic", self.refs(there))
        posts = [r for one in self.world.since(mark) for r in one["requests"] if r["line"].startswith("POST")]
        self.assertGreaterEqual(len(posts), 2)
        for request in posts:
            values = [value for name, value in request["headers"] if name == "authorization"]
            self.assertEqual(len(values), 1)
            self.assertRegex(values[0], r"Basic|Bearer")

    def test_over_http2_and_in_its_trailers(self):
        client = http2.Client(self.proxy.open_tls("h2.test", 443, alpn=("h2",)))
        with self.arrives() as requests:
            stream = client.ask(
                "h2.test", 443, "/", "POST", [("x-api-key", "mine"), ("x-api-key", "two"), ("x_api_key", "three")],
                b"body", [("x-api-key", "four"), ("x-other", "five")],
            )  # fmt: skip
            self.assertEqual(client.wait(stream)[0].status, 200)
        self.assertEqual([pair for pair in requests[0]["headers"] if "key" in pair[0]], [("x-api-key", VALUE)])
        self.assertFalse([pair for pair in requests[0].get("trailers", ()) if "key" in pair[0]])

    def test_only_tls_on_443_has_it(self):
        """Elsewhere the container's own is taken away, and nothing is added."""
        mine = "X-Api-Key: mine\r\n"
        for host in (f"raw.test:{self.world.port}", "raw.test"):
            head = f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n{mine}Connection: close\r\n\r\n"
            with self.subTest(host), self.arrives() as requests:
                self.assertEqual(status(self.proxy.plain(head.encode())), 200)
            self.assertFalse([pair for pair in requests[0]["headers"] if "key" in pair[0]])
        self.assertEqual(self.sent("raw.test", "x-api-key", mine), [VALUE])
        with self.arrives() as requests:
            self.assertEqual(status(self.proxy.get("raw.test", headers=mine)), 200)
        self.assertFalse([pair for pair in requests[0]["headers"] if "key" in pair[0]])

    def test_a_server_without_a_valid_certificate_is_not_sent_it(self):
        upstream = self.world.upstream
        good = upstream.context_for("token.test")
        path = make_certificate(self.world.directory, "token-wrong", ["other.test"], upstream.authority)[2]
        upstream.contexts["token.test"] = server_context(path)
        try:
            with self.arrives(0):
                self.assertEqual(status(self.proxy.get("token.test", port=443)), 502)
        finally:
            upstream.contexts["token.test"] = good
        self.assertEqual(self.sent("token.test", "authorization"), [f"token {VALUE}"])

    def test_what_is_absent_is_refused_and_what_changes_is_read_anew(self):
        for method in ("GET", "POST"):
            with self.nothing_arrives():
                answer = self.proxy.get("absent.test", method=method, headers="Content-Length: 0\r\n", port=443)
                self.assertEqual(status(answer), 403)
                self.assertIn(b'"reason": "secret"', answer)
        self.assertEqual(self.last(host="absent.test", decision="refused")["reason"], "secret")
        (self.place / "absent.test.authorization").write_text("two\nlines")
        with self.nothing_arrives():
            self.assertEqual(status(self.proxy.get("absent.test", port=443)), 403)
        self.assertEqual(keep(self.proxy, self.place, {**self.all, "absent.test.authorization": OTHER}).returncode, 0)
        self.assertEqual(self.sent("absent.test", "authorization"), [OTHER])
        self.assertEqual(keep(self.proxy, self.place, {**self.all, "raw.test.x-api-key": OTHER}).returncode, 0)
        self.assertEqual(self.sent("raw.test", "x-api-key"), [OTHER])
        with self.nothing_arrives():  # it is gone again
            self.assertEqual(status(self.proxy.get("absent.test", port=443)), 403)
        there, work = self.new_repository("gone")
        keep(self.proxy, self.place, {})
        with self.nothing_arrives():
            run = self.run_client("git", "push", "origin", "main:topic", directory=work)
            self.assertNotEqual(run.returncode, 0)

    def test_it_is_written_nowhere(self):
        self.proxy.get("api.github.com", f"/user?x={VALUE}", port=443)
        self.proxy.get("absent.test", headers=f"Authorization: {VALUE}\r\n", port=443)
        time.sleep(0.3)
        for text in (self.proxy.log.read_text(), self.proxy.errors.read_text()):
            for word in (VALUE, VALUE[10:30], OTHER):
                self.assertNotIn(word, text)
        command = pathlib.Path(f"/proc/{self.proxy.process.pid}/cmdline").read_text()
        environment = pathlib.Path(f"/proc/{self.proxy.process.pid}/environ").read_text()
        self.assertNotIn(VALUE, command + environment)


class Keeping(Case):
    """`--keep-secrets` by itself."""

    policy = BOTH_PORTS.format("x.test")

    def setUp(self):
        self.place = pathlib.Path(tempfile.mkdtemp(dir=self.world.directory)) / "secrets"

    def there(self):
        return {path.name: path.read_text() for path in self.place.iterdir()}

    def test_the_directory_becomes_what_is_given(self):
        for secrets in ({"a.test.x": "1", "b.test.y": "2 and more"}, {"b.test.y": "3"}, {}):
            self.assertEqual(keep(self.proxy, self.place, secrets).returncode, 0)
            self.assertEqual(self.there(), secrets)
            self.assertEqual(self.place.stat().st_mode & 0o777, 0o700)
            self.assertEqual({path.stat().st_mode & 0o777 for path in self.place.iterdir()} or {0o600}, {0o600})

    def test_what_was_left_over_goes(self):
        keep(self.proxy, self.place, {"a.test.x": "1"})
        (self.place / ".new-a.test.x").write_text("half")
        (self.place / "old").symlink_to("/etc/passwd")
        self.assertEqual(keep(self.proxy, self.place, {"a.test.x": "2"}).returncode, 0)
        self.assertEqual(self.there(), {"a.test.x": "2"})
        self.assertTrue(os.path.exists("/etc/passwd"))

    def test_what_is_wrong_changes_nothing_and_is_not_quoted(self):
        self.assertEqual(keep(self.proxy, self.place, {"a.test.x": "old"}).returncode, 0)
        for wrong in (
            {"a.test.x": "hush\nhush"}, {"a.test.x": "hush\r"}, {"a.test.x": "hush\0"}, {"a.test.x": "hush\u00fc"},
            {"a.test.x": ""}, {"a.test.x": " hush"}, {"a.test.x": 1}, {"a.test.x": ["hush"]}, {"../x": "hush"},
            {"": "hush"}, {".hush": "hush"}, {"a/b": "hush"}, {"A.test.x": "hush"}, {"hush\n": "x"}, ["hush"],
            b'{"a.test.x": "hush"', b"", b"\xffhush", b'"hush"', b" " * (2 << 20),
            {"b.test.x": "fine", "a.test.x": "hush\n"},
        ):  # fmt: skip
            run = keep(self.proxy, self.place, wrong)
            self.assertEqual(run.returncode, 1, wrong)
            self.assertTrue(run.stderr.startswith(b"filter: "), run.stderr)
            self.assertNotIn(b"hush", run.stderr + run.stdout)
            self.assertEqual(self.there(), {"a.test.x": "old"})
