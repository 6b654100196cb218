"""Opt-outs: added, removed, checked, obeyed; STOP by a simulated recipient (sms §2.7, §4.4)."""

import pytest
from sms import (NEWEST, SENDER, final_report, is_opted_out, message, once, optouts, path, report_of, send, sent_id,
                 until)
from test_sms import error_of, problems_of

VERSIONS = ("2024-12-10-preview", "2025-05-29-preview", "2025-08-01-preview", "2025-09-17", "2026-01-23")
BAD_NUMBER = "Invalid recipient phone number format"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", ["/sms/optouts:{}", "/sms/optouts%3A{}", "/sms/optouts/:{}", "/SMS/OptOuts:{}"])
def test_add_check_remove(server, version, form):
    number = "+14255550150"
    body = {"from": SENDER, "recipients": [{"to": number}]}

    def call(what):
        answer = server.signed("POST", path(form.format(what), version), body)
        assert answer.status == 200, answer
        assert list(answer.json()) == ["value"]
        return answer.json()["value"][0]

    assert call("add") == call("add") == {"to": number, "httpStatusCode": 200}
    assert call("check") == {"to": number, "httpStatusCode": 200, "isOptedOut": True}
    assert call("remove") == call("remove") == {"to": number, "httpStatusCode": 200}
    assert call("check") == {"to": number, "httpStatusCode": 200, "isOptedOut": False}


def test_mixed_and_twice(server):
    good, bad, twice = optouts(server, "add", "+14255550151", "+123", "+14255550151").json()["value"]
    assert good == twice == {"to": "+14255550151", "httpStatusCode": 200}
    assert bad == {"to": "+123", "httpStatusCode": 400, "errorMessage": BAD_NUMBER}
    checked = optouts(server, "check", "+123", "+14255550151").json()["value"]
    assert checked == [{"to": "+123", "httpStatusCode": 400, "errorMessage": BAD_NUMBER},
                       {"to": "+14255550151", "httpStatusCode": 200, "isOptedOut": True}]


@pytest.mark.parametrize("what", ["add", "remove", "check"])
def test_all_invalid(server, what):
    error_of(optouts(server, what, "+123", "x"), 400, "InvalidInput")


@pytest.mark.parametrize("what", ["add", "remove", "check"])
@pytest.mark.parametrize("body, members", [
    ({"recipients": [{"to": "+14255550150"}]}, ["From"]), ({"from": "", "recipients": [{"to": "+14255550150"}]}, ["From"]),
    ({"from": SENDER}, ["Recipients"]), ({"from": SENDER, "recipients": []}, ["Recipients"]),
    ({"from": SENDER, "recipients": [{"to": ""}]}, ["Recipients"]), ({"from": SENDER, "recipients": [5]}, ["Recipients"]),
    ({"from": SENDER, "recipients": [{"to": "+14255550150"}] * 101}, ["Recipients"]), ({}, ["From", "Recipients"])])
def test_bodies(server, what, body, members):
    for version in ("2024-12-10-preview", NEWEST):
        assert list(problems_of(server.signed("POST", path(f"/sms/optouts:{what}", version), body), version)) == members


@pytest.mark.parametrize("what", ["add", "remove", "check"])
def test_sender_of_nobody(fresh_server, what):
    server = fresh_server("--sms-senders", "list")
    error_of(optouts(server, what, "+14255550150"), 401, "Unauthorized")


def test_obeyed_at_once(server):
    number = "+14255550152"
    assert optouts(server, "add", number).status == 200
    id = sent_id(server, number)
    report = report_of(server, id).json()
    assert report["deliveryStatus"] == "Failed"
    assert report["deliveryStatusDetails"] == "4007: Sender blocked for given recipient."
    assert report["deliveryAttempts"][0]["segmentsFailed"] == 1
    assert optouts(server, "remove", number).status == 200
    assert final_report(server, sent_id(server, number))["deliveryStatus"] == "Delivered"


def test_lists_are_the_senders_own(server):
    number = "+14255550153"
    optouts(server, "add", number)
    assert not is_opted_out(server, number, "+18005550199")
    assert final_report(server, sent_id(server, number, sender="+18005550199"))["deliveryStatus"] == "Delivered"
    other = server.new_resource("other-optouts")
    answer = server.signed("POST", path("/sms/optouts:check"), {"from": SENDER, "recipients": [{"to": number}]},
                           key=other.primary, host=other.host(server.http_port))
    assert answer.json()["value"][0]["isOptedOut"] is False


def test_names_are_not_bound(server):
    number = "+14255550154"
    assert optouts(server, "add", number, sender="Contoso").status == 200
    assert is_opted_out(server, number, "Contoso")
    assert final_report(server, sent_id(server, number, sender="Contoso"))["deliveryStatus"] == "Delivered"


def test_outlives_a_crash(fresh_server):
    server = fresh_server()
    optouts(server, "add", "+14255550155")
    server.kill()
    server.start()
    assert is_opted_out(server, "+14255550155")


def test_stop_comes_back(server):
    number, sender = "+19995557867", "+18005550177"
    optouts(server, "remove", number, sender=sender)
    assert final_report(server, sent_id(server, number, sender=sender))["deliveryStatus"] == "Delivered"
    until(lambda: is_opted_out(server, number, sender))
    report = report_of(server, sent_id(server, number, sender=sender)).json()
    assert report["deliveryStatusDetails"].startswith("4007: ")
    optouts(server, "remove", number, sender=sender)


def test_mixed_send(server):
    optouts(server, "add", "+14255550156")
    blocked, free = send(server, "+14255550156", "+14255550157")
    assert blocked["successful"] and free["successful"]
    assert report_of(server, blocked["messageId"]).json()["deliveryStatus"] == "Failed"
    assert final_report(server, free["messageId"])["deliveryStatus"] == "Delivered"


def test_replay_of_a_blocked_one(server):
    """What was accepted stays accepted, and is not judged again."""
    number = "+14255550158"
    optouts(server, "add", number)
    body = message(once(number))
    first = server.signed("POST", path(), body).json()
    optouts(server, "remove", number)
    assert server.signed("POST", path(), body).json() == first
    assert report_of(server, first["value"][0]["messageId"]).json()["deliveryStatus"] == "Failed"
