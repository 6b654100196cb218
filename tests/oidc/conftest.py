"""Fixtures: one Keycloak and one server for all tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "support")]

from callgate_server import Server  # noqa: E402
from keycloak import Keycloak  # noqa: E402
from with_server import complaints  # noqa: E402


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory):
    running = Keycloak(Path(os.environ["KEYCLOAK_HOME"]), tmp_path_factory.mktemp("keycloak")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    code = running.stop()
    wrong = complaints(running, code)
    running.close()
    assert not wrong, wrong
