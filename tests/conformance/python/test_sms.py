"""azure-communication-sms, newest release and the first whose dates are right, synchronous and asynchronous clients."""

import re
import time

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from sms_support import FROM, Watching, assert_refused, assert_sent, refused, report, someone
from support import KEPT, Way, bare, each_way, installed


def test_the_installed_packages_are_those_of_the_kept_table():
    assert {name: installed(name) for name in KEPT["packages"]} == KEPT["packages"]


@each_way
def test_send_to_one_gives_an_id_and_202(make, way):
    to = someone()
    given = make(way).send(FROM, to, "Hello")
    assert len(given) == 1
    assert_sent(given[0], to)


@each_way
def test_send_to_many_gives_an_item_each_in_order_a_number_twice_too(make, way):
    to = [someone(), someone(), someone()]
    to.append(to[0])
    given = make(way).send(FROM, to, "Hello", enable_delivery_report=True, tag="all")
    assert len(given) == len(to)
    for item, number in zip(given, to):
        assert_sent(item, number)
    assert len({item.message_id for item in given}) == len(to)


def test_what_goes_over_the_wire(make):
    wire = Watching()
    client = make(per_retry_policies=[wire])
    client.send(FROM, someone(), "x")
    client.send(FROM, someone(), "x", enable_delivery_report=True, tag="t")
    first, second = (body for body, _ in wire.seen)
    assert f"api-version={KEPT['apiVersion']}" in wire.urls[0]
    assert first["smsSendOptions"] == {"enableDeliveryReport": False}
    assert second["smsSendOptions"] == {"enableDeliveryReport": True, "tag": "t"}
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first["smsRecipients"][0]["repeatabilityRequestId"])
    assert first["smsRecipients"][0]["repeatabilityFirstSent"].endswith(" GMT")


def test_the_raw_answer(make):
    wire = Watching()
    make(per_retry_policies=[wire]).send(FROM, someone(), "x", headers={"x-ms-return-client-request-id": "true"})
    headers = wire.answers[0].headers
    assert wire.seen[0][1] == 202
    assert "2021-03-07, " in headers["api-supported-versions"] and "2026-01-23" in headers["api-supported-versions"]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-ms-client-request-id"] == wire.answers[0].request.headers["x-ms-client-request-id"]


def test_the_report_delivered_with_tag_and_numbers(make, server):
    to = someone()
    [item] = make().send(FROM, to, "Hello", enable_delivery_report=True, tag="t 1")
    told = report(server, item.message_id)
    assert (told["deliveryStatus"], told["tag"], told["from"], told["to"]) == ("Delivered", "t 1", FROM, to)
    assert told["deliveryStatusDetails"].startswith("2000")
    assert [one["segmentsSucceeded"] for one in told["deliveryAttempts"]] == [1]


@pytest.mark.parametrize("code", ["4004", "4006", "5000", "9999"])
def test_a_number_that_stands_for_a_failure_is_accepted_and_the_report_says_so(make, server, code):
    [item] = make().send(FROM, f"+1999555{code}", "x", enable_delivery_report=True)
    told = report(server, item.message_id)
    assert told["deliveryStatus"] == "Failed" and told["deliveryStatusDetails"].startswith(code)


@pytest.mark.parametrize("to,status,text", [
    ("+19995550400", 400, "."), ("+19995550500", 500, "Internal Server Error"), ("+19995550503", 503, "ServiceUnavailable")])
def test_one_recipient_of_several_fails_and_the_others_are_sent_to(make, to, status, text):
    good = someone()
    given = make().send(FROM, [good, to, good], "x")
    assert_sent(given[0], good)
    assert_refused(given[1], to, status, text)
    assert_sent(given[2], good)


@pytest.mark.parametrize("bad", ["", "abc", "+123", "14255550101", "+1 425 555 0101", "+112345678901"])
def test_a_malformed_recipient_is_refused_alone(make, bad):
    good = someone()
    given = make().send(FROM, [bad, good], "x")
    assert_refused(given[0], bad, 400, r"^Invalid To phone number format\.$")
    assert_sent(given[1], good)
    assert_refused(make().send(FROM, [bad], "x")[0], bad, 400, "phone number format")


