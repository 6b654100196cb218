"""Fixtures: one server for all tests; each has a carrier of its own, and a sender that uses it."""

import itertools
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "support")]

from fixtures import server  # noqa: E402,F401
from npm_smsc import ACCOUNT, NpmSmsc  # noqa: E402
from sms_wire import end_of, message, received, send, set_sender, set_transport, transport_status  # noqa: E402

numbers = itertools.count(1)


class Way:
    """A transport to a carrier, and the number that sends by it."""

    def __init__(self, server, smsc, **config):
        n = next(numbers)
        self.server, self.name, self.sender = server, f"npm-{n}", f"+1425557{n:04d}"
        self.config = {"host": "127.0.0.1", "port": smsc.port, **ACCOUNT, **config}
        self.put()
        set_sender(server, self.sender, transport=self.name)

    def put(self, **members):
        set_transport(self.server, self.name, "smpp", **{**self.config, **members})

    def send(self, text, to="+14255550123"):
        return send(self.server, self.sender, to, text)

    def end(self, id, seconds=30):
        return end_of(self.server, id, seconds)

    def shown(self, id):
        return message(self.server, id)

    def came(self, sender):
        return received(self.server, sender)

    def status(self):
        return transport_status(self.server, self.name)

    def close(self):
        set_sender(self.server, self.sender, transport="inbox")
        assert self.server.admin("DELETE", f"/admin/sms/transports/{self.name}").status == 204


@pytest.fixture
def smsc():
    one = NpmSmsc()
    yield one
    one.close()


@pytest.fixture
def make_way(server):
    made = []

    def make(smsc, **config):
        made.append(Way(server, smsc, **config))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def way(make_way, smsc):
    return make_way(smsc)
