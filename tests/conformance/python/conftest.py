"""Fixtures of the Python judges: one server, its clock, and clients of both kinds."""

import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "support")]

from callgate_server import Server  # noqa: E402
from support import WAYS, WHICH, Blocking, new_loop  # noqa: E402
from with_server import complaints  # noqa: E402

# Only the packages of the suite are installed beside it.
SDK, CLIENT = ("sms", "SmsClient") if WHICH.startswith("sms") else ("identity", "CommunicationIdentityClient")
sync_class = getattr(import_module(f"azure.communication.{SDK}"), CLIENT)
async_class = getattr(import_module(f"azure.communication.{SDK}.aio"), CLIENT)


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    code = running.stop()
    wrong = complaints(running, code)
    running.close()
    assert not wrong, wrong


@pytest.fixture
def clock(server):
    """A function that runs what is inside with the server's clock off by a duration such as "-23h50m"."""

    @contextmanager
    def moved(**document):
        answer = server.admin("PUT", "/admin/clock", document)
        assert answer.status == 200, answer
        try:
            yield
        finally:
            assert server.admin("DELETE", "/admin/clock").status < 300

    return moved


@pytest.fixture(params=["sync", "async"])
def make(request, server):
    """A function that makes a client of one way, synchronous or asynchronous."""
    made, loop = [], new_loop()

    def one(way=WAYS[0], on=server, **options):
        if request.param == "sync":
            client = way.make(sync_class, on, **options)
        else:
            client = Blocking(lambda: way.make(async_class, on, **options), loop)
            made.append(client)
        return client

    yield one
    for client in made:
        client.close()
    loop.close()
