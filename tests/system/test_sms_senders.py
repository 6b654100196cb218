"""Senders of a resource's list: who may send, how much, what keywords do, and the events of it, octet by octet
(sms §3, §4, §5, §7)."""

import calendar
import json
import shlex
import time
import urllib.parse
import urllib.request

import pytest
from sms import (SOMEBODY, final_report, is_opted_out, message, once, optouts, path, report_of, sent_id, signed_at,
                 until)
from sms_wire import callback_url, received, set_sender, set_transport
from subscribing import CLOUD, PATH, REPORT, SMS, subscribe
from webhook import Webhook

CODE, TOLL_FREE, LONG = "12345", "+18005550100", "+14255550100"
SILENT, STOP, ECHO = "+19995550000", "+19995557867", "+19995553246"


@pytest.fixture(scope="module")
def listing():
    """Only those on the list may send, and messages end at once."""
    from callgate_server import Server
    from fixtures import well_ended
    one = Server("--sms-senders", "list", "--sms-sim-delay", "0s").start()
    yield one
    well_ended(one)


@pytest.fixture
def hook():
    with Webhook() as one:
        yield one


def comes_in(server, sender, to, text) -> str:
    answer = server.admin("POST", "/admin/sms/inbound", {"from": sender, "to": to, "message": text})
    assert answer.status == 202, answer
    return answer.json()["messageId"]


def sent_to(server, number) -> list[str]:
    """Texts that went out to a number, oldest first."""
    listed = server.admin("GET", f"/admin/sms/messages?direction=outbound&to={number.replace('+', '%2B')}")
    assert listed.status == 200, listed
    return [one["message"] for one in listed.json()["value"]][::-1]


def end_of(server, id) -> str:
    return final_report(server, id)["deliveryStatusDetails"]


# -- who may send --


def do_as_told(server, error: dict):
    command = shlex.split(error["message"][error["message"].index("callgate "):])
    assert server.cli(*command[1:]).returncode == 0, command


@pytest.mark.parametrize("sender", ["+14255550111", "54321", "Nobody", "Our shop"])
def test_a_stranger_is_told_who_it_is_and_what_to_do(listing, sender):
    answer = listing.signed("POST", path(), message(sender=sender))
    assert answer.status == 401, answer
    error = answer.json()["error"]
    assert error["code"] == "Unauthorized" and sender in error["message"]
    do_as_told(listing, error)
    assert listing.signed("POST", path(), message(sender=sender)).status == 202, "from the next request on"
    assert listing.admin("DELETE", f"/admin/sms/senders/{urllib.parse.quote(sender)}").status == 204
    assert listing.signed("POST", path(), message(sender=sender)).status == 401


def test_a_sender_is_its_resources_own(listing):
    set_sender(listing, "Mine")
    other = listing.new_resource("other-senders")

    def send():
        return listing.signed("POST", path(), message(sender="Mine"), key=other.primary,
                              host=other.host(listing.http_port))

    refused = send()
    assert refused.status == 401, refused
    answer = listing.signed("POST", path("/sms/optouts:add"), {"from": "Mine", "recipients": [{"to": SOMEBODY}]},
                            key=other.primary, host=other.host(listing.http_port))
    assert answer.status == 401, answer
    do_as_told(listing, refused.json()["error"])
    assert send().status == 202


@pytest.mark.parametrize("written", ["contoso ab", "CONTOSO AB"])
def test_a_name_is_meant_as_it_is_written(listing, written):
    """On a list, a name in another case is another sender."""
    set_sender(listing, "Contoso AB")
    assert listing.signed("POST", path(), message(sender="Contoso AB")).status == 202
    assert listing.signed("POST", path(), message(sender=written)).status == 401


# -- how much --


