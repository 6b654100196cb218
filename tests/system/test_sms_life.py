"""The life of a message: reports, the simulation's rules, deadlines, crashes, limits (sms §3, §4, §7)."""

import re
import signal

import pytest
from sms import (NEWEST, SENDER, SOMEBODY, final_report, message, once, path, report_of, send, sent_id, signed_at,
                 until)
from sms_wire import set_sender

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FAILURES = (4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4010, 4020, 5000, 5001, 5002, 9999)
SILENT = "+19995550000"


def not_there(answer):
    assert answer.status == 404, answer
    body = answer.json()
    assert list(body) == ["type", "title", "status", "traceId"] and body["status"] == 404
    assert body["type"] == "https://tools.ietf.org/html/rfc9110#section-15.5.5" and body["title"] == "Not Found"


# -- reports --


def test_delivered(server):
    id = sent_id(server, tag="mine", text="x" * 161)
    found = final_report(server, id)
    assert list(found) == ["deliveryStatus", "deliveryStatusDetails", "deliveryAttempts", "receivedTimestamp", "tag",
                           "messageId", "from", "to"]
    assert found["deliveryStatus"] == "Delivered" and found["deliveryStatusDetails"] == "2000: No Error"
    attempt, = found["deliveryAttempts"]
    assert attempt["segmentsSucceeded"] == 2 and attempt["segmentsFailed"] == 0
    assert TIME.fullmatch(attempt["timestamp"]) and TIME.fullmatch(found["receivedTimestamp"])
    assert (found["messageId"], found["from"], found["to"], found["tag"]) == (id, SENDER, SOMEBODY, "mine")


@pytest.mark.parametrize("code", FAILURES)
def test_failed(server, code):
    found = final_report(server, sent_id(server, f"+1999555{code}"))
    assert found["deliveryStatus"] == "Failed" and found["deliveryStatusDetails"].startswith(f"{code}: ")
    attempt, = found["deliveryAttempts"]
    assert (attempt["segmentsSucceeded"], attempt["segmentsFailed"]) == (0, 1)
    assert "tag" not in found


def test_two_attempts(server):
    found = final_report(server, sent_id(server, "+19995550001"))
    assert found["deliveryStatus"] == "Delivered"
    last, first = found["deliveryAttempts"]
    assert (first["segmentsSucceeded"], first["segmentsFailed"]) == (0, 1)
    assert (last["segmentsSucceeded"], last["segmentsFailed"]) == (1, 0)
    assert first["timestamp"] <= last["timestamp"]


def test_pending(server):
    id = sent_id(server, SILENT)
    not_there(report_of(server, id))
    not_there(report_of(server, id, "2025-09-17"))
    pending = report_of(server, id, "2025-08-01-preview")
    assert pending.status == 200
    assert pending.json() == {"deliveryStatus": "Pending", "messageId": id, "from": SENDER, "to": SILENT}


def test_not_asked_for(server):
    quiet, loud = sent_id(server, report=False), sent_id(server)
    final_report(server, loud)
    until(lambda: report_of(server, quiet).status == 404)
    not_there(report_of(server, quiet, "2025-08-01-preview"))


@pytest.mark.parametrize("id", ["x", "Outgoing_", "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32_noam",
                                "Incoming_20210304075704febb52e0-3641-4622-8491-1d08a6358a32", "Outgoing_%2F", "%00"])
def test_strange_ids(server, id):
    answer = report_of(server, id)
    assert answer.status in (400, 404)


def test_region_in_the_id(server):
    id = sent_id(server)
    final_report(server, id)
    assert report_of(server, id + "_noam").json()["messageId"] == id


def test_reports_of_others(server):
    id = sent_id(server)
    final_report(server, id)
    other = server.new_resource("reports-of-others")
    not_there(server.signed("GET", path(f"/deliveryReports/{id}"), key=other.primary, host=other.host(server.http_port)))


def test_legacy_details(fresh_server):
    server = fresh_server("--sms-details-style", "legacy", "--sms-sim-delay", "0s")
    assert final_report(server, sent_id(server))["deliveryStatusDetails"] == "No error."
    assert final_report(server, sent_id(server, "+19995554004"))["deliveryStatusDetails"].startswith("4004: ")


# -- before it is taken --


@pytest.mark.parametrize("number, status, text", [
    ("+19995550400", 400, "Invalid To phone number format."), ("+19995550500", 500, "Internal Server Error"),
    ("+19995550503", 503, "ServiceUnavailable")])
def test_simulated_items(server, number, status, text):
    item, other = send(server, number, SOMEBODY)
    assert item == {"to": number, "httpStatusCode": status, "errorMessage": text, "successful": False}
    assert other["successful"]


def test_simulated_throttle(server):
    body = message(once("+19995550429"))
    first, second, third = (server.signed("POST", path(), body) for _ in range(3))
    assert first.status == 429 and first.headers["Retry-After"] == "1"
    assert first.json()["error"]["code"] == "TooManyRequests"
    assert second.status == 202 and second.json()["value"][0]["successful"]
    assert third.json() == second.json(), "what was sent is no new request"


def test_queue_full(fresh_server):
    server = fresh_server("--sms-queue-max", "2")
    again = once(SILENT)
    items = send(server, SILENT, again)
    assert all(i["successful"] for i in items)
    assert send(server, again)[0] == items[1], "what was accepted stays accepted"
    item, = send(server)
    assert item["httpStatusCode"] == 503 and item["errorMessage"] == "ServiceUnavailable"
    server.kill()
    server.start()
    assert send(server)[0]["httpStatusCode"] == 503


