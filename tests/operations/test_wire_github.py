"""Through the real proxy to the stand-in: what arrives there is no refused operation."""

import collections
import contextlib
import os
import random
import time
import unittest

import attack
import framings
import friendly
import http2
import pushes
import wire

LONG = bool(os.environ.get("OPERATIONS_LONG"))
COUNT = 2_000 if LONG else 80


class Wire(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.world = wire.GitHubWorld()
        cls.addClassCleanup(cls.world.scratch.cleanup)
        cls.proxies = {}

    def proxy(self, policy):
        if policy not in self.proxies:
            self.proxies[policy] = self.world.proxy(policy)
            self.addClassCleanup(self.proxies[policy].stop)
        return self.proxies[policy]

    def flagged(self, mark, policy):
        wire.settle(self.world)
        found = self.world.github.objections(mark, attack.RULES[policy])
        return [
            (why, how, request and (request.method, request.target, request.body[:200]))
            for why, how, request in found
        ]

    def test_a_sample_of_all_cases(self):
        choose, by_policy = random.Random(attack.SEED), collections.defaultdict(list)
        cases = list(attack.attacks(attack.SEED, 0.02))
        for case in choose.sample(cases, COUNT):
            by_policy[case.policy].append(case)
        for policy, cases in by_policy.items():
            client, mark, start = (
                wire.Client(self.proxy(policy)),
                self.world.github.mark(),
                time.monotonic(),
            )
            for case in cases:
                client.ask(case, choose.choice(["http/1.1", "h2"]))
            self.assertEqual(self.flagged(mark, policy)[:5], [], f"seed {attack.SEED}")
            arrived = len(self.world.github.since(mark)[0])
            print(
                f"measured: on the wire, {policy}: {len(cases)} cases, {arrived} arrived, {time.monotonic() - start:.0f} s"
            )

    def test_pushes_by_hand(self):
        """What git's own server makes of pushes that come through the proxy, whole or cut off."""
        repositories = self.world.github.repositories
        path = repositories.make("me/hand")
        refs, mark = repositories.refs(path), self.world.github.mark()
        tree = repositories.git("-C", path, "rev-parse", "main^{tree}").stdout.decode().strip()
        writer, client = pushes.writer(attack.SEED + 1, pushes.Repository(refs, tree)), wire.Client(
            self.proxy("default")
        )
        choose, count = random.Random(attack.SEED), 400 if LONG else 30
        for _ in range(count):
            headers, body = writer.request()
            client.ask(
                attack.cases.Case(
                    "pushes", "github.com", "POST", "/me/hand.git/git-receive-pack", headers, body
                ),
                choose.choice(["http/1.1", "h2"]),
            )
        flagged = self.flagged(mark, "default")
        self.assertEqual(flagged[:5], [], f"{len(flagged)}, seed {attack.SEED}")
        done = self.world.github.since(mark)[1]
        print(f"measured: pushes by hand on the wire: {count}, {len(done)} refs changed")
        self.assertGreater(len(done), 0, "some are harmless")

    def test_framings(self):
        proxy, mark, texts = self.proxy("default"), self.world.github.mark(), framings.all_of_them()
        texts = texts if LONG else texts[:: len(texts) // 20]
        for text in texts:
            before = self.world.github.mark()
            answer = wire.raw(proxy, "api.github.com", text)
            if self.world.github.mark() != before:
                flagged = self.world.github.objections(before, attack.RULES["default"])
                self.assertEqual(flagged, [], (text[:600], answer[:300]))
        self.assertEqual(self.flagged(mark, "default"), [])
        print(f"measured: framings: {len(texts)}")

    def test_framings_of_http2(self):
        proxy, mark = self.proxy("default"), self.world.github.mark()
        for head in list(framings.http2_heads())[:: 1 if LONG else 6]:
            with contextlib.suppress(Exception):
                connection = proxy.open_tls("api.github.com", 443, alpn=("h2",))
                connection.settimeout(1)
                client = http2.Client(connection)
                client.session.h2.send_headers(1, head, end_stream=False)
                client.session.flush()
                client.session.h2.send_data(1, b"{}", end_stream=True)
                client.session.flush()
                client.wait(1)
        self.assertEqual(self.flagged(mark, "default"), [])

    def test_without_a_guard_it_arrives(self):
        """The same ways, where names alone are allowed: so it is the guard that holds."""
        names = "".join(
            wire.MEDIA.replace("media.test", name) for name in ("api.github.com", "ghe.test")
        )
        proxy = wire.Proxy(self.world, names)
        self.addCleanup(proxy.stop)
        cases = [
            case
            for case in attack.attacks(attack.SEED, 0.002)
            if case.host in ("api.github.com", "ghe.test")
        ]
        client, mark = wire.Client(proxy), self.world.github.mark()
        for number, case in enumerate(cases[::8]):
            client.ask(case, "h2" if number % 2 else "http/1.1")
        for text in framings.all_of_them()[::40]:
            wire.raw(proxy, "api.github.com", text)
        self.assertGreater(len(self.flagged(mark, "default")), len(cases) / 8 * 0.8)

    def test_what_is_ordinary_arrives(self):
        """Each once in either HTTP, whole; and it is answered."""
        refused, asked = [], 0
        for number, case in enumerate(friendly.requests()):
            if case.host.endswith("ghe.com") or (not LONG and number % 23):
                continue
            for version in ("http/1.1", "h2"):
                client = wire.Client(self.proxy(case.policy))
                mark, asked = self.world.github.mark(), asked + 1
                status = client.ask(case, version)
                seen = self.world.github.since(mark)[0]
                whole = [(one.method, one.target, one.body) for one in seen] == [
                    (case.method, case.target, case.body)
                ]
                if status == 403 or not whole:
                    refused.append((version, status, len(seen), case.text()))
        self.assertEqual(refused, [], f"of {asked}")
        print(f"measured: ordinary on the wire: {asked}")


if __name__ == "__main__":
    unittest.main()
