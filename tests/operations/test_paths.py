"""Path templates, of any host: what matches one does so in every reading."""

import os
import random
import re
import time
import unittest

import attack
import cases
import readings

COUNT = 60_000 if os.environ.get("OPERATIONS_LONG") else 4_000
TEMPLATES = ["/v2/*/manifests/**", "/api/public/*", "/pkg/*.tgz", "/exact"]
INSIDE = ["/v2/x/manifests/latest", "/v2/x/manifests", "/api/public/a", "/pkg/a.tgz", "/exact"]
OUTSIDE = ["/admin/x", "/v2/x/blobs/1", "/api/private/a", "/pkg/a.exe", "/v2/x/y/manifests/1", "/"]


def matches(segments):
    """Say whether a path, as it is read, lies within the templates."""
    text = "/" + "/".join(segments)
    return bool(
        re.fullmatch(r"/v2/[^/]+/manifests(/.*)?|/api/public/[^/]+|/pkg/[^/]*\.tgz|/exact", text)
    )


def targets(choose, count):
    """Yield targets that lead out of the templates, or seem to lead in."""
    for _ in range(count):
        inside, outside = choose.choice(INSIDE), choose.choice(OUTSIDE)
        up = choose.choice(
            ["/..", "%2f..", "/%2e%2e", "\\..", "/..;", "/.%2e", "%5c..", "/%252e%252e"]
        )
        way = choose.randrange(5)
        if way == 0:
            target = inside + up * choose.choice([1, 2, inside.count("/"), 9]) + outside
        elif way == 1:
            target = cases.put_together(choose, outside)
        elif way == 2:
            target = (
                outside + choose.choice(["%3f", "%23", ";", "%00", "/../..", "?", "#"]) + inside
            )
        elif way == 3:
            target = cases.put_together(choose, inside)
        else:
            at = choose.randrange(1, max(2, len(outside)))
            target = outside[:at] + choose.choice(cases.encodings("a")) + outside[at:]
        yield target


class Paths(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.paths = attack.render(attack.as_toml({})).Paths(TEMPLATES)

    def test_what_matches_does_so_in_every_reading(self):
        start, matched, wrong = time.monotonic(), 0, []
        for target in targets(random.Random(attack.SEED), COUNT):
            if attack.TARGET.match(target) and self.paths.match(target):
                matched += 1
                found = readings.paths(target)
                if not all(map(matches, found)):
                    wrong.append((target, sorted(found)))
        print(
            f"measured: paths: {COUNT} targets, {matched} match, {time.monotonic() - start:.0f} s"
        )
        self.assertEqual(wrong[:5], [], f"{len(wrong)}, seed {attack.SEED}")

    def test_what_is_inside_matches(self):
        for target in [*INSIDE, "/v2/x/manifests/a/b?c=d", "/pkg/a-1.0.tgz", "/v2/x/manifests/%41"]:
            self.assertTrue(self.paths.match(target), target)
        for target in OUTSIDE:
            self.assertFalse(self.paths.match(target), target)


if __name__ == "__main__":
    unittest.main()
