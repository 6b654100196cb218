"""azure-identity, every credential class that needs no person, through to calls of the Identity SDK."""

import os
import time
from types import SimpleNamespace

import azure.communication.identity as sync_sdk
import azure.communication.identity.aio as async_sdk
import azure.identity as sync_entra
import azure.identity.aio as async_entra
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from entra_support import (
    BASE, METADATA, NOWHERE, SCENE, SCOPE, WAYS, app_service, certificate_of, give_role, managed, revoke, secret_of,
    take_role,
)
from support import KEPT, Blocking, claims, installed, new_loop


@pytest.fixture(params=["sync", "async"])
def entra(request):
    """Credential classes and Identity client, synchronous or asynchronous, behind the same face."""
    loop, made = new_loop(), []

    def blocking(make):
        made.append(Blocking(make, loop))
        return made[-1]

    def client(credential, endpoint=BASE):
        if request.param == "sync":
            return sync_sdk.CommunicationIdentityClient(endpoint, credential, retry_total=0)
        return blocking(lambda: async_sdk.CommunicationIdentityClient(endpoint, credential.client, retry_total=0))

    def credential(make):
        return make(sync_entra) if request.param == "sync" else blocking(lambda: make(async_entra))

    yield SimpleNamespace(client=client, credential=credential)
    for one in reversed(made):
        one.close()
    loop.close()


@pytest.fixture
def environment(monkeypatch):
    def put(variables: dict):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


OPERATIONS = "createUser, getToken, revokeTokens, deleteUser"


def test_the_installed_packages_are_those_of_the_kept_table():
    assert {name: installed(name) for name in KEPT["packages"]} == KEPT["packages"]


@pytest.mark.parametrize("who,variables,make", [way[1:] for way in WAYS],
                         ids=[f"https, bearer token of a {way[0]}: {OPERATIONS}" for way in WAYS])
def test_the_whole_way(entra, environment, who, variables, make):
    environment(variables)
    credential = entra.credential(make)
    said = claims(credential.get_token(SCOPE).token)
    assert (said["aud"], said["tid"]) == ("https://communication.azure.com/", SCENE.tenant)
    assert (said["oid"], said.get("appid", said.get("azp"))) == (who.objectId, who.clientId)
    client = entra.client(credential)
    user = client.create_user()
    token = client.get_token(user, ["chat", "voip"])
    assert claims(token.token)["acsScope"] == "chat,voip"
    client.revoke_tokens(user)
    client.delete_user(user)
    with pytest.raises(HttpResponseError) as error:
        client.get_token(user, ["chat"])
    assert error.value.status_code == 404


REFUSALS = [
    ("a wrong secret", secret_of(SCENE.worker, "wrong"), "7000215"),
    ("an expired secret", secret_of(SCENE.worker, SCENE.worker.expiredSecret), "7000222"),
    ("an unknown application", secret_of(SimpleNamespace(clientId=NOWHERE, secret="x")), "700016"),
    ("a certificate that nobody registered", certificate_of(SCENE.outsider), "700027"),
]


@pytest.mark.parametrize("make,code", [one[1:] for one in REFUSALS], ids=[one[0] for one in REFUSALS])
def test_the_issuer_refuses(entra, make, code):
    with pytest.raises(ClientAuthenticationError, match=code):
        entra.credential(make).get_token(SCOPE)


def test_an_unknown_tenant_is_refused(entra):
    with pytest.raises((ClientAuthenticationError, ValueError)):
        entra.credential(secret_of(SCENE.worker, tenant=NOWHERE)).get_token(SCOPE)


def test_a_scope_that_is_not_ours_is_refused(entra):
    with pytest.raises(ClientAuthenticationError, match="500011"):
        entra.credential(secret_of(SCENE.worker)).get_token("https://vault.azure.net/.default")


@pytest.mark.parametrize("variables", [app_service(SCENE.user), METADATA], ids=["App Service", "metadata service"])
def test_an_unknown_identity_gets_no_token(entra, environment, variables):
    environment(variables)
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        entra.credential(managed(client_id=NOWHERE)).get_token(SCOPE)


def test_a_wrong_app_service_header_is_refused(entra, environment):
    environment({**app_service(SCENE.user), "IDENTITY_HEADER": "0" * 64})
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        entra.credential(managed()).get_token(SCOPE)


@pytest.mark.parametrize("app", [SCENE.outsider, SCENE.reader], ids=["no role", "a reader"])
def test_without_a_role_for_it_a_call_is_refused_with_403(entra, app):
    with pytest.raises(HttpResponseError) as error:
        entra.client(entra.credential(secret_of(app))).create_user()
    assert error.value.status_code == 403


def test_a_managed_identity_without_a_role_is_refused_with_403(entra, environment):
    environment(app_service(SCENE.idle))
    with pytest.raises(HttpResponseError) as error:
        entra.client(entra.credential(managed())).create_user()
    assert error.value.status_code == 403


def test_a_role_counts_from_the_next_request_on_and_so_does_its_end(entra):
    client = entra.client(entra.credential(secret_of(SCENE.changing)))
    with pytest.raises(HttpResponseError):
        client.create_user()
    give_role(SCENE.changing.name, "Contributor")
    user = client.create_user()
    take_role(SCENE.changing.name, "Contributor")
    with pytest.raises(HttpResponseError) as error:
        client.delete_user(user)
    assert error.value.status_code == 403


def test_a_revoked_token_ends_and_a_new_one_passes(entra):
    credential = entra.credential(secret_of(SCENE.challenged))
    client = entra.client(credential)
    client.create_user()
    token = credential.get_token(SCOPE).token
    time.sleep(1.1)  # tokens count in whole seconds
    revoke(SCENE.challenged.name)
    if "xms_cc" in claims(token):  # a release that asks for challenges also answers them, behind the caller's back
        assert client.create_user()
    else:
        with pytest.raises(HttpResponseError) as error:
            client.create_user()
        assert error.value.status_code == 401
        challenge = error.value.response.headers["WWW-Authenticate"]
        assert 'error="invalid_token"' in challenge and "claims=" not in challenge
    again = entra.credential(secret_of(SCENE.challenged))
    assert entra.client(again).create_user()
    assert claims(again.get_token(SCOPE).token)["iat"] > claims(token)["iat"]


def test_over_plain_http_the_sdk_sends_no_token(entra):
    client = entra.client(entra.credential(secret_of(SCENE.worker)), os.environ["CALLGATE_HTTP_ENDPOINT"])
    with pytest.raises(ServiceRequestError, match="not permitted for non-TLS"):
        client.create_user()