@pytest.mark.parametrize("sender", ["", "abc!", "+123", "1234567", "an id that is too long"])
def test_a_malformed_sender_is_refused(make, sender):
    refused(lambda: make().send(sender, someone(), "x"), 400, "Invalid From phone number format")


@pytest.mark.parametrize("sender", ["+14255550100", "12345", "123456", "Contoso", "My Shop 1"])
def test_a_well_formed_sender_is_taken(make, sender):
    to = someone()
    assert_sent(make().send(sender, to, "x")[0], to)


def test_2048_characters_pass_and_2049_do_not(make):
    """The SDK does not check the length itself."""
    to = someone()
    assert_sent(make().send(FROM, to, "ж" * 2048)[0], to)
    refused(lambda: make().send(FROM, to, "a" * 2049), 400, "Message")


def test_100_recipients_pass_101_and_none_do_not(make):
    to = [someone() for _ in range(101)]
    given = make().send(FROM, to[1:], "x")
    for item, number in zip(given, to[1:], strict=True):
        assert_sent(item, number)
    refused(lambda: make().send(FROM, to, "x"), 400, "Max of 100 phone numbers")
    refused(lambda: make().send(FROM, [], "x"), 400, "SmsRecipients")


def test_429_with_retry_after_the_sdk_waits_and_repeats_the_same_ids(make):
    wire = Watching()
    began = time.monotonic()
    to = "+19995550429"
    [item] = make(per_retry_policies=[wire]).send(FROM, to, "x")
    assert_sent(item, to)
    assert [status for _, status in wire.seen] == [429, 202]
    assert wire.seen[0][0] == wire.seen[1][0], "the same octets"
    assert time.monotonic() - began >= 0.9, "it waited"


def test_an_answer_that_is_lost_the_repeated_request_gets_the_same_ids(make):
    wire = Watching(lost=1)
    to = [someone(), someone()]
    given = make(per_retry_policies=[wire]).send(FROM, to, "x")
    assert [status for _, status in wire.seen] == [202, 202]
    assert wire.seen[0][0] == wire.seen[1][0]
    for item, number in zip(given, to, strict=True):
        assert_sent(item, number)
    if wire.texts[0]:  # the asynchronous transport has not read the lost one
        assert [one["messageId"] for one in wire.texts[0]["value"]] == [item.message_id for item in given]


WRONG = "A" * 86 + "=="


@pytest.mark.parametrize("way", [
    Way("https by connection string", lambda s: [f"endpoint={s.endpoint};accesskey={WRONG}"]),
    Way("https by key", lambda s: [bare(s.endpoint), WRONG]),
    Way("http by key", lambda s: [bare(s.http_endpoint), WRONG], False),
], ids=lambda way: way.name)
def test_a_wrong_key_is_denied(make, way):
    error = refused(lambda: make(way).send(FROM, someone(), "x"), 401, "Denied by the resource provider")
    assert isinstance(error, ClientAuthenticationError)
    assert error.response.headers["x-callgate-explain"]


@pytest.fixture(scope="module")
def closed():
    """A server that knows no sender: the commonest complaint about the cloud is a 401 without a word."""
    from callgate_server import Server

    running = Server("--sms-senders=list").start()
    yield running
    assert running.close() == 0


@each_way
def test_send_from_a_sender_that_is_not_the_resources_is_401_with_a_text(make, closed, way):
    for sender in (FROM, "12345", "Contoso"):
        error = refused(lambda: make(way, closed).send(sender, someone(), "x"), 401, ".{10}")
        assert error.error.code == "Unauthorized" and len(error.error.message) > 10


def test_many_sends_over_one_client(make):
    client = make()
    assert len({client.send(FROM, someone(), "x")[0].message_id for _ in range(30)}) == 30


def test_an_error_of_the_sdk_is_one_class(make):
    with pytest.raises(HttpResponseError):
        make().send("x!", someone(), "x")
