"""Text messages by raw signed requests: what the tests of the SMS service share."""

import json
import time
import uuid
from email.utils import formatdate

from callgate_server import Answer, Server, sign
from waiting import until

VERSIONS = ("2020-07-20-preview1", "2020-08-20-preview", "2021-03-07", "2022-07-07", "2024-01-02", "2024-02-05",
            "2024-02-05-preview", "2024-12-10-preview", "2025-05-29-preview", "2025-08-01-preview", "2025-09-17",
            "2026-01-23")
NEWEST = VERSIONS[-1]
SENDER = "+18005550100"
SOMEBODY = "+14255550123"


def path(rest: str = "/sms", version: str = NEWEST) -> str:
    return f"{rest}?api-version={version}"


def once(recipient: str = SOMEBODY, **members) -> dict:
    """A recipient with a fresh repeatability id."""
    return {"to": recipient, "repeatabilityRequestId": str(uuid.uuid4()),
            "repeatabilityFirstSent": formatdate(usegmt=True), **members}


def message(*recipients, text: str = "hello", sender: str = SENDER, report: bool | None = True, **options) -> dict:
    """A body of 2021-03-07 and later; recipients are numbers or objects."""
    body = {"from": sender, "message": text,
            "smsRecipients": [r if isinstance(r, dict) else {"to": r} for r in recipients or (SOMEBODY,)]}
    if report is not None:
        body["smsSendOptions"] = {"enableDeliveryReport": report, **options}
    return body


def send(server: Server, *recipients, version: str = NEWEST, **members) -> list[dict]:
    """The items of a send that is accepted as a whole."""
    answer = server.signed("POST", path(version=version), message(*recipients, **members))
    assert answer.status == 202, answer
    return answer.json()["value"]


def sent_id(server: Server, recipient: str = SOMEBODY, **members) -> str:
    item, = send(server, recipient, **members)
    assert item["httpStatusCode"] == 202 and item["successful"] is True, item
    return item["messageId"]


def report_of(server: Server, id: str, version: str = NEWEST) -> Answer:
    return server.signed("GET", path(f"/deliveryReports/{id}", version))


def final_report(server: Server, id: str) -> dict:
    return until(lambda: (a := report_of(server, id)).status == 200 and a.json())


def signed_at(server: Server, seconds: float, method: str, target: str, document=None) -> Answer:
    """A request dated so many seconds from now: for servers whose clock was moved."""
    body = b"" if document is None else json.dumps(document).encode()
    host = f"localhost:{server.http_port}"
    headers = {"Host": host, **sign(server.primary, method, target, host, body, formatdate(time.time() + seconds,
                                                                                          usegmt=True))}
    if body:
        headers["Content-Type"] = "application/json"
    return server.send(method, target, headers, body)


def optouts(server: Server, what: str, *recipients, sender: str = SENDER, version: str = NEWEST) -> Answer:
    return server.signed("POST", path(f"/sms/optouts:{what}", version),
                         {"from": sender, "recipients": [{"to": r} for r in recipients]})


def is_opted_out(server: Server, recipient: str, sender: str = SENDER) -> bool:
    answer = optouts(server, "check", recipient, sender=sender)
    assert answer.status == 200, answer
    return answer.json()["value"][0]["isOptedOut"]
