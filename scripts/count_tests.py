#!/usr/bin/env python3
"""Counts the test cases of the last `meson test` in a build folder: prints "PASSED FAILED SKIPPED".

usage: scripts/count_tests.py BUILD_FOLDER

Meson's own log says how each test program ended, its JUnit file which cases a program reported. A program without
a report is one case. A program that failed counts at least one failure whatever its report says: it may have crashed
after, or before, writing one.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml


def reported_cases(junit_path):
    """{suite name: [passed, failed, skipped]} of every suite in the JUnit file."""
    suites = {}
    for suite in xml.parse(junit_path).getroot().iter("testsuite"):
        counts = suites.setdefault(suite.get("name", ""), [0, 0, 0])
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                counts[1] += 1
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                counts[2] += 1
            else:
                counts[0] += 1
    return suites


def count(build_folder):
    logs = pathlib.Path(build_folder) / "meson-logs"
    suites = reported_cases(logs / "testlog.junit.xml")
    total = [0, 0, 0]
    for line in (logs / "testlog.json").read_text().splitlines():
        test = json.loads(line)
        # The log's "packet" is "<project>.packet.<suite>" in the JUnit file (and so is its "<project>:unit / packet").
        mine = re.compile(r"[^.]+\." + re.escape(test["name"]) + r"(\.|$)")
        cases = [0, 0, 0]
        for suite, counts in suites.items():
            if mine.match(suite):
                cases = [a + b for a, b in zip(cases, counts)]
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            cases = cases if any(cases) else [1, 0, 0]
        elif test["result"] == "SKIP":
            cases = [0, 0, 1]
        else:
            cases[1] = max(1, cases[1])
        total = [a + b for a, b in zip(total, cases)]
    return total


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(*count(sys.argv[1]))
