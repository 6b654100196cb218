#!/usr/bin/env python3
"""What the official SDKs showed, from their results and the kept table.

usage: compatibility.py check SUITE RESULTS_PREFIX     fewer tests passed than kept: fails
       compatibility.py write RESULTS_DIR [FILE]       the table of docs/compatibility.md, made anew

A test whose name begins with a way to reach the server and an operation ("https, key credential: getToken …";
in Python and Java "getToken_…[https, key credential]") and that passed is what a line of the table stands on. One that
goes a whole way lists its operations ("https, bearer token of a client secret: createUser, getToken, …").
"""

import json
import re
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = json.loads((HERE / "versions.json").read_text())
LANGUAGES = {"sdk_javascript": "JavaScript", "sdk_browser": "JavaScript in Chromium", "sdk_python": "Python",
             "sdk_java": "Java", "sdk_go": "Go", "sdk_az": "az command line"}
PAGE = HERE.parents[1] / "docs" / "compatibility.md"
BEGIN, END = "<!-- made by tests/conformance/compatibility.py: begin -->", "<!-- end -->"
REFUSALS = " (its refusals)"  # no issuer of Teams users is configured
CHAT = ["createChatThread", "listChatThreads", "getProperties", "updateProperties", "updateTopic", "deleteChatThread",
        "sendMessage", "getMessage", "listMessages", "updateMessage", "deleteMessage", "addParticipants",
        "listParticipants", "removeParticipant", "sendTypingNotification", "sendReadReceipt", "listReadReceipts"]
# The longest first: createUserAndToken is not createUser.
OPERATIONS = ["createUserAndToken", "getTokenForTeamsUser", "createUser", "issueToken", "getToken", "revokeTokens",
              "deleteUser", *CHAT, "send", "optOutsAdd", "optOutsCheck", "optOutsRemove"]
WAY = re.compile(r"\b(https?), ((?:connection string|key credential|bearer token)[^\]:)]*)")
BEARER = "bearer token of a "
SEVERAL = re.compile(f": ((?:{'|'.join(OPERATIONS)})(?:, (?:{'|'.join(OPERATIONS)}))+)")


def passed_in_tap(path: Path) -> list[str]:
    lines = path.read_text(errors="replace").splitlines()
    found = (re.match(r"ok \d+ -? ?(.*)", line) for line in lines)
    return [match[1] for match in found if match and not re.search(r"# (SKIP|TODO)", match[1])]


def passed_in_junit(path: Path) -> list[str]:
    bad = ("failure", "error", "skipped")
    return [case.get("name") for case in ET.parse(path).getroot().iter("testcase")
            if not any(case.find(tag) is not None for tag in bad)]


def passed(prefix: str, which: str) -> list[str]:
    """The names of the tests of one release that passed."""
    folder, stem = Path(prefix).parent, f"{Path(prefix).name}.{which}."
    names = []
    for path in sorted(folder.glob(f"{stem}*")):
        if path.suffix == ".tap":
            names += passed_in_tap(path)
        elif path.suffix == ".xml":
            names += passed_in_junit(path)
    return names


def operations_of(name: str) -> list[str]:
    """The one that a name begins with, also create_user_… as Python writes it; or those that it lists."""
    listed = SEVERAL.search(name)
    if listed:
        return listed[1].split(", ")
    flat = re.sub(r"[^a-z]", "", WAY.sub("", name).lower().removeprefix("test_"))
    return [one for one in OPERATIONS if flat.startswith(one.lower())][:1]


def check(suite: str, prefix: str) -> int:
    status = 0
    for which, row in KEPT[suite].items():
        count = len(passed(prefix, which))
        print(f"{suite} {which}: {count} tests passed, the kept table wants {row['tests']}")
        if count < row["tests"]:
            status = 1
    return status


def ways(names: list[str]) -> dict:
    """{transport: {credential: {operations}}} of the tests that passed."""
    found = defaultdict(lambda: defaultdict(set))
    for name in names:
        way, operations = WAY.search(name), operations_of(name)
        if way and operations:
            found[way[1]][way[2].strip()].update(operations)
    return found


def shown(credentials: list[str]) -> str:
    """Keys and connection strings first, then what gives bearer tokens."""
    bearer = [one.removeprefix(BEARER) for one in credentials if one.startswith(BEARER)]
    lists = [" · ".join(one for one in credentials if not one.startswith(BEARER))]
    lists += [BEARER + " · ".join(bearer)] * bool(bearer)
    return "; ".join(filter(None, lists))


def line(suite: str, which: str, row: dict, names: list[str]) -> str:
    found = ways(names)
    operations = sorted({one for ways_ in found.values() for each in ways_.values() for one in each},
                        key=lambda one: OPERATIONS.index(one))
    reached = "<br>".join(f"**{transport}**: {shown(sorted(found[transport]))}"
                          for transport in sorted(found, reverse=True))
    named = ", ".join(one + REFUSALS * (one == "getTokenForTeamsUser") for one in operations)
    packages = "<br>".join(f"`{name}` {version}" for name, version in row["packages"].items())
    cells = [f"{LANGUAGES[suite]} ({which})", packages, row["apiVersion"], named or "–", reached or "–", str(len(names))]
    return f"| {' | '.join(cells)} |"


def table(results: Path) -> str:
    lines = ["| SDK | packages | api-version | operations | reached by | tests passed |",
             "|---|---|---|---|---|---|"]
    for suite, rows in KEPT.items():
        lines += [line(suite, which, row, passed(str(results / suite), which)) for which, row in rows.items()]
    return "\n".join(lines)


def write(results: Path, page: Path) -> int:
    text = page.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}")
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["check", suite, prefix]:
            return check(suite, prefix)
        case ["write", results]:
            return write(Path(results), PAGE)
        case ["write", results, page]:
            return write(Path(results), Path(page))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
