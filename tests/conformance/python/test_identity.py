"""azure-communication-identity, newest and oldest release, synchronous and asynchronous clients."""

import re
import subprocess
import sys
import time

import pytest
from azure.communication.identity import CommunicationTokenScope, CommunicationUserIdentifier
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from callgate_server import Server
from support import (
    DAY, KEPT, NEWEST, WAYS, Way, assert_dead, assert_lives, assert_token, bare, claims, each_way, installed, whoami,
)

RAW_ID = re.compile(r"8:acs:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GONE = "Provided identity doesn't exist."
DENIED = "Denied by the resource provider."


def id_of(user) -> str:
    return user.properties["id"]


def refused(work, status: int, code: str, message: str):
    """The error as an application sees it: status, and code and message in its text and model."""
    with pytest.raises(HttpResponseError) as caught:
        work()
    error = caught.value
    assert error.status_code == status, error
    assert error.error.code == code
    assert re.search(message, error.error.message), error.error.message
    assert re.search(message, str(error)), str(error)
    return error


def test_the_installed_packages_are_those_of_the_kept_table():
    assert {name: installed(name) for name in KEPT["packages"]} == KEPT["packages"]


def test_sends_the_api_version_of_the_kept_table(make):
    seen = []
    make().create_user(raw_request_hook=lambda request: seen.append(request.http_request.url))
    assert seen and f"api-version={KEPT['apiVersion']}" in seen[0]


@each_way
def test_create_user_makes_a_user_with_a_raw_id(make, way):
    user = make(way).create_user()
    assert RAW_ID.fullmatch(id_of(user))
    assert user.raw_id == id_of(user)


@each_way
def test_create_user_and_token_gives_both(make, server, way):
    user, token = make(way).create_user_and_token(["chat", "voip"])
    assert RAW_ID.fullmatch(id_of(user))
    assert_token(token, id_of(user), ["chat", "voip"])
    assert_lives(server, token.token, id_of(user))


@each_way
def test_get_token_gives_a_token_and_another_one_when_asked_again(make, server, way):
    client = make(way)
    user = client.create_user()
    first, second = (client.get_token(user, [CommunicationTokenScope.VOIP]) for _ in range(2))
    assert first.token != second.token
    for token in (first, second):
        assert_token(token, id_of(user), ["voip"])
        assert_lives(server, token.token, id_of(user))


@each_way
def test_revoke_tokens_kills_the_tokens_given_so_far(make, server, way):
    client = make(way)
    user, first = client.create_user_and_token(["chat"])
    second = client.get_token(user, ["voip"])
    assert client.revoke_tokens(user) is None
    assert_dead(server, first.token)
    assert_dead(server, second.token)
    assert_lives(server, client.get_token(user, ["chat"]).token, id_of(user))


@each_way
def test_delete_user_ends_the_user(make, server, way):
    client = make(way)
    user, token = client.create_user_and_token(["chat"])
    assert client.delete_user(user) is None
    assert_dead(server, token.token)
    refused(lambda: client.get_token(user, ["chat"]), 404, "IdentityNotFound", re.escape(GONE))
    client.delete_user(user)


WRONG = "A" * 86 + "=="


@pytest.mark.parametrize("way", [
    Way("https by connection string", lambda s: [f"endpoint={s.endpoint};accesskey={WRONG}"]),
    Way("https by key", lambda s: [bare(s.endpoint), WRONG]),
    Way("http by key", lambda s: [bare(s.http_endpoint), WRONG], False),
], ids=lambda way: way.name)
def test_a_wrong_key_is_denied(make, way):
    error = refused(lambda: make(way).create_user(), 401, "Denied", re.escape(DENIED))
    assert error.response.headers["x-callgate-explain"]


class Bearer:
    def __init__(self, token: str):
        self.token = AccessToken(token, 2**31 - 1)

    def get_token(self, *_scopes, **_options):
        return self.token


def test_bearer_tokens_of_strangers_and_of_users_are_denied(server):
    from azure.communication.identity import CommunicationIdentityClient

    _, own = server.new_user()
    for token in (own, "eyJhbGciOiJub25lIn0.e30."):
        client = CommunicationIdentityClient(bare(server.endpoint), Bearer(token), connection_verify=server.ca_bundle)
        refused(client.create_user, 401, "Denied", re.escape(DENIED))


def test_a_user_who_never_was_is_not_found(make):
    client = make()
    known = id_of(client.create_user())
    for other in (known.split("_")[0] + "_00000000-0000-0000-0000-000000000000", "nobody",
                  "8:acs:11111111-1111-1111-1111-111111111111_00000001-1111-1111-1111-111111111111"):
        user = CommunicationUserIdentifier(other)
        refused(lambda: client.get_token(user, ["chat"]), 404, "IdentityNotFound", re.escape(GONE))
        refused(lambda: client.revoke_tokens(user), 404, "IdentityNotFound", re.escape(GONE))
        refused(lambda: client.delete_user(user), 404, "IdentityNotFound", re.escape(GONE))


def test_no_scopes_are_refused_by_the_fields_name(make):
    client = make()
    user = client.create_user()
    error = refused(lambda: client.get_token(user, []), 400, "ValidationError",
                    r"Scopes: The Scopes field is required\.")
    assert error.error.target == "Scopes"
    if NEWEST:
        refused(lambda: client.get_token(user, None), 400, "ValidationError",
                r"Scopes: The Scopes field is required\.")


def test_an_unknown_scope_is_refused_by_name(make):
    client = make()
    user = client.create_user()
    error = refused(lambda: client.get_token(user, ["video"]), 400, "ValidationError", "video")
    assert error.error.target == "Scopes"


@pytest.mark.parametrize("scope", ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"])
def test_each_scope_is_in_the_token_and_known_to_the_server(make, server, scope):
    user, token = make().create_user_and_token([scope])
    assert_token(token, id_of(user), [scope])
    assert whoami(server, token.token).json()["scopes"] == [scope]


def test_time_limits_and_headers_of_ones_own_are_harmless(make):
    seen = []
    user = make().create_user(connection_timeout=20, read_timeout=20, headers={"x-custom": "text, with; signs"},
                              raw_response_hook=lambda answer: seen.append(answer))
    assert RAW_ID.fullmatch(id_of(user))
    request, response = seen[0].http_request, seen[0].http_response
    assert response.status_code == 201
    assert response.headers["x-ms-client-request-id"] == request.headers["x-ms-client-request-id"]
    assert "2021-03-07" in response.headers["api-supported-versions"]


def test_a_token_dies_by_the_servers_clock_at_exp(make, server, clock):
    user, token = make().create_user_and_token(["chat"])
    exp = claims(token.token)["exp"]

    def iso(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    with clock(set=iso(exp - 30)):
        assert_lives(server, token.token, id_of(user))
    with clock(set=iso(exp)):
        assert_dead(server, token.token)
    assert_lives(server, token.token, id_of(user))


@pytest.mark.parametrize("advance", ["-23h51m", "48h"])
def test_the_key_gate_takes_signatures_while_the_clock_is_moved(make, server, clock, advance):
    with clock(advance=advance):
        user, token = make().create_user_and_token(["chat"])
        assert_token(token, id_of(user), ["chat"])
        assert_lives(server, token.token, id_of(user))


def test_key_rotation_drill(make, server):
    """The other key, and what it gave, live on."""
    first, second = make(WAYS[0]), make(WAYS[2])
    user, doomed = first.create_user_and_token(["chat"])
    other, safe = second.create_user_and_token(["chat"])
    mixed = second.get_token(user, ["chat"])
    assert server.admin("POST", "/admin/keys/primary:regenerate", {}).status == 200
    server.refresh_keys()
    refused(first.create_user, 401, "Denied", re.escape(DENIED))
    assert_dead(server, doomed.token)
    assert_lives(server, safe.token, id_of(other))
    assert_lives(server, mixed.token, id_of(user))
    second.create_user()
    make(WAYS[0]).get_token(user, ["chat"])


QUICK_START = """
import asyncio, os
from azure.communication.identity import CommunicationIdentityClient
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncClient

text = os.environ["COMMUNICATION_SERVICES_CONNECTION_STRING"]
user, token = CommunicationIdentityClient.from_connection_string(text).create_user_and_token(["chat"])
print(user.properties["id"], token.token)

async def main():
    async with AsyncClient.from_connection_string(text) as client:
        print((await client.get_token(user, ["voip"])).token)

asyncio.run(main())
"""


def test_the_quick_start_needs_nothing_but_the_environment(server):
    """What `callgate env` sets is enough, certificates included."""
    done = subprocess.run([sys.executable, "-c", QUICK_START], env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    user, first, second = done.stdout.split()
    assert_lives(server, first, user)
    assert_lives(server, second, user)


def test_a_days_life_is_the_default(make):
    user, token = make().create_user_and_token(["chat"])
    said = claims(token.token)
    assert said["exp"] - said["iat"] == DAY
    assert isinstance(said["exp"], int) and "tid" not in said


def test_two_servers_side_by_side_do_not_take_each_others_keys(make, server):
    with_other = Server().start()
    try:
        borrowed = Way("borrowed", lambda s: [f"endpoint={with_other.endpoint};accesskey={server.primary}"], False)
        client = make(borrowed, connection_verify=with_other.ca_bundle)
        refused(client.create_user, 401, "Denied", re.escape(DENIED))
    finally:
        with_other.close()
