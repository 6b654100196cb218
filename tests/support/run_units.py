#!/usr/bin/env python3
"""Runs the unit tests of a build directory, two at a time, each cmocka group into a JUnit file of its own.

usage: run_units.py BUILD_DIR RESULTS_PREFIX
"""

import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 900
SKIPPED = 77


def tests_of(build: Path) -> list[dict]:
    listing = subprocess.run(["meson", "introspect", str(build), "--tests"], check=True, capture_output=True, text=True)
    return [test for test in json.loads(listing.stdout) if "callgate:unit" in test["suite"]]


def run(test: dict, build: Path, prefix: str) -> str:
    """Empty, or what went wrong. A program that wrote no JUnit file gets a TAP line."""
    name = test["name"]
    environment = {**os.environ, **test["env"], "CMOCKA_MESSAGE_OUTPUT": "xml",
                   "CMOCKA_XML_FILE": f"{prefix}.{name}.%g.xml"}
    try:
        done = subprocess.run(test["cmd"], cwd=test["workdir"] or build, env=environment, capture_output=True, timeout=SECONDS)
        code, output = done.returncode, (done.stdout + done.stderr).decode(errors="replace")
    except subprocess.TimeoutExpired:
        code, output = -1, f"not done after {SECONDS} s"
    wrong = code not in (0, SKIPPED)
    if wrong or not list(Path(prefix).parent.glob(f"{Path(prefix).name}.{name}.*xml")):
        Path(f"{prefix}.{name}.tap").write_text(f"{'not ok' if wrong else 'ok'} 1 - {name} ended with {code}\n")
    return f"== {name}: {code}\n{output[-4000:]}" if wrong else ""


def main() -> int:
    build, prefix = Path(sys.argv[1]).resolve(), sys.argv[2]
    tests = tests_of(build)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [text for text in pool.map(lambda test: run(test, build, prefix), tests) if text]
    print(*wrong, f"{len(tests)} programs, {len(wrong)} failed", sep="\n")
    return 1 if wrong or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