def test_a_senders_own_rate(fresh_server):
    server = fresh_server()
    set_sender(server, CODE, ratePerMinute=3)
    assert server.signed("POST", path(), message(SOMEBODY, "+14255550124", sender=CODE)).status == 202
    assert server.signed("POST", path(), message(sender=CODE, text="x" * 161)).status == 202, "it began within"
    answer = server.signed("POST", path(), message(sender=CODE))
    assert answer.status == 429 and answer.json()["error"]["code"] == "TooManyRequests", answer
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= 60
    assert server.signed("POST", path(), message(sender=TOLL_FREE)).status == 202, "others are not held up"
    assert len(sent_to(server, SOMEBODY)) == 3
    assert server.admin("PUT", "/admin/clock", {"advance": f"{wait}s"}).status == 200
    assert signed_at(server, wait, "POST", path(), message(sender=CODE)).status == 202
    set_sender(server, CODE, ratePerMinute=0)
    for _ in range(5):
        assert signed_at(server, wait, "POST", path(), message(sender=CODE)).status == 202, "0: no limit"


def test_the_refused_may_come_again_with_its_ids(fresh_server):
    server = fresh_server()
    set_sender(server, CODE, ratePerMinute=1)
    sent_id(server, sender=CODE)
    body = message(once(), sender=CODE)
    assert server.signed("POST", path(), body).status == 429
    assert server.admin("PUT", "/admin/clock", {"advance": "60s"}).status == 200
    item, = signed_at(server, 60, "POST", path(), body).json()["value"]
    assert item["successful"] and item["repeatabilityResult"] == "accepted"


# -- keywords --


def test_configured_replies(listing):
    phone = "+14255551001"
    set_sender(listing, CODE, replies={"stop": "You are out.", "start": "Welcome back.", "help": "Call us: 4255550100"})
    told = []

    def says(text, reply):
        comes_in(listing, phone, CODE, text)
        told.extend([reply] if reply else [])
        until(lambda: sent_to(listing, phone) == told)

    says("Help", "Call us: 4255550100")
    assert not is_opted_out(listing, phone, CODE)
    says(" stop\r\n", "You are out.")
    assert is_opted_out(listing, phone, CODE)
    says("STOPALL", None)
    says("HELP", "Call us: 4255550100")  # replies are no matter of the opt-out
    assert end_of(listing, sent_id(listing, phone, sender=CODE, text="news")).startswith("4007: ")
    told.append("news")
    says("unstop", "Welcome back.")
    assert not is_opted_out(listing, phone, CODE)
    assert end_of(listing, sent_id(listing, phone, sender=CODE, text="more")) == "2000: No Error"
    told.append("more")
    says("please STOP", None)
    assert not is_opted_out(listing, phone, CODE)


def test_no_reply_is_made_up(listing):
    """Toll-free confirmations are the carrier's."""
    phone = "+14255551002"
    set_sender(listing, TOLL_FREE)
    for text in ("STOP", "HELP", "START"):
        comes_in(listing, phone, TOLL_FREE, text)
    assert not is_opted_out(listing, phone, TOLL_FREE)
    assert end_of(listing, sent_id(listing, phone, sender=TOLL_FREE, text="only this")) == "2000: No Error"
    assert sent_to(listing, phone) == ["only this"]


def test_a_sender_that_relays_alone(listing, hook):
    """Short codes of Canada and the United Kingdom: keywords are told, and do nothing."""
    phone = "+447700900123"
    set_sender(listing, "78787", enforceOptOut=False, replies={"stop": "never sent"})
    subscribe(listing, "relay", hook, includedEventTypes=[SMS])
    id = comes_in(listing, phone, "78787", "STOP")
    (event,) = hook.wait(1)[0].events()
    assert event["id"] == id and event["data"]["message"] == "STOP"
    assert not is_opted_out(listing, phone, "78787")
    assert optouts(listing, "add", phone, sender="78787").status == 200
    assert end_of(listing, sent_id(listing, phone, sender="78787", text="goes out")) == "2000: No Error"
    assert sent_to(listing, phone) == ["goes out"]
    listing.signed("DELETE", f"{PATH}/relay")


