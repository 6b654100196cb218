"""Webhooks by TLS: nothing is told to a server whose certificate does not prove who it is."""

import ssl
import time

import pytest
import webhook
from cryptography import x509
from oidc_issuer import Authority
from sms import sent_id
from subscribing import CLOUD, GRID, advance, error, eventually, listed, noted, put, settled, subscribe, tried_again
from test_event_deliveries import NOW
from webhook import Webhook

PRODUCTION = "--mode", "production", "--tls-local-ca"


@pytest.fixture
def hook():
    with Webhook(secure=True) as one:
        yield one


@pytest.fixture
def trusting(fresh_server, hook):
    """Takes the hook's authority, as the operator says."""
    return fresh_server(*NOW, "--events-ca-file", hook.ca_file)


# What a certificate may lack, as functions of the right authority and of a folder for another one.
BAD = {
    "of an unknown authority": lambda ours, folder: Authority(folder).issue(),
    "of one that took the name of ours": lambda ours, folder: Authority(folder, ours.name).issue(),
    "for another name": lambda ours, folder: ours.issue("other.pem", names=[x509.DNSName("other.test")]),
    "for a part of the name": lambda ours, folder: ours.issue("part.pem", names=[x509.DNSName("local")]),
    "expired": lambda ours, folder: ours.issue("old.pem", days=(-10, -1)),
    "not valid yet": lambda ours, folder: ours.issue("new.pem", days=(1, 10)),
}


def agree_and_leave(handler, got):
    webhook.agree(handler, got)
    handler.close_connection = True


# -- who is trusted --


@pytest.mark.parametrize("schema", [GRID, CLOUD])
def test_an_authority_of_the_operator_is_trusted(trusting, hook, schema):
    subscribe(trusting, "trusted", hook, schema=schema)
    id = sent_id(trusting)
    (got,) = hook.wait(1)
    assert got.events()[0]["id"] == id
    eventually(trusting, "trusted", "Delivered")
    assert not hook.refused


def test_an_authority_that_nobody_named_is_not_trusted(fresh_server, hook):
    """In development neither."""
    server = fresh_server()
    put(server, "nobody", hook.url)
    found = tried_again(server, "nobody")
    assert "certificate" in found["lastError"], found
    assert not hook.requests and len(hook.refused) == 3


@pytest.mark.parametrize("schema", [GRID, CLOUD])
@pytest.mark.parametrize("what", BAD)
def test_no_consent_is_asked_of_a_stranger(trusting, hook, tmp_path, what, schema):
    hook.present(BAD[what](hook.authority, tmp_path))
    put(trusting, "stranger", hook.url + "?code=hush", schema=schema, headers={"Authorization": "Bearer hush"})
    found = tried_again(trusting, "stranger")
    assert found["provisioningState"] == "Failed" and "not reached" in found["lastError"], found
    assert not hook.requests, "neither the code nor the header was told"
    hook.present(hook.authority.issue())
    subscribe(trusting, "stranger", hook, schema=schema)


@pytest.mark.parametrize("what", BAD)
def test_no_event_goes_to_a_stranger(trusting, hook, tmp_path, what):
    """The certificate was good when the endpoint consented; the event waits until it is good again."""
    hook.handshake = agree_and_leave
    subscribe(trusting, "changed", hook)
    hook.present(BAD[what](hook.authority, tmp_path))
    id = sent_id(trusting)
    item = noted(trusting, "changed", 1)
    assert (item["state"], item["lastOutcome"]) == ("Pending", "TlsError")
    assert hook.of() == []
    hook.present(hook.authority.issue())
    advance(trusting, "11s")
    assert [event["id"] for event in hook.wait(1)[0].events()] == [id]
    assert eventually(trusting, "changed", "Delivered")[0]["attempts"] == 2


def test_old_versions_of_tls_are_not_spoken(trusting, hook):
    hook.present(hook.authority.issue(), minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    put(trusting, "old", hook.url)
    assert tried_again(trusting, "old")["provisioningState"] == "Failed"
    assert not hook.requests and len(hook.refused) == 3


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_versions_of_tls_are(trusting, hook, version):
    hook.present(hook.authority.issue(), minimum_version=version, maximum_version=version)
    subscribe(trusting, "new", hook)


def test_a_server_that_does_not_speak_tls_is_not_spoken_to(trusting):
    with Webhook() as plain:
        put(trusting, "plain", plain.url.replace("http:", "https:") + "?code=hush")
        assert tried_again(trusting, "plain")["provisioningState"] == "Failed"
        assert not plain.requests


# -- plain HTTP --


def test_production_takes_plain_http_from_no_one_unnamed(fresh_server, hook):
    server = fresh_server(*NOW, *PRODUCTION)
    with Webhook() as plain:
        for url in (plain.url, plain.url.replace("localhost", "127.0.0.1"), "http://app.example/events"):
            error(put(server, "plain", url), 400, "ValidationError", "events.allowed_hosts", "$.endpoint")
        assert not plain.requests


def test_production_takes_plain_http_and_tls_from_whom_the_operator_names(fresh_server, hook):
    server = fresh_server(*NOW, *PRODUCTION, "--events-allowed-hosts", "localhost", "--events-ca-file", hook.ca_file,
                          "--sms-senders", "any")
    with Webhook() as plain:
        for name, one in (("plain", plain), ("secure", hook)):
            subscribe(server, name, one)
        id = sent_id(server)
        for one in (plain, hook):
            assert one.wait(1)[0].events()[0]["id"] == id


def test_a_named_host_still_needs_a_good_certificate(fresh_server, hook, tmp_path):
    server = fresh_server(*NOW, *PRODUCTION, "--events-allowed-hosts", "localhost", "--events-ca-file", hook.ca_file)
    hook.present(BAD["expired"](hook.authority, tmp_path))
    put(server, "expired", hook.url)
    deadline = time.monotonic() + 60
    while (found := settled(server, "expired", "Creating", "Failed"))["provisioningState"] == "Creating":
        assert time.monotonic() < deadline, found  # in production nobody moves the clock: three tries, 5 s apart
        time.sleep(0.2)
    assert not hook.requests and len(hook.refused) == 3


def test_development_takes_plain_http(fresh_server):
    server = fresh_server(*NOW)
    with Webhook() as plain:
        subscribe(server, "plain", plain)
        assert plain.wait(1, webhook.VALIDATION)
        id = sent_id(server)
        assert plain.wait(1)[0].events()[0]["id"] == id
