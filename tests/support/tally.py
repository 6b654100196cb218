#!/usr/bin/env python3
"""Adds up what the suites reported. A suite that ran nothing, fewer tests than the kept table says, or
skipped one that should have run, has failed.

usage: tally.py RESULTS_DIR   (holds <suite>.status, and JUnit or TAP files named <suite>*.xml, <suite>*.tap)
"""

import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

# Vectors of others are used where a folder of them is named, and are never needed.
MAY_SKIP = re.compile(r"wycheproof")


class Count:
    def __init__(self):
        self.passed, self.failed, self.skipped, self.failures = 0, 0, 0, []

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)


def add_junit(path: Path, count: Count):
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        count.fail(f"{path.name}: unreadable result ({error})")
        return
    for case in root.iter("testcase"):
        name = f"{case.get('classname') or path.stem}: {case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            count.fail(name)
        elif case.find("skipped") is not None:
            if MAY_SKIP.search(path.name + name):
                count.skipped += 1
            else:
                count.fail(f"{name} (skipped, but it should have run)")
        else:
            count.passed += 1


def add_tap(path: Path, count: Count):
    for line in path.read_text(errors="replace").splitlines():
        match = re.match(r"\s*(not ok|ok) \d+ ?-? ?(.*)", line)
        if not match:
            continue
        if match[1] == "not ok":
            count.fail(f"{path.stem}: {match[2]}")
        elif re.search(r"# SKIP|# TODO", match[2], re.I):
            count.fail(f"{path.stem}: {match[2]} (skipped, but it should have run)")
        else:
            count.passed += 1


def main() -> int:
    results = Path(sys.argv[1])
    kept = json.loads((Path(__file__).parent / "kept_counts.json").read_text())
    total = Count()
    for status_file in sorted(results.glob("*.status")):
        suite = status_file.stem
        count = Count()
        for path in sorted(results.glob(f"{suite}.*xml")):
            add_junit(path, count)
        for path in sorted(results.glob(f"{suite}.*tap")):
            add_tap(path, count)
        ran = count.passed + count.failed
        code = status_file.read_text().strip()
        if code != "0" and count.failed == 0:
            count.fail(f"{suite}: ended with {code}")
        if ran == 0 and count.failed == 0:
            count.fail(f"{suite}: ran no test")
        least = kept.get(suite)
        if least is None:
            count.fail(f"{suite}: not in the kept table")
        elif count.failed == 0 and count.passed < least:
            count.fail(f"{suite}: {count.passed} tests passed, the kept table wants at least {least}")
        print(f"{suite:<24} {count.passed:>5} passed {count.failed:>4} failed {count.skipped:>3} skipped")
        total.passed += count.passed
        total.failed += count.failed
        total.skipped += count.skipped
        total.failures += count.failures
    for suite in sorted(set(kept) - {path.stem for path in results.glob("*.status")}):
        total.fail(f"{suite}: did not run")
    for failure in total.failures:
        print(f"FAILED {failure}")
    print(f"{total.passed} passed, {total.failed} failed" + (f", {total.skipped} skipped" if total.skipped else ""))
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
