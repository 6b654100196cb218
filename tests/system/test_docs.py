"""The documentation says what the program does: settings, commands, flags, routes, links and sections exist."""

import json
import re
import subprocess

import pytest

from callgate_server import ROOT, binary

PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
CITED = re.compile(r"wire/([a-z-]+) ((?:§[\d.]+(?:,\s+)?)+)")
CODE_FOLDERS = ["src", "client", "include", "cli"]


def run(*args: str) -> str:
    return subprocess.run([binary(), *args], capture_output=True, text=True, timeout=60, check=True).stdout


def name_of(page) -> str:
    return str(page.relative_to(ROOT))


def anchors(page) -> set[str]:
    """The anchors of a page's headings, spelled as code hosts spell them."""
    text = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture(scope="module")
def commands() -> dict[str, set[str]]:
    """Every command of the program, and the long options that its help names."""
    listed = re.findall(r"^  ([a-z]+(?: [a-z]+){0,2})  +\S", run("--help"), re.M)
    assert len(listed) > 20
    return {name: set(re.findall(r"--[a-z][a-z0-9-]*", run(*name.split(), "--help"))) for name in listed}


@pytest.fixture(scope="module")
def routes() -> list[dict]:
    return json.loads(run("routes"))


def spans(page) -> list[str]:
    """What the page shows as code: lines of fences, and inline spans."""
    text = page.read_text()
    fences = FENCE.findall(text)
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return [line for fence in fences for line in fence.splitlines()] + inline


def calls(page) -> list[list[str]]:
    """Each `callgate …` on the page, as words up to the end of the command."""
    found = (re.findall(r"(?:^|[\s(|/\"`])callgate ([^|)`;#&>]*)", span) for span in spans(page))
    return [call.split() for calls_of_span in found for call in calls_of_span if call.split()]


def test_settings_page_is_what_the_program_writes():
    assert (ROOT / "docs" / "settings.md").read_bytes() == run("config", "--markdown").encode()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page):
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_shown_exists_with_its_options(page, commands):
    for words in calls(page):
        name = next((n for n in (" ".join(words[:3]), " ".join(words[:2]), words[0]) if n in commands), None)
        if name is None:
            assert words[0] in ("help", "COMMAND"), f"no such command: callgate {' '.join(words)}"
            continue
        for word in words[1:]:
            option = re.match(r"--[a-z][a-z0-9-]*", word)
            assert not option or option[0] in commands[name], f"callgate {name} has no option {word}"


