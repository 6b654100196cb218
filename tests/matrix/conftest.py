"""The fixtures of every suite."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from credentials import Place  # noqa: E402
from fixtures import fresh_server, server  # noqa: E402,F401


@pytest.fixture(scope="session")
def place(server):  # noqa: F811
    return Place(server)