def test_documented_rates(fresh_server):
    """An alphanumeric sender has 600 segments a minute; others have their own."""
    server = fresh_server("--sms-rates", "on")
    long = "x" * 2048  # 14 segments
    send(server, *[SOMEBODY] * 43, sender="Contoso", text=long)
    answer = server.signed("POST", path(), message(sender="Contoso"))
    assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.json()["error"]["code"] == "TooManyRequests"
    assert send(server, sender="Fabrikam")[0]["successful"]
    assert server.admin("PUT", "/admin/clock", {"advance": "61s"}).status == 200
    assert signed_at(server, 61, "POST", path(), message(sender="Contoso")).status == 202


def test_a_replay_is_not_limited(fresh_server):
    """What is answered again, and not sent again, is no part of the minute's share."""
    server = fresh_server("--sms-senders", "list")
    set_sender(server, "Contoso", ratePerMinute=2)
    first, second = message(once(), sender="Contoso"), message(once(), sender="Contoso")
    items = server.signed("POST", path(), first).json()
    assert all(server.signed("POST", path(), first).json() == items for _ in range(5))
    assert server.signed("POST", path(), second).status == 202, "five repeats took no share"
    assert server.signed("POST", path(), message(once(), sender="Contoso")).status == 429
    assert server.signed("POST", path(), first).json() == items
    mixed = message(*first["smsRecipients"], once(), sender="Contoso")
    assert server.signed("POST", path(), mixed).status == 429, "one of them is new"


# -- time --


def test_no_report_in_time(fresh_server):
    server = fresh_server()
    short, long = sent_id(server, SILENT, deliveryReportTimeoutInSeconds=60), sent_id(server, SILENT)
    assert server.admin("PUT", "/admin/clock", {"advance": "61s"}).status == 200

    def report(id, later):
        answer = signed_at(server, later, "GET", path(f"/deliveryReports/{id}"))
        return answer.status == 200 and answer.json()

    assert until(lambda: report(short, 61))["deliveryStatusDetails"].startswith("5002: ")
    assert not report(long, 61)
    assert server.admin("PUT", "/admin/clock", {"advance": "5h"}).status == 200
    found = until(lambda: report(long, 61 + 5 * 3600))
    assert found["deliveryStatus"] == "Failed" and found["deliveryStatusDetails"].startswith("5002: ")


def test_retention(fresh_server):
    server = fresh_server("--sms-keep", "60s")
    id = sent_id(server)
    final_report(server, id)
    open_one = sent_id(server, SILENT)
    assert report_of(server, id).status == 200

    def shown(id):
        return server.admin("GET", f"/admin/sms/messages/{id}").status

    def advance(seconds):
        assert server.admin("PUT", "/admin/clock", {"advance": f"{seconds}s"}).status == 200

    advance(40)
    last = signed_at(server, 40, "POST", path(), message()).json()["value"][0]["messageId"]
    until(lambda: signed_at(server, 40, "GET", path(f"/deliveryReports/{last}")).status == 200)
    assert shown(id) == 200, "not yet"
    advance(30)
    until(lambda: shown(id) == 404)
    assert signed_at(server, 70, "GET", path(f"/deliveryReports/{id}")).status == 404
    assert shown(last) == 200 and shown(open_one) == 200, "what is younger, or has not ended, stays"
    assert server.admin("GET", "/admin/sms/messages").json()["value"][-1]["messageId"] == open_one


# -- crashes --


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_restart_with_open_messages(fresh_server, how):
    server = fresh_server("--sms-sim-delay", "2s")
    ids = [i["messageId"] for i in send(server, *[SOMEBODY] * 50)]
    getattr(server, how)()
    server.start()
    for id in ids:
        assert final_report(server, id)["deliveryStatus"] == "Delivered"


def test_many(server):
    ids = [i["messageId"] for _ in range(10) for i in send(server, *[SOMEBODY] * 100)]
    for id in ids:
        assert len(final_report(server, id)["deliveryAttempts"]) == 1


def test_waits_for_its_transport(fresh_server):
    """A transport that is not there: the message waits, over a restart too, until its deadline."""
    server = fresh_server("--sms-transport", "nowhere")
    id = sent_id(server, deliveryReportTimeoutInSeconds=60)
    server.kill()
    server.start()
    assert report_of(server, id, "2025-08-01-preview").json()["deliveryStatus"] == "Pending"
    assert server.admin("PUT", "/admin/clock", {"advance": "61s"}).status == 200
    found = until(lambda: (a := signed_at(server, 61, "GET", path(f"/deliveryReports/{id}", NEWEST))).status == 200
                  and a.json())
    assert found["deliveryStatusDetails"].startswith("5002: ")


def test_a_reload_counts_no_message_twice(fresh_server):
    server = fresh_server("--sms-transport=later")  # that is never there
    sent_id(server)
    before = server.log().count("server.reloaded")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: server.log().count("server.reloaded") > before)
    assert "\ncallgate_sms_open 1\n" in server.admin("GET", "/metrics").body.decode()
    server.stop()
    server.start()
    assert "\ncallgate_sms_open 1\n" in server.admin("GET", "/metrics").body.decode()
