"""Fixtures of every suite: `server` is shared by a whole session, `fresh_server` makes one for a test alone."""

import re

import pytest

from callgate_server import Server

REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed")


def well_ended(one: Server):
    """Stops it, and fails for a bad end or a sanitizer's report."""
    code = one.stop()
    found = [line for line in one.log().splitlines() if REPORT.search(line)]
    one.close()
    assert not found, found
    assert code == 0, f"the server ended with {code}"


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    well_ended(running)


@pytest.fixture
def fresh_server():
    """A function that starts servers; all are stopped after the test."""
    running = []

    def start(*args, **options):
        one = Server(*args, **options).start()
        running.append(one)
        return one

    yield start
    for one in running:
        well_ended(one)
