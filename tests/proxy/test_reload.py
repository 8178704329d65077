"""A filter that is replaced, broken, cut short or deleted, before and after."""

import ast
import collections
import contextlib
import importlib.util
import pathlib
import subprocess
import sys
import threading
import time

from mitmproxy import version
from mitmproxy.test import tflow

import http2
from world import Case, exchange, read_answer, receive, status
from test_wire import HANDSHAKE, entry


class Reload(Case):
    policy = entry("allowed.test")

    def passes(self, name):
        """Say whether a request for `name` reaches the server."""
        mark = self.world.mark()
        self.proxy.get(name)
        return any(seen["requests"] for seen in self.world.since(mark))

    def text(self, policy):
        good = self.proxy.filter.read_bytes()
        self.proxy.set_policy(policy.replace("PORT", str(self.world.port)))
        text = self.proxy.filter.read_bytes()
        self.proxy.put(good)
        return text

    def test_a_policy_that_does_not_load_leaves_the_last_good_one(self):
        proxy, said = self.proxy, lambda: self.proxy.errors.read_text().count("the policy stays")
        self.assertTrue(self.passes("allowed.test"))
        self.assertFalse(self.passes("other.test"))
        proxy.set_policy(entry("other.test").replace("PORT", str(self.world.port)))
        self.assertTrue(proxy.said("the policy is now sha256:"))
        self.assertTrue(self.passes("other.test"))
        self.assertFalse(self.passes("allowed.test"))

        good = proxy.filter.read_bytes()
        wide = good.replace(b"other.test", b"*.test")
        program = good.replace(b"def main():", b"def main(): #")
        for bad in (b"", good[:-1], good[:5000], wide, program, b"import os\n", b"\xff", good * 2):
            before = said()
            proxy.put(bad)
            for _ in range(100):
                if said() > before:
                    break
                time.sleep(0.05)
            self.assertGreater(said(), before)
            self.assertTrue(self.passes("other.test"))
            self.assertFalse(self.passes("allowed.test"))

        proxy.filter.unlink()
        time.sleep(1.2)
        self.assertTrue(self.passes("other.test"))
        self.assertFalse(self.passes("allowed.test"))
        proxy.set_policy(self.policy.replace("PORT", str(self.world.port)))
        for _ in range(100):
            if self.passes("allowed.test"):
                break
            time.sleep(0.05)
        self.assertTrue(self.passes("allowed.test"))
        self.assertFalse(self.passes("other.test"))

    def test_a_filter_that_is_not_whole_never_listens(self):
        good = self.proxy.filter.read_bytes()
        lines = good.splitlines(keepends=True)
        cuts = [b"".join(lines[:number]) for number in range(0, len(lines), max(1, len(lines) // 12))]
        cuts += [good[:-1], good.replace(b"allowed.test", b"*.test"), good + b"\n"]
        path = self.proxy.directory / "cut.py"
        for cut in cuts:
            path.write_bytes(cut)
            command = [sys.executable, "-I", str(path), "--listen", "127.0.0.1:0"]
            run = subprocess.run(command, capture_output=True, timeout=20)
            # What is cut off before its last line ends without doing anything.
            self.assertTrue(run.returncode != 0 or b"__main__" not in cut, len(cut))

    def test_no_name_is_in_two_parts(self):
        """The parts share their names: one would silently replace the other."""
        names = collections.Counter()
        for node in ast.parse(self.proxy.filter.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names[node.name] += 1
            elif isinstance(node, ast.Assign):
                found = (each for target in node.targets for each in ast.walk(target))
                names.update(each.id for each in found if isinstance(each, ast.Name))
        self.assertGreater(len(names), 200)
        self.assertEqual([name for name, times in names.items() if times > 1], [])

    def test_a_hook_that_fails_refuses(self):
        """Every hook of the gate is called with what it cannot handle."""
        spec = importlib.util.spec_from_file_location("broken", self.proxy.filter)
        filter = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(filter)
        policy = filter.read_file(self.proxy.filter)[1]
        for name in ("http_connect", "requestheaders", "responseheaders", "websocket_message"):
            gate = filter.Gate(policy, filter.Log(None))
            gate.policy = gate.tunnels = None
            flow = tflow.tflow(resp=True)
            flow.metadata["ctrkit"] = 1
            getattr(gate, name)(flow)
            self.assertEqual(flow.error.msg, "Connection killed.", name)

    def test_the_probe_knows_a_proxy_from_what_is_none(self):
        command = [sys.executable, "-I", str(self.proxy.filter), "--probe", "--listen"]
        self.assertEqual(subprocess.run([*command, f"127.0.0.1:{self.proxy.port}"]).returncode, 0)
        for port in (self.world.port, 1):
            run = subprocess.run([*command, f"127.0.0.1:{port}"], capture_output=True)
            self.assertEqual(run.returncode, 1)

    def test_there_is_no_way_to_run_it_loosely(self):
        """mitmdump -s would unload a script that fails, and pass everything."""
        mitmdump = pathlib.Path(sys.executable).parent / "mitmdump"
        command = [mitmdump, "-q", "-n", "-s", self.proxy.filter, "--set", f"confdir={self.world.confdir}"]
        run = subprocess.run(command, capture_output=True, timeout=20, text=True)
        self.assertNotEqual(run.returncode, 0)
        if not version.VERSION.startswith("8."):  # which needs an older Python
            self.assertIn("a program and no script", run.stderr)


class Change(Case):
    """A policy that is replaced while connections are open."""

    first = entry("allowed.test") + entry("kept.test", kind="passthrough")
    wide = first + (
        entry("other.test") + entry("ws.test", "websockets = true\n")
        + entry("pinned.test", kind="passthrough") + entry("h2.test")
    )
    policy = wide

    def change(self, policy):
        self.proxy.change(policy)

    def setUp(self):
        if self.proxy.policy != self.wide:
            self.change(self.wide)

    def assert_cut(self, connection):
        """The connection ends, and nothing of what is sent now arrives."""
        with self.nothing_arrives():
            self.assertEqual(exchange(connection, b"\x81\x80\0\0\0\0" + bytes(100)), b"")

    def test_what_is_open_ends_when_it_is_not_allowed_any_more(self):
        """Tunnels that are passed through, WebSockets, answers that take
        long; and what is still allowed goes on."""
        port, get = self.world.port, "GET {} HTTP/1.1\r\nHost: {}:{}\r\n\r\n"
        through = {
            name: self.proxy.open_tls(name, port, authority=self.world.ca)
            for name in ("kept.test", "pinned.test")
        }
        for name, connection in through.items():
            connection.sendall(get.format("/", name, port).encode())
            self.assertEqual(read_answer(connection.makefile("rb")), (200, b"hello\n"))
        socket = self.proxy.open_tls("ws.test", port)
        socket.sendall(
            f"GET /socket HTTP/1.1\r\nHost: ws.test:{port}\r\nConnection: Upgrade\r\n{HANDSHAKE}\r\n".encode()
        )
        self.assertEqual(status(socket.recv(1000)), 101)
        long = {name: self.proxy.open_tls(name, port) for name in ("allowed.test", "other.test")}
        for name, connection in long.items():
            connection.sendall(get.format("/slow", name, port).encode())
        upload = self.proxy.open_tls("other.test", port)
        upload.sendall(
            f"POST / HTTP/1.1\r\nHost: other.test:{port}\r\nContent-Length: 1000\r\n\r\nabc".encode()
        )
        time.sleep(0.3)
        before = self.count()
        self.change(self.first)
        for connection in (through["pinned.test"], socket, upload):
            self.assert_cut(connection)
        self.assertNotIn(b"the end", receive(long["other.test"]))
        answer = read_answer(long["allowed.test"].makefile("rb"))
        self.assertEqual(answer, (200, b"the begin..the end"))
        self.assertEqual(self.count(), before)
        kept = through["kept.test"]
        kept.sendall(get.format("/", "kept.test", port).encode())
        self.assertEqual(read_answer(kept.makefile("rb"))[0], 200)
        self.assertEqual(self.count(), before + 1)

    def count(self):
        """Return how many requests have arrived."""
        return sum(len(one["requests"]) for one in self.world.upstream.seen)

    def test_the_next_request_of_an_open_connection_is_refused(self):
        port = self.world.port
        get = f"GET / HTTP/1.1\r\nHost: other.test:{port}\r\n\r\n".encode()
        tls, plain = self.proxy.open_tls("other.test", port), self.proxy.connect()
        reader = plain.makefile("rb")
        by_uri = get.replace(b"GET /", f"GET http://other.test:{port}/".encode())
        h2 = http2.Client(self.proxy.open_tls("h2.test", port, alpn=("h2",)))
        with self.arrives(3):
            tls.sendall(get)
            self.assertEqual(read_answer(tls.makefile("rb")), (200, b"hello\n"))
            plain.sendall(by_uri)
            self.assertEqual(read_answer(reader), (200, b"hello\n"))
            self.assertEqual(h2.get("h2.test", port).status, 200)
        waiting, _ = self.proxy.open_tunnel("other.test", port)
        before = self.count()
        self.change(self.first)
        # A tunnel whose name is not allowed any more ends; where the name was
        # in each request, the next one is refused.
        for connection in (tls, waiting):
            self.assertEqual(exchange(connection, get), b"")
        with contextlib.suppress(OSError):
            self.assertEqual(h2.get("h2.test", port).status, 403)
        plain.sendall(by_uri)
        self.assertEqual(read_answer(reader)[0], 403)
        self.assertEqual(self.count(), before)

    def test_every_decision_is_that_of_a_whole_policy(self):
        """Two policies take turns under load, each of which allows one method
        of one path of names: never is there an answer that neither gives."""
        port, stop, wrong, answers = self.world.port, threading.Event(), [], collections.Counter()
        policies = [
            "".join(entry(f"{name}{number}.test", f'methods = ["{method}"]\n') for number in range(300))
            for name, method in (("a", "GET"), ("b", "PUT"))
        ]
        # Both policies have these, with the method of the one or of the other.
        both = [entry("c.test", f'methods = ["{method}"]\n') for method in ("GET", "PUT")]
        self.change(policies[0] + both[0])

        def ask_all(reader, connection):
            for name, method in (("a7", "PUT"), ("b7", "GET"), ("c", "GET"), ("a299", "GET")):
                host = f"{name}.test:{port}"
                head = f"{method} http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"
                connection.sendall(head.encode())
                code, body = read_answer(reader)
                answers[name, code] += 1
                right = code == 403 or (code == 200 and name in ("c", "a299"))
                if not right or b"internal" in body:
                    wrong.append((name, method, code, body))

        def ask():
            while not stop.is_set():
                # What is under way and not allowed any more is cut off.
                with contextlib.suppress(OSError), self.proxy.connect() as connection:
                    reader = connection.makefile("rb")
                    while not stop.is_set():
                        ask_all(reader, connection)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(8):
            self.change(policies[(turn + 1) % 2] + both[(turn + 1) % 2])
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        for name in ("c", "a299"):  # and both policies have been seen
            self.assertGreater(min(answers[name, 200], answers[name, 403]), 10, answers)
