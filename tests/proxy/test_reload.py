"""A filter that is replaced, broken, cut short or deleted, before and after."""

import importlib.util
import pathlib
import subprocess
import sys
import time

from mitmproxy import version
from mitmproxy.test import tflow

from world import Case
from test_wire import entry


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
