"""Every route with names that nobody has, or everybody, and bodies that are none: it refuses, and the server stays. A
handler that goes on after its refusal writes into a request that is gone, which the sanitizers see here."""

import itertools
import json
import re
import subprocess
import uuid

import pytest
from callgate_server import UnixConnection
from test_arm import Arm

NAMES = ["nobody", str(uuid.UUID(int=7 << 64)), "default"]
BODIES = [b"{}", b"[]", b"{", b'{"name":1,"properties":[]}']
TYPES = ["application/json", "application/merge-patch+json", "application/x-www-form-urlencoded"]


def rows(server, *, admin):
    told = subprocess.run([server.program, "routes", "--json"], capture_output=True, text=True, check=True).stdout
    return [row for row in json.loads(told) if row["path"].startswith("/admin/") == admin]


def target(row, name, known):
    path = re.sub(r"{([a-z_A-Z]+)}", lambda part: known.get(part[1], name), row["path"])
    return f"{path}?api-version={row['versions'][-1]}" if row["versions"] else path


def bodies(row):
    """With their types: a body whose type is refused never reaches a handler."""
    yield None, None
    if row["method"] in ("POST", "PUT", "PATCH"):
        yield from itertools.product(BODIES, TYPES)


def refused(server, row, ask, name, known):
    for body, kind in bodies(row):
        headers = {"Content-Type": kind} if kind else {}
        answer = ask(row["method"], target(row, name, known), headers, body or b"")
        assert answer.status < 500, (row["method"], row["path"], body, answer)
    assert server.process.poll() is None


@pytest.mark.parametrize("name", NAMES)
def test_on_the_wire(fresh_server, name):
    server = fresh_server()
    owner, (_, user) = Arm(server, "Owner"), server.new_user()
    tokens = {"arm": owner.token, "entra": owner.get_token("https://communication.azure.com/"), "user": user}
    known = {"s": owner.subscription, "t": "adfs", **({"g": "callgate"} if name == "default" else {})}
    for row in rows(server, admin=False):
        token = next((tokens[kind] for kind in row["accept"] if kind in tokens), user)

        def ask(method, path, headers, body, token=token):
            return server.send(method, path, {"Authorization": f"Bearer {token}", **headers}, body)

        refused(server, row, ask, name, known)


@pytest.mark.parametrize("name", NAMES)
def test_in_the_administration(fresh_server, name):
    server = fresh_server()
    for row in rows(server, admin=True):
        refused(server, row, lambda method, path, headers, body: server.send(
            method, path, headers, body, UnixConnection(server.about["adminSocket"])), name, {})
