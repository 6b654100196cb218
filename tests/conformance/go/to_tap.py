#!/usr/bin/env python3
"""Turns what `go test -json` says into TAP; a test with parts counts by its parts. usage: to_tap.py <JSON >TAP"""

import json
import sys

WORDS = {"pass": "ok", "fail": "not ok", "skip": "ok"}


def main() -> int:
    said, ends = {}, {}
    for line in sys.stdin:
        event = json.loads(line) if line.startswith("{") else {"Output": line}
        name = event.get("Test", "")
        if event.get("Output"):
            said.setdefault(name, []).append(event["Output"])
            sys.stderr.write(event["Output"])
        elif name and event.get("Action") in WORDS:
            ends[name] = event["Action"]
    leaves = [name for name in ends if not any(other.startswith(f"{name}/") for other in ends)]
    print(f"1..{len(leaves)}")
    for number, name in enumerate(leaves, 1):
        shown = name.rsplit("/", 1)[-1].replace("_", " ")
        print(f"{WORDS[ends[name]]} {number} - {shown}{' # SKIP' if ends[name] == 'skip' else ''}")
        if ends[name] == "fail":
            print("".join(f"# {line.rstrip()}\n" for line in said.get(name, [])), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
