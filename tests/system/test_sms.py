"""POST /sms by raw signed requests: versions, items, refusals and their order (sms §1, §2)."""

import json
import re

import pytest
from sms import NEWEST, SENDER, SOMEBODY, VERSIONS, message, once, path, send

ID = re.compile(r"Outgoing_\d{14}[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00")
JSON_TYPE = "application/json; charset=utf-8"
SUPPORTED = ", ".join(VERSIONS)
FROM_TEXT = "Invalid From phone number format"
TO_TEXT = "Invalid To phone number format."


def error_of(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == JSON_TYPE
    error = answer.json()["error"]
    assert error["code"] == code and error["message"], error
    return error


def problems_of(answer, version):
    """Members that a 400 names, in the shape of the version."""
    assert answer.status == 400, answer
    assert answer.headers["Content-Type"] == JSON_TYPE
    body = answer.json()
    if version == VERSIONS[0]:
        found = {}
        for one in body:
            assert list(one) == ["errorField", "errorDescription"]
            found.setdefault(one["errorField"], []).append(one["errorDescription"])
        return found
    if version < "2025-09-17":
        return body
    assert list(body) == ["type", "title", "status", "errors", "traceId"]
    assert body["type"] == "https://tools.ietf.org/html/rfc9110#section-15.5.1"
    assert body["title"] == "One or more validation errors occurred." and body["status"] == 400
    assert TRACE.fullmatch(body["traceId"])
    return body["errors"]


def in_2020(**members):
    return {"from": SENDER, "to": [SOMEBODY], "message": "hello", **members}


# -- what is accepted --


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_send(server, version):
    answer = server.signed("POST", path(version=version), message(once(), "+14255550124"))
    assert answer.status == 202 and answer.headers["Content-Type"] == JSON_TYPE, answer
    assert list(answer.json()) == ["value"]
    first, second = answer.json()["value"]
    assert list(first) == ["to", "messageId", "httpStatusCode", "repeatabilityResult", "successful"]
    assert list(second) == ["to", "messageId", "httpStatusCode", "successful"]
    assert first["to"] == SOMEBODY and first["repeatabilityResult"] == "accepted"
    assert ID.fullmatch(first["messageId"]) and ID.fullmatch(second["messageId"])
    assert first["messageId"] != second["messageId"]


def test_send_2020(server):
    answer = server.signed("POST", path(version=VERSIONS[0]), in_2020(sendSmsOptions={"enableDeliveryReport": True}))
    assert answer.status == 200, answer
    assert list(answer.json()) == ["messageId"] and ID.fullmatch(answer.json()["messageId"])


def test_headers(server):
    answer = server.signed("POST", path(), message(),
                           headers={"x-ms-client-request-id": "mine", "x-ms-return-client-request-id": "true"})
    assert answer.headers["api-supported-versions"] == SUPPORTED
    assert re.fullmatch(r"[A-Za-z0-9+/]{22}\.0", answer.headers["MS-CV"])
    assert re.fullmatch(r"\d+ms", answer.headers["X-Processing-Time"])
    assert answer.headers["x-ms-client-request-id"] == "mine"


@pytest.mark.parametrize("target", ["/SMS?api-version=2026-01-23", "/sms?api-version=2020-08-20-PREVIEW",
                                    "/sms/?api-version=2021-03-07"])
def test_spellings(server, target):
    assert server.signed("POST", target, message()).status == 202


def test_duplicates_are_messages_of_their_own(server):
    items = send(server, SOMEBODY, SOMEBODY)
    assert len(items) == 2 and items[0]["messageId"] != items[1]["messageId"]


def test_order_is_kept(server):
    numbers = [f"+1425555{i:04}" for i in range(100)]
    assert [i["to"] for i in send(server, *numbers)] == numbers


@pytest.mark.parametrize("sender", ["+18005550100", "12345", "123456", "Contoso", "A", "My Shop 24", "+4915112345678"])
def test_senders(server, sender):
    assert send(server, sender=sender)[0]["successful"]


@pytest.mark.parametrize("members", [
    {"text": ""}, {"text": "x" * 2048}, {"text": "ж" * 2048}, {"text": "😀" * 1024}, {"text": "a\u0000b"},
    {"report": None}, {"report": False}, {"tag": ""}, {"tag": "t" * 1024}, {"unknown": 1},
    {"deliveryReportTimeoutInSeconds": 60}, {"deliveryReportTimeoutInSeconds": 43200},
    {"messagingConnect": {"partner": "x", "partnerParams": {"ApiKey": "k"}}},
    {"messagingConnect": {"partner": "x", "apiKey": "k"}}])
def test_what_may_be_sent(server, members):
    assert send(server, **members)[0]["successful"]


# -- items --


def test_mixed_recipients(server):
    good, *bad = send(server, SOMEBODY, "+123", "14255550123", "", "+1 425 555 0123", "00441234567890", "+112345678901",
                      "+01234567890", "12345", {"to": None}, {"to": 5}, {})
    assert good["successful"]
    for item in bad:
        assert item["httpStatusCode"] == 400 and item["successful"] is False
        assert item["errorMessage"] == TO_TEXT and "messageId" not in item and "repeatabilityResult" not in item
    assert [i["to"] for i in bad[:3]] == ["+123", "14255550123", ""]


def test_all_invalid_is_an_item_each(server):
    item, = send(server, "+123")
    assert item == {"to": "+123", "httpStatusCode": 400, "errorMessage": TO_TEXT, "successful": False}


def test_all_invalid_as_a_request(fresh_server):
    server = fresh_server("--sms-all-invalid", "request")
    error_of(server.signed("POST", path(), message("+123", "+1")), 400, "InvalidInput")
    assert server.signed("POST", path(), message("+123", SOMEBODY)).status == 202


def test_strict_numbers(fresh_server):
    server = fresh_server("--sms-number-check", "strict")
    items = send(server, "+15550000000", "+11234567890", "+4915112345678", SOMEBODY)
    assert [i["httpStatusCode"] for i in items] == [400, 400, 202, 202]


# -- refusals of the whole request --


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sender", [None, "", "+123", "abc-def", "123456789012", "1234", 5, "a name too long"])
def test_from(server, version, sender):
    body = in_2020() if version == VERSIONS[0] else message()
    body["from"] = sender
    assert problems_of(server.signed("POST", path(version=version), body), version) == {"From": [FROM_TEXT]}


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize("member, value", [("smsRecipients", None), ("smsRecipients", []), ("smsRecipients", "x"),
                                           ("smsRecipients", [{"to": SOMEBODY}] * 101), ("smsRecipients", [5]),
                                           ("message", None), ("message", 7), ("message", "x" * 2049),
                                           ("message", "😀" * 1025)])
def test_members(server, version, member, value):
    found = problems_of(server.signed("POST", path(version=version), {**message(), member: value}), version)
    assert list(found) == [member[0].upper() + member[1:]] and found.popitem()[1][0]


def test_too_many_recipients_text(server):
    body = {**message(), "smsRecipients": [{"to": SOMEBODY}] * 101}
    assert server.signed("POST", path(version="2021-03-07"), body).json() == {
        "SmsRecipients": ["Max of 100 phone numbers are allowed in the To field."]}


@pytest.mark.parametrize("options, member", [
    ({"deliveryReportTimeoutInSeconds": 59}, "DeliveryReportTimeoutInSeconds"),
    ({"deliveryReportTimeoutInSeconds": 43201}, "DeliveryReportTimeoutInSeconds"),
    ({"deliveryReportTimeoutInSeconds": "60"}, "DeliveryReportTimeoutInSeconds"),
    ({"messagingConnect": {}}, "MessagingConnect"), ({"messagingConnect": {"partner": "x"}}, "MessagingConnect"),
    ({"messagingConnect": {"partner": "x", "partnerParams": {}}}, "MessagingConnect"),
    ({"messagingConnect": "x"}, "MessagingConnect"), ({"tag": "t" * 1025}, "Tag"), ({"tag": 5}, "Tag"),
    ({"enableDeliveryReport": "yes"}, "EnableDeliveryReport")])
def test_options(server, options, member):
    found = problems_of(server.signed("POST", path(), message(**options) if "enableDeliveryReport" not in options
                                      else {**message(), "smsSendOptions": options}), NEWEST)
    assert list(found) == [f"SmsSendOptions.{member}"]


@pytest.mark.parametrize("version, value, status", [
    ("2021-03-07", 0, 202), ("2022-07-07", 0, 400), ("2022-07-07", 1, 202), ("2024-01-02", 59, 400),
    ("2024-02-05", 60, 202), ("2024-12-10-preview", 5, 202)])
def test_validity(server, version, value, status):
    assert server.signed("POST", path(version=version), message(validityPeriodSeconds=value)).status == status


def test_all_problems_at_once(server):
    body = {"from": "", "smsRecipients": [], "message": None}
    assert list(server.signed("POST", path(version="2021-03-07"), body).json()) == ["From", "SmsRecipients", "Message"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"null", b"\xff", b"", b'{"from":"a","from":"b"}', b'"x"'])
