#!/usr/bin/env python3
"""Judge a report of the Autobahn testsuite: check.py SPEC REPORT

SPEC is the file beside this one that says which cases were asked for. REPORT is the suite's own index.json, {agent: {case: entry}}, or a file {"cases": {case: entry}}; an entry has
`behavior` and `behaviorClose`. All those cases must be in it, and no other. Both verdicts must
be OK, but for three cases that the suite itself calls INFORMATIONAL, whatever a server does. Exit status: 0 when all
this holds, 1 when it does not, 2 when there is no report to judge.
"""

import collections
import json
import pathlib
import sys

# Section -> number of its cases, as `wstest` 25.10.1 resolves the patterns of fuzzingclient.json.
EXPECTED = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1}
# Those of compression, by SPEC.
COMPRESSION = {"fuzzingclient.json": {}, "deflate.json": {12: 35, 13: 49}, "deflate-all.json": {12: 90, 13: 126}}
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


def cases_of(report):
    """{case: entry} of either kind of report."""
    if "cases" in report:
        return report["cases"]
    if len(report) != 1:
        raise ValueError(f"a report of one server is expected, this one is of {len(report)}")
    return next(iter(report.values()))


def complaints(cases, expected=EXPECTED):
    """What is wrong with these results, one line each."""
    for case in sorted(cases, key=lambda name: [int(part) for part in name.split(".")]):
        wanted = "INFORMATIONAL" if case in INFORMATIONAL else "OK"
        for verdict in ("behavior", "behaviorClose"):
            found = cases[case].get(verdict)
            if found != wanted:
                yield f"{case}: {verdict} is {found}, not {wanted}"
    counts = collections.Counter(int(case.split(".")[0]) for case in cases)
    for section in sorted(expected.keys() | counts.keys()):
        if counts[section] != expected.get(section, 0):
            yield f"{section}.*: {counts[section]} cases run, not {expected.get(section, 0)}"
    for case in sorted(INFORMATIONAL - cases.keys()):
        yield f"{case}: not run"


def main():
    if len(sys.argv) != 3 or pathlib.Path(sys.argv[1]).name not in COMPRESSION:
        print(__doc__, file=sys.stderr)
        return 2
    expected = EXPECTED | COMPRESSION[pathlib.Path(sys.argv[1]).name]
    try:
        with open(sys.argv[2], encoding="utf-8") as file:
            cases = cases_of(json.load(file))
        found = list(complaints(cases, expected))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        print(f"no report to judge: {error}")
        return 2
    for line in found:
        print(line)
    strict = sum(entry.get("behavior") == entry.get("behaviorClose") == "OK" for entry in cases.values())
    wanted = sum(expected.values())
    print(f"{len(cases)} of {wanted} cases run, {strict} OK in behavior and behaviorClose, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
