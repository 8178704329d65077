"""The oracle can tell: it finds what is done where nothing, or too little, guards."""

import unittest

import attack

SCALE = 0.01


class Oracle(unittest.TestCase):
    def test_names_alone_let_everything_through(self):
        report = attack.run(attack.NamesAlone(), scale=SCALE)
        print(f"measured: without a guard: {report.text()}")
        through = sum(report.passed.values()) - sum(
            report.passed[one] for one in ("reads", "writes", "innocent")
        )
        self.assertGreater(sum(report.groups.values()), 2000)
        self.assertGreater(sum(report.groups.values()), through * 0.97)

    def test_a_text_match_lets_most_merges_through(self):
        """As the predecessor's did: of 21 shapes it found 4."""
        merges = passed = 0
        text = attack.TextMatch()
        for case in attack.attacks(attack.SEED, SCALE * 4):
            if "merge" in case.target or b"erge" in case.body or "query=" in case.target:
                if any("pr-merge" in one for one in attack.objections(case)):
                    merges, passed = merges + 1, passed + text.passes(case)
        print(f"measured: text match: {passed} of {merges} merges pass")
        self.assertGreater(merges, 100)
        self.assertGreater(passed, merges * 0.4)

    def test_what_is_innocent_is_not_flagged(self):
        flagged = [
            (case.text(), attack.objections(case)) for case in attack.innocent(attack.SEED, 0.1)
        ]
        self.assertEqual([one for one in flagged if one[1]], [])


if __name__ == "__main__":
    unittest.main()
