"""`make install` from a clone into an empty root: the program runs there, and a program of a user's builds
against the library by pkg-config."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from callgate_server import Server

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "usr/local"


@pytest.fixture(scope="module")
def root(clone, tmp_path_factory):
    root = tmp_path_factory.mktemp("install")
    made = subprocess.run(["make", "install", f"DESTDIR={root}"], cwd=clone, capture_output=True, text=True, timeout=1200)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    yield root
    shutil.rmtree(root, ignore_errors=True)


def only(root: Path, pattern: str) -> Path:
    found = [path for path in (root / PREFIX).rglob(pattern) if not path.is_symlink()]
    assert len(found) == 1, (pattern, found)
    return found[0]


def test_what_is_installed(root):
    names = {str(path.relative_to(root / PREFIX)) for path in (root / PREFIX).rglob("*") if path.is_file()}
    headers = {name for name in names if name.startswith("include/")}
    assert headers == {f"include/callgate/{path.name}" for path in (ROOT / "include" / "callgate").glob("*.h")}
    assert "bin/callgate" in names and "lib/systemd/system/callgate.service" in names
    assert not [name for name in names if re.search(r"test_|replay_|bench|noauth|nosync|flipped|\.a$", name)], names


def test_installed_pages_link_to_what_is_installed(root):
    pages = [*(root / PREFIX / "share" / "doc" / "callgate").rglob("*.md")]
    assert len(pages) > 10
    for page in pages:
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            assert re.match(r"[a-z]+:", link) or (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_installed_program_serves_itself(root):
    server = Server(program=root / PREFIX / "bin" / "callgate").start()
    try:
        done = server.cli("token", "issue", "--scope", "chat")
        assert done.returncode == 0 and "eyJ" in done.stdout, done
    finally:
        assert server.close() == 0


@pytest.mark.parametrize("sample,args,told", [
    ("first_token", (), ("8:acs:", "eyJ")),
    ("first_chat", (), ("Anna: Hello Ben",)),
    ("first_message", ("+18005550100", "+14255550123"), ("Outgoing_", "Delivered (2000"))])
def test_a_program_builds_against_the_installed_library(root, tmp_path, server, sample, args, told):
    package = only(root, "callgate.pc").parent
    flags = subprocess.run(["pkg-config", f"--define-variable=prefix={root / PREFIX}", "--cflags", "--libs", "callgate"],
                           check=True, capture_output=True, text=True, timeout=60,
                           env={**os.environ, "PKG_CONFIG_PATH": str(package)}).stdout
    folder = only(root, "libcallgate.so.*").parent
    program = tmp_path / sample
    words = shlex.split(flags)
    subprocess.run(["cc", "-std=c99", "-o", program, ROOT / "client" / "samples" / f"{sample}.c", *words],
                   check=True, timeout=120)
    ran = subprocess.run([program, *args], capture_output=True, text=True, timeout=60,
                         env={**server.env, "LD_LIBRARY_PATH": str(folder)})
    assert ran.returncode == 0 and all(words in ran.stdout for words in told), ran
