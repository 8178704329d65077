"""A policy that is replaced under load, again and again: each request is decided
on by one whole policy, the one that its record names; and what is under way and
not allowed any more ends."""

import collections
import json
import subprocess
import threading
import time

from forge import GITHUB, Forge
from test_wire import entry
from world import exchange, read_answer

JSON = "Content-Type: application/json\r\n"
TITLE = b'{"title": "x", "head": "a", "base": "b"}'


def operations(**changes):
    text = "".join(f'{name.replace("_", "-")} = "{value}"\n' for name, value in changes.items())
    return f"{GITHUB}[github.operations]\n{text}"


class Replace(Forge):
    turns = 12
    # Two policies, each of which allows what the other refuses, and much more.
    first = "".join(entry(f"a{number}.test") for number in range(200)) + entry("c.test", 'methods = ["GET"]\n')
    second = "".join(entry(f"b{number}.test") for number in range(200)) + entry("c.test", 'methods = ["PUT"]\n')
    policies = (first + operations(issue_write="refuse"), second + operations(pr_write="refuse"))
    policy = policies[0]
    questions = (
        ("a0.test", "GET", "/", b""), ("b199.test", "GET", "/", b""), ("c.test", "GET", "/", b""), ("c.test", "PUT", "/", b""),
        ("api.github.com", "POST", "/repos/o/r/pulls", TITLE), ("api.github.com", "POST", "/repos/o/r/issues", TITLE),
        ("api.github.com", "PUT", "/repos/o/r/pulls/1/merge", b"{}"),
    )  # fmt: skip

    def allowed(self, which, question):
        """Say whether one of the two policies allows what is asked."""
        host, method, path, _ = question
        if host == "c.test":
            return method == ("GET", "PUT")[which]
        if host == "api.github.com":
            return path == ("/repos/o/r/pulls", "/repos/o/r/issues")[which]
        return host.startswith("ab"[which])

    def load(self, stop, wrong, answers):
        """Ask everything again and again, in tunnels that are kept."""
        tunnels = {}
        while not stop.is_set():
            for question in self.questions:
                host, method, path, body = question
                port = 443 if host == "api.github.com" else self.world.port
                name = host if port == 443 else f"{host}:{port}"
                head = f"{method} {path} HTTP/1.1\r\nHost: {name}\r\n{JSON}Content-Length: {len(body)}\r\n\r\n"
                try:
                    if host not in tunnels:
                        tunnels[host] = self.proxy.open_tls(host, port)
                    if tunnels[host] is None:
                        raise ConnectionError
                    tunnels[host].sendall(head.encode() + body)
                    code, said = read_answer(tunnels[host].makefile("rb"))
                except OSError:  # it was cut off, or refused as a whole
                    tunnels.pop(host, None)
                    continue
                answers[question, code] += 1
                if code not in (200, 403) or b"internal" in said:
                    wrong.append((question, code, said))

    def test_each_request_is_decided_on_by_one_whole_policy(self):
        marks, wrong, answers, stop = [], [], collections.Counter(), threading.Event()
        for which in (1, 0):
            self.proxy.change(self.policies[which])
            self.proxy.get("nowhere.test")
            marks.append(self.last(host="nowhere.test")["policy"])
            self.proxy.log.write_text("")
        marks.reverse()
        self.assertNotEqual(*marks)
        threads = [threading.Thread(target=self.load, args=(stop, wrong, answers)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(self.turns):
            self.proxy.change(self.policies[(turn + 1) % 2])
        stop.set()
        for thread in threads:
            thread.join()
        time.sleep(0.3)
        self.assertEqual(wrong, [])
        self.judge(marks)
        for question in self.questions[2:6]:  # and all has been seen
            self.assertGreater(min(answers[question, 200], answers[question, 403]), 5, answers)

    def judge(self, marks):
        """Decide again on what the log has, by the policy that it names."""
        seen, asked = collections.Counter(), {each[:3]: each for each in self.questions}
        for record in self.proxy.records():
            self.assertIn(record["policy"], marks, record)
            which = marks.index(record["policy"])
            seen[which] += 1
            if record["kind"] == "request":
                question = asked[record["host"], record["method"], record["path"]]
                right = self.allowed(which, question)
            else:
                right = record["host"] in ("c.test", "api.github.com") or record["host"].startswith("ab"[which])
            if record["decision"] == "refused" and "error" in record:
                continue  # it was cut off before it was decided on
            self.assertEqual(record["decision"] == "allowed", right, record)
        self.assertGreater(min(seen.values()), 20, seen)


class UnderWay(Forge):
    """What is under way on a guarded host when its rules change."""

    policy = operations()

    def setUp(self):
        if self.proxy.policy != self.policy:
            self.proxy.change(self.policy)

    def hold(self, path="/repos/o/r/pulls"):
        """Begin a request whose body is not whole, and return its connection."""
        connection = self.proxy.open_tls("api.github.com", 443)
        head = f"POST {path} HTTP/1.1\r\nHost: api.github.com\r\n{JSON}Content-Length: {len(TITLE)}\r\n\r\n"
        connection.sendall(head.encode() + TITLE[:-1])
        time.sleep(0.2)
        return connection

    def test_a_body_that_is_held(self):
        with self.nothing_arrives():
            cut, kept = self.hold(), self.hold("/repos/o/r/issues")
            self.proxy.change(operations(pr_write="refuse"))
            self.assertEqual(exchange(cut, TITLE[-1:]), b"")
        with self.arrives():
            kept.sendall(TITLE[-1:])
            self.assertEqual(read_answer(kept.makefile("rb"))[0], 200)
        refused = self.last(path="/repos/o/r/pulls")
        self.assertEqual((refused["decision"], refused["sent"]), ("refused", 0))

    def test_a_body_is_decided_on_by_the_policy_that_is_in_force(self):
        """GraphQL is told apart by its body alone."""
        body = b'{"query": "mutation { closeIssue(input: {issueId: \\"x\\"}) { clientMutationId } }"}'
        connection = self.proxy.open_tls("api.github.com", 443)
        head = f"POST /graphql HTTP/1.1\r\nHost: api.github.com\r\n{JSON}Content-Length: {len(body)}\r\n\r\n"
        with self.nothing_arrives():
            connection.sendall(head.encode() + body[:-1])
            time.sleep(0.2)
            self.proxy.change(operations(issue_write="refuse"))
            connection.sendall(body[-1:])
            code, said = read_answer(connection.makefile("rb"))
        self.assertEqual((code, json.loads(said)["operation"]), (403, "issue-write"))

    def test_a_push_that_is_on_its_way(self):
        there, work = self.new_repository("underway")
        head = self.refs(there)["refs/heads/main"]
        text = f"{'0' * 40} {head} refs/heads/topic\0report-status".encode()
        pack = self.pack(there, head)
        body = b"%04x%s0000" % (len(text) + 4, text) + pack
        connection = self.proxy.open_tls("github.com", 443)
        connection.sendall(
            b"POST /me/underway.git/git-receive-pack HTTP/1.1\r\nHost: github.com\r\n"
            b"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body[:-1]
        )
        time.sleep(0.3)
        self.proxy.change(operations(push="refuse"))
        self.assertEqual(exchange(connection, body[-1:]), b"")
        time.sleep(0.3)
        self.assertNotIn("refs/heads/topic", self.refs(there))

    def pack(self, there, head):
        command = ["git", "-C", there, "pack-objects", "--stdout", "--revs"]
        return subprocess.run(command, input=f"{head}\n".encode(), check=True, capture_output=True).stdout

    def test_a_host_that_is_not_github_any_more(self):
        connection = self.hold()
        with self.nothing_arrives():
            self.proxy.change(entry("other.test"))
            self.assertEqual(exchange(connection, TITLE[-1:]), b"")
            self.assertIsNone(self.proxy.open_tunnel("api.github.com", 443)[0])
