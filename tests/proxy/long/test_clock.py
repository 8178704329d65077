"""A clock that is wrong, of the client or of the proxy."""

import os
import pathlib
import subprocess

from world import Case, Proxy
from test_wire import POLICY


class Clock(Case):
    policy = POLICY

    def curl(self, proxy, offset):
        """Ask with curl, whose clock is off by `offset`."""
        port = self.world.port
        command = ["faketime", "-f", offset, "curl", "-sS", "--max-time", "20"]
        command += ["--proxy", f"http://127.0.0.1:{proxy.port}"]
        command += ["--cacert", self.world.confdir / "mitmproxy-ca-cert.pem"]
        return subprocess.run([*command, f"https://allowed.test:{port}/"], capture_output=True, text=True)

    def test_the_clock_of_the_client(self):
        """mitmproxy's certificates hold from two days ago to a year ahead."""
        for offset in ("+0d", "-1d", "+300d"):
            with self.subTest(offset), self.arrives():
                run = self.curl(self.proxy, offset)
                self.assertEqual((run.returncode, run.stdout), (0, "hello\n"), run.stderr)
        for offset, words in (("-3d", "not yet valid"), ("-10y", "not yet valid"), ("+400d", "expired")):
            with self.subTest(offset), self.nothing_arrives():
                run = self.curl(self.proxy, offset)
                self.assertEqual(run.returncode, 60, run.stderr)
                self.assertIn(words, run.stderr)
        said = [record.get("error", "") for record in self.proxy.records()]
        self.assertEqual(sum("certificate" in error for error in said), 3, said)

    def test_the_clock_of_the_proxy(self):
        """It finds the certificates of servers invalid, sends nothing, and
        says what it is. A proxy that is ahead of its client is not believed
        itself, so there both are."""
        library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        policy = self.policy.replace("PORT", str(self.world.port))
        for offset, client, words in (("-30d", "+0d", "not yet valid"), ("+60d", "+60d", "expired")):
            environment = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": offset}
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            proxy = Proxy(self.world, policy, environment=environment)
            self.addCleanup(proxy.stop)
            mark = self.world.mark()
            with self.subTest(offset):
                run = self.curl(proxy, client)
                self.assertIn('"upstream-certificate"', run.stdout)
                self.assertIn(words, run.stdout)
                self.assertEqual([one["requests"] for one in self.world.since(mark)], [[]])
