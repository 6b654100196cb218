"""Repeatable sends: an id that comes again sends nothing twice (sms §2.4)."""

import concurrent.futures
import time
import uuid
from email.utils import formatdate

import pytest
from sms import SOMEBODY, VERSIONS, final_report, message, once, path, report_of, send, signed_at, until

DATE_TEXT = ("Request sent with Invalid DateTime value for repeatability-first-sent. "
             "Expected is DateTime ,RFC1123 pattern.")
REJECTED = {"httpStatusCode": 400, "repeatabilityResult": "rejected", "successful": False}


def rejected(item):
    assert {k: item[k] for k in REJECTED} == REJECTED and "messageId" not in item, item
    return item["errorMessage"]


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_again(server, version):
    body = message(once())
    first, second = (server.signed("POST", path(version=version), body) for _ in range(2))
    assert first.status == second.status == 202
    assert first.json() == second.json()
    assert first.json()["value"][0]["repeatabilityResult"] == "accepted"


def test_case_of_the_id_is_nothing(server):
    recipient = once()
    upper = {**recipient, "repeatabilityRequestId": recipient["repeatabilityRequestId"].upper()}
    assert send(server, recipient) == send(server, upper)


def test_the_date_may_differ(server):
    recipient = once()
    later = {**recipient, "repeatabilityFirstSent": formatdate(time.time() + 30, usegmt=True)}
    assert send(server, recipient) == send(server, later)


@pytest.mark.parametrize("change", [{"text": "other"}, {"sender": "+18005550101"}, {"tag": "other"}, {"report": False},
                                    {"deliveryReportTimeoutInSeconds": 77}])
def test_other_content(server, change):
    recipient = once()
    first, = send(server, recipient)
    assert "used before" in rejected(send(server, recipient, **change)[0])
    assert send(server, recipient)[0] == first


@pytest.mark.parametrize("change", [
    {"partner": "p", "partnerParams": {"ApiKey": "k2", "Campaign": "c"}}, {"partner": "p", "partnerParams": {"ApiKey": "k"}},
    {"partner": "q", "partnerParams": {"ApiKey": "k", "Campaign": "c"}}, {"partner": "p", "apiKey": "k"}, None])
def test_other_words_to_the_partner(server, change):
    recipient = once()
    first, = send(server, recipient, messagingConnect={"partner": "p", "partnerParams": {"ApiKey": "k", "Campaign": "c"}})
    assert "used before" in rejected(send(server, recipient, messagingConnect=change)[0])
    same = {"partnerParams": {"Campaign": "c", "ApiKey": "k"}, "partner": "p"}
    assert send(server, recipient, messagingConnect=same)[0] == first, "the order of members is nothing"


def test_another_key_for_the_partner(server):
    recipient = once()
    first, = send(server, recipient, messagingConnect={"partner": "p", "apiKey": "k"})
    rejected(send(server, recipient, messagingConnect={"partner": "p", "apiKey": "k2"})[0])
    assert send(server, recipient, messagingConnect={"partner": "p", "apiKey": "k"})[0] == first


def test_other_recipient(server):
    recipient = once()
    send(server, recipient)
    rejected(send(server, {**recipient, "to": "+14255550199"})[0])


def test_resources_have_ids_of_their_own(server):
    other = server.new_resource(f"r{uuid.uuid4().hex[:8]}")
    body = message(once())
    mine = server.signed("POST", path(), body).json()["value"][0]
    theirs = server.signed("POST", path(), body, key=other.primary, host=other.host(server.http_port)).json()["value"][0]
    assert theirs["successful"] and mine["messageId"] != theirs["messageId"]


def test_within_one_request(server):
    recipient = once()
    same, again, other = send(server, recipient, recipient, {**recipient, "to": "+14255550199"})
    assert same == again and same["successful"]
    rejected(other)


def test_only_new_ones_are_sent(server):
    old = once()
    first, = send(server, old)
    again, new = send(server, old, once("+14255550124"))
    assert again == first and new["successful"] and new["messageId"] != first["messageId"]


@pytest.mark.parametrize("members, text", [
    ({"repeatabilityFirstSent": None}, DATE_TEXT), ({"repeatabilityFirstSent": "yesterday"}, DATE_TEXT),
    ({"repeatabilityFirstSent": "2026-11-23T13:27:15Z"}, DATE_TEXT), ({"repeatabilityFirstSent": 5}, DATE_TEXT),
    ({"repeatabilityRequestId": "x"}, "Invalid repeatability-request-id."),
    ({"repeatabilityRequestId": None}, "Invalid repeatability-request-id."),
    ({"repeatabilityRequestId": 5}, "Invalid repeatability-request-id.")])
def test_malformed(server, members, text):
    assert rejected(send(server, once(**members))[0]) == text


@pytest.mark.parametrize("age, accepted", [(24 * 3600 - 60, True), (24 * 3600 + 60, False), (-240, True), (-360, False)])
def test_window(server, age, accepted):
    item, = send(server, once(repeatabilityFirstSent=formatdate(time.time() - age, usegmt=True)))
    assert item["successful"] is accepted
    if not accepted:
        rejected(item)


def test_a_bad_number_has_no_result(server):
    item, = send(server, once("+123"))
    assert item["httpStatusCode"] == 400 and "repeatabilityResult" not in item


def test_at_the_same_time(server):
    body = message(*(once(f"+1425555{i:04}") for i in range(20)))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.signed("POST", path(), body), range(48)))
    assert {a.status for a in answers} == {202}
    assert all(a.body == answers[0].body for a in answers)
    assert all(i["successful"] for i in answers[0].json()["value"])


def test_at_the_same_time_and_partly(server):
    """Requests that share some ids, in either order."""
    shared = [once(f"+1425555{i:04}") for i in range(10)]

    def one(i):
        own = [once(f"+1425556{i:04}")]
        recipients = shared + own if i % 2 else own + shared[::-1]
        return send(server, *recipients)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(32)))
    ids = [{i["to"]: i["messageId"] for i in items} for items in answers]
    for recipient in shared:
        assert len({one[recipient["to"]] for one in ids}) == 1
    assert len({i for one in ids for i in one.values()}) == 10 + 32


def test_across_a_crash(fresh_server):
    server = fresh_server()
    body = message(once())
    first = server.signed("POST", path(), body).json()
    server.kill()
    server.start()
    assert server.signed("POST", path(), body).json() == first
    final_report(server, first["value"][0]["messageId"])


def test_forgotten_after_a_day(fresh_server):
    """A replay after the window is refused; the id itself may be used anew."""
    server = fresh_server()
    recipient = once()
    first, = send(server, recipient)
    until(lambda: report_of(server, first["messageId"]).status == 200)
    assert server.admin("PUT", "/admin/clock", {"advance": "25h"}).status == 200
    later = 25 * 3600
    assert rejected(signed_at(server, later, "POST", path(), message(recipient)).json()["value"][0])
    fresh = {**recipient, "repeatabilityFirstSent": formatdate(time.time() + later, usegmt=True)}
    again, = signed_at(server, later, "POST", path(), message(fresh)).json()["value"]
    assert again["successful"] and again["messageId"] != first["messageId"]


def test_other_recipients_of_a_replay(server):
    """The recipient's own way of writing the number is told back."""
    recipient = once()
    assert send(server, recipient)[0]["to"] == SOMEBODY == send(server, recipient)[0]["to"]