AZ_FLAGS = {"--endpoint-resource-manager", "--endpoint-active-directory", "--endpoint-active-directory-resource-id",
            "--endpoint-active-directory-graph-resource-id", "--endpoint-microsoft-graph-resource-id",
            "--service-principal", "--username", "--password", "--assignee-object-id", "--assignee-principal-type",
            "--fill-principal-name"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_flag_named_alone_exists(page, commands):
    known = set().union(*commands.values())
    others = {"--cacert", "--unix-socket", "--test", "--experimental-global-webcrypto",
              "--unbuffered"} | AZ_FLAGS  # curl's, Node's and jq's
    for span in spans(page):
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", span):
            assert flag in known | others, f"no such flag: {flag}"


def test_every_command_is_shown(commands):
    shown = [" ".join(words) for words in calls(ROOT / "docs" / "cli.md")]
    for name in commands:
        assert any(call == name or call.startswith(name + " ") for call in shown), f"callgate {name} is not in the page"


@pytest.fixture(scope="module")
def log_events() -> set[str]:
    source = "".join(file.read_text() for file in sorted((ROOT / "src").rglob("*.c")))
    return set(re.findall(r'log_(?:error|warn|info|debug)\([^"();]*"([a-z_.]+)"', source))


@pytest.mark.parametrize("page", [p for p in PAGES if "settings" not in p.name], ids=name_of)
def test_every_dotted_setting_or_event_named_exists(page, log_events):
    settings = set(re.findall(r"^\| `([a-z_.]+)`", (ROOT / "docs" / "settings.md").read_text(), re.M))
    rooms = {setting.split(".")[0] for setting in settings if "." in setting}
    for span in spans(page):
        if re.fullmatch(r"[a-z]+\.[a-z_]+", span) and span.split(".")[0] in rooms and not span.endswith((".h", ".c")):
            assert span in settings | log_events or span == "chat.join", f"no such setting, and no event of the log: {span}"


def literals(*folders: str) -> str:
    """Every string of the C sources, adjacent ones joined, a line each."""
    sources = [path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.[ch]")]
    found = re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', "\n".join(sources))
    return "\n".join(re.sub(r'"\s*"', "", text) for text in found)


def test_every_explanation_of_a_refusal_is_one_of_the_gate():
    said, page = literals("src"), (ROOT / "docs" / "errors.md").read_text()
    tables = re.findall(r"^\| it begins with \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.M)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 10
    for row in rows:
        for span in re.findall(r"`([^`]+)`", row.split(" | ")[0]):
            for piece in span.replace("…", "").split("; "):
                assert piece.strip() in said, f"nothing says: {span}"


def test_every_administration_route_is_described(routes):
    page = (ROOT / "docs" / "administration.md").read_text()
    for route in routes:
        if route["plane"] != "administration":
            continue
        path = route["path"].replace("{slot}", "primary")
        told = (f"{route['method']} `{path}`", f"`{route['method']} {path}`")
        assert any(words in page for words in told) or (
            route["method"] == "GET" and f"`{path}`" in page), f"{route['method']} {path} is not described"


def test_every_identity_route_is_in_the_wire_page(routes):
    page = (ROOT / "docs" / "wire" / "authentication.md").read_text()
    versions = {version for route in routes if route["service"] == "identity" for version in route["versions"]}
    assert versions and all(version in page for version in versions)
    for route in routes:
        path = route["path"]
        if route["service"] != "identity" or (":" in path and "/:" not in path):
            continue  # the spelling without the slash is told in a sentence
        assert path in page, f"{path} is not in the page"


def test_every_version_of_the_management_api_is_in_its_page(routes):
    page = (ROOT / "docs" / "wire" / "managed-identity.md").read_text()
    services = {route["service"]: route["versions"] for route in routes if route["service"].startswith("Microsoft.")}
    assert len(services) == 4
    for service, versions in services.items():
        assert f"| {service} | {', '.join(versions)} |" in page, service


def test_every_wire_section_that_the_source_cites_exists():
    seen = 0
    for folder in CODE_FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.[ch]")):
            text = re.sub(r"\s*\n \* ", " ", file.read_text())
            for page, sections in CITED.findall(text):
                headings = (ROOT / "docs" / "wire" / f"{page}.md").read_text()
                for section in re.findall(r"§([\d.]*\d)", sections):
                    assert re.search(rf"^#+ {re.escape(section)}\.? ", headings, re.M), \
                        f"{file.relative_to(ROOT)} cites wire/{page} §{section}"
                    seen += 1
    assert seen > 30


def test_every_design_decision_that_the_source_cites_exists():
    page = (ROOT / "docs" / "design.md").read_text()
    for folder in CODE_FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.[ch]")):
            for numbers in re.findall(r"design ((?:D\d+(?:, )?)+)", file.read_text()):
                for number in re.findall(r"D\d+", numbers):
                    assert f"| {number} |" in page, f"{file.relative_to(ROOT)} cites {number}"
                    assert f"| {number} | *later:*" not in page, f"{file.relative_to(ROOT)} does {number}: it is no longer later"


def test_every_variable_that_the_program_knows_is_in_a_page():
    pages = "".join(page.read_text() for page in PAGES)
    known = set(re.findall(r"^(CALLGATE_[A-Z_]+)$", literals("src", "client", "cli").replace('"', ""), re.M))
    assert len(known) > 8
    for name in known:
        assert name in pages, f"no page tells of {name}"


def test_every_error_of_the_server_is_explained():
    page = (ROOT / "docs" / "errors.md").read_text()
    rows = re.findall(r'^X\(\w+, (\d+), "(\w+)"', (ROOT / "src" / "http" / "api_error.def").read_text(), re.M)
    assert len(rows) > 20
    for status, code in rows:
        assert f"`{code}`" in page or f"{status} `{code}" in page, f"{status} {code} is not explained"


def test_every_error_of_the_issuer_is_in_the_wire_page():
    page = (ROOT / "docs" / "wire" / "managed-identity.md").read_text()
    table = (ROOT / "src" / "services" / "issuer" / "issuer_error.def").read_text()
    rows = re.findall(r'^X\(\w+, (\d+), (\d+), "(\w+)"', table, re.M)
    assert len(rows) > 20
    for number, status, error in rows:
        assert re.search(rf"\b{number}\b", page) and f"`{error}`" in page and status in page, f"{number} is not told"


def test_every_near_miss_is_listed():
    source = (ROOT / "src" / "gate" / "explain.c").read_text()
    names = set(re.findall(r'\{\s*"([a-z]+(?:-[a-z]+)+)",', source))
    page = (ROOT / "docs" / "errors.md").read_text()
    assert len(names) > 15
    assert all(f"`{name}`" in page for name in names), names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_named_exists(page):
    for span in re.findall(r"`((?:src|client|cli|tests|packaging|docs|include)/[\w./-]+)`", page.read_text()):
        assert (ROOT / span).exists(), f"{span} does not exist"
