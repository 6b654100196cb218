"""Fixtures: `server` is shared by a whole session, `fresh_server` makes one for a test alone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from callgate_server import Server  # noqa: E402


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    assert running.close() == 0, "the server did not end well"


@pytest.fixture
def fresh_server():
    """A function that starts servers; all are stopped after the test."""
    running = []

    def start(*args, **options):
        one = Server(*args, **options)
        running.append(one)
        return one.start()

    yield start
    for one in running:
        one.close()
