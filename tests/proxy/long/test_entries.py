"""A policy of ten thousand entries beside one of ten."""

import importlib.util
import pathlib
import subprocess
import time

from world import FILTERGEN, Case, Proxy, status
from test_wire import LOOPBACK

COUNTS = (10, 10_000)


def a_policy(count, port):
    first = f'[[allow]]\nname = "allowed.test"\nports = [{port}]\n{LOOPBACK}'
    return first + "".join(
        f'[[allow]]\nname = "{"*." if number % 2 else ""}a{number}.x{number % 97}.test"\n'
        for number in range(count - 1)
    )


class Entries(Case):
    policy = '[[allow]]\nname = "allowed.test"\n'

    def measure(self, count):
        """Return seconds to start, KiB of memory, seconds per decision."""
        start = time.monotonic()
        proxy = Proxy(self.world, a_policy(count, self.world.port))
        self.addCleanup(proxy.stop)
        started = time.monotonic() - start
        with self.arrives():
            self.assertEqual(status(proxy.get("allowed.test")), 200)
        spec = importlib.util.spec_from_file_location("filter", proxy.filter)
        filter = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(filter)
        begin = time.monotonic()
        policy = filter.read_file(proxy.filter)[1]
        loaded = time.monotonic() - begin
        names = ["allowed.test", "a5.x5.test", "b.a5.x5.test", "a.b.c.d.e.f.g.h.forbidden.test", "no"]
        best = min(self.decide(policy, names) for _ in range(20))
        text = f"{started:.2f} s to start, {loaded:.3f} s of them to load the policy"
        print(f"\nmeasured: {count} entries: {text}, {proxy.memory() >> 10} MiB, {best * 1e6:.1f} us a decision")
        return started, proxy.memory(), best

    @staticmethod
    def decide(policy, names, rounds=200):
        start = time.perf_counter()
        for _ in range(rounds):
            for name in names:
                policy.decide("https", name, 443, "GET")
        return (time.perf_counter() - start) / rounds / len(names)

    def test_ten_and_ten_thousand(self):
        few, many = map(self.measure, COUNTS)
        self.assertLess(many[2], few[2] * 2, "a decision takes as long")
        self.assertLess(many[1] - few[1], 60 << 10, "KiB for 10,000 entries")
        self.assertLess(many[0] - few[0], 5)

    def test_filtergen(self):
        path = pathlib.Path(self.world.directory) / "many.toml"
        path.write_text('schema = "policy/1"\n' + a_policy(COUNTS[1], self.world.port))
        for more in (["--print"], ["--check", "https://a9998.x7.test/"]):
            start = time.monotonic()
            run = subprocess.run([FILTERGEN, "--policy", path, *more], capture_output=True)
            print(f"\nmeasured: filtergen {more[0]}, 10000 entries: {time.monotonic() - start:.2f} s")
            self.assertIn(run.returncode, (0, 1), run.stderr)
            self.assertLess(time.monotonic() - start, 5)
