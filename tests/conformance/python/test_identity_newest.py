"""What only the newest release of azure-communication-identity can do: lifetimes, the Teams exchange, other api-versions."""

import base64
import json
import re
import time
from datetime import timedelta

import pytest
from azure.communication.identity import CommunicationIdentityClient, identifier_from_raw_id
from azure.core.credentials import AzureKeyCredential
from support import WAYS, assert_dead, assert_lives, assert_token, claims
from test_identity import id_of, refused

VERSIONS = [
    "2021-02-22-preview1", "2021-03-07", "2021-03-31-preview1", "2021-10-31-preview", "2021-11-01", "2022-06-01",
    "2022-10-01", "2023-08-01", "2023-10-01", "2025-03-02-preview", "2025-04-01-preview", "2025-06-30", "2026-07-22",
    "2026-09-23",
]
APP = "11111111-2222-3333-4444-555555555555"
USER = "66666666-7777-8888-9999-aaaaaaaaaaaa"


def part(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def entra_token(exp: int) -> str:
    head, body = {"alg": "RS256", "typ": "JWT", "kid": "k"}, {"appid": APP, "oid": USER, "exp": exp}
    return f"{part(head)}.{part(body)}.{'A' * 342}"


@pytest.mark.parametrize("minutes", [60, 61, 90, 720, 1440])
def test_token_expires_in_is_the_tokens_life(make, server, minutes):
    client = make()
    user, token = client.create_user_and_token(["voip"], token_expires_in=timedelta(minutes=minutes))
    assert_token(token, id_of(user), ["voip"], minutes)
    again = client.get_token(user, ["chat"], token_expires_in=timedelta(minutes=minutes))
    assert_token(again, id_of(user), ["chat"], minutes)
    assert_lives(server, again.token, id_of(user))


@pytest.mark.parametrize("minutes", [-1, 0, 59, 1441, 100000])
def test_a_life_out_of_range_is_refused_with_the_number(make, minutes):
    text = re.escape(f"ExpiresInMinutes value {minutes} is invalid. Value must be within the [60, 1440] interval.")
    client = make()
    user = client.create_user()
    life = timedelta(minutes=minutes)
    for work in (lambda: client.create_user_and_token(["chat"], token_expires_in=life),
                 lambda: client.get_token(user, ["chat"], token_expires_in=life)):
        assert refused(work, 400, "ValidationError", text).error.target == "ExpiresInMinutes"


def test_expiry_drill(make, server, clock):
    """A token of 60 minutes, a little before +60 and at +60; asking again gives a fresh one."""
    client = make()
    user, token = client.create_user_and_token(["chat"], token_expires_in=timedelta(hours=1))
    exp = claims(token.token)["exp"]
    with clock(set=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(exp - 15))):
        assert_lives(server, token.token, id_of(user))
    with clock(set=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(exp))):
        assert_dead(server, token.token)
        fresh = client.get_token(user, ["chat"], token_expires_in=timedelta(hours=1))
        assert claims(fresh.token)["exp"] >= exp + 3600
        assert_lives(server, fresh.token, id_of(user))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_api_version_does_all_that_it_offers(make, server, version):
    client = make(api_version=version)
    user = client.create_user()
    token = client.get_token(user, ["chat", "voip"])
    assert_token(token, id_of(user), ["chat", "voip"])
    client.revoke_tokens(user)
    assert_dead(server, token.token)
    other, token = client.create_user_and_token(["voip"])
    client.delete_user(other)
    assert_dead(server, token.token)


@pytest.mark.parametrize("version", ["2021-03-07", "2022-06-01"])
def test_older_versions_know_no_lifetime_and_ignore_it(make, version):
    user, token = make(api_version=version).create_user_and_token(["chat"], token_expires_in=timedelta(hours=1))
    assert_token(token, id_of(user), ["chat"], 1440)


@pytest.mark.parametrize("version", ["2023-08-30-preview", "2019-01-01"])
def test_an_unknown_api_version_is_refused_with_the_list(make, version):
    error = refused(make(api_version=version).create_user, 400, "UnsupportedApiVersion",
                    f"does not support the API version '{version}'")
    assert "2023-10-01" in error.response.headers["api-supported-versions"]


THREE = [WAYS[0], WAYS[3], WAYS[6]]
INVALID = (401, "InvalidAccessToken", r"Provided access token is not valid\.", None)
NO_APP = (400, "ValidationError", r"AppId: The AppId field is required\.", "AppId")


@pytest.mark.parametrize("way", THREE, ids=[way.name for way in THREE])
@pytest.mark.parametrize("token, app, user, wanted", [
    ("", APP, USER, INVALID),
    ("not a token", APP, USER, INVALID),
    (entra_token(1600000000), APP, USER, INVALID),
    (entra_token(4000000000), APP, USER, INVALID),
    (entra_token(4000000000), "", USER, NO_APP),
    ("bad", "", USER, NO_APP),
    ("bad", APP, "", INVALID),
], ids=["empty token", "no token", "expired token", "untrusted token", "empty appId", "empty appId first",
        "token before userId"])
def test_get_token_for_teams_user_is_refused(make, way, token, app, user, wanted):
    status, code, message, target = wanted
    client = make(way)
    error = refused(lambda: client.get_token_for_teams_user(token, app, user), status, code, message)
    assert error.error.target == target


def test_a_credential_whose_key_is_updated_in_place(server):
    credential = AzureKeyCredential("A" * 86 + "==")
    client = CommunicationIdentityClient(server.endpoint, credential, connection_verify=server.ca_bundle)
    refused(client.create_user, 401, "Denied", r"Denied by the resource provider\.")
    credential.update(server.secondary)
    assert id_of(client.create_user()).startswith("8:acs:")


def test_a_users_id_is_a_communication_user_to_the_sdk(make):
    user = make().create_user()
    parsed = identifier_from_raw_id(id_of(user))
    assert parsed.kind == "communication_user" and parsed.raw_id == id_of(user)
    assert parsed.properties["id"] == id_of(user)
