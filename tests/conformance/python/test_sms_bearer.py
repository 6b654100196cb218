"""The SMS SDK with azure-identity: managed identities and service principals, and what roles open."""

import os
from types import SimpleNamespace

import azure.communication.sms as sync_sdk
import azure.communication.sms.aio as async_sdk
import azure.identity as sync_entra
import azure.identity.aio as async_entra
import pytest
from azure.core.exceptions import ServiceRequestError
from entra_support import BASE, SCENE, WAYS, app_service, give_role, managed, secret_of, take_role
from sms_support import FROM, assert_sent, refused, someone
from support import KEPT, Blocking, installed, new_loop

# The credential classes themselves have a suite of their own: here one of each kind.
KINDS = ("client secret, tenant by id", "client certificate, tenant adfs, environment", "workload identity, environment",
         "managed identity, App Service, system-assigned", "managed identity, App Service, by client id",
         "managed identity, metadata service, system-assigned", "default credential of a managed identity")
CHOSEN = [way for way in WAYS if way[0] in KINDS]


@pytest.fixture(params=["sync", "async"])
def entra(request):
    """Credential classes and SMS client, synchronous or asynchronous, behind the same face."""
    loop, made = new_loop(), []

    def blocking(make):
        made.append(Blocking(make, loop))
        return made[-1]

    def client(credential, endpoint=BASE):
        if request.param == "sync":
            return sync_sdk.SmsClient(endpoint, credential, retry_total=0)
        return blocking(lambda: async_sdk.SmsClient(endpoint, credential.client, retry_total=0))

    def credential(make):
        return make(sync_entra) if request.param == "sync" else blocking(lambda: make(async_entra))

    yield SimpleNamespace(client=client, credential=credential,
                          of=lambda app: client(credential(secret_of(app))))
    for one in reversed(made):
        one.close()
    loop.close()


def test_the_installed_packages_are_those_of_the_kept_table():
    assert {name: installed(name) for name in KEPT["packages"]} == KEPT["packages"]


@pytest.mark.parametrize("variables,make", [way[2:] for way in CHOSEN],
                         ids=[f"https, bearer token of a {way[0]}" for way in CHOSEN])
def test_send_with_it(entra, monkeypatch, variables, make):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    to = someone()
    assert_sent(entra.client(entra.credential(make)).send(FROM, to, "x")[0], to)


def test_all_the_kinds_are_there():
    assert len(CHOSEN) == len(KINDS)


@pytest.mark.parametrize("app", [SCENE.outsider, SCENE.reader], ids=["no role", "a reader of the management API"])
def test_without_a_role_for_it_a_message_is_refused_with_403(entra, app):
    refused(lambda: entra.of(app).send(FROM, someone(), "x"), 403, ".")


def test_a_managed_identity_without_a_role_is_refused_with_403(entra, monkeypatch):
    for name, value in app_service(SCENE.idle).items():
        monkeypatch.setenv(name, value)
    refused(lambda: entra.client(entra.credential(managed())).send(FROM, someone(), "x"), 403, ".")


def test_the_role_of_a_sender_counts_from_the_next_request_on_and_so_does_its_end(entra):
    client, to = entra.of(SCENE.changing), someone()
    refused(lambda: client.send(FROM, to, "x"), 403, ".")
    give_role(SCENE.changing.name, "Callgate SMS Sender")
    assert_sent(client.send(FROM, to, "x")[0], to)
    take_role(SCENE.changing.name, "Callgate SMS Sender")
    refused(lambda: client.send(FROM, to, "x"), 403, ".")


def test_the_role_of_a_reader_of_data_does_not_send(entra):
    give_role(SCENE.outsider.name, "Callgate Reader")
    try:
        refused(lambda: entra.of(SCENE.outsider).send(FROM, someone(), "x"), 403, ".")
    finally:
        take_role(SCENE.outsider.name, "Callgate Reader")


def test_over_plain_http_the_sdk_sends_no_token(entra):
    client = entra.client(entra.credential(secret_of(SCENE.worker)), os.environ["CALLGATE_HTTP_ENDPOINT"])
    with pytest.raises(ServiceRequestError, match="not permitted for non-TLS"):
        client.send(FROM, someone(), "x")
