"""What the proxy hands out of its certificate authority, and when it is ready."""

import os
import pathlib
import socket
import ssl
import stat
import subprocess
import sys
import time
import unittest

import world

POLICY = '[[allow]]\nname = "a.test"\n'


class Certificate(unittest.TestCase):
    """A filter that is started with `--certificate`."""

    @classmethod
    def setUpClass(cls):
        cls.world = world.World()
        cls.addClassCleanup(cls.world.scratch.cleanup)
        cls.filter = cls.world.directory / "filter.py"
        policy = cls.world.directory / "policy.toml"
        policy.write_text('schema = "policy/1"\n' + POLICY)
        command = [world.FILTERGEN, "--policy", policy, "--print"]
        with open(cls.filter, "wb") as file:
            subprocess.run(command, check=True, stdout=file)

    def setUp(self):
        self.trust = self.world.directory / self._testMethodName
        self.trust.mkdir()
        self.confdir = self.world.directory / f"{self._testMethodName}-ca"
        self.path = self.trust / "ca.pem"

    def start(self, path, umask=0o077):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        arguments = ["--listen", f"127.0.0.1:{self.port}", "--confdir", self.confdir]
        command = [sys.executable, "-I", self.filter, *arguments, "--certificate", path]
        limit = lambda: os.umask(umask)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, world.TIMEOUT)
        self.addCleanup(process.kill)
        return process

    def await_listener(self, process):
        """Wait until the proxy listens, and return what was at the path then."""
        for _ in range(world.TIMEOUT * 100):
            self.assertIsNone(process.poll(), "the proxy has ended")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self.path.read_text()
            except ConnectionRefusedError:
                time.sleep(0.01)
        self.fail("the proxy does not listen")

    def refuses(self, path, words):
        process = self.start(path)
        _, said = process.communicate(timeout=world.TIMEOUT)
        self.assertEqual(process.returncode, 1, said)
        self.assertEqual(said, f"filter: cannot write the certificate {str(path)!r}: {words}\n")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1)

    def test_it_is_there_before_the_proxy_listens(self):
        text = self.await_listener(self.start(self.path))
        self.assertEqual(text, (self.confdir / "mitmproxy-ca-cert.pem").read_text())
        self.assertEqual(text.count("-----BEGIN"), 1)
        self.assertIn("-----BEGIN CERTIFICATE-----", text)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o644)
        self.assertEqual(os.listdir(self.trust), ["ca.pem"])
        # The key is where it belongs, and this is the certificate to it.
        private = (self.confdir / "mitmproxy-ca.pem").read_text()
        self.assertIn("PRIVATE KEY", private)
        self.assertIn(text.strip(), private)
        ssl.create_default_context().load_verify_locations(self.path)

    def test_the_same_authority_stays_and_another_replaces_it(self):
        self.path.write_text("an old one\n")
        (self.trust / "ca.pem.new").write_text("of a proxy that was killed\n")
        before = self.path.stat().st_ino
        process = self.start(self.path)
        first = self.await_listener(process)
        self.assertNotEqual(self.path.stat().st_ino, before)
        process.kill()
        process.wait()
        self.assertEqual(self.await_listener(self.start(self.path)), first)
        self.assertEqual(os.listdir(self.trust), ["ca.pem"])

    def test_a_probe_is_answered_from_then_on_and_is_cheap(self):
        self.await_listener(self.start(self.path))
        arguments = ["--probe", "--listen", f"0.0.0.0:{self.port}"]
        command = [sys.executable, "-I", "-X", "importtime", self.filter, *arguments]
        run = subprocess.run(command, capture_output=True, text=True, timeout=world.TIMEOUT)
        self.assertEqual((run.returncode, run.stdout), (0, ""), run.stderr)
        self.assertIn(" argparse\n", run.stderr)
        self.assertNotIn("mitmproxy", run.stderr)

    def test_a_proxy_that_cannot_write_it_ends(self):
        self.refuses(self.trust / "absent" / "ca.pem", "No such file or directory")
        self.path.mkdir()
        self.refuses(self.path, "Is a directory")
        self.assertEqual(os.listdir(self.trust), ["ca.pem"])
        self.refuses(pathlib.Path("/proc/ca.pem"), "No such file or directory")


if __name__ == "__main__":
    unittest.main()
