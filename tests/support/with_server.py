#!/usr/bin/env python3
"""Runs a command beside a server of its own, for suites that are not written in Python.

usage: with_server.py PROGRAM [--log FILE] [--serve=OPTION]… -- COMMAND…

The command sees what `callgate env` sets, and CALLGATE_ADMIN_SOCKET, CALLGATE_PRIMARY_KEY,
CALLGATE_SECONDARY_KEY, CALLGATE_TRUST_STORE and CALLGATE_TRUST_STORE_PASSWORD. Ends with the command's
status; with 1 when the server ended badly or wrote a sanitizer's report. --log keeps the server's log;
--serve=--some-setting=value is an option of the server, and may be repeated.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from callgate_server import Server  # noqa: E402

REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed")
COMMAND_SECONDS = 900


def complaints(server: Server, code: int) -> list[str]:
    """What was wrong with a server that has been stopped; empty when nothing was."""
    found = [line for line in server.log().splitlines() if REPORT.search(line)]
    return found + ([f"the server ended with {code}"] if code else [])


def surroundings(server: Server) -> dict:
    """The environment of a command that talks to this server."""
    return {
        **server.env,
        "CALLGATE_ADMIN_SOCKET": server.about["adminSocket"],
        "CALLGATE_PRIMARY_KEY": server.primary,
        "CALLGATE_SECONDARY_KEY": server.secondary,
        "CALLGATE_TRUST_STORE": server.about.get("trustStore", ""),
        "CALLGATE_TRUST_STORE_PASSWORD": "changeit",
    }


def run(program: Path, options: list[str], command: list[str], log: Path | None) -> int:
    server = Server(*options, program=program).start()
    try:
        status = subprocess.run(command, env=surroundings(server), timeout=COMMAND_SECONDS).returncode
    finally:
        code = server.stop()
        text = server.log()
        wrong = complaints(server, code)
        server.close()
        if log:
            log.write_text(text)
    if wrong:
        print("\n".join(["the server beside the tests:", *wrong, text[-4000:]]), file=sys.stderr)
    return status or (1 if wrong else 0)


def main() -> int:
    parser = argparse.ArgumentParser(usage="with_server.py PROGRAM [--log FILE] [--serve=OPTION]… -- COMMAND…")
    parser.add_argument("program", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--serve", action="append", default=[])
    if "--" not in sys.argv:
        parser.error("a command is wanted after --")
    at = sys.argv.index("--")
    options = parser.parse_args(sys.argv[1:at])
    return run(options.program.resolve(), options.serve, sys.argv[at + 1:], options.log)


if __name__ == "__main__":
    sys.exit(main())
