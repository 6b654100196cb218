"""Tokens of a real Keycloak: exchanged at our token endpoint for a service token, and used as they are."""

import json
import urllib.parse
import uuid

import pytest
from keycloak import header_of, said_by

AUDIENCE = "api://AzureADTokenExchange"
ALGORITHMS = {"rs256": "RS256", "es256": "ES256", "eddsa": "EdDSA"}
each_realm = pytest.mark.parametrize("realm", ALGORITHMS)


def cli(server, *words: str):
    done = server.cli(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def trust(server, keycloak, realm: str) -> dict:
    """The realm as a trusted issuer for the audience of the exchange; the principal that its worker is, without a role."""
    return cli(server, "issuer", "add", keycloak.issuer(realm), "--audience", AUDIENCE, "--alg", ALGORITHMS[realm],
               "--subject", said_by(keycloak.token(realm))["sub"], "--ca-file", str(keycloak.ca_file), "--allow-private")


@pytest.fixture(scope="session")
def trusted(server, keycloak) -> dict:
    return {realm: trust(server, keycloak, realm) for realm in ALGORITHMS}


def federated_app(server, keycloak, realm: str, token: str) -> dict:
    """An application with a role that the subject of this token may stand for."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    made = cli(server, "app", "create", name)
    cli(server, "app", "federated", "add", name, "keycloak", "--issuer", keycloak.issuer(realm), "--subject",
        said_by(token)["sub"], "--audience", AUDIENCE)
    cli(server, "role", "assign", name, "Contributor", "--resource", "default")
    return made


def exchange(server, app: dict, assertion: str):
    form = {"grant_type": "client_credentials", "client_id": app["clientId"],
            "scope": "https://communication.azure.com//.default", "client_assertion": assertion,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    return server.send("POST", f"/{app['tenantId']}/oauth2/v2.0/token",
                       {"Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(form).encode(),
                       secure=True)


def create_user(server, token: str):
    return server.bearer("POST", "/identities?api-version=2023-10-01", token, {}, secure=True)


@each_realm
def test_the_realm_signs_as_it_should(keycloak, realm):
    token = keycloak.token(realm)
    assert header_of(token)["alg"] == ALGORITHMS[realm]
    assert said_by(token)["iss"] == keycloak.issuer(realm)


@each_realm
def test_a_token_is_exchanged_and_opens_the_data_plane(server, keycloak, trusted, realm):
    token = keycloak.token(realm)
    answer = exchange(server, federated_app(server, keycloak, realm, token), token)
    assert answer.status == 200, answer
    assert create_user(server, answer.json()["access_token"]).status == 201


@each_realm
def test_a_token_of_another_subject_is_not_exchanged(server, keycloak, trusted, realm):
    app = federated_app(server, keycloak, realm, keycloak.token(realm))
    answer = exchange(server, app, keycloak.token(realm, "stranger"))
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), answer


@each_realm
def test_a_token_for_another_audience_is_not_exchanged(server, keycloak, trusted, realm):
    token = keycloak.token(realm, "plain")
    answer = exchange(server, federated_app(server, keycloak, realm, token), token)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), answer


@each_realm
def test_a_token_of_another_realm_is_not_exchanged(server, keycloak, trusted, realm):
    other = next(one for one in ALGORITHMS if one != realm)
    app = federated_app(server, keycloak, realm, keycloak.token(realm))
    answer = exchange(server, app, keycloak.token(other))
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), answer


@each_realm
def test_a_token_with_one_byte_of_its_signature_changed_is_not_exchanged(server, keycloak, trusted, realm):
    token = keycloak.token(realm)
    app = federated_app(server, keycloak, realm, token)
    head, payload, signature = token.split(".")
    broken = f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    answer = exchange(server, app, broken)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), answer


@each_realm
def test_a_token_is_used_as_it_is_once_its_subject_has_a_role(server, keycloak, trusted, realm):
    token, principal = keycloak.token(realm), trusted[realm]["objectId"]
    assert create_user(server, token).status == 403
    cli(server, "role", "assign", principal, "Contributor", "--resource", "default")
    assert create_user(server, token).status == 201
    assert create_user(server, keycloak.token(realm, "stranger")).status in (401, 403)
    assert create_user(server, keycloak.token(realm, "plain")).status == 401
    cli(server, "role", "remove", principal, "Contributor", "--resource", "default")
    assert create_user(server, token).status == 403


@each_realm
def test_an_issuer_that_is_no_longer_trusted_opens_nothing(server, keycloak, trusted, realm):
    token = keycloak.token(realm)
    app = federated_app(server, keycloak, realm, token)
    cli(server, "issuer", "remove", keycloak.issuer(realm))
    try:
        assert create_user(server, token).status == 401
        # 503: the certificates that its keys were fetched with are forgotten with it
        assert exchange(server, app, token).status in (401, 503)
    finally:
        trusted[realm] = trust(server, keycloak, realm)
    assert exchange(server, app, token).status == 200