def test_what_comes_in_for_nobody_is_acknowledged_and_logged(listing):
    set_transport(listing, "kan", "kannel", url="http://127.0.0.1:1/cgi-bin/sendsms", username="u", password="p")
    to, text = "14255559998", b"for nobody"
    target = f"{callback_url(listing, 'kan')}/inbound?from=%2B14255550123&to=%2B{to}"
    with urllib.request.urlopen(target, text, timeout=60) as answer:
        assert answer.status == 200, "else it would come for ever"
    until(lambda: "sms.inbound_dropped" in listing.log() and "number_of_nobody" in listing.log())
    assert to not in listing.log() and text.decode() not in listing.log()


def test_names_enforce_no_list_and_receive_nothing(listing):
    set_sender(listing, "Contoso")
    assert optouts(listing, "add", "+14255551003", sender="Contoso").status == 200
    assert end_of(listing, sent_id(listing, "+14255551003", sender="Contoso")) == "2000: No Error"
    assert end_of(listing, sent_id(listing, ECHO, sender="Contoso")) == "2000: No Error"
    answer = listing.admin("POST", "/admin/sms/inbound", {"from": SOMEBODY, "to": "Contoso", "message": "x"})
    assert answer.status == 400, answer
    assert received(listing, ECHO) == []


# -- simulation --


def test_an_echo_is_in_the_inbox(server):
    sender = "+14255551100"
    sent_id(server, ECHO, sender=sender, text="Grüße, 世界 👋")
    back = until(lambda: [one for one in received(server, ECHO) if one["to"] == sender])
    assert [one["message"] for one in back] == ["Grüße, 世界 👋"]
    assert back[0]["direction"] == "inbound" and back[0]["messageId"].startswith("Incoming_")


def test_a_stop_is_in_the_inbox(server):
    sender = "+14255551101"
    sent_id(server, STOP, sender=sender)
    back = until(lambda: [one for one in received(server, STOP) if one["to"] == sender])
    assert [one["message"] for one in back] == ["STOP"]
    assert is_opted_out(server, STOP, sender)
    again = sent_id(server, STOP, sender=sender)
    assert report_of(server, again).json()["deliveryStatusDetails"].startswith("4007: ")
    assert len([one for one in received(server, STOP) if one["to"] == sender]) == 1


# -- reports by hand --


@pytest.mark.parametrize("said, status, details, failed", [
    ({"deliveryStatus": "Delivered"}, "Delivered", "2000: ", 0),
    ({"deliveryStatus": "Failed", "code": 4005}, "Failed", "4005: ", 2),
    ({"deliveryStatus": "Failed", "code": 5000, "segmentsFailed": 1}, "Failed", "5000: ", 1)])
def test_a_report_by_hand_makes_one_event(listing, hook, said, status, details, failed):
    set_sender(listing, LONG)
    subscribe(listing, "hand", hook, includedEventTypes=[REPORT])
    id = sent_id(listing, SILENT, sender=LONG, text="x" * 161)
    where = f"/admin/sms/messages/{id}:report"
    assert listing.admin("POST", where, said).status == 202
    (event,) = hook.wait(1)[0].events()
    data = event["data"]
    assert data["messageId"] == id and data["deliveryStatus"] == status
    assert data["deliveryStatusDetails"].startswith(details)
    attempt, = data["deliveryAttempts"]
    assert (attempt["segmentsSucceeded"], attempt["segmentsFailed"]) == (2 - failed, failed)
    for again in (said, {"deliveryStatus": "Delivered"}):
        assert listing.admin("POST", where, again).status == 409
    other = sent_id(listing, SOMEBODY, sender=LONG)
    hook.wait(2)
    assert [event["id"] for event in hook.events()] == [id, other], "one of each message"
    assert final_report(listing, id)["deliveryStatus"] == status
    listing.signed("DELETE", f"{PATH}/hand")


# -- events, octet by octet --


def topic_of(event) -> str:
    return event.get("topic") or event["source"]


