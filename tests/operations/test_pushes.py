"""Pushes made by hand: what the filter lets through, git's own server carries out."""

import collections
import os
import pathlib
import random
import tempfile
import time
import unittest

import attack
import effects
import github
import pushes

COUNT = 20_000 if os.environ.get("OPERATIONS_LONG") else 1_500
NAME = "me/demo"


class Pushes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.repositories = github.Repositories(pathlib.Path(scratch.name))
        cls.path = cls.repositories.make(NAME)
        cls.refs = cls.repositories.refs(cls.path)
        tree = (
            cls.repositories.git("-C", cls.path, "rev-parse", "main^{tree}").stdout.decode().strip()
        )
        cls.repository = pushes.Repository(cls.refs, tree)
        cls.delivered = attack.Delivered()

    def decide(self, policy, headers, body, choose):
        """Return whether all of a push goes out, as the proxy would do it."""
        guard = self.delivered.guards[policy]
        sent = [(key.encode(), value.encode()) for key, value in headers]
        verdict = guard.begin("github.com", "POST", f"/{NAME}.git/git-receive-pack", sent)
        if verdict.kind != "push":
            return verdict.kind == "allow"
        push, last = guard.push(verdict, sent), None
        for piece in pushes.pieces(choose, body):
            last = push.feed(piece)
            if last is not None and last.kind != "allow":
                return False
        return push.finish().kind == "allow"

    def carry_out(self, headers, body):
        """Have git do it, and undo it; return what was done."""
        fields = dict(headers)
        _, changed = self.repositories.serve(
            "POST", f"/{NAME}.git/git-receive-pack", "", fields, body
        )
        if changed:
            for ref in self.repositories.refs(self.path).keys() | self.refs.keys():
                change = (
                    ["update-ref", ref, self.refs[ref]]
                    if ref in self.refs
                    else ["update-ref", "-d", ref]
                )
                self.repositories.git("-C", self.path, *change)
        return changed

    def attack(self, decide, count, policies=("default", "wide", "readonly")):
        seen, flagged, start = collections.Counter(), [], time.monotonic()
        choose, writer = random.Random(attack.SEED), pushes.writer(attack.SEED, self.repository)
        for number in range(count):
            policy = policies[number % len(policies)]
            headers, body = writer.request()
            seen["cases"] += 1
            try:
                passes = decide(policy, headers, body, choose)
            except Exception as error:  # noqa: BLE001, the proxy refuses then
                seen[f"raised {type(error).__name__}: {error}"[:100]] += 1
                continue
            if passes:
                seen["passed"] += 1
                done = self.carry_out(headers, body)
                seen["done"] += bool(done)
                wrong = [(each.how, attack.RULES[policy].objection(each)) for each in done]
                wrong = [pair for pair in wrong if pair[1]]
                if wrong:
                    flagged.append((policy, wrong, headers, body[:400]))
        print(
            f"measured: pushes: {dict(seen)}, {len(flagged)} refused operations, {time.monotonic() - start:.0f} s"
        )
        return seen, flagged

    def test_nothing_refused_is_carried_out(self):
        seen, flagged = self.attack(self.decide, COUNT)
        self.assertEqual(flagged[:5], [], f"{len(flagged)} of them, seed {attack.SEED}")
        self.assertGreater(seen["done"], COUNT // 200, "some of them are harmless, and pass")
        self.assertEqual([key for key in seen if key.startswith("raised")], [])

    def test_without_a_guard_they_are(self):
        _, flagged = self.attack(lambda *_: True, 150)
        self.assertGreater(len(flagged), 40)
        said = {pair[1].split()[0] for _, wrong, _, _ in flagged for pair in wrong}
        self.assertLessEqual({"ref", "delete-ref", "force-push", "push"}, said)


if __name__ == "__main__":
    unittest.main()
