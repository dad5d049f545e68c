"""check.py itself: python3 -m unittest discover tests/autobahn"""

import json
import pathlib
import unittest

from check import COMPRESSION, EXPECTED, INFORMATIONAL, cases_of, complaints


def perfect():
    """A report in which everything is as it must be."""
    names = [f"{section}.{number}" for section, count in EXPECTED.items() for number in range(1, count + 1)]
    names = [name for name in names if name not in ("7.1", "7.2", "7.3")] + sorted(INFORMATIONAL)
    verdict = {name: "INFORMATIONAL" if name in INFORMATIONAL else "OK" for name in names}
    return {name: {"behavior": verdict[name], "behaviorClose": verdict[name]} for name in names}


class Check(unittest.TestCase):
    def test_a_perfect_report_passes(self):
        self.assertEqual(len(perfect()), 301)
        self.assertEqual(list(complaints(perfect())), [])

    def test_every_other_verdict_fails(self):
        for verdict in ("NON-STRICT", "UNCLEAN", "WRONG CODE", "UNIMPLEMENTED", "FAILED", "FAILED BY CLIENT",
                        "INFORMATIONAL", None):
            for field in ("behavior", "behaviorClose"):
                with self.subTest(verdict=verdict, field=field):
                    cases = perfect()
                    cases["5.3"][field] = verdict
                    self.assertEqual(list(complaints(cases)), [f"5.3: {field} is {verdict}, not OK"])

    def test_an_informational_case_must_be_just_that(self):
        for name in INFORMATIONAL:
            cases = perfect()
            cases[name]["behavior"] = "FAILED"
            self.assertEqual(list(complaints(cases)), [f"{name}: behavior is FAILED, not INFORMATIONAL"])

    def test_a_case_too_few_or_too_many_fails(self):
        cases = perfect()
        del cases["9.1"]
        self.assertEqual(list(complaints(cases)), ["9.*: 53 cases run, not 54"])
        cases = perfect()
        cases["12.1.1"] = {"behavior": "OK", "behaviorClose": "OK"}
        self.assertEqual(list(complaints(cases)), ["12.*: 1 cases run, not 0"])
        self.assertEqual(len(list(complaints({}))), len(EXPECTED) + len(INFORMATIONAL))

    def test_cases_of_compression_belong_to_their_selection(self):
        for name, more in COMPRESSION.items():
            spec = json.loads((pathlib.Path(__file__).parent / name).read_text())
            self.assertEqual("12.*" in spec["cases"], bool(more))
            cases = perfect()
            for section, count in more.items():
                cases |= {f"{section}.1.{at}": {"behavior": "OK", "behaviorClose": "OK"} for at in range(count)}
            self.assertEqual(list(complaints(cases, EXPECTED | more)), [])

    def test_both_kinds_of_report_are_read(self):
        self.assertEqual(cases_of({"sockhop": perfect()}), perfect())
        self.assertEqual(cases_of({"agent": "sockhop", "cases": perfect()}), perfect())
        with self.assertRaises(ValueError):
            cases_of({"one": {}, "two": {}})


if __name__ == "__main__":
    unittest.main()