def report_body(cloud: bool, id, sender, to, details, tag, event) -> bytes:
    """What must come, with those values alone taken over that only the server knows."""
    data = event["data"]
    attempts = [{"timestamp": one["timestamp"], "segmentsSucceeded": 1, "segmentsFailed": 0}
                for one in data["deliveryAttempts"]]
    told = {"messageId": id, "from": sender, "to": to, "deliveryStatus": "Delivered", "deliveryStatusDetails": details,
            "deliveryAttempts": attempts, "receivedTimestamp": data["receivedTimestamp"], **tag}
    return in_envelope(cloud, id, "/phonenumber/18005550100", REPORT, told, event)


def received_body(cloud: bool, id, sender, to, text, event) -> bytes:
    told = {"messageId": id, "from": sender, "to": to, "message": text,
            "receivedTimestamp": event["data"]["receivedTimestamp"], "segmentCount": 2}
    return in_envelope(cloud, id, "/phonenumber/18005550100", SMS, told, event)


def in_envelope(cloud, id, subject, kind, data, event) -> bytes:
    if cloud:
        whole = {"id": id, "source": topic_of(event), "subject": subject, "data": data, "type": kind,
                 "time": event["time"], "specversion": "1.0"}
    else:
        whole = [{"id": id, "topic": topic_of(event), "subject": subject, "data": data, "eventType": kind,
                  "dataVersion": "1.0", "metadataVersion": "1", "eventTime": event["eventTime"]}]
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def utc(text: str) -> float:
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


@pytest.mark.parametrize("schema", [None, CLOUD])
@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_events_octet_by_octet(fresh_server, hook, schema, plus, legacy):
    server = fresh_server("--sms-sim-delay", "0s", *["--sms-events-plus"] * plus,
                          *["--sms-details-style", "legacy"] * legacy)
    subscribe(server, "all", hook, **({"schema": schema} if schema else {}))
    details = "No error." if legacy else "2000: No Error"
    sign = "+" if plus else ""
    for tag in ({}, {"tag": 'my "tag" é\\'}):
        before = len(hook.of())
        id = sent_id(server, sender=TOLL_FREE, **tag)
        got = hook.wait(before + 1)[-1]
        (event,) = got.events()
        assert got.raw == report_body(bool(schema), id, sign + "18005550100", SOMEBODY, details, tag, event)
        assert abs(utc(event["data"]["receivedTimestamp"]) - utc(event.get("time") or event["eventTime"])) < 1
    text = 'Grüße "👋" ' + "x" * 61  # 72 units of UCS-2
    before = len(hook.of())
    id = comes_in(server, SOMEBODY, TOLL_FREE, text)
    got = hook.wait(before + 1)[-1]
    (event,) = got.events()
    assert got.raw == received_body(bool(schema), id, sign + SOMEBODY[1:], sign + "18005550100", text, event)


# -- settings --


@pytest.mark.parametrize("number", ["+15550000000", "+15551234567", "+11235550123", "+14251550123"])
def test_strict_numbers(fresh_server, number):
    server = fresh_server("--sms-number-check", "strict", "--sms-sim-delay", "0s")
    item, other = server.signed("POST", path(), message(number, SOMEBODY)).json()["value"]
    assert item == {"to": number, "httpStatusCode": 400, "errorMessage": "Invalid To phone number format.",
                    "successful": False}
    assert other["successful"]
    answer = server.signed("POST", path(), message(sender=number))
    assert answer.status == 400 and answer.json()["errors"]["From"] == ["Invalid From phone number format"]
    a, b = optouts(server, "add", number, SOMEBODY).json()["value"]
    assert a["httpStatusCode"] == 400 and b["httpStatusCode"] == 200


def test_all_invalid_as_one_refusal(fresh_server):
    server = fresh_server("--sms-all-invalid", "request")
    answer = server.signed("POST", path(), message("+123", "123"))
    assert answer.status == 400 and answer.json()["error"]["code"] == "InvalidInput", answer
    bad, good = server.signed("POST", path(), message("+123", SOMEBODY)).json()["value"]
    assert bad["httpStatusCode"] == 400 and good["successful"]
    rejected = once(repeatabilityFirstSent="yesterday")
    assert server.signed("POST", path(), message(rejected)).status == 202, "a number it is"
