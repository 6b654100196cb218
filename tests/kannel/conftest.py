"""Fixtures: one server and one Kannel for all tests, each told of the other."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "support")]

from callgate_server import Server  # noqa: E402
from kannel import PASSWORD, USER, Kannel  # noqa: E402
from sms_wire import callback_url, set_sender, set_transport  # noqa: E402
from with_server import complaints  # noqa: E402

FAKE, HTTP = "+14255550123", "12345"  # the sender that goes by fakesmsc, and the one that goes by the SMSC by HTTP


@pytest.fixture(scope="session")
def server():
    running = Server("--sms-senders", "list").start()
    yield running
    code = running.stop()
    wrong = complaints(running, code)
    running.close()
    assert not wrong, wrong


@pytest.fixture(scope="session")
def kannel(server, tmp_path_factory):
    running = Kannel(tmp_path_factory.mktemp("kannel"))
    for name, smsc, sender in (("fake", "fake1", FAKE), ("http", "http1", HTTP)):
        set_transport(server, name, "kannel", url=running.sendsms, username=USER, password=PASSWORD, smsc=smsc)
        set_sender(server, sender, transport=name)
    running.start(callback_url(server, "http") + "/inbound")
    yield running
    running.stop()
