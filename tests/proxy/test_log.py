"""The record of requests: complete, redacted, bounded, and needed."""

import resource
import subprocess
import sys
import threading
import time

from world import Case, Proxy, read_answer, reason, status
from test_wire import entry

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


class Log(Case):
    policy = entry("allowed.test") + entry("quiet.test", "log = false\n")

    def test_ten_thousand_requests_leave_a_record_each(self):
        count, clients, port = 10_000, 8, self.world.port
        proxy = Proxy(self.world, self.policy.replace("PORT", str(port)))
        self.addCleanup(proxy.stop)

        def ask(first):
            connection = proxy.open_tls("allowed.test", port)
            reader = connection.makefile("rb")
            for number in range(first, count, clients):
                name = "allowed.test" if number % 10 else "forbidden.test"
                connection.sendall(
                    f"GET /{number} HTTP/1.1\r\nHost: {name}:{port}\r\n"
                    f"Authorization: Bearer {TOKEN}\r\nCookie: a={TOKEN}\r\n\r\n".encode()
                )
                read_answer(reader)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(0.5)
        records = proxy.records()
        self.assertEqual(len(records), count)
        self.assertEqual(len({record["path"] for record in records}), count)
        refused = [record for record in records if record["decision"] == "refused"]
        self.assertEqual(len(refused), count // 10)
        for path in proxy.log.parent.glob("requests.jsonl*"):
            self.assertNotIn(TOKEN, path.read_text())

    def test_what_looks_like_a_secret_is_not_recorded(self):
        paths = [
            f"/a?token={TOKEN}",
            f"/a?x={TOKEN}",
            f"/a?{TOKEN}",
            f"/a/{TOKEN}/b",
            f"/a%2f{TOKEN.replace('g', '%67', 1)}",
            "/a?password=short&b=1",
            "/a?%70assword=short",
            "/a?code=short#f",
            "/a?x=1;token=short",
            "/a;token=short/b",
            "/bot12345:AAEshortTOKEN_of-a-bot_0123456/send",
            "/services/T000/B000/SHORTSHORTSHORTSHORTSHORT",
            "/a/c2hvcnQtdG9rZW4tdGhhdC1pcyBsb25n==",
            "/a?c2hvcnQtdG9rZW4tdGhhdC1pcyBsb25n==",
        ]
        before = len(self.proxy.records())
        port = self.world.port
        for path in paths:
            self.proxy.get("allowed.test", path, headers=f"Authorization: Bearer {TOKEN}\r\n")
            self.proxy.plain(
                f"GET http://u:{TOKEN}@forbidden.test:{port}{path} HTTP/1.1\r\n"
                f"Proxy-Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode()
            )
        plain = "/a-long-name-of-a-repository-2/with_another_long_name/x;y=1?page=2&q=two+words;z=1"
        self.proxy.get("allowed.test", plain)
        time.sleep(0.3)
        records = self.proxy.records()[before:]
        self.assertGreaterEqual(len(records), len(paths) + 1)
        text = self.proxy.log.read_text()
        for secret in (TOKEN, TOKEN[4:], "short", "SHORT", "c2hv"):
            self.assertNotIn(secret, text)
        self.assertIn(f'"{plain}"', text)

    def test_a_long_path_is_looked_through_at_once(self):
        begun = time.monotonic()
        for path in ("/" + "a" * 60_000, "/" + "a-" * 30_000, "/?" + "a;" * 30_000, "/;" * 30_000):
            self.proxy.get("allowed.test", path)
        self.assertLess(time.monotonic() - begun, 20)

    def test_control_characters_are_escaped(self):
        self.proxy.get("allowed.test", "/\x1b[31m\x07")
        self.proxy.open_tunnel("a\x1b[2Jb.test", 443)
        time.sleep(0.2)
        self.assertFalse([c for c in self.proxy.log.read_bytes() if c < 32 and c != 10])

    def test_an_entry_may_leave_out_what_is_allowed_alone(self):
        before = len(self.proxy.records())
        with self.arrives():
            self.proxy.get("quiet.test")
        self.proxy.get("quiet.test", method="TRACE")
        time.sleep(0.2)
        records = self.proxy.records()[before:]
        self.assertEqual([record["decision"] for record in records], ["refused"])

    def test_the_log_is_rotated_and_bounded(self):
        policy = self.policy.replace("PORT", str(self.world.port))
        proxy = Proxy(self.world, policy + "[limits]\nlog_bytes = 65536\nlog_files = 2\n")
        self.addCleanup(proxy.stop)
        with proxy.connect() as connection:
            reader = connection.makefile("rb")
            for number in range(1200):
                connection.sendall(f"GET http://no.test/{number} HTTP/1.1\r\nHost: no.test\r\n\r\n".encode())
                read_answer(reader)
        files = sorted(proxy.log.parent.glob("requests.jsonl*"))
        self.assertEqual([file.name for file in files], ["requests.jsonl", "requests.jsonl.1", "requests.jsonl.2"])
        self.assertLessEqual(sum(file.stat().st_size for file in files), 3 * 65536)
        paths = [int(record["path"][1:]) for record in proxy.records()]
        self.assertEqual(paths, list(range(1200 - len(paths), 1200)))

    def test_a_log_that_is_taken_away_is_begun_anew(self):
        proxy = Proxy(self.world, self.policy.replace("PORT", str(self.world.port)))
        self.addCleanup(proxy.stop)
        proxy.get("allowed.test", "/one")
        time.sleep(0.2)
        proxy.log.unlink()
        proxy.get("allowed.test", "/two")
        time.sleep(0.2)
        self.assertEqual([record["path"] for record in proxy.records()], ["/two"])

    def test_when_the_disk_is_full_nothing_passes_and_nothing_is_lost(self):
        policy = self.policy.replace("PORT", str(self.world.port))
        proxy = Proxy(self.world, policy, file_limit=4096)
        self.addCleanup(proxy.stop)
        last = 0
        while status(proxy.get("allowed.test", f"/{last}")) == 200:
            last += 1
            self.assertLess(last, 100)
        self.assertGreater(last, 5)
        with self.nothing_arrives():
            connection, answer = proxy.open_tunnel("allowed.test", self.world.port)
            self.assertIsNone(connection)
            self.assertEqual(reason(answer), "log")
            proxy.plain(b"GET http://forbidden.test/ HTTP/1.1\r\nConnection: close\r\n\r\n")
        resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
        with self.arrives():
            self.assertEqual(status(proxy.get("allowed.test", "/after")), 200)
        time.sleep(0.3)
        allowed = [r["path"] for r in proxy.records() if r["decision"] == "allowed" and "path" in r]
        self.assertEqual(allowed, [f"/{number}" for number in range(last)] + ["/after"])

    def test_without_a_place_for_its_log_the_proxy_does_not_start(self):
        for log in ("/nonexistent/log", "/proc/version", str(self.world.directory)):
            command = [sys.executable, "-I", str(self.proxy.filter), "--listen", "127.0.0.1:0"]
            run = subprocess.run([*command, "--log", log], capture_output=True, text=True)
            self.assertNotEqual(run.returncode, 0)
            self.assertIn("cannot write the log", run.stderr)
