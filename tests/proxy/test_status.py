"""What the proxy says of itself: the policy in force, and what it refused."""

import hashlib
import json
import subprocess
import time

from world import FILTERGEN, Case
from test_wire import entry


class Status(Case):
    policy = entry("allowed.test")

    def told(self, name, wanted, seconds=10):
        """Wait until the file has what is wanted, and return all of it."""
        for _ in range(seconds * 20):
            told = json.loads((self.proxy.status / name).read_text())
            if wanted(told):
                return told
            time.sleep(0.05)
        raise AssertionError(told)

    def digest(self):
        return f"sha256:{hashlib.sha256(self.proxy.filter.read_bytes()).hexdigest()}"

    def in_force(self):
        """Return what filtergen reads out of the file that is told."""
        return self.told("policy.json", lambda told: told["file"] == self.digest())

    def test_the_policy_in_force_is_told_from_the_start_and_when_it_changes(self):
        for name in ("allowed.test", "other.test"):
            self.proxy.set_policy(entry(name).replace("PORT", str(self.world.port)))
            told = self.in_force()
            read = subprocess.run(
                [FILTERGEN, "--read", self.proxy.filter], check=True, capture_output=True
            ).stdout
            self.assertEqual(told["policy"], json.loads(read))
            digest = hashlib.sha256(read.strip()).hexdigest()
            self.assertEqual(told["digest"], f"sha256:{digest}")
            self.assertNotIn("refused", told)

    def test_a_file_that_does_not_load_is_told_and_is_not_in_force(self):
        good, before = self.proxy.filter.read_bytes(), self.in_force()
        for bad in (b"", good[:-1], good.replace(b"def main():", b"def main(): #")):
            self.proxy.put(bad)
            wrong = self.digest()
            told = self.told("policy.json", lambda t: t.get("refused", {}).get("file") == wrong)
            self.assertTrue(told["refused"]["problem"])
            self.assertEqual({**before, "refused": told["refused"]}, told)
        self.proxy.put(good)
        self.assertEqual(self.told("policy.json", lambda told: "refused" not in told), before)

    def test_what_is_refused_is_counted(self):
        self.assertEqual(self.told("count.json", lambda told: True)["refused"], 0)
        for name in ("forbidden.test", "allowed.test", "forbidden.test"):
            self.proxy.get(name)
        told = self.told("count.json", lambda told: told["refused"])
        refused = [each for each in self.proxy.records() if each["decision"] == "refused"]
        self.assertEqual(self.told("count.json", lambda t: t["refused"] >= 2)["refused"], len(refused))
        self.assertRegex(told["since"], r"\A\d{4}-\d\d-\d\dT[\d:.]+Z\Z")
