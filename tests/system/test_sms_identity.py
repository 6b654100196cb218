"""Text messages by managed identity: what each role opens, from the next request on (managed identity §3.4; sms §2.6)."""

import json

import pytest
from callgate_server import Server
from fixtures import well_ended
from wire import Wire, head

VERSION = "?api-version=2026-01-23"
FROM, TO = "+14255550100", "+12065550101"
MESSAGE = {"from": FROM, "smsRecipients": [{"to": TO}], "message": "x",
           "smsSendOptions": {"enableDeliveryReport": True}}
LIST = {"from": FROM, "recipients": [{"to": TO}]}
AUDIENCE = "https://communication.azure.com/"
WRITES = {"send": ("/sms", MESSAGE, 202), "add": ("/sms/optouts:add", LIST, 200), "remove": ("/sms/optouts:remove", LIST, 200)}
READS = {"check": ("/sms/optouts:check", LIST, 200), "report": ("/deliveryReports/{}", None, 200)}
EVERYTHING = {**WRITES, **READS}
ACTION = "Microsoft.Communication/CommunicationServices/sms/{}/action"


@pytest.fixture(scope="module")
def server():
    """With the door that a virtual machine's metadata service has."""
    running = Server("--imds", "127.0.0.1:0", "--sms-sim-delay=0s").start()
    yield running
    well_ended(running)


@pytest.fixture(scope="module")
def reported(server):
    """A message with a report, sent by key."""
    sent = server.signed("POST", "/sms" + VERSION, MESSAGE)
    assert sent.status == 202, sent
    return sent.json()["value"][0]["messageId"]


class Identity:
    """A managed identity, and what it gets by a token of the metadata service."""

    def __init__(self, server, name, role="none", **members):
        made = server.admin("POST", "/admin/identities", {"name": name, "role": role, **members})
        assert made.status == 201, made
        self.server, self.about = server, made.json()

    def token(self, audience=AUDIENCE):
        target = (f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={audience}"
                  f"&client_id={self.about['clientId']}")
        with Wire(self.server.imds_port) as wire:
            lines = {"Host": f"127.0.0.1:{self.server.imds_port}", "Metadata": "true"}
            answer = wire.send(head("GET", target, lines)).receive()
        assert answer.status == 200, answer
        return answer.json()["access_token"]

    def ask(self, what, message="", token=None):
        target, document, _ = EVERYTHING[what]
        method = "GET" if document is None else "POST"
        return self.server.bearer(method, target.format(message) + VERSION, token or self.token(), document, secure=True)

    def assign(self, role):
        made = self.server.admin("POST", "/admin/role-assignments", {"principal": self.about["objectId"], "role": role})
        assert made.status == 201, made
        return lambda: self.server.admin("DELETE", f"/admin/role-assignments/{made.json()['id']}")


def refused(answer, status, code):
    assert answer.status == status, answer
    error = answer.json()["error"]
    assert error["code"] == code and error["message"], error
    return answer


@pytest.mark.parametrize("what", EVERYTHING)
@pytest.mark.parametrize("role", ["Callgate SMS Sender", "Callgate Data Contributor", "Contributor", "Owner"])
def test_a_role_that_sends_opens_everything(server, reported, role, what):
    identity = Identity(server, f"all-{role.split()[-2:][0]}-{role.split()[-1]}-{what}".lower(), role)
    answer = identity.ask(what, reported)
    assert answer.status == EVERYTHING[what][2], answer


@pytest.mark.parametrize("what", READS)
def test_a_reader_of_data_reads(server, reported, what):
    answer = Identity(server, f"reads-{what}", "Callgate Reader").ask(what, reported)
    assert answer.status == READS[what][2], answer


@pytest.mark.parametrize("what", WRITES)
def test_a_reader_of_data_changes_nothing(server, what):
    answer = refused(Identity(server, f"writes-{what}", "Callgate Reader").ask(what), 403, "Forbidden")
    assert ACTION.format("write") in answer.headers["x-callgate-explain"]


@pytest.mark.parametrize("what", EVERYTHING)
@pytest.mark.parametrize("role", ["none", "Reader", "Callgate Token Issuer", "Callgate Identity Contributor"])
def test_other_roles_open_nothing(server, reported, role, what):
    name = f"other-{role.split()[-1]}-{what}".lower()
    answer = refused(Identity(server, name, role).ask(what, reported), 403, "Forbidden")
    assert ACTION.format("write" if what in WRITES else "read") in answer.headers["x-callgate-explain"]


def test_a_role_counts_from_the_next_request_on_and_so_does_its_end(server):
    identity = Identity(server, "changing")
    token = identity.token()
    refused(identity.ask("send", token=token), 403, "Forbidden")
    take = identity.assign("Callgate SMS Sender")
    assert identity.ask("send", token=token).status == 202
    assert take().status == 204
    refused(identity.ask("send", token=token), 403, "Forbidden")


def test_a_sender_of_messages_makes_no_users(server):
    token = Identity(server, "no-users", "Callgate SMS Sender").token()
    refused(server.bearer("POST", "/identities?api-version=2023-10-01", token, {}), 403, "Forbidden")


def test_a_role_at_another_resource_opens_nothing_here(server):
    other = server.new_resource("elsewhere")
    identity = Identity(server, "of-elsewhere")
    made = server.admin("POST", "/admin/role-assignments", {
        "principal": identity.about["objectId"], "role": "Callgate SMS Sender", "resource": other.name})
    assert made.status == 201, made
    refused(identity.ask("send"), 403, "Forbidden")
    headers = {"Host": other.host(server.http_port), "Authorization": f"Bearer {identity.token()}",
               "Content-Type": "application/json"}
    assert server.send("POST", "/sms" + VERSION, headers, json.dumps(MESSAGE).encode()).status == 202


def test_a_message_of_another_resource_is_not_found(server, reported):
    other = server.new_resource("nosy")
    identity = Identity(server, "of-nosy")
    server.admin("POST", "/admin/role-assignments", {
        "principal": identity.about["objectId"], "role": "Callgate SMS Sender", "resource": other.name})
    headers = {"Host": other.host(server.http_port), "Authorization": f"Bearer {identity.token()}"}
    assert server.send("GET", f"/deliveryReports/{reported}{VERSION}", headers).status == 404


@pytest.mark.parametrize("what", EVERYTHING)
def test_a_users_own_token_opens_nothing(server, reported, what):
    _, token = server.new_user()
    target, document, _ = EVERYTHING[what]
    method = "GET" if document is None else "POST"
    refused(server.bearer(method, target.format(reported) + VERSION, token, document, secure=True), 401, "Denied")


def test_a_token_for_the_management_api_opens_nothing(server):
    identity = Identity(server, "misled", "Owner")
    token = identity.token("https://management.azure.com/")
    refused(identity.ask("send", token=token), 401, "Denied")


def test_a_deleted_identity_sends_nothing(server):
    identity = Identity(server, "gone-sender", "Callgate SMS Sender")
    token = identity.token()
    assert identity.ask("send", token=token).status == 202
    assert server.admin("DELETE", "/admin/identities/gone-sender").status == 204
    refused(identity.ask("send", token=token), 401, "Denied")
