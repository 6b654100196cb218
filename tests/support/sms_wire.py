"""What tests of transports ask of a server: messages sent, their fate, messages that came in."""

import time
import urllib.parse

SECONDS = 30


def eventually(what: str, holds, seconds: float = SECONDS):
    """The first true value of `holds`; asks until there is one."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def set_transport(server, name: str, kind: str, **config):
    answer = server.admin("PUT", f"/admin/sms/transports/{name}", {"kind": kind, **config})
    assert answer.status in (200, 201), answer


def transport_status(server, name: str) -> dict:
    answer = server.admin("GET", f"/admin/sms/transports/{name}:status")
    assert answer.status == 200, answer
    return answer.json()["status"]


def callback_url(server, name: str) -> str:
    return eventually(f"{name} is open", lambda: transport_status(server, name).get("callbackUrl"))


def set_sender(server, sender: str, **config):
    answer = server.admin("PUT", f"/admin/sms/senders/{urllib.parse.quote(sender)}", config)
    assert answer.status in (200, 201), answer


def send(server, sender: str, recipient: str, text: str, **more) -> str:
    """The id of a message that was accepted."""
    answer = server.signed("POST", "/sms?api-version=2026-01-23", {
        "from": sender, "smsRecipients": [{"to": recipient, **more}], "message": text,
        "smsSendOptions": {"enableDeliveryReport": True}})
    assert answer.status == 202, answer
    item = answer.json()["value"][0]
    assert item["httpStatusCode"] == 202, item
    return item["messageId"]


def message(server, message_id: str) -> dict:
    answer = server.admin("GET", f"/admin/sms/messages/{message_id}")
    assert answer.status == 200, answer
    return answer.json()


def end_of(server, message_id: str, seconds: float = SECONDS) -> tuple[str, int]:
    """State and code of a message, once it has ended."""
    ended = eventually(f"{message_id} has ended",
                       lambda: (m := message(server, message_id))["state"] in ("delivered", "failed") and m, seconds)
    return ended["state"], int(ended["report"]["deliveryStatusDetails"].split(":")[0])


def received(server, sender: str) -> list[dict]:
    """What came in from this number, oldest first."""
    query = urllib.parse.urlencode({"direction": "inbound", "from": sender})
    return server.admin("GET", f"/admin/sms/messages?{query}").json()["value"][::-1]
