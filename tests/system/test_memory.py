"""Secrets are wiped once they are sent or read: neither a buffer of the network nor a request's memory keeps them.

What is kept for a reason, and therefore not looked for here: the octets (not the text) of access keys, by which
signatures are checked; the server's own signing keys; the administrator's token; tokens that were used, by which each
loop knows them again. The store's pages hold keys and passwords sealed only, and no tokens."""

import socket
import time
import urllib.parse

import pytest

from memory import count, octets, signature
from waiting import until
from wire import head

SECONDS = 10
ISSUE = "?api-version=2023-10-01"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ARM = "?api-version=2025-09-01"


@pytest.fixture
def running(fresh_server):
    return fresh_server("--imds", "127.0.0.1:0")


def forgotten(server, **secrets):
    """None of them is in the server's memory, once the loops have cleared up after the last answer."""
    left = secrets
    end = time.monotonic() + SECONDS
    while left := {name: text for name, text in left.items() if count(server.process.pid, text)}:
        assert time.monotonic() < end, left.keys()


def user_token(server, secure=False):
    made = server.signed("POST", "/identities" + ISSUE, {"createTokenWithScopes": ["chat"]}, secure=secure)
    assert made.status == 201, made
    user, first = made.json()["identity"]["id"], made.json()["accessToken"]["token"]
    second = server.signed("POST", f"/identities/{user}/:issueAccessToken{ISSUE}", {"scopes": ["chat"]}, secure=secure)
    assert second.status == 200, second
    return first, second.json()["token"]


def an_app(server):
    made = server.admin("POST", "/admin/apps", {"name": "worker", "role": "Owner"})
    assert made.status == 201, made
    client = made.json()["clientId"]
    secret = server.admin("POST", f"/admin/apps/{client}/secrets", {})
    assert secret.status == 201, secret
    return client, secret.json()["secret"]


def service_token(server, client, secret, audience="https://communication.azure.com/", secure=True):
    body = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret,
            "scope": audience + ".default"}
    got = server.send("POST", "/adfs/oauth2/v2.0/token", FORM, urllib.parse.urlencode(body).encode(), secure=secure)
    assert got.status == 200, got
    return got.json()["access_token"]


def test_the_search_finds_what_is_kept(running):
    assert count(running.process.pid, octets(running.primary)) >= 1
    assert count(running.process.pid, running.admin_token) >= 1


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_tokens_of_users(running, secure):
    first, second = user_token(running, secure)
    forgotten(running, first=signature(first), second=signature(second))


def test_shown_keys(running):
    regenerated = running.admin("POST", "/admin/keys/secondary:regenerate", {})
    assert regenerated.status == 200, regenerated
    running.refresh_keys()
    forgotten(running, primary=running.primary, secondary=running.secondary)


def test_a_key_that_is_brought(running):
    key = "c2VjcmV0LWtleS1icm91Z2h0LWJ5LWFuLW9wZXJhdG9yIQ=="
    brought = running.admin("POST", "/admin/keys/secondary:regenerate", {"key": key})
    assert brought.status == 200, brought
    forgotten(running, key=key)


def test_service_tokens_and_what_proves_applications(running):
    client, secret = an_app(running)
    token = service_token(running, client, secret)
    local = running.admin("POST", "/admin/token", {"as": client, "resource": "https://communication.azure.com/"}).json()
    forgotten(running, secret=secret, token=signature(token), local=signature(local["token"]))


def test_listed_keys_and_connection_strings(running):
    client, secret = an_app(running)
    token = service_token(running, client, secret, "https://management.azure.com/")
    subscription = running.admin("GET", "/admin/tenant").json()["subscriptionId"]
    path = f"/subscriptions/{subscription}/resourceGroups/callgate/providers/Microsoft.Communication/" \
           "communicationServices/default/listKeys"
    listed = running.bearer("POST", path + ARM, token, secure=True)
    assert listed.status == 200, listed
    keys = listed.json()
    forgotten(running, primary=keys["primaryKey"], secondary=keys["secondaryKey"])
    assert count(running.process.pid, signature(token)) <= 1, "by which the loop that checked it knows it"


def test_a_password_of_a_carrier(running):
    """Carriers log in again and again: the list of transports keeps theirs, and so does the carrier; nothing else."""
    password = "q7Zx-4Kp"
    made = running.admin("PUT", "/admin/sms/transports/carrier", {
        "kind": "smpp", "host": "127.0.0.1", "port": 1, "systemId": "gate", "password": password})
    assert made.status in (200, 201), made
    until(lambda: count(running.process.pid, password) == 2)


def test_answers_that_wait_for_a_slow_reader(running):
    """They are kept outside the loop's buffers until the peer has read them, or has gone."""
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(running.about["adminSocket"])
        slow.settimeout(1)
        with pytest.raises(TimeoutError):  # the server takes no more requests while answers wait
            while True:
                slow.sendall(head("GET", "/admin/keys?reveal=true", {"Host": "localhost"}) * 64)
        assert count(running.process.pid, running.primary)
    until(lambda: not count(running.process.pid, running.primary))
