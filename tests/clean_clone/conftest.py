"""One clean clone: `make run` builds in it first, then `make install` what is still missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from fixtures import fresh_server, server  # noqa: E402,F401

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name != "test_run.py")  # it needs the clone as it came


@pytest.fixture(scope="session")
def clone(tmp_path_factory) -> Path:
    there = tmp_path_factory.mktemp("clone") / "callgate"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(there)], check=True, timeout=120)
    yield there
    shutil.rmtree(there, ignore_errors=True)