def test_bodies(server, version, body):
    answer = server.signed("POST", path(version=version), body=body, headers={"Content-Type": "application/json"})
    assert list(problems_of(answer, version)) == ["$"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_media_type(server, kind):
    error_of(server.signed("POST", path(), message(), headers={"Content-Type": kind}), 415, "UnsupportedMediaType")


def test_body_limit(server):
    body = json.dumps(message(text="x", tag="y")).encode()
    assert server.signed("POST", path(), body=body + b" " * (256 * 1024 - len(body)),
                         headers={"Content-Type": "application/json"}).status == 202
    assert server.signed("POST", path(), body=b" " * (256 * 1024 + 1),
                         headers={"Content-Type": "application/json"}).status == 413


def test_no_version(server):
    error_of(server.signed("POST", "/sms", message()), 400, "ApiVersionUnspecified")


@pytest.mark.parametrize("version, code", [("2021-01-29", "UnsupportedApiVersion"), ("soon", "InvalidApiVersion"),
                                           ("2024-01-14-preview", "UnsupportedApiVersion"), ("", "InvalidApiVersion"),
                                           ("2023-05-14-privatepreview", "UnsupportedApiVersion")])
def test_other_versions(server, version, code):
    answer = server.signed("POST", path(version=version), message())
    error_of(answer, 400, code)
    assert answer.headers["api-supported-versions"] == SUPPORTED


@pytest.mark.parametrize("more", ["&api-version=2026-01-23", "&api-version=2021-03-07", "&x=1&%61pi-version="])
def test_one_version_only(server, more):
    error_of(server.signed("POST", path() + more, message()), 400, "InvalidApiVersion")
    assert server.signed("POST", path() + more.replace("pi-", "po-"), message()).status == 202
    twice = "/identities?api-version=2023-10-01"
    assert server.signed("POST", twice + "&api-version=2021-03-07").status == 201, "elsewhere the first one counts"


@pytest.mark.parametrize("target", ["/sms/optouts:add", "/sms/optouts/:check", "/sms/optouts%3Aremove"])
def test_optouts_are_new(server, target):
    error_of(server.signed("POST", path(target, "2024-02-05-preview"), {}), 400, "UnsupportedApiVersion")


def test_reports_are_newer(server):
    error_of(server.signed("GET", path("/deliveryReports/x", "2025-05-29-preview")), 400, "UnsupportedApiVersion")


@pytest.mark.parametrize("version", [*VERSIONS, "2023-06-30-privatepreview", "2024-01-14-preview"])
def test_no_version_has_mms(server, version):
    answer = server.signed("POST", path("/mms", version), {"from": "+18005550100"})
    error_of(answer, 400, "UnsupportedApiVersion")
    assert answer.headers["api-supported-versions"] == SUPPORTED


def test_methods(server):
    answer = server.signed("GET", path())
    error_of(answer, 405, "MethodNotAllowed")
    assert answer.headers["Allow"] == "POST"
    assert server.signed("POST", path("/sms/optouts:list"), {}).status == 404


@pytest.mark.parametrize("version", VERSIONS)
def test_sender_of_nobody(fresh_server, version):
    server = fresh_server("--sms-senders", "list")
    early = version == VERSIONS[0]
    answer = server.signed("POST", path(version=version), in_2020() if early else message())
    error = error_of(answer, 404 if early else 401, "NotFound" if early else "Unauthorized")
    assert SENDER in error["message"] and "sender set" in error["message"]


# -- order --


def test_credentials_come_first(server):
    target = path(version="nonsense")
    error_of(server.send("POST", target, {"Content-Type": "text/plain"}, b"{"), 401, "Denied")
    error_of(server.signed("POST", target, body=b"{", headers={"Content-Type": "text/plain"}), 400, "InvalidApiVersion")
    error_of(server.signed("POST", path(), body=b"{", headers={"Content-Type": "text/plain"}), 415,
             "UnsupportedMediaType")


def test_body_comes_before_the_sender_and_that_before_all_invalid(fresh_server):
    server = fresh_server("--sms-senders", "list", "--sms-all-invalid", "request")
    assert server.signed("POST", path(), {**message(), "message": None}).status == 400
    error_of(server.signed("POST", path(), message("+123")), 401, "Unauthorized")


def test_users_may_not_send(server):
    _, token = server.new_user()
    error_of(server.bearer("POST", path(), token, message()), 401, "Denied")


def test_logs_hold_no_text_and_no_number(fresh_server):
    server = fresh_server()
    send(server, "+14255550177", text="the secret of the text", tag="tag-of-mine")
    server.stop()
    for kept in ("4255550177", "secret of the text", "tag-of-mine", SENDER[1:]):
        assert kept not in server.log()
