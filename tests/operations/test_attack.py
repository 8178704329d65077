"""The delivered filter, asked about every generated request: nothing refused gets through,
and nothing ordinary is refused."""

import os
import unittest

import attack

LONG = bool(os.environ.get("OPERATIONS_LONG"))
SCALE = 1 if LONG else 0.03


class Attack(unittest.TestCase):
    def test_no_refused_operation_passes_and_no_ordinary_request_is_refused(self):
        report = attack.run(attack.Delivered(), scale=SCALE)
        print(f"measured: {report.text()}")
        shown = "\n\n".join(f"{case.text()}\n-> {found[:2]}" for case, found in report.flagged[:5])
        self.assertEqual(
            sum(report.groups.values()), 0, f"seed {attack.SEED}: {dict(report.groups)}\n{shown}"
        )
        self.assertEqual([case.text() for case in report.refused[:5]], [])
        self.assertEqual(report.raised, {}, "the proxy refuses then, and should not have to")
        self.assertGreater(sum(report.cases.values()), 100_000 if LONG else 5_000)

    def test_every_ordinary_request_passes(self):
        delivered = attack.Delivered()
        refused = [
            (case.text(), str(delivered.verdict(case)))
            for case in attack.ordinary()
            if not delivered.passes(case)
        ]
        self.assertEqual(refused, [])


if __name__ == "__main__":
    unittest.main()
