"""Ten thousand requests of every kind, and what the log says of them."""

import collections
import threading
import time

import http2
from test_log import TOKEN
from test_wire import POLICY, entry
from world import Case, Proxy, exchange, read_answer

# How many of each kind there are; together 10,000.
KINDS = {
    "http1": 3500,
    "http1-refused": 1500,
    "http2": 1500,
    "http2-refused": 500,
    "plain": 1000,
    "plain-refused": 700,
    "connect-refused": 500,
    "sni": 200,
    "not-tls": 200,
    "passthrough": 200,
    "malformed": 200,
}
THREADS = 8


class Thousands(Case):
    policy = POLICY + entry("h2.test")

    def setUp(self):
        policy = self.policy.replace("PORT", str(self.world.port))
        limits = "[limits]\nlog_bytes = 500000\nlog_files = 30\n"
        self.big = Proxy(self.world, policy + limits)
        self.addCleanup(self.big.stop)

    def secrets(self, host):
        """Return headers, each of which has the token."""
        return (
            f"Host: {host}:{self.world.port}\r\nAuthorization: Bearer {TOKEN}\r\nCookie: a={TOKEN}\r\n"
            f"Proxy-Authorization: Basic {TOKEN}\r\nX-Api-Key: {TOKEN}\r\nContent-Length: {len(TOKEN)}\r\n\r\n{TOKEN}"
        )

    # One method for each kind; each has its share of the numbers.

    def http1(self, numbers, host="allowed.test"):
        connection = self.big.open_tls("allowed.test", self.world.port)
        reader = connection.makefile("rb")
        for number in numbers:
            head = f"POST /{number}?token={TOKEN}&q={TOKEN} HTTP/1.1\r\n"
            connection.sendall((head + self.secrets(host)).encode())
            read_answer(reader)

    def http1_refused(self, numbers):
        self.http1(numbers, "forbidden.test")

    def http2(self, numbers, host="h2.test"):
        client = http2.Client(self.big.open_tls("h2.test", self.world.port, alpn=("h2",)))
        headers = [("authorization", f"Bearer {TOKEN}"), ("cookie", f"a={TOKEN}")]
        for number in numbers:
            path = f"/{number}?access_token={TOKEN}"
            client.get(host, self.world.port, path, "POST", headers=headers, body=TOKEN.encode())

    def http2_refused(self, numbers):
        self.http2(numbers, "forbidden.test")

    def plain(self, numbers, host="allowed.test"):
        connection = self.big.connect()
        reader = connection.makefile("rb")
        for number in numbers:
            target = f"http://{host}:{self.world.port}/{number}?x={TOKEN}"
            connection.sendall((f"POST {target} HTTP/1.1\r\n" + self.secrets(host)).encode())
            read_answer(reader)

    def plain_refused(self, numbers):
        self.plain(numbers, "forbidden.test")

    def connect_refused(self, numbers):
        for number in numbers:
            connection = self.big.connect()
            head = f"CONNECT no{number}.test:443 HTTP/1.1\r\n"
            exchange(connection, (head + self.secrets(f"no{number}.test")).encode())

    def sni(self, numbers):
        for _ in numbers:
            self.big.open_tls("allowed.test", self.world.port, sni="forbidden.test")

    def not_tls(self, numbers):
        for _ in numbers:
            exchange(self.big.open_tunnel("allowed.test", self.world.port)[0], f"SSH-2.0-{TOKEN}\r\n".encode())

    def passthrough(self, numbers):
        port = self.world.port
        for number in numbers:
            connection = self.big.open_tls("pinned.test", port, authority=self.world.ca)
            head = f"GET /{number}?token={TOKEN} HTTP/1.1\r\nConnection: close\r\n"
            exchange(connection, (head + self.secrets("pinned.test")).encode())

    def malformed(self, numbers):
        for number in numbers:
            target = f"http://u:{TOKEN}@allowed.test/" if number % 2 else f"/{TOKEN}"
            head = f"GET {target} HTTP/1.1\r\nAuthorization: {TOKEN}\r\nConnection: close\r\n\r\n"
            exchange(self.big.connect(), head.encode())

    def test_a_record_each(self):
        first, jobs = 0, []
        for kind, count in KINDS.items():
            numbers = range(first, first + count)
            jobs += [(getattr(self, kind.replace("-", "_")), numbers[share::4]) for share in range(4)]
            first += count
        self.assertEqual(first, 10_000)
        failures, taken, lock = [], iter(jobs), threading.Lock()

        def work():
            while True:
                with lock:
                    job = next(taken, None)
                if job is None:
                    return
                try:
                    job[0](job[1])
                except Exception as error:  # noqa: BLE001, it is shown below
                    failures.append((job[0].__name__, repr(error)))

        start = time.monotonic()
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"\nmeasured: 10,000 requests in {time.monotonic() - start:.0f} s, "
              f"the proxy has {self.big.memory() >> 10} MiB")
        self.assertEqual(failures, [])
        self.settle()
        self.judge(self.big.records())
        logs = self.big.logs()
        self.assertGreater(len(logs), 3, "it has been rotated")
        for path in logs:
            self.assertLessEqual(path.stat().st_size, 500_000)
            self.assertNotIn(TOKEN, path.read_text())
            self.assertNotIn(TOKEN[4:], path.read_text())

    def settle(self):
        last = None
        while last != (last := len(self.big.records())):
            time.sleep(0.5)

    def judge(self, records):
        kinds = collections.Counter()
        for record in records:
            allowed = record["decision"] == "allowed"
            kinds[record["kind"], record.get("scheme"), allowed, record.get("reason")] += 1
        of = lambda *names: sum(KINDS[name] for name in names)
        self.assertEqual(
            dict(kinds),
            {
                ("request", "https", True, None): of("http1", "http2"),
                ("request", "https", False, "host"): of("http1-refused", "http2-refused"),
                ("request", "http", True, None): of("plain"),
                ("request", "http", False, "unknown-name"): of("plain-refused"),
                ("connect", "https", False, "unknown-name"): of("connect-refused"),
                ("connect", "https", False, "sni"): of("sni"),
                ("connect", "https", False, "not-tls"): of("not-tls"),
                ("tunnel", "https", True, None): of("passthrough"),
                ("connect", None, False, "protocol"): of("malformed"),
            },
        )
        paths = [record["path"].partition("?")[0] for record in records if "path" in record]
        self.assertEqual(len(paths), len(set(paths)), "each of them once")
        arrived = [
            request["line"].split()[1].partition("?")[0]
            for one in self.world.upstream.seen
            if one["sni"] != "pinned.test"
            for request in one["requests"]
        ]
        allowed = [r["path"].partition("?")[0] for r in records if "path" in r and r["decision"] == "allowed"]
        self.assertCountEqual(arrived, allowed, "what is recorded as allowed is what has arrived")
